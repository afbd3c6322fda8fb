"""What we know before reading: the names and words of UK health and care, of leadership, and of the other worlds of news."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from models.seeds import DataFileError, framework_file, read_toml, shown_name, tables

_FILE = "vocabulary.toml"
# What an article in scope speaks of both of, near each other: the field (who and where), and the subject (what about).
FIELD, SUBJECT = ROLES = ("field", "subject")


@dataclass(frozen=True, slots=True)
class TermGroup:
    """Terms that speak for the same thing."""

    id: str
    terms: tuple[str, ...]
    role: str = ""  # one of ROLES, or empty: it tells worlds apart


# The further words of a term, whether the last of them may have any ending, the term's group.
_Start = tuple[tuple[str, ...], bool, int]
# A word in lower case without 's, the groups that it names by itself, the terms that it may begin.
_Word = tuple[str, tuple[int, ...], tuple[_Start, ...]]


class Vocabulary:
    """Finds the terms of all groups in a text, in one pass over its words."""

    def __init__(self, groups: Sequence[TermGroup]) -> None:
        self.groups = tuple(group.id for group in groups)
        self.field = tuple(group.id for group in groups if group.role == FIELD)
        self.subject = tuple(group.id for group in groups if group.role == SUBJECT)
        self.sha256 = hashlib.sha256(repr(groups).encode()).hexdigest()
        self._starts: dict[str, list[_Start]] = {}
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
        known = [_known(self, word) for word in words]
        for place, (_, alone, begun) in enumerate(known):
            for group in alone:
                found[group] += 1
            for rest, open_end, group in begun:
                if _follows([bare for bare, _, _ in known[place + 1 : place + 1 + len(rest)]], rest, open_end):
                    found[group] += 1
        return found

    def know(self, word: str) -> _Word:
        """What `word` (as written) says by itself, and what it may begin."""
        bare = word.lower().removesuffix("'s")
        starts = list(self._starts.get(bare, ()))
        if word != bare:
            starts += self._starts.get(word.removesuffix("'s"), ())
        alone = [*self._prefixed(bare), *(group for rest, _, group in starts if not rest)]
        return bare, tuple(alone), tuple(start for start in starts if start[0])

    def _prefixed(self, word: str) -> list[int]:
        """The groups that have an open-ended term which `word` begins with."""
        found: list[int] = []
        for length in self._lengths:
            if length <= len(word):
                found.extend(self._prefixes.get(word[:length], ()))
        return found


# A process meets the same words again and again.
@lru_cache(maxsize=60_000)
def _known(vocabulary: Vocabulary, word: str) -> _Word:
    return vocabulary.know(word)


def _follows(words: Sequence[str], rest: tuple[str, ...], open_end: bool) -> bool:
    """Whether `words` are `rest`, the last of them with any ending where `open_end`."""
    if tuple(words) == rest:
        return True
    return open_end and len(words) == len(rest) and tuple(words[:-1]) == rest[:-1] and words[-1].startswith(rest[-1])


def parse_vocabulary(rows: Iterable[dict[str, object]], file: str) -> tuple[TermGroup, ...]:
    """The groups in `rows` of a TOML document.

    Raises:
        DataFileError: a group without id or terms, or a term that is listed twice in its group; names the place.
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
                raise DataFileError(f"{file}: {term!r} is listed twice in the group {name!r}")
            seen.add(term)
        role = row.get("role", "")
        if role not in ("", *ROLES):
            raise DataFileError(
                f"{file}: the role of the group {name!r} is {role!r}; use one of {', '.join(ROLES)}, or none"
            )
        if name in (group.id for group in groups):
            raise DataFileError(f"{file}: the group {name!r} is listed twice")
        groups.append(TermGroup(name, tuple(terms), str(role)))
    if not groups:
        raise DataFileError(f"{file}: needs groups of words, each as [[group]] with `id` and `terms`")
    return tuple(groups)


@lru_cache(maxsize=1)
def load_vocabulary() -> Vocabulary:
    """The vocabulary of the framework in use; read once a process."""
    file = framework_file(_FILE)
    place = shown_name(file)
    return Vocabulary(parse_vocabulary(tables(read_toml(file), "group", place), place))
