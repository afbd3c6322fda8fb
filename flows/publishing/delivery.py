"""Sending an edition to its recipients, each once, however often the run is killed and started again.

A delivery has one state, and each change is committed before the next step is taken:

    pending -> sending    the sender is about to call the library's send; the message is kept with the delivery
    sending -> sent       a server said that it took it
    sending -> failed     a server refused it for good
    sending -> pending    a server refused it for now, or the connection broke; a later try goes on
    pending -> skipped    the recipient left or was erased; at sealing, there was nothing for them
    pending -> expired    no server took it within CULTURE_DELIVERY_DAYS of the sealing

`sent`, `failed`, `skipped` and `expired` are final. Only the holder of the lock "delivery" may move a delivery, but for
`pending -> skipped`, which whoever leaves or erases does as well. The lock and the change to `sending` share one
connection, so that a sender that lost its lock stops before the next message; what the server said about the last one is
written down all the same.

What a kill leaves: before the sealing, an edition that nobody has been sent; while a delivery is `pending`, a delivery that
the next run sends; after the server's answer was written down, nothing to do. **While it is `sending`, nobody can know**
whether the server took it: the next sender sends the kept message again, the same to the byte, Message-ID and Date
included, since a lost edition would be silent and a second copy is not (RFC 5321, 4.2.5). The same holds for a sender that
was cut off from its database in that moment, and where the connection to the server broke between the final dot and the
answer: whoever has not said 250 has not taken it, by the rules of SMTP; a server that took it all the same gets it twice.
"""

import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flows.publishing.channels import PostSummary
from flows.publishing.smtp import Answer, SendResult, SmtpMailer
from models.store import deliveries
from models.store.database import Database
from models.store.deliveries import DeliveryState, Outgoing
from models.store.locks import Lock, LockLostError
from models.store.recipients import Receiver, receiver

logger = logging.getLogger(__name__)

LOCK = "delivery"
NO_SERVER = "no mail server is set (CULTURE_SMTP_URL)"
ANOTHER_RUN = "another run is sending it: this one sent nothing"
# For a hiccup. Whatever lasts longer, such as greylisting, is for the next scheduled run.
PAUSES_SECONDS = (5.0, 30.0)
JITTER = 0.2  # so that two monitors that were refused together don't come back together
_IN_A_ROW = 3  # broken connections after which the server is left alone until the next round

_AFTER = {
    Answer.SENT: DeliveryState.SENT,
    Answer.REFUSED: DeliveryState.FAILED,
    Answer.AGAIN: DeliveryState.PENDING,
    Answer.STOP: DeliveryState.PENDING,
}


@dataclass(slots=True)
class DeliverySummary:
    """What a run did."""

    sent: int = 0
    failed: int = 0  # refused for good, in this run
    waiting: int = 0  # not taken yet; a scheduled run tries again
    withdrawn: int = 0  # left or erased before their message was sent
    expired: int = 0  # given up in this run, since they are out of date
    unconfirmed: int = 0  # left `sending` by a run that was killed; pending again
    problem: str = ""  # why the rest could not be sent, where it is no recipient's fault
    posts: PostSummary = field(default_factory=PostSummary)  # to channels; not in the counts

    def add(self, other: "DeliverySummary") -> None:
        """Count another edition's in."""
        for name in ("sent", "failed", "waiting", "withdrawn", "expired", "unconfirmed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.problem = other.problem or self.problem
        self.posts.add(other.posts)

    @property
    def has_given_up(self) -> bool:
        """Whether something will never be sent, as this run is the first to tell."""
        return bool(self.failed or self.expired or self.posts.expired)

    @property
    def has_failures(self) -> bool:
        """Whether something that was due has not been sent."""
        return bool(self.waiting or self.posts.waiting or self.has_given_up or self.problem == ANOTHER_RUN)

    @property
    def words(self) -> str:
        """For people; empty where nothing happened."""
        return self.say("emails left by earlier runs")

    def say(self, what: str) -> str:
        """The same of such emails."""
        counts = {
            "sent": self.sent,
            "refused for good": self.failed,
            "given up as out of date": self.expired,
            "tried again by the next scheduled run": self.waiting,
        }
        said = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        emails = f"{what}: {said}" if said else ""
        return "; ".join(part for part in (emails, self.problem, self.posts.words) if part)


@dataclass(frozen=True, slots=True)
class EditionSender:
    """Sends the pending deliveries of editions; whoever calls it holds the lock. Without a mailer, none is sent."""

    database: Database
    mailer: SmtpMailer | None
    keep_for: timedelta  # after the sealing
    clock: Callable[[], datetime]
    sleep: Callable[[float], None] = time.sleep
    pauses: Sequence[float] = PAUSES_SECONDS  # between the rounds of a run

    def send(
        self, lock: Lock, edition_id: int | None, message_for: Callable[[Receiver, str], bytes]
    ) -> DeliverySummary:
        """Send what is pending of an edition, or (None) of daily emails and alerts, in rounds.

        Never raises for what a server, a recipient or a lost lock does.
        """
        done = DeliverySummary()
        try:
            with lock.write() as session:
                done.unconfirmed = deliveries.recover(edition_id, self.clock(), session=session)
                done.expired = deliveries.expire(edition_id, self.clock(), self.keep_for, session=session)
            if self.mailer is None:
                done.problem = NO_SERVER
            else:
                with self.mailer:
                    self._send_in_rounds(lock, self.mailer, edition_id, message_for, done)
        except LockLostError as error:
            done.problem = f"stopped: {error}"
        with self.database.read() as session:
            states = deliveries.count_states(edition_id, session=session)
        done.waiting = states[DeliveryState.PENDING] + states[DeliveryState.SENDING]
        if not done.waiting:
            done.problem = ""
        return done

    def _send_in_rounds(
        self,
        lock: Lock,
        mailer: SmtpMailer,
        edition_id: int | None,
        message_for: Callable[[Receiver, str], bytes],
        done: DeliverySummary,
    ) -> None:
        for pause in (0.0, *self.pauses):
            with self.database.read() as session:
                queue = deliveries.pending(edition_id, session=session)
            if not queue:
                return
            if pause:
                logger.info("%d emails wait %.0f s for another try", len(queue), pause)
                self.sleep(pause * (1 + random.uniform(-JITTER, JITTER)))  # noqa: S311 - no secret depends on it
            if not self._round(lock, mailer, queue, message_for, done):
                return

    def _round(
        self,
        lock: Lock,
        mailer: SmtpMailer,
        queue: Sequence[Outgoing],
        message_for: Callable[[Receiver, str], bytes],
        done: DeliverySummary,
    ) -> bool:
        """Try each once, as long as there is a server; whether another round in this run makes sense."""
        broken = 0
        done.problem = ""
        for outgoing in queue:
            unreachable = mailer.connect()
            if unreachable is not None:
                done.problem = unreachable.detail
                return unreachable.answer is not Answer.STOP
            result = self._send(lock, mailer, outgoing, message_for)
            if result is None:
                done.withdrawn += 1
                continue
            done.sent += result.answer is Answer.SENT
            done.failed += result.answer is Answer.REFUSED
            if result.answer is Answer.REFUSED:
                logger.warning("recipient %d: %s", outgoing.recipient_id, result.detail)
            broken = 0 if mailer.is_connected else broken + 1
            if result.answer is Answer.STOP or broken == _IN_A_ROW:
                done.problem = result.detail
                return result.answer is not Answer.STOP
        return True

    def _send(
        self, lock: Lock, mailer: SmtpMailer, outgoing: Outgoing, message_for: Callable[[Receiver, str], bytes]
    ) -> SendResult | None:
        """Send one message; None where its recipient left or was erased."""
        with self.database.read() as session:
            person = receiver(outgoing.recipient_id, session=session)
        address = person.address if person else ""
        message = outgoing.message or (message_for(person, outgoing.message_id) if person else b"")
        with lock.write() as session:
            if not deliveries.claim(outgoing, address, message, self.clock(), session=session):
                return None
        result = mailer.send(message, address)
        with self.database.write() as session:
            deliveries.settle(
                outgoing,
                _AFTER[result.answer],
                self.clock(),
                result.detail or None,
                keep_message=result.connection_broke,
                session=session,
            )
        return result
