"""Folding history: articles that a backfill stored without a story find theirs, in the order in which they came out.

Apart from the reading, which runs on many machines in any order, so that the stories are the same whatever the order.
A fortnight at a time, with the fortnights around it at hand: memory is bounded by a month of news, not by the archive.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session

from models.outcomes import Outcome
from models.store import collecting, history
from models.store.database import Database
from models.store.story_leads import settle_stories
from models.stories import STORY_DAYS, Report, StoryIndex

WINDOW = timedelta(days=STORY_DAYS)
BATCH = 500  # articles in one transaction
# Never copies: what was not read, and what is not in a language that the texts of others could share.
_APART = frozenset({Outcome.OTHER_LANGUAGE, Outcome.FAILED})


@dataclass(frozen=True, slots=True)
class FoldSummary:
    """What folding did."""

    articles: int
    copies: int


@dataclass(slots=True)
class _Fold:
    """What is known while one fortnight is folded. A story that is not stored yet is named by its lead, below zero."""

    index: StoryIndex
    stories: dict[int, int] = field(default_factory=dict)  # lead article -> story, of those made here
    session: Session | None = None

    def texts_of(self, article_ids: Collection[int]) -> dict[int, str]:
        assert self.session is not None  # the index asks only while a batch is folded
        return collecting.article_texts(article_ids, session=self.session)


def fold_waiting(database: Database, *, progress: Callable[[int, int], None] = lambda done, total: None) -> FoldSummary:
    """Give every article that waits for its story one; safe to stop and start again."""
    articles = copies = 0
    with database.read() as session:
        total = history.count_waiting(session=session)
    while True:
        with database.read() as session:
            start = history.first_waiting(session=session)
        if start is None:
            return FoldSummary(articles, copies)
        fold = _around(database, start)
        for batch in _batches(database, start):
            copies += _fold_batch(database, fold, batch)
            articles += len(batch)
            progress(articles, max(total, articles))


def _around(database: Database, start: datetime) -> _Fold:
    """The index of what stands already near the fortnight from `start`."""
    fold = _Fold(index=StoryIndex(lambda article_ids: fold.texts_of(article_ids), days=WINDOW.days))
    with database.read() as session:
        near = history.between(start - WINDOW, start + 2 * WINDOW, waiting=False, session=session)
        for row in near:
            fold.index.add(Report(row.id, row.story_id, row.outlet, row.title, row.moment, row.fingerprint))
    return fold


def _batches(database: Database, start: datetime) -> "list[list[_Waiting]]":
    """The fortnight's waiting articles in order; their texts are loaded when they are folded."""
    with database.read() as session:
        rows = history.between(start, start + WINDOW, waiting=True, session=session)
        waiting = [
            _Waiting(row.id, row.outlet, row.title, row.moment, row.first_seen_at, row.fingerprint, row.outcome)
            for row in rows
        ]
    return [waiting[at : at + BATCH] for at in range(0, len(waiting), BATCH)]


@dataclass(frozen=True, slots=True)
class _Waiting:
    article_id: int
    outlet: str
    title: str
    moment: datetime
    first_seen_at: datetime
    fingerprint: bytes | None
    outcome: str


def _fold_batch(database: Database, fold: _Fold, batch: list[_Waiting]) -> int:
    found: dict[int, int] = {}  # article -> story, below zero where it is still to be made
    with database.write() as session:
        fold.session = session
        texts = fold.texts_of([one.article_id for one in batch if one.fingerprint])
        for one in batch:
            match = None
            if one.outcome not in _APART:
                match = fold.index.find(
                    fingerprint=one.fingerprint,
                    text=texts.get(one.article_id),
                    title=one.title,
                    outlet=one.outlet,
                    seen_at=one.moment,
                )
            found[one.article_id] = match.story_id if match else -one.article_id
            story = found[one.article_id]
            fold.index.add(Report(one.article_id, story, one.outlet, one.title, one.moment, one.fingerprint))
        leads = [(one.article_id, one.first_seen_at) for one in batch if found[one.article_id] == -one.article_id]
        fold.stories.update(history.add_stories(leads, session=session))
        stories = {article: story if story > 0 else fold.stories[-story] for article, story in found.items()}
        copies = found.keys() - {article for article, _ in leads}
        history.set_stories(stories, copies, Outcome.COPY, session=session)
        settle_stories({stories[copy] for copy in copies}, session=session)
        fold.session = None
    return len(copies)
