"""Queries of a backfill: which parts are done, what is stored already, and storing by address whoever comes first.

Several processes, on several machines, store at once and in any order. Of two captures of one page the earlier one
stays, so the rows are the same whatever ran first; stories are found afterwards (`models.folding`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from models.store.collecting import CHUNK
from models.store.columns import UtcDateTime
from models.store.tables import Article, ArticleAlias, BackfillPart, Story

_NEVER = datetime.min.replace(tzinfo=UTC)

_article = Article.__table__  # type: ignore[attr-defined]
_alias = ArticleAlias.__table__  # type: ignore[attr-defined]
_story = Story.__table__  # type: ignore[attr-defined]

ArticleRow = dict[str, Any]  # the columns of an article that a backfill knows; no id, no story


def moment() -> Any:
    """When an article came out, as far as is known: the order in which history is folded into stories."""
    return func.coalesce(_article.c.published_at, _article.c.first_seen_at, type_=UtcDateTime())


def _waits() -> Any:
    """Of articles of the past: no story was found yet. Those that a run has listed today wait for their own run."""
    return _article.c.backfilled & _article.c.story_id.is_(None)


def is_finished(part: str, *, session: Session) -> bool:
    """Whether this part of a backfill is done."""
    return session.get(BackfillPart, part) is not None


def finish_part(
    part: str, now: datetime, *, read: int, stored: int, outcomes: Mapping[str, int], session: Session
) -> None:
    """Remember that a part is done, all its articles being stored."""
    session.merge(BackfillPart(part=part, finished_at=now, read=read, stored=stored, outcomes=dict(outcomes)))


def held(urls: Collection[str], *, session: Session) -> dict[str, datetime]:
    """Those addresses that are stored, each with the time before which another capture of it would still be wanted."""
    wanted = list(urls)
    found: dict[str, datetime] = {}
    own = select(_article.c.url, _article.c.first_seen_at, _waits())
    other = select(_alias.c.url, _article.c.first_seen_at, _waits()).join_from(
        _alias, _article, _alias.c.article_id == _article.c.id
    )
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        for query in (own.where(_article.c.url.in_(chunk)), other.where(_alias.c.url.in_(chunk))):
            for url, first_seen_at, waits in session.execute(query):
                found[url] = first_seen_at if waits else _NEVER
    return found


def store_rows(rows: Sequence[ArticleRow], aliases: Mapping[str, str], *, session: Session) -> int:
    """Store articles that wait for their story; the number that are new or replace a later capture.

    `aliases` leads from another address to the one that is stored.
    """
    if not rows:
        return 0
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    earliest: dict[str, ArticleRow] = {}
    for row in rows:
        known = earliest.get(row["url"])
        if known is None or row["first_seen_at"] < known["first_seen_at"]:
            earliest[row["url"]] = row
    statement: Any = insert(_article)
    changed = {name: statement.excluded[name] for name in rows[0] if name != "url"}
    statement = statement.on_conflict_do_update(
        index_elements=["url"],
        set_=changed,
        where=_waits() & (statement.excluded.first_seen_at < _article.c.first_seen_at),
    ).returning(_article.c.id)
    # Every process stores in the same order, so that two batches never wait for each other's rows.
    stored = len(session.execute(statement, [earliest[url] for url in sorted(earliest)]).all())
    _store_aliases(aliases, insert, session)
    return stored


def _store_aliases(aliases: Mapping[str, str], insert: Any, session: Session) -> None:
    leads = sorted(set(aliases.values()))
    ids: dict[str, int] = {}
    for start in range(0, len(leads), CHUNK):
        query = select(_article.c.url, _article.c.id).where(_article.c.url.in_(leads[start : start + CHUNK]))
        ids.update((url, article_id) for url, article_id in session.execute(query))
    rows = [{"url": url, "article_id": ids[lead]} for url, lead in sorted(aliases.items()) if lead in ids]
    if rows:
        session.execute(insert(_alias).on_conflict_do_nothing(index_elements=["url"]), rows)


def first_waiting(*, session: Session) -> datetime | None:
    """The moment of the earliest article that waits for its story; None where none does."""
    found: datetime | None = session.execute(select(func.min(moment())).where(_waits())).scalar()
    return found


def count_waiting(*, session: Session) -> int:
    """How many articles wait for their story."""
    query = select(func.count()).select_from(_article).where(_waits())
    return int(session.execute(query).scalar_one())


def between(start: datetime, end: datetime, *, waiting: bool, session: Session) -> Iterable[Any]:
    """Articles with a moment from `start` to before `end`, by moment and address: those that wait, or the others.

    Rows of id, story_id, outlet, title, moment, first_seen_at, fingerprint and outcome.
    """
    c = _article.c
    state = _waits() if waiting else c.story_id.is_not(None)
    dated = (c.published_at >= start) & (c.published_at < end)
    undated = c.published_at.is_(None) & (c.first_seen_at >= start) & (c.first_seen_at < end)
    columns = [c.id, c.story_id, c.outlet, c.title, moment().label("moment"), c.first_seen_at, c.fingerprint, c.outcome]
    query = select(*columns).where(state, dated | undated).order_by(moment(), c.url)
    return session.execute(query.execution_options(yield_per=200))


def add_stories(leads: Sequence[tuple[int, datetime]], *, session: Session) -> dict[int, int]:
    """A story for each lead (article id, when it was first seen): {article id: story id}."""
    if not leads:
        return {}
    rows = [{"lead_article_id": lead, "first_seen_at": seen, "outlets": 1} for lead, seen in leads]
    made = session.execute(_story.insert().returning(_story.c.lead_article_id, _story.c.id), rows)
    return {row.lead_article_id: row.id for row in made}


def set_stories(stories: Mapping[int, int], copies: Collection[int], outcome: str, *, session: Session) -> None:
    """Give articles their stories ({article id: story id}); the `copies` among them get `outcome`."""
    table = _article
    plain = [{"key": article, "value": story} for article, story in stories.items() if article not in copies]
    copied = [{"key": article, "value": story} for article, story in stories.items() if article in copies]
    statement = update(table).where(table.c.id == bindparam("key")).values(story_id=bindparam("value"))
    if plain:
        session.connection().execute(statement, plain)
    if copied:
        session.connection().execute(statement.values(outcome=outcome), copied)
