"""Who "the trust" and "the board" are: the body that was named last, unless the text has named another one since."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from models.organisation_names import BOARDS, BREAK, TRUSTS, Words
from models.organisations import Organisation


class Marker(StrEnum):
    """Words at which this rule looks."""

    TRUST = "trust"
    BOARD = "board"
    NHS = "nhs"


@dataclass(frozen=True, slots=True)
class Naming:
    """An organisation named in a text, from its first word to its last; `letters` are the places of these in the text."""

    first: int
    last: int
    letters: tuple[int, int]
    organisation: Organisation
    is_hospital: bool = False


# Between "the" and "trust" or "board": "the hospital trust", "the health board".
_BETWEEN = frozenset({"hospital", "hospitals", "ambulance", "nhs", "foundation", "university", "healthcare", "health"})
# "A trust in Kent", "each board": none in particular, so the one named last stays who it was.
_NONE_IN_PARTICULAR = frozenset("a an this our its their his her your one another each every any no some which".split())
# "The trust of the public", "the board of a bank".
_NOT_A_TRUST = frozenset({"of", "between", "placed", "people", "patients", "staff", "we"})
_OF_ITS_OWN = frozenset({"directors", "governors", "the"})
_NO_BODY_AFTER_NHS = frozenset(
    "trust trusts foundation wales scotland long constitution staff board boards pay".split()
)


class Referring:
    """Follows an article from its first word to its last; parts are given in order."""

    def __init__(self) -> None:
        self._trust: Organisation | None = None
        self._board: Organisation | None = None
        self._last: Organisation | None = None  # of the two
        self._trust_by_hospital = False

    def follow(
        self, words: Words, namings: Sequence[Naming], markers: Sequence[tuple[int, Marker]]
    ) -> Iterator[Naming]:
        """The namings of one part with those by "the trust" and "the board", in order; `markers` by the index of their word."""
        waiting = list(namings)
        position = 0
        for index, marker in markers:
            while position < len(waiting) and waiting[position].first <= index:
                self._name(waiting[position])
                yield waiting[position]
                position += 1
            if position and waiting[position - 1].last >= index:
                continue  # a word of the name itself
            if (found := self._refer(words, index, marker)) is not None:
                yield found
        for naming in waiting[position:]:
            self._name(naming)
            yield naming

    def _name(self, naming: Naming) -> None:
        organisation = naming.organisation
        if organisation.kind in TRUSTS:
            gone = not organisation.is_current and self._trust is not None and self._trust.is_current
            by_the_way = naming.is_hospital and self._trust is not None and not self._trust_by_hospital
            if gone or by_the_way:
                return
            self._trust, self._trust_by_hospital = organisation, naming.is_hospital
        elif organisation.kind in BOARDS or organisation.kind == "icb":
            if naming.is_hospital and self._board is not None:
                return
            self._board = organisation
        else:
            return
        self._last = organisation

    def _refer(self, words: Words, index: int, marker: Marker) -> Naming | None:
        possessive = words.possessive(index)
        if marker is Marker.NHS:
            self._meet_unknown_board(words, index)
            return None
        if words.plain[index] != marker and not (words.plain[index] == f"{marker}s" and possessive == 2):
            return None  # "trusts", "boards"
        first = index - 1
        while first >= 0 and words.plain[first] in _BETWEEN:
            first -= 1
        opening = words.plain[first] if first >= 0 else BREAK
        if "," in words.text[words.ends[first] : words.begins[index]]:
            return None  # "Dr Brewin, trust chief executive"
        if opening == "the":
            return self._referred(words, first, index, possessive, marker)
        if opening != BREAK and words.is_capital(first) and opening not in _NONE_IN_PARTICULAR:
            self._forget(marker)  # "Harrowdale NHS Trust": a body that we do not know
        return None

    def _referred(self, words: Words, first: int, index: int, possessive: int, marker: Marker) -> Naming | None:
        following = words.plain[index + 1 : index + 3]
        if following and words.is_capital(index) and words.is_capital(index + 1) and following[0] != BREAK:
            return None  # "the Board Apprentice Foundation"
        if marker is Marker.TRUST:
            organisation = self._trust
            elsewhere = following[:1] and following[0] in _NOT_A_TRUST
        else:
            health = "health" in words.plain[first:index]
            organisation = self._board if health else self._last
            elsewhere = following[:1] == ["of"] and following[1:2] and following[1] not in _OF_ITS_OWN
            elsewhere = elsewhere or (first > 0 and words.plain[first - 1] == "across")
        if organisation is None or elsewhere:
            return None
        return Naming(first, index, (words.begins[first], words.ends[index] - possessive), organisation)

    def _meet_unknown_board(self, words: Words, index: int) -> None:
        after = index + 1
        if after == len(words.plain) or words.plain[after] == BREAK or words.plain[after] in _NO_BODY_AFTER_NHS:
            return
        if words.is_capital(index) and words.is_capital(after):
            self._forget(Marker.BOARD)  # "NHS Lomond and Ochil"

    def _forget(self, marker: Marker) -> None:
        if marker is Marker.TRUST:
            if self._last is self._trust:
                self._last = None
            self._trust = None
        else:
            if self._last is self._board:
                self._last = None
            self._board = None
