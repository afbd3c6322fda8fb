"""What is deleted when its time is past: texts by the rights class of their source, the log of requests, departed people.

Only the text goes: title, link, tags with their evidence and the story's place in the trends stay.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlmodel import Session, col

from models.sources import Registry
from models.store import deliveries, recipients, search
from models.store.database import Database
from models.store.source_snapshots import source_snapshots
from models.store.tables import Article, FetchEvent

LOG_DAYS = 90  # long enough to see a source fail for a quarter of a year, short enough to keep the file small
BATCH = 1000  # rows in one transaction, so that a run beside it never waits long


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What was deleted."""

    texts: int
    requests: int
    recipients: int


def keep_up(database: Database, registry: Registry, *, now: datetime) -> Upkeep:
    """Delete everything that is past its time; a run that is killed half-way has lost nothing, the next goes on."""
    texts = sum(_purge_texts(database, term, now) for term in text_terms(database, registry))
    requests = _purge_requests(database, now)
    # Whatever this run deleted: an earlier one may have been killed before it came here.
    with database.write() as session:
        search.forget_deleted(session=session)
    with database.write() as session:
        deliveries.forget_old_stories(now, session=session)
        erased = recipients.erase_departed(now, session=session)
    return Upkeep(texts, requests, erased)


@dataclass(frozen=True, slots=True)
class TextTerm:
    """For how long the texts of some sources may be kept that were stored under one rights class."""

    days: int
    rights: str | None  # None: of articles without a class on record
    sources: tuple[str, ...]


def text_terms(database: Database, registry: Registry) -> list[TextTerm]:
    """The terms of all texts: the shorter of that of the classes on record and of the registry's class of today."""
    with database.read() as session:
        query = select(col(Article.source), col(Article.rights)).where(col(Article.text).is_not(None)).distinct()
        stored = [(source, rights) for source, rights in session.execute(query)]
        snapshots = source_snapshots(session=session)
    by_term: dict[tuple[int, str | None], list[str]] = defaultdict(list)
    for source, rights in stored:
        last = snapshots.get(source)
        on_record = [name for name in (rights, last.rights if last else None) if name]
        days = registry.rights_then_and_now(source, on_record).store_text_days
        by_term[days, rights].append(source)
    return [TextTerm(days, rights, tuple(sources)) for (days, rights), sources in by_term.items()]


def _purge_texts(database: Database, term: TextTerm, now: datetime) -> int:
    """Empty the texts whose term is over; untagged ones wait for their tags first."""
    article = Article.__table__  # type: ignore[attr-defined]
    last = now - timedelta(days=term.days)
    purged = 0
    while True:
        ids = (
            select(article.c.id)
            .where(article.c.source.in_(term.sources), article.c.rights.is_not_distinct_from(term.rights))
            .where(article.c.text.is_not(None))
            .where(article.c.first_seen_at < last, article.c.model_version.is_not(None))
            .limit(BATCH)
        )
        with database.write() as session:
            done = _rows(session, update(article).where(article.c.id.in_(ids)).values(text=None))
        purged += done
        if done < BATCH:
            return purged


def _purge_requests(database: Database, now: datetime) -> int:
    event = FetchEvent.__table__  # type: ignore[attr-defined]
    last = now - timedelta(days=LOG_DAYS)
    purged = 0
    while True:
        ids = select(event.c.id).where(event.c.started_at < last).limit(BATCH)
        with database.write() as session:
            done = _rows(session, delete(event).where(event.c.id.in_(ids)))
        purged += done
        if done < BATCH:
            return purged


def _rows(session: Session, statement: Any) -> int:
    result: Any = session.execute(statement)
    return int(result.rowcount)


def counts(*, session: Session) -> dict[str, int]:
    """Articles, of which with text, and logged requests: what upkeep reports."""
    article = Article.__table__.c  # type: ignore[attr-defined]
    return {
        "articles": int(session.execute(select(func.count(article.id))).scalar_one()),
        "with text": int(session.execute(select(func.count(article.id)).where(article.text.is_not(None))).scalar_one()),
        "requests": int(session.execute(select(func.count()).select_from(FetchEvent)).scalar_one()),
    }
