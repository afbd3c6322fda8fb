"""The forms in which an organisation's names stand in a text, and texts as words that such forms are compared with."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import accumulate

from models.organisations import Organisation

TRUSTS = frozenset({"foundation-trust", "nhs-trust", "mental-health-trust", "ambulance-trust", "hsc-trust"})
BOARDS = frozenset({"health-board", "special-health-board"})
BREAK = "|"  # between two words that do not belong together: the end of a sentence, a bracket, a quotation mark

# Words that a trust's name ends in or its informal forms put there: "Royal Wolverhampton Hospitals Trust".
_TRUST_FILLERS = frozenset({"university", "teaching", "hospital", "hospitals", "healthcare", "nhs", "foundation"})
_BOARD_FILLERS = frozenset({"university", "teaching", "nhs", "local", "health"})
_MAX_FILLERS = 5
_ENDS_OF_A_NAME = re.compile(
    r",?(?: NHS)?(?: Foundation)? Trust$|(?: University| Teaching)? Health Board$| Integrated Care Board$"
)
# A trust whose name holds one of these may be called by it without "NHS Trust"; without one it would be a mere place.
_TELLING = frozenset(
    {"hospital", "hospitals", "healthcare", "health", "care", "partnership", "ambulance", "infirmary", "centre"}
)
# Words of a name that may be written small: "the Welsh government", "Lincoln County hospital".
_MAY_BE_SMALL = frozenset(
    "and of the for in on upon with government hospital infirmary inquiry review committee select union think tank report".split()
)
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*'?|&|\n[^\S\n]*\n|(?<=\s)-(?=\s)|[.!?;:()\[\]\"“”|/•–—*]")
_APOSTROPHES = "’‘ʼ`"
_ABBREVIATED = frozenset({"st", "dr", "mr", "mrs", "ms", "prof"})


class Strength(StrEnum):
    """When a name counts."""

    ALONE = "alone"  # wherever it stands
    CONTEXT = "context"  # where the text makes clear who is meant
    HOSPITAL = "hospital"  # wherever it stands; the name of a hospital that the organisation runs


class Ending(StrEnum):
    """What may follow a name, and belongs to it."""

    NONE = "none"
    TRUST = "trust"
    BOARD = "board"
    ICB = "icb"


@dataclass(frozen=True, slots=True)
class Name:
    """One form of a name; `acronym` is how it must be written, where it is one."""

    organisation: Organisation
    strength: Strength
    ending: Ending = Ending.NONE
    needs_ending: bool = False
    commas: int = 0
    acronym: str = ""
    small: frozenset[int] = frozenset()  # the words, by their place in it, that may begin without a capital


def forms(organisation: Organisation) -> Iterator[tuple[str, Name]]:
    """Every form of an organisation's names: its plain words, and what is asked of a text that holds them."""
    context = {key_of(name) for name in organisation.context}
    for written in (organisation.name, *organisation.aliases, *organisation.former):
        if written not in organisation.context:
            yield key_of(written), _name(organisation, written, Strength.ALONE)
        yield from _short_forms(organisation, written, context)
    for written in organisation.context:
        yield key_of(written), _name(organisation, written, Strength.CONTEXT)
        if organisation.kind in TRUSTS:
            yield _form(organisation, written, Ending.TRUST, needs_ending=True)
    for written in organisation.hospitals:
        yield key_of(written), _name(organisation, written, Strength.HOSPITAL)


def _short_forms(organisation: Organisation, written: str, context: set[str]) -> Iterator[tuple[str, Name]]:
    kind, core = organisation.kind, _ENDS_OF_A_NAME.sub("", written)
    bare = core.removeprefix("NHS ")
    if kind in TRUSTS and core != written:
        core = core.removeprefix("The ")
        alone = not _TELLING.isdisjoint(key_of(core).split()) and key_of(core) not in context
        yield _form(organisation, core, Ending.TRUST, needs_ending=not alone)
        if core.startswith("University Hospitals of "):
            yield _form(organisation, core.replace(" of ", " ", 1), Ending.TRUST, needs_ending=not alone)
    elif kind in BOARDS and (core != written or core != bare):
        yield _form(organisation, bare, Ending.BOARD, needs_ending=True)
    elif kind == "icb" and core != written:
        yield _form(organisation, core, Ending.ICB, needs_ending=False)
        yield _form(organisation, bare, Ending.ICB, needs_ending=True)


def _form(organisation: Organisation, written: str, ending: Ending, *, needs_ending: bool) -> tuple[str, Name]:
    name = Name(organisation, Strength.ALONE, ending, needs_ending, written.count(","), small=_small_words(written))
    return key_of(written), name


def _small_words(written: str) -> frozenset[int]:
    """The words that are written small in a name, or are of a kind that often is."""
    words = Words(written)
    indexes = [index for index, word in enumerate(words.plain) if word != BREAK]
    return frozenset(
        place
        for place, index in enumerate(indexes)
        if not words.is_capital(index) or (place and words.plain[index] in _MAY_BE_SMALL) or words.plain[index] == "the"
    )


def _name(organisation: Organisation, written: str, strength: Strength) -> Name:
    ending = Ending.NONE
    if strength is Strength.ALONE and organisation.kind in TRUSTS:
        ending = Ending.TRUST
    elif strength is Strength.ALONE and organisation.kind in BOARDS:
        ending = Ending.BOARD
    return Name(
        organisation,
        strength,
        ending,
        commas=written.count(","),
        acronym=written if is_acronym(written) else "",
        small=_small_words(written),
    )


def is_acronym(written: str) -> bool:
    """Whether a name is one word with two capitals and more: CQC, RCPsych, SaTH."""
    return " " not in written and sum(letter.isupper() for letter in written) > 1


def key_of(written: str) -> str:
    """A name as its plain words, one space between two."""
    return " ".join(word for word in Words(written).plain if word != BREAK)


def _straight(text: str) -> str:
    """The text with straight apostrophes; five times as fast as by a table of them."""
    for apostrophe in _APOSTROPHES:
        text = text.replace(apostrophe, "'")
    return text


def _plain(word: str) -> str:
    """What stands for a word with an apostrophe or a mark."""
    if word[0].isalnum():
        return word.lower().replace("'", "")
    return "and" if word == "&" else BREAK


class Words:
    """A text as plain words, each with its place in the text.

    `plain`: lower case, without apostrophes, "&" as "and", `BREAK` where a phrase ends. `joined`: the same with one space
    before each word and one at the end. Linear in the text.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._straight = _straight(text)
        self._written: list[str] = _WORD.findall(self._straight)
        stops = [place for place, word in enumerate(self._written) if word == "."]
        # The full stops of abbreviations end no phrase.
        self._left_out = {place for place in stops if place and self._written[place - 1].lower() in _ABBREVIATED}
        if self._left_out:
            self._written = [word for place, word in enumerate(self._written) if place not in self._left_out]
        self.plain = [word.lower() if word.isalnum() else _plain(word) for word in self._written]
        self.joined = f" {' '.join(self.plain)} "

    @cached_property
    def _offsets(self) -> list[int]:
        return list(accumulate((len(word) + 1 for word in self.plain), initial=0))

    def at(self, place: int) -> int:
        """The index of the word that stands at a place of `joined`, its space included."""
        return bisect_right(self._offsets, place) - 1

    @cached_property
    def _spans(self) -> list[tuple[int, int]]:
        # Most texts hold no name, and need none.
        found = enumerate(_WORD.finditer(self._straight))
        return [match.span() for place, match in found if place not in self._left_out]

    @cached_property
    def begins(self) -> list[int]:
        """Where in the text each word begins."""
        return [begin for begin, _ in self._spans]

    @cached_property
    def ends(self) -> list[int]:
        """Where in the text each word ends."""
        return [end for _, end in self._spans]

    def raw(self, index: int) -> str:
        """A word as it is written, with straight apostrophes."""
        return self._written[index]

    def is_capital(self, index: int) -> bool:
        """Whether a word begins with a capital or a digit."""
        first = self._written[index][0]
        return first.isupper() or first.isdigit()

    def possessive(self, index: int) -> int:
        """How many letters of a word are the "'s" or "'" of a possessive."""
        raw = self.raw(index)
        if raw[-1] == "'":
            return 1
        return 2 if len(raw) > 2 and raw[-1] in "sS" and raw[-2] == "'" else 0

    def ending_after(self, index: int, ending: Ending) -> int:
        """The index of the last word of an ending that follows the word at `index`; `index` itself where none does."""
        last = min(len(self.plain), index + 2 + _MAX_FILLERS)
        at = index + 1
        if ending is Ending.ICB:
            if self.plain[at : at + 3] == ["integrated", "care", "board"]:
                return at + 2
            return at if self.plain[at : at + 1] == ["icb"] else index
        fillers, closing = (
            (_TRUST_FILLERS, {"trust", "ft"}) if ending is Ending.TRUST else (_BOARD_FILLERS, {"board", "uhb"})
        )
        while at < last:
            word = self._stem(at)
            if word in closing:
                return at
            if word not in fillers:
                return index
            at += 1
        return index

    def _stem(self, index: int) -> str:
        """A plain word without the "s" of a possessive."""
        word = self.plain[index]
        return word[:-1] if word[-1] == "s" and self.possessive(index) == 2 else word
