"""Which articles are copies of one report: the same wire text, re-headlined, trimmed, or with a paragraph changed.

Candidates are found by their MinHash sketches (rensa) at a low likeness, so that a short text within a long one is among
them, and are then confirmed by comparing the texts: a copy holds most of the shorter text's word sequences, two reports
of one event share but quotations. Texts without a fingerprint fall together only under the same headline, in other outlets,
within days; so does the opening of a report that stands in its whole. What one outlet numbers is a series, not a copy.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from models.copies import MAY_COVER, Sketches, is_copy, sequences_of, share_held
from models.page_identity import is_furniture
from models.text import split_words

# Of a copy by the estimate from fingerprints alone, where retention has purged a text.
ESTIMATED = 0.60
TITLE_WORDS = 5  # fewer make a headline that many articles bear ("In pictures", "Letters to the editor")
TITLE_DAYS = 4
STORY_DAYS = 14  # copies of a report appear within days; a later one is a new story
# Candidates have so many of the 64 values of their sketches in common: one is chance in 3 of 100 pairs, two in 1 of 1,000. A
# text of which four fifths stand in one of ten times its length has five. Of the candidates the nearest are compared.
_MIN_EQUAL = 2
_MAX_COMPARED = 8
_MAX_KNOWN = 4000  # articles whose word sequences are held: 5 kB each


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


class StoryIndex:
    """The articles of the last days, to find the story of a new one. Add in the order in which they were seen."""

    def __init__(self, load_texts: Callable[[Sequence[int]], Mapping[int, str]], days: int = STORY_DAYS) -> None:
        """`load_texts` gives the stored texts of articles, without those that have been purged."""
        self._load_texts = load_texts
        self._window = timedelta(days=days)
        self._sketches = Sketches()
        self._reports: dict[int, Report] = {}
        self._known: dict[int, NDArray[np.int64]] = {}  # word sequences of articles that others were compared with
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
        self._known.pop(article_id, None)
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
        candidates = (
            (estimate, report)
            for estimate, report in self._nearest(fingerprint, seen_at, own)
            if report.outlet != outlet or not are_a_series(title, report.title)
        )
        nearest = list(islice(candidates, _MAX_COMPARED))
        shares = self._shares(text, [report.article_id for _, report in nearest]) if text and nearest else {}
        for estimate, report in nearest:
            share = shares.get(report.article_id)
            if not text or share is None:
                if estimate >= ESTIMATED:
                    return Match(report.article_id, report.story_id, "fingerprint")
            elif share >= MAY_COVER:
                theirs = self._load_texts([report.article_id]).get(report.article_id, "")
                if not is_copy(text, theirs, of_one_outlet=report.outlet == outlet):
                    continue
                if not (site and report.site == site and is_furniture((title, text), (report.title, theirs))):
                    return Match(report.article_id, report.story_id, "text")
        return None

    def _shares(self, text: str, numbers: Sequence[int]) -> dict[int, float]:
        """How much of the shorter text stands in the longer one, of this text and each article's that has not been purged."""
        if len(self._known) > _MAX_KNOWN:
            self._known.clear()
        if unknown := [number for number in numbers if number not in self._known]:
            texts = self._load_texts(unknown)
            self._known |= {number: sequences_of(texts[number]) for number in unknown if texts.get(number)}
        own = sequences_of(text)
        return {number: share_held(own, self._known[number]) for number in numbers if number in self._known}

    def is_furniture(
        self, fingerprint: bytes, text: str, title: str, site: str, seen_at: datetime, article_id: int | None
    ) -> bool:
        """Whether a page of the site that is another article's has this text under a headline that is not alike."""
        nearest = self._nearest(fingerprint, seen_at, (article_id, None))
        near = [one for _, one in nearest if one.site == site][:_MAX_COMPARED]
        shares = self._shares(text, [one.article_id for one in near])
        same = [number for number, share in shares.items() if share >= MAY_COVER]
        texts = self._load_texts(same) if same else {}
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


def _title_key(title: str) -> str | None:
    words = split_words(title)
    return " ".join(words) if len(words) >= TITLE_WORDS else None
