"""Tagging what is stored: in batches, each in one transaction, so that a killed run leaves whole articles only."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from models.reviews import QUEUE_DAYS
from models.store import audit, reviews
from models.store import tagging as queries
from models.store.database import Database
from models.store.tables import Article
from models.tagging.decisions import Document, State, Tagging

# Articles; their sentences are encoded together. As many as the tagger reads at once, and few enough that with the encoder (a
# second or two a batch) one core does not wait long for the other at the end.
BATCH = 32
RETAG_DAYS = 28  # a new model looks again at the last four weeks, so that trends compare like with like

Progress = Callable[[int, int], None]  # stories done, of how many


class Tags(Protocol):
    """What tagging needs of a tagger."""

    @property
    def version(self) -> str:
        """Names the trained model."""

    def tag(self, documents: Sequence[Document]) -> list[Tagging]:
        """One tagging for each document."""


@dataclass(frozen=True, slots=True)
class TagSummary:
    """What a tagging run did."""

    judged: int
    in_scope: int
    other_language: int
    by_theme: dict[str, int]  # articles tagged `yes`
    version: str
    uncertain: int  # articles in the review queue once the run has ended, whichever run brought them


@dataclass(frozen=True, slots=True)
class Batch:
    """Articles that are tagged together and stored in one transaction."""

    articles: tuple[Article, ...]

    @property
    def documents(self) -> list[Document]:
        """Those in a language that the tagger reads, as it reads them, in order."""
        return [queries.document_of(article) for article in self.articles if queries.is_readable(article)]


class Backlog:
    """The stories that wait for a tagger of one version: read batch by batch, stored whole.

    First every story that no model has judged, then those of the last `retag_days` that an older one did. Reading may run
    ahead of storing, so that batches are tagged side by side.
    """

    def __init__(self, database: Database, version: str, *, now: datetime, retag_days: int = RETAG_DAYS) -> None:
        self._database = database
        self._version = version
        self._now = now
        self._since = now - timedelta(days=retag_days) if retag_days else None
        self._queue_since = now - timedelta(days=QUEUE_DAYS)
        self._in_scope = self._other_language = 0
        self._by_theme: Counter[str] = Counter()
        self.judged = 0  # stories stored so far
        with database.read() as session:
            self.total = queries.count_waiting(version, self._since, session=session)

    def batches(self) -> Iterator[Batch]:
        """All that waits, oldest first; what is stored meanwhile behind the place reached waits for the next run."""
        after: tuple[datetime, int] | None = None
        while found := self._read(queries.untagged, BATCH, after=after):
            after = (found[-1].first_seen_at, _id(found[-1]))
            yield Batch(tuple(found))
        last = 0
        while self._since is not None and (
            found := self._read(queries.tagged_by_other_version, self._version, self._since, last, BATCH)
        ):
            last = _id(found[-1])
            yield Batch(tuple(found))

    def _read(self, query: Callable[..., Sequence[Article]], *given: Any, **options: Any) -> Sequence[Article]:
        with self._database.read() as session:
            return query(*given, session=session, **options)

    def store(self, batch: Batch, taggings: Sequence[Tagging]) -> None:
        """Store the taggings of a batch's documents, in their order."""
        readable = [article for article in batch.articles if queries.is_readable(article)]
        unreadable = [article for article in batch.articles if not queries.is_readable(article)]
        rows = [(_id(article), tagging) for article, tagging in zip(readable, taggings, strict=True)]
        rows += [(_id(article), queries.not_judged(self._version)) for article in unreadable]
        with self._database.write() as session:
            queries.store_taggings(rows, session=session)
        for tagging in taggings:
            self._in_scope += tagging.scope_state is State.YES
            if tagging.scope_state is State.YES:
                self._by_theme.update(tag.theme for tag in tagging.tags if tag.state is State.YES)
        self._other_language += len(unreadable)
        self.judged += len(batch.articles)

    def finish(self) -> TagSummary:
        """Let copies take over the scope of their leads, draw the audit sample of a week that is over; what was done."""
        with self._database.write() as session:
            queries.copy_scope_to_duplicates(session=session)
            audit.draw_week(self._now, session=session)
            in_queue = reviews.count_doubtful(self._queue_since, session=session)
        return TagSummary(
            self.judged, self._in_scope, self._other_language, dict(self._by_theme), self._version, in_queue
        )


def tag_stored(
    database: Database,
    tagger: Tags,
    *,
    now: datetime,
    retag_days: int = RETAG_DAYS,
    progress: Progress = lambda done, total: None,
) -> TagSummary:
    """Tag every story that waits in this process."""
    backlog = Backlog(database, tagger.version, now=now, retag_days=retag_days)
    for batch in backlog.batches():
        backlog.store(batch, tagger.tag(batch.documents))
        progress(backlog.judged, backlog.total)
    return backlog.finish()


def _id(article: Article) -> int:
    assert article.id is not None  # it comes from the database
    return article.id
