"""Organisations and their mentions in the database: recorded, looked for again when the vocabulary has changed, asked for."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import and_, delete, func, insert, or_, update
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from models.mentions import Recogniser
from models.organisations import Organisations, load_organisations, version_of
from models.store.database import Database
from models.store.in_scope import article, members, published_or_seen, story_key
from models.store.locks import lock_writers
from models.store.tables import Article, RecognisedArticle, StoredMention, StoredOrganisation

STORY_DAYS = 365  # that are searched for an organisation's stories
RECENT_DAYS = 28  # that every run looks at, as for tagging; older articles are for upkeep
_TURN = "mentions"
_EVER = datetime(1948, 7, 5, tzinfo=UTC)  # before the first article about the NHS
BATCH = 100  # articles in one transaction: a tenth of a second of another writer's waiting


@dataclass(frozen=True, slots=True)
class StoryOfOrganisation:
    """A story in scope that names an organisation."""

    article_id: int
    title: str
    url: str
    outlet: str
    seen_at: datetime  # published, else first seen
    count: int  # of its mentions in the title, summary and text


def record_mentions(articles: Sequence[Article], recogniser: Recogniser, *, session: Session) -> int:
    """Replace the mentions of these articles by those that their title, summary and text hold now; how many they are.

    Of an article whose text has been purged, the mentions that were found in the text stay.
    """
    mention = StoredMention.__table__.c  # type: ignore[attr-defined]
    recognised = RecognisedArticle.__table__.c  # type: ignore[attr-defined]
    rows: list[dict[str, Any]] = []
    for read in articles:
        found = recogniser.mentions(title=read.title, summary=read.summary, text=read.text or "")
        rows += [
            {
                "article_id": read.id,
                "organisation_id": one.organisation_id,
                "place": one.place,
                "start_offset": one.start,
                "end_offset": one.end,
                "surface": one.surface,
                "count": one.count,
            }
            for one in found
        ]
    ids = [one.id for one in articles]
    whole = [one.id for one in articles if one.text is not None or not one.words]
    session.execute(
        delete(StoredMention).where(
            mention.article_id.in_(ids), or_(mention.article_id.in_(whole), mention.place != "text")
        )
    )
    session.execute(delete(RecognisedArticle).where(recognised.article_id.in_(ids)))
    if rows:
        session.execute(insert(StoredMention), rows)
    if articles:
        session.execute(
            insert(RecognisedArticle),
            [{"article_id": one.id, "vocabulary": recogniser.version, "attempts": one.attempts} for one in articles],
        )
    return len(rows)


def record_recent(database: Database, own: Path | None, *, now: datetime) -> int:
    """Record the mentions of the articles of the last four weeks that have not been looked at; how many articles."""
    return _record_waiting(database, own, since=now - timedelta(days=RECENT_DAYS))


def record_all(database: Database, own: Path | None) -> int:
    """Record the mentions of every stored article that this vocabulary has not looked at; how many articles.

    Goes on where a killed one stopped. Organisations that have left the vocabulary, and that nothing names, are forgotten.
    """
    done = _record_waiting(database, own, since=_EVER)
    organisation = StoredOrganisation.__table__.c  # type: ignore[attr-defined]
    named = select_columns(StoredMention.__table__.c.organisation_id)  # type: ignore[attr-defined]
    with database.write() as session:
        session.execute(
            delete(StoredOrganisation).where(organisation.vocabulary != version_of(own), organisation.id.not_in(named))
        )
    return done


def _record_waiting(database: Database, own: Path | None, *, since: datetime) -> int:
    version, done, after = version_of(own), 0, (since, 0)
    recogniser: Recogniser | None = None
    while True:
        with database.read() as session:
            if not _waiting(version, after, 1, session=session):
                return done
        if recogniser is None:  # most runs find nothing to look at, and need no vocabulary
            organisations = load_organisations(own)
            recogniser = Recogniser(organisations)
            with database.write() as session:
                lock_writers(_TURN, session=session)
                record_organisations(organisations, session=session)
        with database.write() as session:
            lock_writers(_TURN, session=session)  # a run and upkeep at once would record the same article twice
            articles = _waiting(version, after, BATCH, session=session)
            record_mentions(articles, recogniser, session=session)
        done += len(articles)
        if articles:
            after = (articles[-1].first_seen_at, articles[-1].id or 0)


def _waiting(version: str, after: tuple[datetime, int], limit: int, *, session: Session) -> Sequence[Article]:
    """Articles with a story that this vocabulary has not looked at, or not since their page was read again, oldest first.

    Those that come `after` a time and an id.
    """
    seen, number = col(Article.first_seen_at), col(Article.id)
    query = (
        select(Article)
        .outerjoin(
            RecognisedArticle,
            and_(
                col(RecognisedArticle.article_id) == Article.id,
                col(RecognisedArticle.vocabulary) == version,
                col(RecognisedArticle.attempts) == Article.attempts,
            ),
        )
        .where(col(RecognisedArticle.article_id).is_(None), col(Article.story_id).is_not(None))
        .where(seen >= after[0], or_(seen > after[0], number > after[1]))
        .order_by(seen, number)
        .limit(limit)
    )
    return session.exec(query).all()


def record_organisations(organisations: Organisations, *, session: Session) -> None:
    """Bring the table of organisations up to this vocabulary."""
    table = StoredOrganisation.__table__  # type: ignore[attr-defined]
    known = {row.id: row.vocabulary for row in session.execute(select_columns(table.c.id, table.c.vocabulary))}
    added: list[dict[str, Any]] = []
    for organisation in organisations.values():
        row = {key: value for key, value in asdict(organisation).items() if key in table.c}
        row |= {"successors": list(organisation.successors), "is_current": organisation.is_current}
        row["vocabulary"] = organisations.version
        if organisation.id not in known:
            added.append(row)
        elif known[organisation.id] != organisations.version:
            session.execute(update(table).where(table.c.id == organisation.id).values(row))
    if added:
        session.execute(insert(table), added)


def recent_stories(
    organisation_ids: Collection[str], limit: int, *, now: datetime, session: Session
) -> list[StoryOfOrganisation]:
    """The newest stories in scope of the last year that name one of these organisations, each told once."""
    mention = StoredMention.__table__  # type: ignore[attr-defined]
    told = [story_key().label("story"), article.id, article.title, article.url, article.outlet]
    moment = published_or_seen().label("moment")
    inside = members([*told, moment], now - timedelta(days=STORY_DAYS), now + timedelta(days=1)).subquery("inside")
    times = func.sum(mention.c.count)
    query = (
        select_columns(
            inside.c.story, inside.c.id, inside.c.title, inside.c.url, inside.c.outlet, inside.c.moment, times
        )
        .join(mention, mention.c.article_id == inside.c.id)
        .where(mention.c.organisation_id.in_(list(organisation_ids)))
        .group_by(*inside.c)
        .order_by(inside.c.moment.desc(), inside.c.id)
    )
    stories: dict[int, StoryOfOrganisation] = {}
    for story, *row in session.execute(query):
        stories.setdefault(story, StoryOfOrganisation(*row))
        if len(stories) == limit:
            break
    return list(stories.values())
