"""Organisations named in an article: found by an Aho-Corasick automaton, decided by the rules that names need.

- The longest name wins; names begin and end at words, and stand within one sentence.
- A name that is a common word, an acronym that several share, or a name of two bodies counts only where the text says who
  is meant: by the full name elsewhere, a word beside it ("the charity Mind"), or the nation or place of which it speaks.
- "The trust" and "the board" after a name are mentions of the body named last, unless the text names another since.
"""

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import ahocorasick

from models.mention_context import (
    Context,
    could_be_anywhere,
    has_cue,
    is_mere_word,
    is_part_of_a_longer_name,
    spells_out,
    stands_out,
)
from models.mention_referring import Marker, Naming, Referring
from models.organisation_names import Ending, Name, Strength, Words, forms, key_of
from models.organisations import Organisation, Organisations

PLACES = ("title", "summary", "text")
MAX_LOOKED_AT = 60_000  # letters of one part of an article
MAX_ABBREVIATIONS = 20  # that one article introduces
_ABBREVIATION = re.compile(
    r"\s?\(([A-Za-z&]{2,10})\)"
)  # after a full name: "Hull University Teaching Hospitals (HUTH)"
_NO_ABBREVIATION = frozenset({"NHS", "UK"})


@dataclass(frozen=True, slots=True)
class Mention:
    """An organisation named in one place of an article: its title, summary or text.

    `start` and `end` count the letters of that place; `surface` is what stands there, `count` how often the place names it.
    """

    organisation_id: str
    place: str  # title | summary | text
    start: int
    end: int
    surface: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class _Found:
    """Forms of names that stand at the same words of a text; no `names`: a phrase that means nobody of ours."""

    part: int
    first: int
    proper: int  # the last word of the name itself, before an ending like "NHS Trust"
    last: int
    start: int
    end: int
    names: tuple[Name, ...]


class Recogniser:
    """Finds the organisations of one vocabulary in articles. Made once: it takes some 50 ms of CPU."""

    def __init__(self, organisations: Organisations) -> None:
        self.version = organisations.version
        nobody = {key_of(phrase) for phrase in organisations.nobody}
        names: dict[str, list[Name]] = {key: [] for key in nobody}
        running = {key_of(hospital) for one in organisations.values() if one.is_current for hospital in one.hospitals}
        for organisation in organisations.values():
            for key, name in forms(organisation):
                if key in nobody:
                    continue
                if not organisation.is_current and name.ending is Ending.TRUST and key in running:
                    name = replace(name, needs_ending=True)  # the hospital has outlived its trust, and is another's now
                names.setdefault(key, []).append(name)
        self._automaton = ahocorasick.Automaton()
        for key, known in names.items():
            self._automaton.add_word(f" {key}", (key.count(" ") + 1, tuple(dict.fromkeys(known))))
        for marker in Marker:
            self._automaton.add_word(f" {marker}", (0, marker))
        self._automaton.make_automaton()

    def mentions(self, *, title: str = "", summary: str = "", text: str = "") -> list[Mention]:
        """The organisations that an article names, each once per place, where that names it first."""
        counted: dict[tuple[str, str], Mention] = {}
        for mention in self.every_mention(title=title, summary=summary, text=text):
            key = (mention.place, mention.organisation_id)
            known = counted.get(key)
            counted[key] = mention if known is None else replace(known, count=known.count + 1)
        return list(counted.values())

    def every_mention(self, *, title: str = "", summary: str = "", text: str = "") -> list[Mention]:
        """Each single mention, in the order of the article."""
        texts = (title, summary, text)
        words = [Words(part[:MAX_LOOKED_AT]) for part in texts]
        looked = [self._look(number, part) for number, part in enumerate(words)]
        found = [one for part, _ in looked for one in part]
        if not found:
            return []
        namings = _Deciding(words, found).namings()
        referring = Referring()
        return [
            Mention(naming.organisation.id, PLACES[number], *naming.letters, texts[number][slice(*naming.letters)])
            for number, part in enumerate(words)
            for naming in referring.follow(part, namings[number], looked[number][1])
        ]

    def _look(self, number: int, words: Words) -> tuple[list[_Found], list[tuple[int, Marker]]]:
        """The longest forms in one part, none over another, and the words that may refer to one."""
        found: list[_Found] = []
        markers: list[tuple[int, Marker]] = []
        for end, (length, what) in self._automaton.iter(words.joined):
            if length == 0:
                markers.append((words.at(end - 1), what))
            elif (one := _stands(number, words, end + 1, length, what)) is not None:
                found.append(one)
        return _longest(found), markers


def _stands(number: int, words: Words, end: int, length: int, names: tuple[Name, ...]) -> _Found | None:
    """The forms that really stand at these words: whole words, one phrase, written as a name is; `end` is that in `joined`."""
    last = words.at(end - 2)
    first = last - length + 1
    possessive = words.possessive(last)
    if words.joined[end] == " ":
        possessive %= 2  # the "'s" of "Alder Hey Children's" is part of the name
    elif possessive != 2 or words.joined[end : end + 2] != "s ":
        return None  # it is the beginning of a longer word
    if not names:
        return _Found(number, first, last, last, words.begins[first], words.ends[last], ())
    kept: dict[int, list[Name]] = {}
    for name in names:
        final = words.ending_after(last, name.ending) if name.ending is not Ending.NONE else last
        if final == last and name.needs_ending:
            continue
        if name.acronym:
            if words.raw(first)[0] != name.acronym[0]:  # told before the words' places are looked for
                continue
            if words.text[words.begins[first] : words.ends[last] - possessive] != name.acronym:
                continue
        elif not _is_written_as_a_name(words, first, last, name):
            continue
        if words.text.count(",", words.begins[first], words.ends[final]) <= name.commas:
            kept.setdefault(final, []).append(name)
    if not kept:
        return None
    final = max(kept)
    if final > last:
        possessive = words.possessive(final)
    return _Found(number, first, last, final, words.begins[first], words.ends[final] - possessive, tuple(kept[final]))


def _is_written_as_a_name(words: Words, first: int, last: int, name: Name) -> bool:
    """Whether the words that a name is known by begin with capitals, and one at least in any case."""
    capitals = [words.is_capital(index) for index in range(first, last + 1)]
    return any(capitals) and all(capital or place in name.small for place, capital in enumerate(capitals))


def _longest(found: Iterable[_Found]) -> list[_Found]:
    """Those that lie within no longer one and over none before them, in the order of the text."""
    kept: list[_Found] = []
    reached = -1
    for _, same in groupby(
        sorted(found, key=lambda one: (one.first, -one.last, -one.proper)), key=lambda one: one.first
    ):
        one = next(same)
        if one.first > reached:
            kept.append(one)
        elif one.last - one.first > kept[-1].last - kept[-1].first:
            kept[-1] = one  # it begins within the one before, and is longer
        else:
            continue
        reached = kept[-1].last
    return kept


class _Deciding:
    """Decides for every form found in an article who is meant, if anybody."""

    def __init__(self, words: Sequence[Words], found: Sequence[_Found]) -> None:
        self._words = words
        self._context = Context(words)
        self._ends = {(one.part, one.last): _bearers(one) for one in found}
        strange = {acronym for one in found if (acronym := self._spelt_otherwise(one))}
        self._found = [ours for one in found if (ours := self._without_others(one, strange)).names]
        self._named: set[str] = set()  # ids of those named beyond doubt

    def namings(self) -> list[list[Naming]]:
        """Who is named in each part, in its order."""
        abbreviations: dict[str, Organisation] = {}
        decided = [self._sole(one) for one in self._found]
        for one, organisation in zip(self._found, decided, strict=True):
            if organisation is not None:
                self._introduce(one, organisation, abbreviations)
        self._named.update(organisation.id for organisation in decided if organisation is not None)
        decided = [known or self._beside_a_cue(one) for one, known in zip(self._found, decided, strict=True)]
        self._named.update(organisation.id for organisation in decided if organisation is not None)
        namings: list[list[Naming]] = [[] for _ in self._words]
        for one, known in zip(self._found, decided, strict=True):
            if (organisation := known or self._by_context(one)) is not None:
                hospital = all(name.strength is Strength.HOSPITAL for name in one.names)
                namings[one.part].append(Naming(one.first, one.last, (one.start, one.end), organisation, hospital))
        for number, part in enumerate(namings):
            part.extend(self._abbreviated(number, part, abbreviations))
            part.sort(key=lambda naming: naming.first)
        return namings

    def _without_others(self, one: _Found, strange: Collection[str]) -> _Found:
        """The same without the names that are part of a longer one, or an acronym of something else."""
        words = self._words[one.part]
        kept = tuple(
            name
            for name in one.names
            if name.acronym not in strange and not is_part_of_a_longer_name(words, one.first, one.last, name)
        )
        return one if len(kept) == len(one.names) else replace(one, names=kept)

    def _spelt_otherwise(self, one: _Found) -> str:
        """An acronym that the words before its bracket spell out as something that is not ours."""
        words, opening = self._words[one.part], one.first - 1
        if not one.names or not one.names[0].acronym or opening < 0 or words.raw(opening) != "(":
            return ""
        if not _bearers(one).isdisjoint(self._ends.get((one.part, opening - 1), ())):
            return ""
        acronym = one.names[0].acronym
        return acronym if spells_out(words, opening, acronym) else ""

    def _sole(self, one: _Found) -> Organisation | None:
        """The only bearer of a name that counts wherever it stands."""
        strength = one.names[0].strength
        if len(_bearers(one)) > 1 or strength is Strength.CONTEXT:
            return None
        if one.names[0].acronym and not self._context.is_health:
            return None
        if strength is Strength.HOSPITAL and could_be_anywhere(self._words[one.part], one.first, one.last):
            return None
        return one.names[0].organisation

    def _beside_a_cue(self, one: _Found) -> Organisation | None:
        words, place = self._words[one.part], (one.first, one.last)
        cued = {
            name.organisation.id: name.organisation
            for name in one.names
            if has_cue(words, *place, name) or (stands_out(words, *place, name) and self._context.holds(name))
        }
        return next(iter(cued.values())) if len(cued) == 1 else None

    def _by_context(self, one: _Found) -> Organisation | None:
        if is_mere_word(self._words[one.part], one.first, one.last, one.names[0]):
            return None
        return self._context.choose(one.names, self._named)

    def _introduce(self, one: _Found, organisation: Organisation, abbreviations: dict[str, Organisation]) -> None:
        text = self._words[one.part].text
        match = _ABBREVIATION.match(text, one.end)
        if match is None or len(abbreviations) >= MAX_ABBREVIATIONS:
            return
        short = match.group(1)
        if sum(letter.isupper() for letter in short) > 1 and short not in _NO_ABBREVIATION:
            abbreviations.setdefault(short, organisation)

    def _abbreviated(
        self, number: int, part: Sequence[Naming], abbreviations: dict[str, Organisation]
    ) -> Iterable[Naming]:
        words = self._words[number]
        taken = {index for naming in part for index in range(naming.first, naming.last + 1)}
        for short, organisation in abbreviations.items():
            for match in re.finditer(rf"(?<!\w){re.escape(short)}(?!\w)", words.text):
                index = bisect_left(words.begins, match.start())
                if index not in taken:
                    taken.add(index)
                    yield Naming(index, index, match.span(), organisation)


def _bearers(one: _Found) -> set[str]:
    return {name.organisation.id for name in one.names}
