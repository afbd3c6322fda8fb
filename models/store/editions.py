"""Editions and their deliveries in the database: the one place that knows what has been sent to whom.

The states of a delivery, each change committed before the next step is taken:

    pending   nothing of it can be in a mailbox yet
    sending   the end of the message is about to be handed over; only the one who made this change may hand it over
    sent      the server took it (where `error` says "not confirmed", it may have)
    failed    the server refused it for good
    skipped   nothing for this recipient this week
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, func, update
from sqlmodel import Session, col, select

from models.edition import EditionContent
from models.store.database import Database
from models.store.placing import place_stories
from models.store.tables import Delivery, Edition, Recipient
from models.store.week_gathering import gather_week
from models.weeks import Week

__all__ = [
    "DeliveryClaim",
    "DeliveryState",
    "Outgoing",
    "add_deliveries",
    "claim",
    "count_states",
    "edition_of",
    "gather_week",
    "index",
    "resolve_unconfirmed",
    "save_edition",
    "settle",
    "waiting",
]

NOT_CONFIRMED = "not confirmed: the run ended between handing the message over and the server's answer"


class DeliveryState(StrEnum):
    """See above."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One delivery that waits."""

    delivery_id: int
    recipient_id: int
    message_id: str
    attempts: int


def edition_of(week: Week, *, session: Session) -> Edition | None:
    """The edition of a week, if one is kept."""
    return session.exec(select(Edition).where(Edition.week == str(week))).first()


def index(*, session: Session) -> Sequence[tuple[str, str, dict[str, Any]]]:
    """Week, subject and counts of every edition, the oldest first."""
    rows = session.exec(select(Edition.week, Edition.subject, Edition.counts).order_by(col(Edition.week)))
    return [(week, subject, dict(counts)) for week, subject, counts in rows]


def save_edition(content: EditionContent, *, subject: str, html: str, text: str, session: Session) -> Edition:
    """Keep an edition, in place of one of the same week that nobody has been sent.

    Raises:
        ValueError: the week's edition is sealed.
    """
    edition = edition_of(content.as_week(), session=session)
    if edition is None:
        edition = Edition(week=content.week, composed_at=content.composed_at)
    if edition.sealed:
        raise ValueError(f"the edition of {content.week} has been sent and can't be changed")
    edition.composed_at = content.composed_at
    edition.subject, edition.html, edition.text = subject, html, text
    edition.content = content.to_json()
    edition.counts = {
        "stories": len(content.stories),
        "outlets": content.outlets,
        "articles": content.articles,
        "sources": content.sources,
        "gaps": len(content.gaps),
    }
    session.add(edition)
    session.flush()
    return edition


def add_deliveries(
    edition: Edition, wanted: Iterable[tuple[int, str, bool]], now: datetime, *, session: Session
) -> None:
    """Seal an edition and open one delivery for each (recipient, message id, whether there is something for them).

    Raises:
        PlacingError: the edition lists a story that another sealed edition has told.
    """
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
    edition.sealed = True
    session.add(edition)
    session.flush()
    place_stories(edition, now, session=session)


def waiting(edition_id: int, *, session: Session) -> Sequence[Outgoing]:
    """The deliveries that are still to be made, oldest first; those to people who have left since are not."""
    query = (
        select(Delivery)
        .join(Recipient, col(Recipient.id) == Delivery.recipient_id)
        .where(Delivery.edition_id == edition_id, Delivery.state == DeliveryState.PENDING.value)
        .where(col(Recipient.active).is_(True), col(Recipient.address).is_not(None))
        .order_by(col(Delivery.id))
    )
    return [Outgoing(row.id or 0, row.recipient_id, row.message_id, row.attempts) for row in session.exec(query)]


class DeliveryClaim:
    """The right to end the message of one delivery; `won` is False where another run had it first."""

    def __init__(self, connection: Connection, delivery_id: int, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._delivery_id = delivery_id
        self._now = now
        self.won = self._change(DeliveryState.PENDING, state=DeliveryState.SENDING.value)

    def taken(self) -> None:
        """From sending to sent, committed at once: the shorter this takes, the smaller the gap that SMTP leaves."""
        self._change(
            DeliveryState.SENDING,
            state=DeliveryState.SENT.value,
            sent_at=self._now(),
            attempts=col(Delivery.attempts) + 1,
        )

    def _change(self, before: DeliveryState, **values: object) -> bool:
        result = self._connection.execute(
            update(Delivery)
            .where(col(Delivery.id) == self._delivery_id, col(Delivery.state) == before.value)
            .values(updated_at=self._now(), error=None, **values)
        )
        self._connection.commit()
        return result.rowcount == 1


@contextmanager
def claim(database: Database, delivery_id: int, now: Callable[[], datetime]) -> Iterator[DeliveryClaim]:
    """Change a delivery from pending to sending, committed before the body runs."""
    with database.engine.connect().execution_options(culture_write=True) as connection:
        yield DeliveryClaim(connection, delivery_id, now)


def settle(
    delivery_id: int,
    before: DeliveryState,
    after: DeliveryState,
    now: datetime,
    error: str,
    *,
    session: Session,
) -> None:
    """Record a try that came to nothing: the delivery was in `before`, is now failed or pending again; `error` says why."""
    session.execute(
        update(Delivery)
        .where(col(Delivery.id) == delivery_id, col(Delivery.state) == before.value)
        .values(attempts=col(Delivery.attempts) + 1, state=after.value, updated_at=now, error=error)
    )


def resolve_unconfirmed(edition_id: int, now: datetime, *, again: bool, session: Session) -> int:
    """What a dead run left in `sending`: to `sent`, marked as not confirmed, or (`again`) back to `pending`.

    Call it only where no other run is sending. Returns how many there were.
    """
    values: dict[str, object] = {"state": DeliveryState.PENDING.value, "error": NOT_CONFIRMED, "updated_at": now}
    if not again:
        values |= {"state": DeliveryState.SENT.value, "sent_at": now}
    result = session.execute(
        update(Delivery)
        .where(col(Delivery.edition_id) == edition_id, col(Delivery.state) == DeliveryState.SENDING.value)
        .values(**values)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


def count_states(edition_id: int, *, session: Session) -> dict[DeliveryState, int]:
    """How many deliveries of an edition are in each state."""
    rows = session.exec(
        select(Delivery.state, func.count()).where(Delivery.edition_id == edition_id).group_by(col(Delivery.state))
    )
    found = dict(rows.all())
    return {state: found.get(state.value, 0) for state in DeliveryState}
