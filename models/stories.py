"""Which articles are copies of one report: the same wire text, re-headlined, trimmed, or with a paragraph changed.

Candidates are found by their MinHash sketches (rensa) at a low likeness, so that a short text within a long one is among
them, and are then confirmed by comparing the texts: a copy holds most of the shorter text's word sequences, two reports
of one event share but quotations. Texts without a fingerprint fall together only under the same headline, in other outlets,
within days; so does the opening of a report that stands in its whole. What one outlet numbers is a series, not a copy.
"""

import struct
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from rensa import RMinHash

from models.page_identity import is_furniture
from models.sketches import Sketches
from models.text import split_words

PERMUTATIONS = 64
_SEED = 42  # fingerprints in the database are comparable only under the same seed
SHINGLE_WORDS = 3  # shorter sequences are shared by any two texts on one subject, longer ones break at every edit
MIN_WORDS = 48  # a shorter text is a notice, and notices resemble each other (as lemon24/reader found)
MAX_WORDS = 3000  # enough to tell; a live blog's tail changes by the hour
# Of the shorter text's word sequences, so many stand in the longer one. Constructed copies with 40% changed keep
# just over half; most different reports share under a fifth, reports by one outlet that repeat its background up to
# half (see tests/benchmarks/stories.py for recall and precision at this threshold).
CONFIRMED = 0.5
# Of a copy by the estimate from fingerprints alone, where retention has purged a text.
ESTIMATED = 0.60
# Or so much of the shorter text is covered by word sequences that stand in the longer one: where every sentence is edited
# a little, few sequences are left whole, and yet they lie close together. Reports of one outlet that repeat its background
# come up to .6, so that this is asked for more.
COVERED = 0.62
# An outlet repeats its own background in each report of a running story: of two reports by one outlet so much is asked for.
OWN_CONFIRMED = 0.75
OWN_COVERED = 0.8
TITLE_WORDS = 5  # fewer make a headline that many articles bear ("In pictures", "Letters to the editor")
TITLE_DAYS = 4
STORY_DAYS = 14  # copies of a report appear within days; a later one is a new story
_FORMAT = f"<{PERMUTATIONS}I"
# Candidates have so many of the 64 values of their sketches in common: one is chance in 3 of 100 pairs, two in 1 of 1,000. A
# text of which four fifths stand in one of ten times its length has five. Of the candidates the nearest are compared.
_MIN_EQUAL = 2
_MAX_COMPARED = 8
_MAY_COVER = 0.3  # shared sequences without which so much can't be covered


@dataclass(frozen=True, slots=True)
class Report:
    """One stored article, as the index needs to know it."""

    article_id: int
    story_id: int
    outlet: str
    title: str
    seen_at: datetime  # published, else first seen
    fingerprint: bytes | None
    site: str = ""  # of its address


@dataclass(frozen=True, slots=True)
class Match:
    """The article that another is a copy of."""

    article_id: int
    story_id: int
    reason: str  # "text", "fingerprint" or "headline"


def fingerprint(text: str) -> bytes | None:
    """The text's MinHash as 256 bytes; None where the text is too short to tell copies by it."""
    words, shingles = _split(text)
    if words < MIN_WORDS:
        return None
    sketch = RMinHash(num_perm=PERMUTATIONS, seed=_SEED)
    sketch.update(list(shingles))
    return struct.pack(_FORMAT, *sketch.digest())


def is_copy(one: str, other: str, *, of_one_outlet: bool = False) -> bool:
    """Whether most of the shorter text stands in the longer one; three quarters where both are reports of one outlet."""
    confirmed, covered = (OWN_CONFIRMED, OWN_COVERED) if of_one_outlet else (CONFIRMED, COVERED)
    share = containment(one, other)
    return share >= confirmed or (share >= _MAY_COVER and coverage(one, other) >= covered)


def coverage(one: str, other: str) -> float:
    """How many of the shorter text's words belong to a word sequence that stands in the longer one; 0 to 1.

    A sequence counts once: what a form repeats with other names and numbers makes no copy.
    """
    shorter, longer = sorted((split_words(text)[:MAX_WORDS] for text in (one, other)), key=len)
    theirs = set(_threes(longer))
    covered = bytearray(len(shorter))
    for at, sequence in enumerate(_threes(shorter)):
        if sequence in theirs:
            theirs.discard(sequence)
            covered[at : at + SHINGLE_WORDS] = b"\1" * SHINGLE_WORDS
    return sum(covered) / len(shorter) if shorter else 0.0


def containment(one: str, other: str) -> float:
    """How much of the shorter text stands in the longer one, by its word sequences; 0 to 1."""
    return _share(_split(one)[1], _split(other)[1])


class StoryIndex:
    """The articles of the last days, to find the story of a new one. Add in the order in which they were seen."""

    def __init__(self, load_texts: Callable[[Sequence[int]], Mapping[int, str]], days: int = STORY_DAYS) -> None:
        """`load_texts` gives the stored texts of articles, without those that have been purged."""
        self._load_texts = load_texts
        self._window = timedelta(days=days)
        self._sketches = Sketches(PERMUTATIONS)
        self._reports: dict[int, Report] = {}
        self._titles: dict[str, list[int]] = {}
        self._stories: dict[int, set[int]] = {}

    def __len__(self) -> int:
        return len(self._reports)

    def add(self, report: Report) -> None:
        """Have later articles compared with this one; one that was added before is replaced."""
        self.remove(report.article_id)
        self._reports[report.article_id] = report
        self._stories.setdefault(report.story_id, set()).add(report.article_id)
        if report.fingerprint is not None:
            self._sketches.add(report.article_id, report.fingerprint)
        if (title := _title_key(report.title)) is not None:
            self._titles.setdefault(title, []).append(report.article_id)

    def remove(self, article_id: int) -> None:
        """Compare nothing with this article any more."""
        report = self._reports.pop(article_id, None)
        if report is not None:
            self._stories[report.story_id].discard(article_id)

    def story_of(self, article_id: int) -> int | None:
        """The story of an article of the last days."""
        report = self._reports.get(article_id)
        return report.story_id if report is not None else None

    def others(self, article_id: int, story_id: int) -> list[Report]:
        """What else is in the article's story."""
        return [self._reports[number] for number in self._stories.get(story_id, ()) if number != article_id]

    def move(self, article_id: int, story_id: int) -> None:
        """The article is in another story now."""
        report = self._reports[article_id]
        self._stories[report.story_id].discard(article_id)
        self._stories.setdefault(story_id, set()).add(article_id)
        self._reports[article_id] = replace(report, story_id=story_id)

    def find(
        self,
        *,
        fingerprint: bytes | None,
        text: str | None,
        title: str,
        outlet: str,
        seen_at: datetime,
        site: str = "",
        article_id: int | None = None,
        story_id: int | None = None,
    ) -> Match | None:
        """The story of which an article is a copy; None where it is the first of its own.

        Args:
            article_id, story_id: of an article that has a story already: it is not compared with itself, and of several
                matches the one in its story wins.
        """
        own = (article_id, story_id)
        if fingerprint is not None and (match := self._by_text(fingerprint, text, title, outlet, site, seen_at, own)):
            return match
        return self._by_title(fingerprint, text, title, outlet, seen_at, own)

    def _by_text(
        self,
        fingerprint: bytes,
        text: str | None,
        title: str,
        outlet: str,
        site: str,
        seen_at: datetime,
        own: tuple[int | None, int | None],
    ) -> Match | None:
        nearest = [
            (estimate, report)
            for estimate, report in self._nearest(fingerprint, seen_at, own)
            if report.outlet != outlet or not are_a_series(title, report.title)
        ][:_MAX_COMPARED]
        texts = self._load_texts([report.article_id for _, report in nearest]) if text and nearest else {}
        for estimate, report in nearest:
            theirs = texts.get(report.article_id)
            if text and theirs:
                if site and report.site == site and is_furniture((title, text), (report.title, theirs)):
                    continue
                if is_copy(text, theirs, of_one_outlet=report.outlet == outlet):
                    return Match(report.article_id, report.story_id, "text")
            elif estimate >= ESTIMATED:
                return Match(report.article_id, report.story_id, "fingerprint")
        return None

    def is_furniture(
        self, fingerprint: bytes, text: str, title: str, site: str, seen_at: datetime, article_id: int | None
    ) -> bool:
        """Whether a page of the site that is another article's has this text under a headline that is not alike."""
        nearest = self._nearest(fingerprint, seen_at, (article_id, None))
        near = [one for _, one in nearest if one.site == site][:_MAX_COMPARED]
        texts = self._load_texts([one.article_id for one in near]) if near else {}
        return any(is_furniture((title, text), (one.title, texts.get(one.article_id, ""))) for one in near)

    def _nearest(
        self, fingerprint: bytes, seen_at: datetime, own: tuple[int | None, int | None]
    ) -> list[tuple[float, Report]]:
        """The candidates, those of the article's own story first, then the most alike."""
        found: dict[int, tuple[float, Report]] = {}
        for estimate, number in self._sketches.nearest(fingerprint, _MIN_EQUAL):
            report = self._reports.get(number)
            if report is None or number == own[0] or report.fingerprint is None:
                continue
            if abs(seen_at - report.seen_at) <= self._window:
                found.setdefault(number, (estimate, report))
        return sorted(found.values(), key=lambda pair: (pair[1].story_id != own[1], -pair[0], pair[1].article_id))

    def _by_title(
        self,
        fingerprint: bytes | None,
        text: str | None,
        title: str,
        outlet: str,
        seen_at: datetime,
        own: tuple[int | None, int | None],
    ) -> Match | None:
        key = _title_key(title)
        if key is None:
            return None
        numbers = [number for number in self._titles.get(key, ()) if number in self._reports and number != own[0]]
        for number in sorted(numbers, key=lambda number: self._reports[number].story_id != own[1]):
            report = self._reports[number]
            if abs(seen_at - report.seen_at) > timedelta(days=TITLE_DAYS) or report.outlet == outlet:
                continue
            if fingerprint is None or report.fingerprint is None:
                return Match(report.article_id, report.story_id, "headline")
            theirs = self._load_texts([number]).get(number)
            if text and theirs and is_copy(text, theirs):  # an opening, too little of the whole for the sketches
                return Match(report.article_id, report.story_id, "text")
        return None


def are_a_series(one: str, other: str) -> bool:
    """Whether two headlines of one outlet differ in a number: two papers, two questions, two weeks."""
    first, second = (frozenset(word for word in split_words(title) if word.isdigit()) for title in (one, other))
    return bool(first and second) and first != second


def choose_lead(members: Mapping[int, bool], lead: int | None, reviewed: Collection[int]) -> int | None:
    """Which article of a story leads it, and is tagged: the first, of those with a text where there is one.

    A person's review holds: what was reviewed leads, and a lead is changed for nothing less than a text.

    Args:
        members: the articles, in the order in which they were seen, with whether there is a text of it.
        lead: the one that has led so far.
    """
    if decided := members.keys() & reviewed:
        return lead if lead in decided else next(number for number in members if number in decided)
    with_text = [number for number, has_text in members.items() if has_text]
    if lead is not None and lead in members and (members[lead] or not with_text):
        return lead
    return next(iter(with_text or members), None)


@lru_cache(maxsize=32)  # a new article's are needed for its fingerprint and then for each candidate
def _split(text: str) -> tuple[int, frozenset[str]]:
    """How many words a text has, and its word sequences; of its first `MAX_WORDS`."""
    words = split_words(text)[:MAX_WORDS]
    return len(words), frozenset(_threes(words))


def _threes(words: list[str]) -> Iterable[str]:
    return map(" ".join, zip(*(words[start:] for start in range(SHINGLE_WORDS)), strict=False))


def _share(one: frozenset[str], other: frozenset[str]) -> float:
    smaller = min(len(one), len(other))
    return len(one & other) / smaller if smaller else 0.0


def _title_key(title: str) -> str | None:
    words = split_words(title)
    return " ".join(words) if len(words) >= TITLE_WORDS else None
