"""Folding articles into stories: those of a batch as they are stored or change, and those of the past in their order.

A backfill stores articles without a story, on many machines and in any order. They find theirs afterwards, in the order in
which they came out, so that the stories are the same whatever ran first: a fortnight at a time, with the fortnights around
it at hand, so that memory is bounded by a month of news, not by the archive.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models.outcomes import Outcome
from models.page_identity import site_of
from models.store import backfill, collecting
from models.store.collecting import NewRows, Row
from models.store.database import Database
from models.store.locks import lock_writers, wait_for_lock
from models.store.story_leads import settle_stories
from models.store.tables import Story
from models.stories import STORY_DAYS, Report, StoryIndex

WINDOW = timedelta(days=STORY_DAYS)
BATCH = 500  # articles in one transaction
FOLD_LOCK = "fold"
_APART = frozenset({Outcome.OTHER_LANGUAGE})  # never a copy: what it shares with others are names


class StoryFolder:
    """Finds the story of each article; writes it into the article's row and what follows of it into `rows`."""

    def __init__(self, index: StoryIndex, rows: NewRows, story_ids: Iterator[int]) -> None:
        self.texts: dict[int, str] = {}  # of this batch's articles
        self._index = index
        self._rows = rows
        self._story_ids = story_ids

    def fold(self, row: Row, outcome: Outcome, seen_at: datetime, first_seen_at: datetime) -> Outcome:
        """Give an article without a story the one of which it is a copy, or one of its own; the outcome that it has then.

        Args:
            row: id, url, outlet, title, text and fingerprint; its `story_id` is set.
            seen_at: when it was published, else first seen.
            first_seen_at: when a story of its own would begin.
        """
        match = None
        if outcome not in _APART:
            match = self._index.find(
                fingerprint=row["fingerprint"],
                text=row["text"],
                title=row["title"],
                outlet=row["outlet"],
                seen_at=seen_at,
                site=site_of(row["url"]),
            )
        if match is not None:
            row["story_id"] = match.story_id
            self._rows.unsettled.add(match.story_id)
            outcome = outcome if outcome.leaves_page_owed else Outcome.COPY
        else:
            row["story_id"] = self._new_story(row["id"], first_seen_at)
        self._remember(row, seen_at, site_of(row["url"]))
        return outcome

    def fold_again(
        self,
        row: Row,
        outcome: Outcome,
        seen_at: datetime,
        now: datetime,
        *,
        url: str,
        first_text: bool,
        same: int | None = None,
    ) -> Outcome:
        """Find the story of an article that has one, now that it has a (new) text; its outcome then.

        Args:
            url: its address.
            first_text: until now it was known by its headline alone.
            same: the article that is the same page under another address.
        """
        own, number = row["story_id"], row["id"]
        match = self._index.find(
            fingerprint=row["fingerprint"],
            text=row["text"],
            title=row["title"],
            outlet=row["outlet"],
            seen_at=seen_at,
            site=site_of(url),
            article_id=number,
            story_id=own,
        )
        found = match.story_id if match is not None else None
        if same is not None and (known := self._index.story_of(same)) is not None:
            found = known
        others = self._index.others(number, own)
        if found is None and first_text and others:
            row["story_id"] = self._new_story(
                number, now
            )  # it was there for its headline alone, and tells something else
            self._rows.unsettled |= {own, row["story_id"]}
        elif found is not None and found != own:
            # Where the others have texts of their own, which are not this one, they stay; else the older story stays, with all.
            row["story_id"] = found if any(one.fingerprint is not None for one in others) else min(own, found)
            movers = self._index.others(number, found if row["story_id"] == own else own)
            if row["story_id"] == own or all(one.fingerprint is None for one in others):
                for mover in movers:
                    self._rows.moves[mover.article_id] = row["story_id"]
                    self._index.move(mover.article_id, row["story_id"])
            self._rows.unsettled |= {own, found}
        self._remember(row, seen_at, site_of(url))
        return Outcome.COPY if found is not None else outcome

    def _new_story(self, lead: int, first_seen_at: datetime) -> int:
        story = next(self._story_ids)
        self._rows.stories.append({"id": story, "lead_article_id": lead, "first_seen_at": first_seen_at, "outlets": 1})
        return story

    def _remember(self, row: Row, seen_at: datetime, site: str) -> None:
        if row["text"]:
            self.texts[row["id"]] = row["text"]
        names = (row["id"], row["story_id"], row["outlet"], row["title"])
        self._index.add(Report(*names, seen_at, row["fingerprint"], site))


@dataclass(frozen=True, slots=True)
class FoldSummary:
    """What folding the past did."""

    articles: int
    copies: int


def cluster_unassigned(
    database: Database, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> FoldSummary:
    """Give every article of the past that waits for its story one; safe to stop and start again, and for two at once."""
    with wait_for_lock(database, FOLD_LOCK):  # two would both see it wait, and give it a story each
        return _cluster_unassigned(database, progress)


def _cluster_unassigned(database: Database, progress: Callable[[int, int], None]) -> FoldSummary:
    articles = copies = 0
    with database.read() as session:
        total = backfill.count_waiting(session=session)
    while True:
        with database.read() as session:
            start = backfill.first_waiting(session=session)
            if start is None:
                return FoldSummary(articles, copies)
            waiting = list(backfill.between(start, start + WINDOW, waiting=True, session=session))
        index = _index_around(database, start)
        for batch in (waiting[at : at + BATCH] for at in range(0, len(waiting), BATCH)):
            copies += _fold_batch(database, index, batch)
            articles += len(batch)
            progress(articles, max(total, articles))


def _index_around(database: Database, start: datetime) -> StoryIndex:
    """What has a story already, near the fortnight from `start`."""

    def load_texts(article_ids: Sequence[int]) -> Mapping[int, str]:
        with database.read() as session:
            return collecting.article_texts(article_ids, session=session)

    index = StoryIndex(load_texts)
    with database.read() as session:
        for row in backfill.between(start - WINDOW, start + 2 * WINDOW, waiting=False, session=session):
            names = (row.id, row.story_id, row.outlet, row.title)
            index.add(Report(*names, row.moment, row.fingerprint, site_of(row.url)))
    return index


def _fold_batch(database: Database, index: StoryIndex, batch: Sequence[Any]) -> int:
    """Fold so many waiting articles (rows of `backfill.between`); how many are copies."""
    rows, copies = NewRows(), 0
    with database.write() as session:
        lock_writers("collect", session=session)
        texts = collecting.article_texts([one.id for one in batch if one.fingerprint], session=session)
        folder = StoryFolder(index, rows, iter(collecting.reserve_ids(Story, len(batch), session=session)))
        for one in batch:
            row: Row = {name: getattr(one, name) for name in ("id", "url", "outlet", "title", "fingerprint")}
            row["text"] = texts.get(one.id)
            outcome = folder.fold(row, Outcome(one.outcome), one.moment, one.first_seen_at)
            rows.changes.append({"id": one.id, "story_id": row["story_id"], "outcome": outcome})
            copies += outcome is Outcome.COPY
        collecting.store_rows(rows, session=session)
        settle_stories(rows.unsettled, session=session)
    return copies
