"""Tagging what is stored: in batches, each in one transaction, so that a killed run leaves whole articles only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from models.store import tagging as queries
from models.store.database import Database
from models.store.tables import Article
from models.tagging.decisions import Document, State, Tagging

BATCH = 64  # articles; their sentences are encoded together
RETAG_DAYS = 28  # a new model looks again at the last four weeks, so that trends compare like with like


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
    uncertain: int
    other_language: int
    by_theme: dict[str, int]  # articles tagged `yes`
    version: str


def tag_stored(
    database: Database,
    tagger: Tags,
    *,
    now: datetime,
    retag_days: int = RETAG_DAYS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> TagSummary:
    """Tag every story that waits, then those of the last `retag_days` that an older model judged."""
    judged = in_scope = uncertain = other_language = 0
    by_theme: dict[str, int] = {}

    def keep(articles: Sequence[Article]) -> None:
        nonlocal judged, in_scope, uncertain, other_language
        readable = [article for article in articles if article.language in {None, queries.ENGLISH}]
        unreadable = [article for article in articles if article.language not in {None, queries.ENGLISH}]
        taggings = tagger.tag([document_of(article) for article in readable])
        with database.write() as session:
            for article, tagging in zip(readable, taggings, strict=True):
                queries.store_tagging(_id(article), tagging, session=session)
                in_scope += tagging.scope_state is State.YES
                uncertain += tagging.scope_state is State.UNCERTAIN
                for tag in tagging.tags:
                    if tag.state is State.YES and tagging.scope_state is State.YES:
                        by_theme[tag.theme] = by_theme.get(tag.theme, 0) + 1
            for article in unreadable:
                queries.not_judged(_id(article), tagger.version, session=session)
        other_language += len(unreadable)
        judged += len(articles)

    with database.read() as session:
        total = queries.count_untagged(session=session)
    while True:
        with database.read() as session:
            batch = queries.untagged(BATCH, session=session)
        if not batch:
            break
        keep(batch)
        progress(judged, max(total, judged))
    after_id = 0
    while retag_days:
        with database.read() as session:
            since = now - timedelta(days=retag_days)
            batch = queries.judged_otherwise(tagger.version, since, after_id, BATCH, session=session)
        if not batch:
            break
        after_id = _id(batch[-1])
        keep(batch)
    with database.write() as session:
        queries.settle_copies(session=session)
    return TagSummary(judged, in_scope, uncertain, other_language, by_theme, tagger.version)


def nothing_tagged(version: str) -> TagSummary:
    """The summary of a run that found nothing to tag."""
    return TagSummary(0, 0, 0, 0, {}, version)


def document_of(article: Article) -> Document:
    """An article as the tagger reads it."""
    return Document(title=article.title, text=article.text or "", summary=article.summary)


def _id(article: Article) -> int:
    assert article.id is not None  # it comes from the database
    return article.id
