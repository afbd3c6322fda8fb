"""Sending an edition to its recipients, each exactly once, however often the run is killed and started again.

Everything but the final dot of a message is sent while its delivery is `pending`: a run that dies here has delivered
nothing, and the next one starts over. Then the delivery becomes `sending`, by a change in the database that only one run
can make; then the dot goes out; and the moment the server says 250, the delivery becomes `sent`.

SMTP leaves one gap. A client that dies between the dot and writing down the server's 250 can't know whether the message was
taken. By the rules of SMTP (RFC 5321, 4.2.5) it is the client's until then, so the next run sends it again, the same to the
byte: mailboxes that suppress copies show one (Exchange's store knows them by Message-ID and Date, Cyrus by Message-ID).
Losing an edition would be silent; a second copy is not. Whoever holds it the other way round sets `resend_unconfirmed` to
False: then such a delivery counts as sent and is marked "not confirmed". A connection that the server drops is no such gap:
it has not said 250.
"""

import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage

from flows.mail.transports import Answer, Claim, SendResult, Transport
from models.store import editions
from models.store.database import Database
from models.store.editions import DeliveryState, Outgoing
from models.store.locks import only_one
from models.store.recipients import Receiver

logger = logging.getLogger(__name__)

# Greylisting asks for a minute or more; after some ten minutes in all, the rest waits for the next run.
BACKOFF_SECONDS = (5.0, 20.0, 60.0, 180.0, 300.0)
JITTER = 0.2  # so that two monitors that were refused together don't come back together
_IN_A_ROW = 3  # broken connections after which the server is left alone until the next round


@dataclass(frozen=True, slots=True)
class DeliverySummary:
    """What a run did for one edition."""

    sent: int = 0
    failed: int = 0  # refused for good, in this run
    waiting: int = 0  # could not be handed over yet; the next run tries again
    unconfirmed: int = 0  # handed over by a run that died before the server's answer; sent again unless told not to
    problem: str = ""  # why nothing (more) could be sent, where it is no recipient's fault


_AFTER = {
    Answer.REFUSED: DeliveryState.FAILED,
    Answer.AGAIN: DeliveryState.PENDING,
    Answer.STOP: DeliveryState.PENDING,
}


@dataclass(slots=True)
class _Round:
    again: list[Outgoing] = field(default_factory=list)
    sent: int = 0
    failed: int = 0
    problem: str = ""


def deliver(
    database: Database,
    edition_id: int,
    transport: Transport,
    message_for: Callable[[Receiver, Outgoing], EmailMessage],
    people: Mapping[int, Receiver],
    *,
    now: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
    backoff_seconds: Iterable[float] = BACKOFF_SECONDS,
    resend_unconfirmed: bool = True,
) -> DeliverySummary:
    """Send every delivery of an edition that waits, in rounds; never raises for what a server or a recipient does."""
    with only_one(database, "delivery") as mine:
        if not mine:
            return DeliverySummary(problem="another run is sending at this moment; this one sent nothing")
        return _deliver(
            database, edition_id, transport, message_for, people, now, sleep, backoff_seconds, resend_unconfirmed
        )


def _deliver(
    database: Database,
    edition_id: int,
    transport: Transport,
    message_for: Callable[[Receiver, Outgoing], EmailMessage],
    people: Mapping[int, Receiver],
    now: Callable[[], datetime],
    sleep: Callable[[float], None],
    backoff_seconds: Iterable[float],
    resend_unconfirmed: bool,
) -> DeliverySummary:
    with database.write() as session:
        unconfirmed = editions.resolve_unconfirmed(edition_id, now(), again=resend_unconfirmed, session=session)
        queue = list(editions.waiting(edition_id, session=session))
    sent = failed = 0
    problem = ""
    pauses = iter(backoff_seconds)
    with transport:
        while queue:
            done = _round(database, queue, transport, message_for, people, now)
            sent, failed, problem, queue = sent + done.sent, failed + done.failed, done.problem, done.again
            if not queue or problem:
                break
            pause = next(pauses, None)
            if pause is None:
                break
            logger.info("%d emails wait %.0f s for another try", len(queue), pause)
            sleep(pause * (1 + random.uniform(-JITTER, JITTER)))  # noqa: S311 - no secret depends on it
    return DeliverySummary(sent, failed, len(queue), unconfirmed, problem)


def _round(
    database: Database,
    queue: list[Outgoing],
    transport: Transport,
    message_for: Callable[[Receiver, Outgoing], EmailMessage],
    people: Mapping[int, Receiver],
    now: Callable[[], datetime],
) -> _Round:
    done = _Round()
    in_a_row = 0
    for place, outgoing in enumerate(queue):
        receiver = people.get(outgoing.recipient_id)
        if receiver is None:
            continue  # left, or was erased, since the list was read
        result = _send_one(database, outgoing, receiver, transport, message_for, now)
        if result.answer is Answer.SENT:
            done.sent += 1
        elif result.answer is Answer.REFUSED:
            done.failed += 1
            logger.warning("recipient %d: %s", receiver.id, result.answer)
        elif result.answer is Answer.STOP:
            return _Round([*done.again, *queue[place:]], done.sent, done.failed, result.detail)
        elif result.answer is Answer.AGAIN:
            done.again.append(outgoing)
        in_a_row = in_a_row + 1 if result.answer is Answer.AGAIN else 0
        if in_a_row >= _IN_A_ROW:
            return _Round([*done.again, *queue[place + 1 :]], done.sent, done.failed)
    return done


def _send_one(
    database: Database,
    outgoing: Outgoing,
    receiver: Receiver,
    transport: Transport,
    message_for: Callable[[Receiver, Outgoing], EmailMessage],
    now: Callable[[], datetime],
) -> SendResult:
    claimed = False

    @contextmanager
    def hand_over() -> Iterator[Claim]:
        nonlocal claimed
        with editions.claim(database, outgoing.delivery_id, now) as claim:
            claimed = claim.won
            yield claim

    result = transport.send(message_for(receiver, outgoing), receiver.address, hand_over)
    after = _AFTER.get(result.answer)
    if after is not None:
        before = DeliveryState.SENDING if claimed else DeliveryState.PENDING
        with database.write() as session:
            editions.settle(outgoing.delivery_id, before, after, now(), result.detail, session=session)
    return result
