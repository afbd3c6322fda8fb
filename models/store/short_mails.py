"""Daily emails and alerts in the database: what there is to tell, what was told to whom, and opening a delivery of it.

They are deliveries of no edition, with the states of all others; `told_story` says which stories each of them tells. A story
that waits, was sent, or was refused for good counts as told; one whose email was given up or withdrawn does not.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_
from sqlmodel import Session, col, select

from models.edition.edits import Edit
from models.edition.edits import Kind as EditKind
from models.edition.facts import StoryFact, WeekFacts, by_event
from models.edition.short import Kind
from models.store.columns import chunks
from models.store.deliveries import LEFT_UNCONFIRMED, NOT_TOLD, UNDER_WAY, DeliveryState
from models.store.edits import edits_of
from models.store.story_relations import relate
from models.store.tables import Delivery, Edition, Recipient, ToldStory
from models.store.week_gathering import articles_of_story, gather_edition, model_of
from models.trends import Collected
from models.weeks import Week

NOTHING_LEFT = "nothing of it is for them any more"


@dataclass(frozen=True, slots=True)
class ShortMail:
    """A daily email or an alert that is to be sent."""

    delivery_id: int
    recipient_id: int
    kind: Kind
    message_id: str
    opened_at: datetime
    articles: frozenset[int]  # one or more of each story that it tells
    is_kept: bool  # whether its message is kept, since a server may have it


def is_wanted(kind: Kind, *, session: Session) -> bool:
    """Whether anybody on the list wants such emails, or one of these still waits."""
    people = session.exec(select(Recipient.daily, Recipient.alerts).where(col(Recipient.active))).all()
    return any(alerts if kind is Kind.ALERT else daily for daily, alerts in people) or bool(under_way(session=session))


def gather_news(now: datetime, *, session: Session) -> WeekFacts:
    """The stories that no weekly edition has told: those of this week, and of the last where its edition is not sealed.

    Without what is said of the week as a whole (trends, sources). What an editor leaves out of an edition is not told either.
    """
    week = Week.of(now)
    stories: list[StoryFact] = []
    left_out: list[Edit] = []
    seen: set[int] = set()
    for one in (week.plus(-1), week):
        sealed = select(Edition.id).where(Edition.week == str(one), col(Edition.sealed))
        if session.exec(sealed).first() is not None:
            continue
        found = [story for story in gather_edition(one, session=session) if seen.isdisjoint(articles_of_story(story))]
        seen.update(*map(articles_of_story, found))
        left_out += [edit for edit in edits_of(one, session=session) if edit.kind is EditKind.LEAVE_OUT]
        stories += relate(found, one, session=session)
    model = model_of(week, stories, session=session)
    return WeekFacts(week, tuple(stories), Collected({}), {}, (), model, edits=tuple(left_out))


def articles_by_story(facts: WeekFacts) -> dict[int, frozenset[int]]:
    """By the article that may be shown of a story: all articles of its event. Who was told of one was told of it."""
    found: dict[int, frozenset[int]] = {}
    for event in by_event(facts.stories):
        ids = frozenset(number for story in event for number in articles_of_story(story))
        found.update((story.shown.id, ids) for story in event)
    return found


def found_by_story(facts: WeekFacts) -> dict[int, tuple[datetime, datetime]]:
    """By the article that may be shown of a story: when the first report of its event was seen, and when it was published."""
    found: dict[int, tuple[datetime, datetime]] = {}
    for event in by_event(facts.stories):
        articles = [article for story in event for article in story.articles]
        first = (min(one.first_seen_at for one in articles), min(one.at for one in articles))
        found.update((story.shown.id, first) for story in event)
    return found


def told(article_ids: Collection[int], *, session: Session) -> Mapping[int, set[int]]:
    """By recipient: which of these articles a daily email or an alert has told them, is about to, or may have."""
    found: dict[int, set[int]] = {}
    for chunk in chunks(sorted(article_ids)):
        query = (
            select(Delivery.recipient_id, ToldStory.article_id)
            .join(ToldStory, col(ToldStory.delivery_id) == Delivery.id)
            .where(col(ToldStory.article_id).in_(chunk))
            .where(or_(col(Delivery.state).not_in(NOT_TOLD), col(Delivery.error) == LEFT_UNCONFIRMED))
        )
        for recipient_id, article_id in session.exec(query):
            found.setdefault(recipient_id, set()).add(article_id)
    return found


def opened_since(moment: datetime, *, session: Session) -> Counter[tuple[int, str]]:
    """How many daily emails and alerts were opened for each recipient since then: (recipient, kind) -> count."""
    query = (
        select(Delivery.recipient_id, Delivery.kind, func.count())
        .where(col(Delivery.opened_at) >= moment)
        .group_by(col(Delivery.recipient_id), col(Delivery.kind))
    )
    return Counter({(recipient_id, kind): count for recipient_id, kind, count in session.exec(query)})


def open_mail(
    recipient_id: int, kind: Kind, message_id: str, articles: Collection[int], now: datetime, *, session: Session
) -> None:
    """Open the delivery of a daily email or an alert, and record the stories that it tells, in one transaction."""
    row = Delivery(
        recipient_id=recipient_id,
        kind=kind.value,
        opened_at=now,
        state=DeliveryState.PENDING.value,
        message_id=message_id,
        updated_at=now,
    )
    session.add(row)
    session.flush()
    session.add_all(ToldStory(delivery_id=row.id or 0, article_id=number) for number in sorted(articles))
    session.flush()


def under_way(*, session: Session) -> Sequence[ShortMail]:
    """The daily emails and alerts that are pending, or were left `sending`."""
    query = select(Delivery).where(col(Delivery.state).in_(UNDER_WAY), col(Delivery.edition_id).is_(None))
    rows = session.exec(query.order_by(col(Delivery.id))).all()
    articles: dict[int, set[int]] = {}
    for chunk in chunks([row.id or 0 for row in rows]):
        for one in session.exec(select(ToldStory).where(col(ToldStory.delivery_id).in_(chunk))):
            articles.setdefault(one.delivery_id, set()).add(one.article_id)
    return [
        ShortMail(
            delivery_id=row.id or 0,
            recipient_id=row.recipient_id,
            kind=Kind(row.kind),
            message_id=row.message_id,
            opened_at=row.opened_at or row.updated_at,
            articles=frozenset(articles.get(row.id or 0, ())),
            is_kept=row.message is not None,
        )
        for row in rows
    ]


def withdraw(mail: ShortMail, why: str, now: datetime, *, session: Session) -> None:
    """Send one no more, since nothing of it is to be told any longer."""
    row = session.get_one(Delivery, mail.delivery_id)
    if row.state == DeliveryState.PENDING.value:
        row.state, row.error, row.updated_at = DeliveryState.SKIPPED.value, why, now
        session.add(row)
        session.flush()
