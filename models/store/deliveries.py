"""Deliveries in the database: the one place that knows what has been sent to whom. `flows.publishing.delivery` has the rules.

An edition's number is None where daily emails and alerts are meant, which are of no edition: see `models.store.short_mails`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, case, delete, func, or_, update
from sqlmodel import Session, col, select

from models.store.tables import Article, Delivery, Edition, Recipient, ToldStory
from models.weeks import Week

NOT_CONFIRMED = "not confirmed: the run ended between handing the message over and the server's answer"
OUT_OF_DATE = "out of date"
LEFT = "left the list before it was sent"
LEFT_UNCONFIRMED = "left the list when a server may have had it"  # who comes back may have been told
SHORT_KEPT = timedelta(hours=20)  # a daily email or an alert: gone before the next day's is made


class DeliveryState(StrEnum):
    """Where a delivery is."""

    PENDING = "pending"  # to be sent, by this run or a later one
    SENDING = "sending"  # with the server, for all that we know
    SENT = "sent"  # a server took it
    FAILED = "failed"  # a server refused it for good
    SKIPPED = "skipped"  # nothing for this recipient this week, or they left before it was sent
    EXPIRED = "expired"  # no server took it in time


TOLD_FOR = timedelta(days=92)  # a story that a person puts in scope may be news for five weeks

UNDER_WAY = (DeliveryState.PENDING.value, DeliveryState.SENDING.value)
NOT_TOLD = (DeliveryState.SKIPPED.value, DeliveryState.EXPIRED.value)  # a later email or post may tell it


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One delivery that is to be sent; `message` is kept where a server may have it already."""

    delivery_id: int
    recipient_id: int
    message_id: str
    message: bytes | None


def open_deliveries(
    edition: Edition, wanted: Iterable[tuple[int, str, bool]], now: datetime, *, session: Session
) -> None:
    """Open one delivery per (recipient, Message-ID, whether there is something for them)."""
    for recipient_id, message_id, has_news in wanted:
        state = DeliveryState.PENDING if has_news else DeliveryState.SKIPPED
        session.add(
            Delivery(
                edition_id=edition.id or 0,
                recipient_id=recipient_id,
                state=state.value,
                message_id=message_id,
                updated_at=now,
            )
        )
    session.flush()


def under_way(*, session: Session) -> list[int]:
    """The editions with deliveries that are pending, or were left `sending`; oldest first."""
    query = select(Delivery.edition_id).where(col(Delivery.state).in_(UNDER_WAY)).distinct()
    return sorted(edition for edition in session.exec(query) if edition is not None)


def is_anything_left(last_week: Week, *, session: Session) -> bool:
    """Whether anything is left to be sent: pending deliveries, or a preview of the last complete week that nobody held back."""
    preview = select(Edition.id).where(Edition.week == str(last_week), col(Edition.preview), Edition.decision != "held")
    return bool(under_way(session=session)) or session.exec(preview).first() is not None


def pending(edition_id: int | None, *, session: Session) -> Sequence[Outgoing]:
    """The deliveries of an edition that are to be sent; what was tried least comes first, so that no message blocks the rest."""
    query = (
        select(Delivery.id, Delivery.recipient_id, Delivery.message_id, Delivery.message)
        .where(Delivery.edition_id == edition_id, Delivery.state == DeliveryState.PENDING.value)
        .order_by(col(Delivery.attempts), col(Delivery.id))
    )
    return [
        Outgoing(id_ or 0, recipient, identity, message) for id_, recipient, identity, message in session.exec(query)
    ]


def recover(edition_id: int | None, now: datetime, *, session: Session) -> int:
    """What a dead sender left `sending` is pending again, with its message. Only the one sender may call it."""
    of_edition = (col(Delivery.edition_id) == edition_id, col(Delivery.state) == DeliveryState.SENDING.value)
    return _change(session, *of_edition, state=DeliveryState.PENDING, error=NOT_CONFIRMED, updated_at=now)


def expire(edition_id: int | None, now: datetime, keep_for: timedelta, *, session: Session) -> int:
    """Pending deliveries of an edition that was sealed too long ago are given up; returns how many.

    Daily emails and alerts are given up sooner, where no server can have taken them: the next daily email, or the weekly
    edition, then tells what they would have told.
    """
    waiting = [col(Delivery.edition_id) == edition_id, col(Delivery.state) == DeliveryState.PENDING.value]
    if edition_id is None:
        opened, unseen = col(Delivery.opened_at), col(Delivery.message).is_(None)
        waiting.append(or_(and_(unseen, opened <= now - SHORT_KEPT), opened <= now - keep_for))
        reason = f"{OUT_OF_DATE}: not taken by a server in time; a later email tells what it would have told"
    else:
        edition = session.get_one(Edition, edition_id)
        if edition.sealed_at is None or now - edition.sealed_at < keep_for:
            return 0
        reason = f"{OUT_OF_DATE}: not taken by a server within {keep_for / timedelta(days=1):g} days"
    return _change(session, *waiting, state=DeliveryState.EXPIRED, error=reason, message=None, updated_at=now)


def claim(outgoing: Outgoing, address: str, message: bytes, now: datetime, *, session: Session) -> bool:
    """From pending to sending, with the message; False where the recipient has left or been erased, which is recorded."""
    # Locked, so that leaving and erasing come wholly before this or wholly after it.
    person = session.exec(select(Recipient).where(Recipient.id == outgoing.recipient_id).with_for_update()).one()
    if not person.active or person.address != address:
        withdraw(outgoing.recipient_id, now, session=session)
        return False
    mine = (col(Delivery.id) == outgoing.delivery_id, col(Delivery.state) == DeliveryState.PENDING.value)
    return _change(session, *mine, state=DeliveryState.SENDING, message=message, updated_at=now) == 1


def settle(
    outgoing: Outgoing,
    state: DeliveryState,
    now: datetime,
    error: str | None = None,
    *,
    keep_message: bool = False,
    session: Session,
) -> None:
    """Record what came of sending: from sending to `state`. The message goes, unless a server may have taken it."""
    values: dict[str, object] = {} if keep_message else {"message": None}
    if state is DeliveryState.SENT:
        values["sent_at"] = now
    mine = (col(Delivery.id) == outgoing.delivery_id, col(Delivery.state) == DeliveryState.SENDING.value)
    _change(session, *mine, state=state, error=error, updated_at=now, attempts=col(Delivery.attempts) + 1, **values)


def withdraw(recipient_id: int, now: datetime, *, session: Session) -> None:
    """Send nothing more to someone who leaves; what is with the server at this moment can't be called back."""
    theirs = (col(Delivery.recipient_id) == recipient_id, col(Delivery.state) == DeliveryState.PENDING.value)
    why = case((col(Delivery.message).is_(None), LEFT), else_=LEFT_UNCONFIRMED)
    _change(session, *theirs, state=DeliveryState.SKIPPED, error=why, message=None, updated_at=now)


def forget_words(recipient_id: int, *, session: Session) -> None:
    """Erase the messages kept for someone, and what servers said about them."""
    session.execute(
        update(Delivery)
        .where(col(Delivery.recipient_id) == recipient_id)
        .where(or_(col(Delivery.error).is_not(None), col(Delivery.message).is_not(None)))
        .values(message=None, error="erased")
    )


def of_recipient(recipient_id: int, *, session: Session) -> dict[int, dict[str, str | None]]:
    """By number: what is kept of each email to someone, for themselves; the oldest first."""
    query = (
        select(Delivery, Edition.week)
        .outerjoin(Edition, col(Edition.id) == Delivery.edition_id)
        .where(Delivery.recipient_id == recipient_id)
        .order_by(col(Delivery.id))
    )
    return {
        row.id or 0: {
            "kind": row.kind,
            "week": week,
            "opened_at": row.opened_at.isoformat() if row.opened_at else None,
            "state": row.state,
            "sent_at": row.sent_at.isoformat() if row.sent_at else None,
            "message_id": row.message_id,
            "error": row.error,
            "message": row.message.decode("utf-8", "replace") if row.message else None,
        }
        for row, week in session.exec(query)
    }


def count_states(edition_id: int | None, *, session: Session) -> dict[DeliveryState, int]:
    """How many deliveries of an edition are in each state."""
    rows = session.exec(
        select(Delivery.state, func.count()).where(Delivery.edition_id == edition_id).group_by(col(Delivery.state))
    )
    found = dict(rows.all())
    return {state: found.get(state.value, 0) for state in DeliveryState}


def stories_told_to(recipient_id: int, *, session: Session) -> dict[int, list[str]]:
    """By delivery: the headlines of the stories that it tells, for the reader themselves."""
    query = (
        select(ToldStory.delivery_id, Article.title)
        .join(Delivery, col(Delivery.id) == ToldStory.delivery_id)
        .join(Article, col(Article.id) == ToldStory.article_id)
        .where(Delivery.recipient_id == recipient_id)
        .order_by(col(ToldStory.delivery_id), col(ToldStory.article_id))
    )
    found: dict[int, list[str]] = {}
    for delivery_id, title in session.exec(query):
        found.setdefault(delivery_id, []).append(title)
    return found


def forget_old_stories(now: datetime, *, session: Session) -> None:
    """Forget which stories were told so long ago that nothing could tell them again; that it was sent stays."""
    old = select(Delivery.id).where(col(Delivery.opened_at) < now - TOLD_FOR)
    session.execute(delete(ToldStory).where(col(ToldStory.delivery_id).in_(old)))


def forget_stories(recipient_id: int, *, session: Session) -> None:
    """Forget what someone who is erased was told."""
    theirs = select(Delivery.id).where(Delivery.recipient_id == recipient_id)
    session.execute(delete(ToldStory).where(col(ToldStory.delivery_id).in_(theirs)))


def _change(session: Session, *where: ColumnElement[bool], **values: object) -> int:
    plain = {name: value.value if isinstance(value, DeliveryState) else value for name, value in values.items()}
    return int(session.execute(update(Delivery).where(*where).values(**plain)).rowcount)  # type: ignore[attr-defined]
