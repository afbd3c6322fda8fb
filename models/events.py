"""Which stories report one event, and which continue one of earlier weeks: by their words, the bodies they name, and time.

Two reports of one event share what is rare: names, numbers, the words of the matter. What any two stories about a trust
share, its name, is left out of the comparison and counted by itself. Words are weighed by how rare they are in the seeds of
the framework in use, so that the words of its subject, which most stories share, weigh little. Nothing here needs an encoder.

The weights were fitted on the five sets of labelled reports of `tests/quality`, their form chosen by what they find in a set
that they were not fitted on (`python -m tests.quality.events_held_out`); models/README.md has the figures.
"""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache

from models.tagging.training import load_training_data
from models.text import clean_text, split_sentences, split_words_as_written

OPENING = 600  # letters of a text that are compared: news says first what has happened
SAME_EVENT_WITHIN = timedelta(days=3)  # a later report has other news, even of the same matter
FOLLOWS_WITHIN = timedelta(weeks=12)
# Kinds of organisations that are in one place or run particular places: who is named, not who comments. Two reports of one
# event name the same; a regulator, a union or a department is in the news of every week.
PLACED_KINDS = frozenset(
    {
        "foundation-trust",
        "nhs-trust",
        "mental-health-trust",
        "ambulance-trust",
        "icb",
        "health-board",
        "special-health-board",
        "hsc-trust",
        "care-provider",
        "inquiry",
    }
)
# So many in one opening are a list: of the week's ratings, of places where nurses strike.
LISTED = 3

# Of the log-odds that two stories report one event.
MATTER_WEIGHT = 15.4
NAMES_WEIGHT = 8.4
NAMES_BESIDE_BODY_WEIGHT = (
    4.5  # in its place where they share a body: any two stories about it may quote its chief executive
)
TITLE_WEIGHT = 4.3
SHARED_BODY_WEIGHT = 5.4
OTHER_BODY_WEIGHT = -4.1
CONSTANT = -8.2
SAME_EVENT = 0.0  # log-odds from which two are taken for one event: as likely as not, by the pairs that were fitted on
ON_THE_WHOLE = -4.0  # mean log-odds with all reports of the event, since each tells another part of it
FOLLOWS = 1.0  # of two that name the same body, weeks apart: below, more are taken wrongly than rightly besides

# Fewer words prove little where they agree: the length of those of a headline and a sentence, and of one name that no seed holds
# and a common one.
FEW_WORDS = 15.0
FEW_NAMES = 8.0
_NAMING = 3.0  # in fewer than one text of 20: not "NHS", "England", "2026"
_COMMON = 1.2  # a word in more than three of ten texts tells nothing apart ("said", "staff")
_RARE = 4.0  # in fewer than one text of 50, names among them
_OF_A_PLACE = (
    5.0  # "Manchester" and "Kent"; not "Foundation", "East" or "Royal", which bodies and outlets of many places bear
)
_STEM = 7  # letters: "resigned", "resigns" and "resignation" are one word here
_ENDINGS = ("ing", "ed", "es", "s", "ly")
_ROUND_UP = re.compile(
    r"\b(?:round-?up|(?:the|this|last|your) week in|week in (?:review|ratings|numbers)|reading list|in brief|"
    r"newsletter|briefing|what we(?:'re| are) reading|live blog|as it happened|morning papers|in pictures)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"""["“].*?(?:["”]|$)|(?<!\w)['‘].*?(?:['’](?!\w)|$)""", re.DOTALL)
_FIRST_PERSON = re.compile(r"\b(?:I|[Mm]y|[Mm]e)\b")


@dataclass(frozen=True, slots=True)
class Account:
    """What one story tells, as far as it is compared.

    `bodies`: the organisations of `PLACED_KINDS` that its title, summary or opening names, each with the words by which it
    is named.
    """

    key: int
    outlets: frozenset[str]
    title: str
    opening: str  # of the text, else the summary
    at: datetime
    bodies: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two accounts are; each from 0 to 1."""

    matter: float  # cosine of the rare words of title and opening that are no names
    names: float  # cosine of the names and numbers in title and opening
    title: float  # how much of one title's words the other account holds, of the title of which it holds more
    shared_body: bool  # both name it, or one does and the other is told by its town's paper, or by itself
    other_body: bool  # both name bodies, and not the same ones

    @property
    def log_odds(self) -> float:
        """Of their reporting one event, if they are of the same days."""
        return (
            CONSTANT
            + MATTER_WEIGHT * self.matter
            + (NAMES_BESIDE_BODY_WEIGHT if self.shared_body else NAMES_WEIGHT) * self.names
            + TITLE_WEIGHT * self.title
            + SHARED_BODY_WEIGHT * self.shared_body
            + OTHER_BODY_WEIGHT * self.other_body
        )


class Compared:
    """An account with its words weighed; made once, compared with many."""

    def __init__(self, account: Account) -> None:
        self.account = account
        title = split_words_as_written(account.title)
        opening = clean_text(account.opening)[:OPENING]
        counts = Counter(_stem(word) for word in (*title, *split_words_as_written(opening)))
        self._words = {
            word: (1 + math.log(count)) * weight
            for word, count in counts.items()
            if word not in _function_words() and (weight := _rarity(word)) > _COMMON
        }
        names = {word: _rarity(word) for part in (account.title, opening) for word in _names(part)}
        self._matter = {word: weight for word, weight in self._words.items() if word not in names}
        self._names = {word: weight for word, weight in names.items() if weight > _NAMING}
        self._title = {word: _rarity(word) for word in map(_stem, title) if word not in _function_words()}
        self._outlets = frozenset(_stem(word) for name in account.outlets for word in split_words_as_written(name))
        self._places = {
            body: frozenset(stem for stem in map(_stem, named) if _rarity(stem) > _OF_A_PLACE)
            for body, named in account.bodies.items()
        }
        self.rare = frozenset(
            word for word in self._words if _rarity(word) > _RARE
        )  # two without one in common are not alike
        # Neither a list nor a comment, whose writer says "I" out of quotation marks.
        self.is_report = (
            _ROUND_UP.search(account.title) is None
            and len(account.bodies) < LISTED
            and len(_FIRST_PERSON.findall(_QUOTED.sub(" ", opening))) < 2
        )

    def likeness(self, other: "Compared") -> Likeness:
        """How alike the two are, apart from the names of the bodies that both name."""
        mine, theirs = self.account.bodies, other.account.bodies
        shared = (mine.keys() & theirs.keys()) | self._meant_by(other) | other._meant_by(self)
        own_names = {_stem(word) for body in shared for word in (*mine.get(body, ()), *theirs.get(body, ()))}
        return Likeness(
            matter=_cosine(self._matter, other._matter, own_names, least=FEW_WORDS),
            names=_cosine(self._names, other._names, own_names, least=FEW_NAMES),
            title=max(
                _share_held(self._title, other._words, own_names), _share_held(other._title, self._words, own_names)
            ),
            shared_body=bool(shared),
            other_body=bool(mine and theirs) and mine.keys() != theirs.keys(),
        )

    def _meant_by(self, other: "Compared") -> set[str]:
        """The bodies that the other need not name: it names none, and its outlet bears the name of their place."""
        if other.account.bodies:
            return set()
        return {body for body, places in self._places.items() if not places.isdisjoint(other._outlets)}


def find_event(
    new: Compared, events: Mapping[int, Sequence[Compared]], apart: Collection[frozenset[int]] = ()
) -> tuple[int, float] | None:
    """The event that a story reports, with the log-odds; None where it is the first to.

    It must be like one of its reports and not quite unlike the others, share a rare word with one of them, and be of other
    outlets than all of them, and of the same days.

    Args:
        events: the stories of the days around it, by the number of their event.
        apart: pairs of stories (their keys) that a person has separated.
    """
    best: tuple[float, int] | None = None
    for number, reports in events.items():
        if not all(_may_join(new, report, apart) for report in reports) or all(
            new.rare.isdisjoint(report.rare) for report in reports
        ):
            continue
        odds = [new.likeness(report).log_odds for report in reports]
        if max(odds) >= SAME_EVENT and sum(odds) / len(odds) >= ON_THE_WHOLE:
            best = max(best or (max(odds), -number), (max(odds), -number))
    return (-best[1], best[0]) if best is not None else None


def find_followed(
    new: Compared, earlier: Iterable[Compared], apart: Collection[frozenset[int]] = ()
) -> tuple[int, float] | None:
    """The key of the story of an earlier week that a new one continues, with the log-odds; None where it continues none."""
    best: tuple[float, datetime, int] | None = None
    for old in earlier:
        passed = new.account.at - old.account.at
        if frozenset((new.account.key, old.account.key)) in apart or not (new.is_report and old.is_report):
            continue
        like = new.likeness(old)
        if passed <= SAME_EVENT_WITHIN:  # it reports again what a week told that ended with these days
            continues = _may_join(new, old, apart) and not new.rare.isdisjoint(old.rare) and like.log_odds >= SAME_EVENT
        else:
            continues = (
                passed <= FOLLOWS_WITHIN
                and not new.account.bodies.keys().isdisjoint(old.account.bodies)
                and like.log_odds >= FOLLOWS
            )
        if continues:
            best = max(
                best or (like.log_odds, old.account.at, old.account.key),
                (like.log_odds, old.account.at, old.account.key),
            )
    return (best[2], best[0]) if best is not None else None


def _may_join(new: Compared, report: Compared, apart: Collection[frozenset[int]]) -> bool:
    one, other = new.account, report.account
    return (
        new.is_report
        and report.is_report
        and abs(one.at - other.at) <= SAME_EVENT_WITHIN
        and one.outlets.isdisjoint(other.outlets)
        and not (one.bodies and other.bodies and one.bodies.keys().isdisjoint(other.bodies))
        and frozenset((one.key, other.key)) not in apart
    )


def _cosine(
    one: Mapping[str, float], other: Mapping[str, float], without: Collection[str], least: float = 0.0
) -> float:
    """The cosine of two weighed sets of words; each taken as at least so long, since the little of a few words proves little."""
    product = sum(weight * other[word] for word, weight in one.items() if word in other and word not in without)
    if not product:
        return 0.0
    lengths = (
        math.sqrt(sum(weight**2 for word, weight in words.items() if word not in without)) for words in (one, other)
    )
    return product / math.prod(max(length, least) for length in lengths)


def _share_held(title: Mapping[str, float], words: Mapping[str, float], without: Collection[str]) -> float:
    own = {word: weight for word, weight in title.items() if word not in without}
    total = sum(own.values())
    return sum(weight for word, weight in own.items() if word in words) / total if total else 0.0


def _names(text: str) -> Iterable[str]:
    """The words that are written as names are, within a sentence, and numbers of two figures or more."""
    for sentence in split_sentences(text):
        words = split_words_as_written(sentence)
        for place, word in enumerate(words):
            # The first word of a sentence is one where another follows it: "Joanna Tull said".
            named = word[0].isupper() and (place or (len(words) > 1 and words[1][0].isupper()))
            if named or (len(word) > 1 and word[0].isdigit()):
                yield _stem(word)


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    word = word.lower().removesuffix("'s").replace("-", "").replace(".", "")
    ending = next((one for one in _ENDINGS if word.endswith(one) and len(word) - len(one) >= 4), "")
    return word.removesuffix(ending)[:_STEM]


@cache
def _function_words() -> frozenset[str]:
    # Here: commands that list and show are quick since they import no scikit-learn.
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(map(_stem, ENGLISH_STOP_WORDS))


def _rarity(word: str) -> float:
    texts, counts = _background()
    return math.log((texts + 1) / (counts.get(word, 0) + 1))


@cache
def _background() -> tuple[int, Mapping[str, int]]:
    """How many texts the seeds hold, and in how many of them each word stands."""
    data = load_training_data()
    texts: dict[str, list[str]] = {}
    for number, passage in enumerate(data.passages):
        texts[f"passage {number}"] = [passage.document.title, passage.document.body]
    for sentence in data.sentences:
        texts.setdefault(sentence.group, []).append(sentence.text)
    counts = Counter(
        word for parts in texts.values() for word in {_stem(word) for word in split_words_as_written("\n".join(parts))}
    )
    return len(texts), counts
