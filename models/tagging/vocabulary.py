"""What we know before reading: the names and words of UK health and care, of leadership, and of the other worlds of news."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from models.seeds import DataFileError, read_toml, seed_file
from models.text import split_words_as_written

_FILE = "vocabulary.toml"


@dataclass(frozen=True, slots=True)
class TermGroup:
    """Terms that speak for the same thing."""

    id: str
    terms: tuple[str, ...]


class Vocabulary:
    """Finds the terms of all groups in a text, in one pass over its words."""

    def __init__(self, groups: Sequence[TermGroup]) -> None:
        self.groups = tuple(group.id for group in groups)
        self.sha256 = hashlib.sha256(repr(groups).encode()).hexdigest()
        self._starts: dict[str, list[tuple[tuple[str, ...], bool, int]]] = {}
        self._prefixes: dict[str, list[int]] = {}
        for number, group in enumerate(groups):
            for term in group.terms:
                self._learn(term, number)
        self._lengths = sorted({len(prefix) for prefix in self._prefixes})

    def _learn(self, term: str, group: int) -> None:
        open_end = term.endswith("*")
        *_, last = parts = term.removesuffix("*").split(" ")
        if open_end and len(parts) == 1:
            self._prefixes.setdefault(last, []).append(group)
        else:
            self._starts.setdefault(parts[0], []).append((tuple(parts[1:]), open_end, group))

    def counts(self, words: Sequence[str]) -> list[int]:
        """How often each group is named among `words` (as written), in the order of `groups`.

        A phrase and a word inside it count once each: "chief executive" is stronger than "chief".
        """
        found = [0] * len(self.groups)
        lower = [_bare(word) for word in words]
        for place, word in enumerate(lower):
            for group in self._of_word(word):
                found[group] += 1
            starts = self._starts.get(word, ())
            if words[place] != word:
                starts = [*starts, *self._starts.get(words[place].removesuffix("'s"), ())]
            for rest, open_end, group in starts:
                if not rest or _follows(lower, place + 1, rest, open_end):
                    found[group] += 1
        return found

    def _of_word(self, word: str) -> tuple[int, ...]:
        return _prefixed(self, word)

    def prefixed(self, word: str) -> tuple[int, ...]:
        """The groups that have an open-ended term which `word` begins with."""
        found: list[int] = []
        for length in self._lengths:
            if length <= len(word):
                found.extend(self._prefixes.get(word[:length], ()))
        return tuple(found)


@lru_cache(maxsize=60_000)
def _prefixed(vocabulary: Vocabulary, word: str) -> tuple[int, ...]:
    return vocabulary.prefixed(word)


def _bare(word: str) -> str:
    return word.lower().removesuffix("'s")


def _follows(words: Sequence[str], place: int, rest: tuple[str, ...], open_end: bool) -> bool:
    if place + len(rest) > len(words):
        return False
    for offset, part in enumerate(rest):
        word = words[place + offset]
        if word != part and not (open_end and offset == len(rest) - 1 and word.startswith(part)):
            return False
    return True


def parse_vocabulary(rows: Iterable[dict[str, object]], file: str) -> tuple[TermGroup, ...]:
    """The groups in `rows` of a TOML document.

    Raises:
        DataFileError: a group without id or terms, or a term that stands twice in its group; names the place.
    """
    groups: list[TermGroup] = []
    for number, row in enumerate(rows, start=1):
        name, terms = row.get("id"), row.get("terms")
        if not isinstance(name, str) or not isinstance(terms, list) or not terms:
            raise DataFileError(f"{file}: group {number} needs `id` and `terms`")
        seen: set[str] = set()
        for term in terms:
            if not isinstance(term, str) or not term.strip():
                raise DataFileError(f"{file}: group {name!r} has an empty term")
            if term in seen:
                raise DataFileError(f"{file}: {term!r} stands twice in the group {name!r}")
            seen.add(term)
        groups.append(TermGroup(name, tuple(terms)))
    return tuple(groups)


@lru_cache(maxsize=1)
def load_vocabulary() -> Vocabulary:
    """The vocabulary of `seeds/vocabulary.toml`; read once a process."""
    return Vocabulary(parse_vocabulary(read_toml(seed_file(_FILE)).get("group", []), f"seeds/{_FILE}"))


def count_terms(text: str, vocabulary: Vocabulary) -> list[int]:
    """`Vocabulary.counts` of running text."""
    return vocabulary.counts(split_words_as_written(text))
