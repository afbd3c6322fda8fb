"""What a text says about who is meant by a name that several bear, or that is also a common word."""

from collections.abc import Collection, Iterable, Sequence
from functools import cached_property

from models.organisation_names import BREAK, TRUSTS, Name, Strength, Words, key_of
from models.organisations import Organisation

# Words beside which a common word is the name of a body of that kind; an organisation's own `cues` come on top.
_KIND_CUES: dict[str, tuple[str, ...]] = {
    "union": ("union", "unions"),
    "charity": ("charity", "charities"),
    "think-tank": ("think tank", "thinktank", "think tanks"),
    "regulator": ("regulator", "watchdog"),
    "inquiry": ("inquiry",),
    "care-provider": ("care provider", "care providers", "care operator", "care group", "care home", "care homes"),
} | dict.fromkeys(TRUSTS, ("trust",))
_CUE_WINDOW = 3  # words to each side, within the sentence
# At the start of a sentence any word has a capital: then a common word counts only before one of these.
_AFTER_A_BODY = frozenset(
    "said says has had is was will would which who told wants warned claims claimed believes found general regional "
    "national chief director spokesman spokeswoman spokesperson member members leaders officials".split()
)
_LONGEST_HEADLINE = 30  # words
_NATION_WORDS = {
    "england": ("england", "english", "whitehall", "london"),
    "scotland": ("scotland", "scottish", "holyrood", "edinburgh", "glasgow"),
    "wales": ("wales", "welsh", "senedd", "cardiff"),
    "northern-ireland": ("northern ireland", "stormont", "belfast", "ulster"),
}
_ABROAD = "dublin irish australia australian canada canadian american philippines zealand".split()
# A text that holds none of these is not about health, and its acronyms are not ours.
_HEALTH = (
    " nhs ",
    " health",
    " hospital",
    " patient",
    " nurs",
    " doctor",
    " care ",
    " medic",
    " gp ",
    " gps ",
    " midwi",
)
# Words of names that say nothing about the place.
NOT_A_PLACE = frozenset(
    """the and of for nhs trust foundation university hospital hospitals healthcare health care teaching community royal st
    saint general district infirmary service services partnership mental childrens womens group integrated board queen king
    elizabeth marys georges peters victoria princess east west north south northern southern eastern western city county
    centre social special regional area memorial anns james jamess johns marys michaels richards andrews mater alexandra
    prince princess charles philip margaret manor churchill wales king kings queens george good hope""".split()
)
_HOME = frozenset({"the", "uk", "uks", "british", "britains", "english", "englands", "whitehalls", "governments", "at"})
_OPENS_A_LONGER_NAME = frozenset({"care", "community", "social", "public", "mental", "health", "home", "learning"})
_CONTINUES_A_LONGER_NAME = frozenset(
    "charity charities foundation museum road street lane avenue fc football college academy press".split()
)
_OFFICES = frozenset("chief chair chairman chairwoman director medical nurse nhs trust ceo".split())
_SMALL_BEFORE = frozenset(
    "the a an at in of by for with from and or to as but while when after before if former".split()
)


class Context:
    """The whole of one article, asked only where a name needs it."""

    def __init__(self, parts: Sequence[Words]) -> None:
        self._joined = " ".join(part.joined for part in parts)
        self._places: dict[str, int] = {}
        self._cues: dict[str, bool] = {}

    @cached_property
    def is_health(self) -> bool:
        """Whether it is about health or care at all."""
        return any(word in self._joined for word in _HEALTH)

    @cached_property
    def nations(self) -> dict[str, int]:
        """How often it speaks of each nation, and of abroad."""
        counts = {nation: self._count(words) for nation, words in _NATION_WORDS.items()}
        counts["abroad"] = self._count(_ABROAD)
        counts["abroad"] += max(self._count(("ireland",)) - self._count(("northern ireland",)), 0)
        return counts

    def places(self, organisation: Organisation) -> int:
        """How many of the places in an organisation's names it holds."""
        if organisation.id not in self._places:
            words = {word for name in (*organisation.names, *organisation.hospitals) for word in key_of(name).split()}
            held = sum(self._count((word,)) > 0 for word in words - NOT_A_PLACE if len(word) > 3)
            self._places[organisation.id] = held
        return self._places[organisation.id]

    def choose(self, names: Sequence[Name], named: Collection[str]) -> Organisation | None:
        """Whom of several bearers of a name it means: the one named in full, else by its places, else by its nation."""
        bearers = {name.organisation.id: name.organisation for name in names}
        if full := [bearer for bearer in bearers.values() if bearer.id in named]:
            return full[0] if len(full) == 1 else None
        hospital = all(name.strength is Strength.HOSPITAL for name in names)
        if hospital:
            best, *others = sorted(bearers.values(), key=self.places, reverse=True)
            if self.places(best) > max(map(self.places, others), default=0):
                return best
        if devolved := [bearer for bearer in bearers.values() if self._speaks_of(bearer.nation)]:
            return devolved[0] if len(devolved) == 1 else None
        alone = {
            name.organisation.id: name.organisation
            for name in names
            if name.strength is Strength.ALONE and (self.is_health or not name.acronym)
        }
        if len(alone) != 1 or (len(bearers) > 1 and self._is_abroad):
            return None
        return next(iter(alone.values()))

    def holds(self, name: Name) -> bool:
        """Whether it says anywhere what kind of body a name is of."""
        known = self._cues.get(name.organisation.id)
        if known is None:
            known = self._cues[name.organisation.id] = any(f" {cue} " in self._joined for cue in _cues(name))
        return known

    def _speaks_of(self, nation: str) -> bool:
        if nation in {"uk", "england"}:
            return False
        return self.nations[nation] > 0 and self.nations[nation] >= self.nations["england"]

    @property
    def _is_abroad(self) -> bool:
        if " nhs " in self._joined:
            return False
        home = sum(count for nation, count in self.nations.items() if nation != "abroad")
        return self.nations["abroad"] > home

    def _count(self, words: Iterable[str]) -> int:
        """How often the words stand in it, also as possessives."""
        return sum(self._joined.count(f" {word} ") + self._joined.count(f" {word}s ") for word in words)


def could_be_anywhere(words: Words, first: int, last: int) -> bool:
    """Whether a hospital's name tells no place: "the Royal Victoria Hospital", "St James's Hospital"."""
    return NOT_A_PLACE.issuperset(words.plain[first : last + 1])


def has_cue(words: Words, first: int, last: int, name: Name) -> bool:
    """Whether a word beside a name says what kind of body it is: "the charity Mind", "Unite the union"."""
    cues = _cues(name)
    if not cues or (name.acronym and name.organisation.kind != "union"):
        return False
    before = _within(words, range(first - 1, max(first - 1 - _CUE_WINDOW, -1), -1))
    after = _within(words, range(last + 1, min(last + 1 + _CUE_WINDOW, len(words.plain))))
    beside = f" {' '.join(words.plain[index] for index in (*reversed(list(before)), first, *after))} "
    return any(f" {cue} " in beside for cue in cues)


def stands_out(words: Words, first: int, last: int, name: Name) -> bool:
    """Whether a common word has a capital where a sentence gives it none, and is no part of other names around it."""
    if name.organisation.kind in TRUSTS:
        return False  # most of these are places: "a clinic in Homerton"
    if name.acronym:
        return name.organisation.kind == "union"
    if last > first or _begins_sentence(words, first):
        return False
    before = words.is_capital(first - 1)
    after = last + 1 < len(words.plain) and words.plain[last + 1] != BREAK and words.is_capital(last + 1)
    return not before and not after


def is_mere_word(words: Words, first: int, last: int, name: Name) -> bool:
    """Whether a common word owes its capital to its place at the start of a sentence, or to a headline's style."""
    if name.acronym or last > first:
        return False
    if not _begins_sentence(words, first) and not _is_headline_case(words):
        return False
    following = words.plain[last + 1] if last + 1 < len(words.plain) else BREAK
    return not words.possessive(last) and following not in _AFTER_A_BODY


def is_part_of_a_longer_name(words: Words, first: int, last: int, name: Name) -> bool:
    """Whether the words around make it somebody else: "Age Care UK", "RCN Foundation", "Victoria's Department of Health"."""
    after = last + 1
    if after < len(words.plain) and words.is_capital(after) and words.plain[after] != BREAK:
        if words.plain[after] in _CONTINUES_A_LONGER_NAME:
            return True
        bare = name.organisation.kind in TRUSTS and last - first == 1 and words.plain[last] in {"care", "health"}
        if bare and words.plain[after] not in _OFFICES and not _is_headline_case(words):
            return "," not in words.text[words.ends[last] : words.begins[after]]  # "the Pennine Care Compact"
    before = first - 1
    if before < 0 or words.plain[before] == BREAK:
        return False
    plain, capital = words.plain[before], words.is_capital(before)
    if name.organisation.kind == "department" and name.organisation.nation in {"uk", "england"}:
        said = words.possessive(before) > 0 or not _begins_sentence(words, before)
        foreign = capital and plain not in _HOME and said
        return foreign and words.plain[first] == "department"
    if words.plain[first] in _OPENS_A_LONGER_NAME and plain not in _SMALL_BEFORE:
        return capital and not _begins_sentence(words, before) and not words.possessive(before)
    return False


def spells_out(words: Words, opening: int, acronym: str) -> bool:
    """Whether the words before a bracket spell an acronym out: then it is what they say, and not ours."""
    before = list(_within(words, range(opening - 1, max(opening - 1 - 2 * len(acronym), -1), -1)))
    initials = [words.plain[index][0] for index in reversed(before) if words.is_capital(index)]
    wanted = [letter for letter in acronym.lower() if letter.isalpha()]
    return initials[-len(wanted) :] == wanted


def _cues(name: Name) -> set[str]:
    return {*_KIND_CUES.get(name.organisation.kind, ()), *name.organisation.cues}


def _is_headline_case(words: Words) -> bool:
    """Whether a short text gives almost every word a capital: "Health Leaders Unite Against Cuts"."""
    if len(words.plain) > _LONGEST_HEADLINE or words.text.rstrip().endswith("."):
        return False
    long = [index for index, word in enumerate(words.plain) if len(word) > 3]
    return sum(map(words.is_capital, long)) > 0.8 * len(long)


def _begins_sentence(words: Words, index: int) -> bool:
    return index == 0 or words.plain[index - 1] == BREAK


def _within(words: Words, indexes: Iterable[int]) -> Iterable[int]:
    for index in indexes:
        if words.plain[index] == BREAK:
            return
        yield index
