"""What is deleted when its time is past: texts by the rights class of their source, the log of requests, departed people.

Only the text goes: title, link, tags with their evidence and the story's place in the trends stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlmodel import Session, col

from models.sources import Registry
from models.store import recipients
from models.store.database import Database
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
    texts = sum(_purge_texts(database, sources, days, now) for days, sources in text_terms(database, registry))
    requests = _purge_requests(database, now)
    with database.write() as session:
        erased = recipients.erase_departed(now, session=session)
    return Upkeep(texts, requests, erased)


def text_terms(database: Database, registry: Registry) -> list[tuple[int, Sequence[str]]]:
    """The days for which texts may be kept, with the sources that they hold for.

    Sources that have left the registry are in the default class, as everywhere.
    """
    with database.read() as session:
        stored = set(session.scalars(select(col(Article.source)).distinct()))
    known = {source.id for source in registry.sources}
    days = sorted((registry.rights_of(source).store_text_days, source) for source in stored | known)
    return [(term, [source for _, source in group]) for term, group in groupby(days, key=lambda pair: pair[0])]


def _purge_texts(database: Database, sources: Sequence[str], days: int, now: datetime) -> int:
    """Empty the texts of these sources that are older than so many days; untagged ones wait for their tags first."""
    article = Article.__table__  # type: ignore[attr-defined]
    last = now - timedelta(days=days)
    purged = 0
    while True:
        ids = (
            select(article.c.id)
            .where(article.c.source.in_(list(sources)), article.c.text.is_not(None))
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
