"""Which stories report one event and which continue one, in the database: found after tagging, undone by a person.

Every story in scope is compared once with those of its days and with earlier ones that name the same body; again when its
text or its lead has changed. What a person has separated is never put together again.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, delete, func, insert, or_, select, update
from sqlmodel import Session

from models.events import (
    FOLLOWS_WITHIN,
    OPENING,
    PLACED_KINDS,
    SAME_EVENT_WITHIN,
    Account,
    Compared,
    find_event,
    find_followed,
)
from models.reviews import ReviewError
from models.store.columns import UtcDateTime, chunks
from models.store.database import Database
from models.store.in_scope import article, members, published_or_seen, story
from models.store.locks import lock_writers
from models.store.tables import Article, EventReport, Separation, StoredMention, StoredOrganisation
from models.text import split_words_as_written
from models.weeks import Week

RECENT_DAYS = 28  # that every run looks at, as for tagging and for mentions
BATCH = 50  # stories in one transaction
MOST_EARLIER = 200  # stories about the same body that one is compared with, the newest
_TURN = "events"

report = EventReport.__table__.c  # type: ignore[attr-defined]
_separation = Separation.__table__.c  # type: ignore[attr-defined]
_mention = StoredMention.__table__.c  # type: ignore[attr-defined]
_organisation = StoredOrganisation.__table__.c  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Separated:
    """What a person's word on two articles has changed."""

    titles: tuple[str, str]
    were_one_event: bool
    was_followed: bool


def record_events(database: Database, *, now: datetime) -> int:
    """Find the events of the stories in scope of the last four weeks that were not compared yet; how many stories."""
    done = 0
    while True:
        with database.read() as session:
            if not session.execute(_waiting(now).limit(1)).first():
                return done
        with database.write() as session:
            done += place_waiting(now, session=session)


def place_waiting(now: datetime, *, session: Session) -> int:
    """Find the events of the next stories that wait for it, oldest first; how many stories."""
    lock_writers(_TURN, session=session)
    leads = [row.id for row in session.execute(_waiting(now).limit(BATCH))]
    _place(leads, session=session)
    return len(leads)


def separate(one: Article, other: Article, *, reviewer: str, note: str, now: datetime, session: Session) -> Separated:
    """Record that two articles do not belong together, and find the events of their stories anew.

    Raises:
        ReviewError: they are one article, or copies of one report.
    """
    if one.id is None or other.id is None or one.id == other.id:
        raise ReviewError("name two articles")
    if one.story_id is not None and one.story_id == other.story_id:
        raise ReviewError(
            f"articles {one.id} and {other.id} are copies of one report: their texts are the same, so they stay one story"
        )
    lock_writers(_TURN, session=session)
    first, second = sorted((one.id, other.id))
    if session.get(Separation, (first, second)) is None:
        session.add(Separation(article_id=first, other_id=second, reviewer=reviewer, note=note, at=now))
        session.flush()
    rows = {
        row.story_id: row
        for row in session.execute(select(*report).where(report.story_id.in_([one.story_id, other.story_id])))
    }
    mine, theirs = rows.get(one.story_id), rows.get(other.story_id)
    were_one = mine is not None and theirs is not None and mine.event_id == theirs.event_id
    followed = any(row.follows_story_id in rows for row in rows.values())
    if were_one or followed:
        events = {row.event_id for row in rows.values()}
        again = session.execute(
            select(report.lead_article_id).where(report.event_id.in_(events)).order_by(report.at, report.story_id)
        ).scalars()
        _place(list(again), session=session)
    return Separated((one.title, other.title), were_one, followed)


def _waiting(now: datetime) -> Select[tuple[int]]:
    """The leads in scope of the last weeks that were not compared as they are now, oldest first."""
    since, until = now - timedelta(days=RECENT_DAYS), now
    moment = published_or_seen().label("moment")
    inside = members([article.id, article.words, moment], since, until + timedelta(days=1)).subquery("inside")
    return (
        select(inside.c.id)
        .join(EventReport.metadata.tables["story"], story.lead_article_id == inside.c.id)
        .outerjoin(EventReport, report.story_id == story.id)
        .where(
            or_(report.story_id.is_(None), report.lead_article_id != inside.c.id, report.words != inside.c.words),
        )
        .order_by(inside.c.moment, inside.c.id)
    )


def _place(lead_ids: Sequence[int], *, session: Session) -> None:
    """Find the events of the stories of these leads, in their order, and store them."""
    accounts = _load(lead_ids, session=session)
    stories = [accounts[lead][0] for lead in lead_ids if lead in accounts]
    _take_out(stories, session=session)
    apart = _separated(stories, session=session)
    for lead in lead_ids:
        if lead not in accounts:
            continue
        story_id, words, new = accounts[lead]
        around = _events_around(new.account.at, accounts, session=session)
        found = find_event(new, around, apart)
        followed = find_followed(new, _earlier(new, accounts, session=session), apart)
        session.execute(
            insert(EventReport).values(
                story_id=story_id,
                event_id=found[0] if found else story_id,
                follows_story_id=followed[0] if followed else None,
                lead_article_id=lead,
                words=words,
                at=new.account.at,
            )
        )


def _take_out(story_ids: Sequence[int], *, session: Session) -> None:
    """Forget what was found of these stories; an event that bears the number of one takes that of another of its stories."""
    for part in chunks(story_ids):
        session.execute(delete(EventReport).where(report.story_id.in_(part)))
        query = select(report.event_id, func.min(report.story_id)).where(report.event_id.in_(part))
        for old, new in session.execute(query.group_by(report.event_id)).all():
            session.execute(update(EventReport).where(report.event_id == old).values(event_id=new))


Loaded = dict[int, tuple[int, int, Compared]]  # by lead: story, words of its text, account


def _events_around(at: datetime, loaded: Loaded, *, session: Session) -> dict[int, list[Compared]]:
    start = max(at - SAME_EVENT_WITHIN, Week.of(at).start)
    query = select(report.event_id, report.lead_article_id).where(
        report.at >= start, report.at <= at + SAME_EVENT_WITHIN, report.at < Week.of(at).end
    )
    rows = session.execute(query).all()
    _load_more([lead for _, lead in rows], loaded, session=session)
    events: dict[int, list[Compared]] = defaultdict(list)
    for event_id, lead in rows:
        if lead in loaded:
            events[event_id].append(loaded[lead][2])
    return events


def _earlier(new: Compared, loaded: Loaded, *, session: Session) -> list[Compared]:
    """The stories of the weeks before that name a body that this one names."""
    if not new.account.bodies:
        return []
    start = new.account.at - FOLLOWS_WITHIN
    query = (
        select(report.lead_article_id)
        .join(StoredMention, _mention.article_id == report.lead_article_id)
        .where(_mention.organisation_id.in_(list(new.account.bodies)))
        .where(report.at >= start, report.at < Week.of(new.account.at).start)
        .distinct()
        .order_by(report.lead_article_id.desc())
        .limit(MOST_EARLIER)
    )
    leads = list(session.execute(query).scalars())
    _load_more(leads, loaded, session=session)
    return [loaded[lead][2] for lead in leads if lead in loaded]


def _load_more(lead_ids: Iterable[int], loaded: Loaded, *, session: Session) -> None:
    loaded.update(_load([lead for lead in lead_ids if lead not in loaded], session=session))


def _load(lead_ids: Sequence[int], *, session: Session) -> Loaded:
    """The leads as they are compared; of a text that was purged, its summary."""
    loaded: Loaded = {}
    opening = func.coalesce(func.substr(article.text, 1, 4 * OPENING), article.summary)
    for part in chunks(lead_ids):
        bodies: dict[int, dict[str, frozenset[str]]] = defaultdict(dict)
        mentions = (
            select(_mention.article_id, _mention.organisation_id, _mention.surface)
            .join(StoredOrganisation, _organisation.id == _mention.organisation_id)
            .where(_mention.article_id.in_(part), _organisation.kind.in_(sorted(PLACED_KINDS)))
            .where(or_(_mention.place != "text", _mention.start_offset < OPENING))
        )
        for number, body, surface in session.execute(mentions):
            named = frozenset(split_words_as_written(surface))
            bodies[number][body] = bodies[number].get(body, frozenset()) | named
        query = select(
            article.id,
            article.story_id,
            article.words,
            article.title,
            opening.label("opening"),
            func.coalesce(func.nullif(article.outlet, ""), article.source).label("outlet"),
            func.coalesce(article.published_at, article.first_seen_at, type_=UtcDateTime()).label("at"),
        ).where(article.id.in_(part), article.story_id.is_not(None))
        for row in session.execute(query):
            account = Account(
                row.story_id, frozenset({row.outlet}), row.title, row.opening or "", row.at, bodies.get(row.id, {})
            )
            loaded[row.id] = (row.story_id, row.words, Compared(account))
    return loaded


def _separated(story_ids: Collection[int], *, session: Session) -> set[frozenset[int]]:
    """The pairs of stories that a person has separated and of which one is among these."""
    pairs: set[frozenset[int]] = set()
    mine, other = article, EventReport.metadata.tables["article"].alias("other")
    for part in chunks(sorted(story_ids)):
        for here, there in (
            (_separation.article_id, _separation.other_id),
            (_separation.other_id, _separation.article_id),
        ):
            query = (
                select(mine.story_id, other.c.story_id)
                .join(Separation, here == mine.id)
                .join(other, other.c.id == there)
                .where(and_(mine.story_id.in_(part), other.c.story_id.is_not(None)))
            )
            pairs.update(frozenset(pair) for pair in session.execute(query).tuples())
    return pairs
