"""Queries of a collecting run: what is known, which pages are owed or looked at again, and how a batch is stored."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, cast, delete, func, insert, or_, update
from sqlalchemy import select as select_columns
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlmodel import Session, col, select

from models.admission import Stored
from models.revisits import RECHECK_DAYS, RECHECK_HOURS
from models.store.columns import UtcDateTime, chunks
from models.store.tables import (
    Article,
    ArticleAlias,
    EarlierHeadline,
    FetchEvent,
    HostState,
    RecognisedArticle,
    Run,
    SourceState,
    Story,
)
from models.tagging.decisions import State

Row = dict[str, Any]  # the columns of a table
_NAMING = frozenset({"title", "summary", "text"})  # columns that may name organisations

_EVER = datetime(1970, 1, 1, tzinfo=UTC)  # SQLite finds what is later by the index, but not what is merely "not null"
_article = Article.__table__.c  # type: ignore[attr-defined]
_alias = ArticleAlias.__table__.c  # type: ignore[attr-defined]


def start_run(flow: str, now: datetime, *, session: Session) -> int:
    """A new run; returns its id."""
    run = Run(flow=flow, started_at=now)
    session.add(run)
    session.flush()
    assert run.id is not None  # set by the flush
    return run.id


def finish_run(run_id: int, now: datetime, outcomes: dict[str, dict[str, int]], *, session: Session) -> None:
    """Record what became of every entry of a run: {source: {outcome: count}}."""
    run = session.get_one(Run, run_id)
    run.finished_at = now
    run.outcomes = outcomes
    run.entries = sum(sum(counts.values()) for counts in outcomes.values())
    session.add(run)


def source_states(*, session: Session) -> dict[str, SourceState]:
    """What is remembered of every source, by id."""
    return {state.source: state for state in session.exec(select(SourceState))}


def note_failures_told(sources: Collection[str], now: datetime, *, session: Session) -> None:
    """Remember that a person was told that these sources fail."""
    state = SourceState.__table__.c  # type: ignore[attr-defined]
    for chunk in chunks(list(sources)):
        session.execute(
            update(SourceState).where(state.source.in_(chunk), state.failures > 0).values(failure_told_at=now)
        )


def host_states(*, session: Session) -> dict[str, HostState]:
    """What is remembered of every host, by host."""
    return {state.host: state for state in session.exec(select(HostState))}


def known_aliases(urls: Collection[str], *, session: Session) -> set[str]:
    """Those of the addresses that lead to an article that is stored under another."""
    found: set[str] = set()
    for chunk in chunks(list(urls)):
        found.update(session.exec(select(ArticleAlias.url).where(col(ArticleAlias.url).in_(chunk))))
    return found


class RecentArticle(NamedTuple):
    """What folding copies needs of a stored article."""

    article_id: int
    story_id: int
    outlet: str
    title: str
    seen_at: datetime  # published, else first seen
    fingerprint: bytes | None
    url: str


def recent_articles(since: datetime, *, session: Session) -> Iterator[RecentArticle]:
    """The articles first seen since then, in that order."""
    query = (
        select_columns(
            _article.id,
            _article.story_id,
            _article.outlet,
            _article.title,
            func.coalesce(_article.published_at, _article.first_seen_at, type_=UtcDateTime()),
            _article.fingerprint,
            _article.url,
        )
        .where(_article.first_seen_at >= since, _article.story_id.is_not(None))
        .order_by(_article.first_seen_at, _article.id)
        .execution_options(yield_per=1000)
    )
    return (RecentArticle(*row) for row in session.execute(query))


def article_texts(ids: Collection[int], *, session: Session) -> dict[int, str]:
    """The texts of these articles: {id: text}, without those that never had one or whose text has been purged."""
    found = session.execute(select_columns(_article.id, _article.text).where(_article.id.in_(list(ids))))
    return {number: text for number, text in found if text}


def articles_by_id(ids: Collection[int], *, session: Session) -> dict[int, Article]:
    """The articles with these numbers: {id: article}, no longer of the session: changing them changes nothing stored."""
    found = dict[int, Article]()
    for chunk in chunks(list(ids)):
        for article in session.exec(select(Article).where(col(Article.id).in_(chunk))).all():
            session.expunge(article)
            if article.id is not None:
                found[article.id] = article
    return found


def article_ids_of(urls: Collection[str], *, session: Session) -> dict[str, int]:
    """The articles that are stored under these normalised addresses: {address: article id}."""
    found = dict[str, int]()
    for chunk in chunks(list(urls)):
        query = select_columns(_article.url, _article.id).where(_article.url.in_(chunk))
        found.update((url, article_id) for url, article_id in session.execute(query))
    return found


@dataclass(slots=True)
class NewRows:
    """What a batch adds and changes: rows that name each other by numbers that `reserve_ids` kept free for them."""

    stories: list[Row] = field(default_factory=list)
    articles: list[Row] = field(default_factory=list)
    changes: list[Row] = field(default_factory=list)  # of articles that are stored: `id` and the columns that change
    dropped: list[int] = field(default_factory=list)  # rows of this run's listings that are no article after all
    aliases: dict[str, int] = field(default_factory=dict)  # another address of an article: its id
    headlines: list[Row] = field(default_factory=list)  # that others took the place of
    moves: dict[int, int] = field(default_factory=dict)  # articles that change their story: its id
    unsettled: set[int] = field(default_factory=set)  # stories whose articles have changed


def reserve_ids(table: type[Article | Story], count: int, *, session: Session) -> list[int]:
    """The numbers of so many new rows; the session writes, and holds the turn of those that store."""
    if not count:
        return []
    column = table.__table__.c.id  # type: ignore[union-attr]
    if session.get_bind().dialect.name == "postgresql":
        sequence = cast(func.pg_get_serial_sequence(table.__tablename__, "id"), REGCLASS)
        numbers = select_columns(func.nextval(sequence)).select_from(func.generate_series(1, count))
        return list(session.scalars(numbers))
    last = session.scalar(select_columns(func.max(column))) or 0
    return list(range(last + 1, last + 1 + count))


def store_rows(new: NewRows, *, session: Session) -> None:
    """Store a batch in a statement a table, past the session's objects: one by one they took half of the time of storing.

    What becomes of its stories is for `models.store.story_leads`.
    """
    article, story = Article.__table__, Story.__table__  # type: ignore[attr-defined]
    if new.stories:
        session.execute(insert(story), new.stories)
    for rows in _alike(new.articles):
        session.execute(insert(article), rows)
    if new.dropped:
        headline = EarlierHeadline.__table__  # type: ignore[attr-defined]
        session.execute(delete(headline).where(headline.c.article_id.in_(new.dropped)))
        session.execute(delete(article).where(article.c.id.in_(new.dropped)))
    for rows in _alike(new.changes):
        columns = {name: bindparam(f"new_{name}", type_=article.c[name].type) for name in rows[0] if name != "id"}
        statement = update(article).where(article.c.id == bindparam("new_id")).values(columns)
        session.connection().execute(statement, [{f"new_{name}": row[name] for name in row} for row in rows])
        if not _NAMING.isdisjoint(rows[0]):  # organisations are looked for anew
            recognised = RecognisedArticle.__table__  # type: ignore[attr-defined]
            session.execute(delete(recognised).where(recognised.c.article_id.in_([row["id"] for row in rows])))
    known = known_aliases(new.aliases, session=session)
    if aliases := [{"url": url, "article_id": number} for url, number in new.aliases.items() if url not in known]:
        session.execute(insert(ArticleAlias), aliases)
    if new.headlines:
        kind = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
        statement = kind.insert(EarlierHeadline.__table__).on_conflict_do_nothing()  # type: ignore[attr-defined]
        session.execute(statement, new.headlines)


def add_events(events: Iterable[Row], *, session: Session) -> None:
    """Keep the log of requests."""
    if rows := list(events):
        session.execute(insert(FetchEvent), rows)


def stored_at(urls: Collection[str], *, session: Session) -> dict[str, Stored]:
    """What is stored under these normalised addresses, an article's own or another one of it."""
    columns: list[ColumnElement[Any]] = [
        _article.id,
        _article.source,
        _article.title,
        _article.summary,
        _article.listed_title,
        _article.listed_digest,
        _article.attempts,
        _article.first_seen_at,
        _article.page_owed_since,
        _article.page_checked_at,
        _article.page_given_up,
        _article.text.is_not(None),
        _article.outcome,
        _article.text_status,
    ]
    own = select_columns(_article.url, *columns)
    other = select_columns(_alias.url, *columns).join_from(ArticleAlias, Article, _alias.article_id == _article.id)
    found = dict[str, Stored]()
    for chunk in chunks(list(urls)):
        for query in (other.where(_alias.url.in_(chunk)), own.where(_article.url.in_(chunk))):
            found.update((url, Stored(*rest)) for url, *rest in session.execute(query))
    return found


def owed_articles(
    now: datetime | None, sources: Collection[str] | None, limit: int, *, session: Session
) -> Sequence[Article]:
    """Articles whose page is owed and due (with `now` None: due or not), those that have waited longest first."""
    due = col(Article.page_due_at) > _EVER if now is None else col(Article.page_due_at) <= now
    query = select(Article).where(due, col(Article.page_owed_since).is_not(None))
    if sources is not None:
        query = query.where(col(Article.source).in_(list(sources)))
    return session.exec(query.order_by(col(Article.page_due_at), col(Article.id)).limit(limit)).all()


def articles_to_recheck(
    now: datetime, sources: Collection[str], limit: int, *, all_due: bool, session: Session
) -> Sequence[Article]:
    """Articles that were read and may have changed: where a listing says so, live pages, openings, and stories in scope.

    With `all_due` also those live pages and openings that are not due yet.
    """
    before = now - timedelta(hours=RECHECK_HOURS)
    live_or_hinted = col(Article.page_due_at).is_not(None) if all_due else col(Article.page_due_at) <= now
    in_scope = col(Article.scope_state).in_([State.YES.value, State.UNCERTAIN.value])
    query = (
        select(Article)
        .where(col(Article.first_seen_at) >= now - timedelta(days=RECHECK_DAYS), col(Article.page_checked_at) < now)
        .where(col(Article.page_owed_since).is_(None), col(Article.source).in_(list(sources)))
        .where(or_(live_or_hinted, in_scope & (col(Article.page_checked_at) < before)))
        # Stories of the edition first: a day with many openings, or a listing that calls all of it updated, delays none.
        .order_by(
            in_scope.is_not(True), col(Article.page_due_at).is_(None), col(Article.page_checked_at), col(Article.id)
        )
        .limit(limit)
    )
    return session.exec(query).all()


def count_owed(*, session: Session) -> int:
    """How many pages are owed."""
    query = select_columns(func.count()).where(_article.page_due_at > _EVER, _article.page_owed_since.is_not(None))
    return int(session.execute(query).scalar_one())


def _alike(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows in groups of the same columns, in their order."""
    groups: dict[frozenset[str], list[Row]] = {}
    for row in rows:
        groups.setdefault(frozenset(row), []).append(row)
    return list(groups.values())
