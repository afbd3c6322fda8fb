"""The digest of one week from beginning to end: composed and kept, approved, sealed, sent. Plain functions, without Prefect.

`_seal` is the one place where an edition begins to be sent, `send_pending` what every scheduled run does for the rest.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

from sqlmodel import Session

from flows.publishing.channels import PostSummary, post_edition
from flows.publishing.delivery import ANOTHER_RUN, LOCK, PAUSES_SECONDS, DeliverySummary, EditionSender
from flows.publishing.edition import HASH_LETTERS, DigestResult, compose_edition, content_of, result_of, write_files
from flows.publishing.layout import view_edition
from flows.publishing.mailer import Sender, build_message, message_id, parse_sender
from flows.publishing.messages import MessageMaker, links_of
from flows.publishing.rendering import render_email
from flows.publishing.smtp import Answer, SmtpMailer, parse_smtp_url
from models.channels import Channel, load_channels
from models.edition.choosing import for_recipient
from models.edition.content import Selection, content_from_json
from models.settings import Settings
from models.sources import Registry
from models.store import deliveries, editions, posts, recipients
from models.store.database import Database
from models.store.deliveries import DeliveryState
from models.store.editions import Decision
from models.store.locks import lock_writers, try_lock
from models.store.tables import Edition
from models.themes import Theme
from models.weeks import Week

NOT_OVER = "the week is not over: nothing was sent; --to sends a test copy"
ALL_SENT = "this week's edition has been sent already: nothing was sent"
NOBODY = "nobody is on the list, and no channel is set: nothing was sent; `culture-monitor recipients add` adds someone"
PREVIEW = (
    "no mail server is set (CULTURE_SMTP_URL), so this is a preview, sent to nobody; "
    "it goes out once, by the next scheduled run that finds a server"
)
AWAITS = (
    "awaits approval: look at it, then answer in Prefect, or `culture-monitor digest --week {week} --approve {hash}`"
)
HELD = "{by}, or give `culture-monitor digest --week {week} --approve {hash}`"


class ApprovalError(ValueError):
    """What was to be approved is not what is kept."""


def weekly_digest(
    database: Database,
    registry: Registry,
    settings: Settings,
    *,
    week: Week,
    now: datetime,
    dry_run: bool = False,
    to: str | None = None,
    send: bool = True,
    themes: Sequence[Theme] | None = None,
    mailer: SmtpMailer | None = None,
    clock: Callable[[], datetime] | None = None,
    sleep: Callable[[float], None] = time.sleep,
    pauses: Sequence[float] = PAUSES_SECONDS,
) -> DigestResult:
    """Compose the edition of `week`, write its files, and send it to everyone on the list and to each channel, once.

    `dry_run` writes the files and nothing else. `to` sends one marked test copy to an address and nothing else. Without
    `send` the edition is kept and nothing is sent. An edition that was approved or has begun to be sent is never composed
    again. Without a mail server and channels it is a preview. One that was held back, or awaits approval, is not sent.

    Raises:
        SettingsError: `CULTURE_MAIL_FROM`, `CULTURE_SMTP_URL` or `CULTURE_CHANNELS` is wrong; nothing was sent.
        RecipientError: `to` is not an address.
    """
    sender = parse_sender(settings.mail_from, settings.base_url)
    mailer = mailer or open_mailer(settings, sender)
    if dry_run or to is not None:
        to = None if to is None else recipients.check_address(to)
        content, _ = content_of(database, registry, week, now, themes)
        result = result_of(content, write_files(content, settings, sender))
        if dry_run or to is None:
            return replace(result, note="a dry run: nothing was sent")
        return _send_test(mailer, sender, to, now, result)
    if not send:
        return compose_edition(database, registry, settings, sender, week, now, themes)
    clock = clock or (lambda: now)
    channels = load_channels(settings.channels, registry, settings.own_organisations)
    with try_lock(database, LOCK) as lock:
        if lock is None:
            content, _ = content_of(database, registry, week, now, themes)
            return replace(result_of(content), note=ANOTHER_RUN)
        while True:
            result = compose_edition(database, registry, settings, sender, week, now, themes)
            with lock.write() as session:
                lock_writers("edition", session=session)
                edition = editions.edition_of(week, session=session)
                assert edition is not None  # kept by `compose_edition`
                # Who edits is told that it is recorded: what has come since goes out with it.
                if editions.is_overtaken(edition, session=session):
                    continue
                # As it is kept at this moment: another command may have composed it anew.
                result = result_of(content_from_json(edition.content), result.files, edition.subject)
                unsent = _seal(edition, result, settings, sender, mailer, channels, clock(), session=session)
                before = deliveries.count_states(edition.id or 0, session=session)
                break
        if unsent is not None:
            return unsent
        sending = EditionSender(database, mailer, timedelta(days=settings.delivery_days), clock, sleep, pauses)
        done = sending.send(lock, edition.id or 0, MessageMaker(result.content, sender))
        links = links_of(sender, result.content)
        done.posts = post_edition(database, lock, edition.id or 0, result.content, links, channels, settings, clock)
    return _summed(result, done, before)


def send_pending(
    database: Database,
    registry: Registry,
    settings: Settings,
    *,
    now: datetime,
    themes: Sequence[Theme] | None = None,
    mailer: SmtpMailer | None = None,
    clock: Callable[[], datetime] | None = None,
    sleep: Callable[[float], None] = time.sleep,
    pauses: Sequence[float] = (),
) -> DeliverySummary:
    """Send what earlier runs could not: pending deliveries and posts, and last week's edition where it is a preview.

    What is out of date is marked so, with or without a mail server.
    """
    sender = parse_sender(settings.mail_from, settings.base_url)
    mailer = mailer or open_mailer(settings, sender)
    clock = clock or (lambda: now)
    channels = load_channels(settings.channels, registry, settings.own_organisations)
    total, late = DeliverySummary(), None
    last_week = Week.of(now).plus(-1)
    with database.read() as session:
        last = editions.edition_of(last_week, session=session)
    can_send = mailer is not None or bool(channels)
    if can_send and last is not None and last.preview and last.decision != Decision.HELD:
        late = weekly_digest(
            database, registry, settings, week=last_week, now=now, themes=themes, mailer=mailer, clock=clock,
            sleep=sleep, pauses=pauses,
        )  # fmt: skip
        total.add(late.as_summary())
    with try_lock(database, LOCK) as lock:
        if lock is None:
            total.problem = ANOTHER_RUN
            return total
        with database.read() as session:
            under_way = sorted({*deliveries.under_way(session=session), *posts.under_way(session=session)})
            left = [session.get_one(Edition, id_) for id_ in under_way]
        sending = EditionSender(database, mailer, timedelta(days=settings.delivery_days), clock, sleep, pauses)
        for edition in left:
            if late is None or edition.week != late.week:
                content, id_ = content_from_json(edition.content), edition.id or 0
                done = sending.send(lock, id_, MessageMaker(content, sender))
                links = links_of(sender, content)
                done.posts = post_edition(database, lock, id_, content, links, channels, settings, clock)
                total.add(done)
    return total


def open_mailer(settings: Settings, sender: Sender) -> SmtpMailer | None:
    """What sends; None where no mail server is set.

    Raises:
        SettingsError: `CULTURE_SMTP_URL` is wrong.
    """
    url = settings.in_clear("smtp_url")
    return SmtpMailer(parse_smtp_url(url), sender.address) if url is not None else None


def approve(database: Database, week: Week, given: str, by: str) -> None:
    """Record a person's approval of a week's edition, named by its hash or the first letters of that.

    Raises:
        ApprovalError: no edition of that week with this hash is kept.
    """
    with database.write() as session:
        edition = editions.edition_of(week, session=session)
        if edition is None:
            raise ApprovalError(f"there is no edition of {week} to approve; run digest without --approve first")
        full = editions.content_hash(edition.content)
        if len(given) < HASH_LETTERS or not full.startswith(given.lower()):
            raise ApprovalError(
                f"--approve {given}: the edition of {week} that is kept is {full[:HASH_LETTERS]}; look at it again"
            )
        editions.approve(week, full, by, session=session)


def _seal(
    edition: Edition,
    result: DigestResult,
    settings: Settings,
    sender: Sender,
    mailer: SmtpMailer | None,
    channels: Sequence[Channel],
    now: datetime,
    *,
    session: Session,
) -> DigestResult | None:
    """Seal an edition that may go out, and open its deliveries and posts; where it may not, what the run ends with."""
    content = result.content
    named = {"week": content.week, "hash": result.content_hash[:HASH_LETTERS], "by": edition.decision_by}
    if edition.sealed:
        return None
    if not content.complete:
        return replace(result, note=NOT_OVER)
    if edition.decision == Decision.HELD:
        return replace(result, awaits_approval=True, held=True, note=HELD.format(**named))
    people = recipients.receivers(session=session)
    if not people and not channels:
        return replace(result, note=NOBODY)
    if mailer is None and not channels:
        edition.preview = True
        session.add(edition)
        return replace(result, note=PREVIEW)
    if settings.approval and not editions.is_approved(edition, session=session):
        return replace(result, awaits_approval=True, note=AWAITS.format(**named))

    @cache
    def has_news(selection: Selection) -> bool:
        return for_recipient(content, selection) is not None

    wanted = [
        (
            person.id,
            message_id(content.week, person.token, sender.domain),
            person.send_empty or has_news(person.selection),
        )
        for person in people
    ]
    posted = [(channel.name, has_news(channel.selection)) for channel in channels]
    editions.seal(edition, wanted, now, channels=posted, session=session)
    return None


def _summed(result: DigestResult, done: DeliverySummary, before: dict[DeliveryState, int]) -> DigestResult:
    emails = before[DeliveryState.PENDING] or before[DeliveryState.SENDING]
    idle = not emails and done.posts == PostSummary()
    return replace(
        result,
        sent=done.sent,
        failed=done.failed,
        waiting=done.waiting,
        expired=done.expired,
        skipped=before[DeliveryState.SKIPPED] + done.withdrawn,
        already_sent=before[DeliveryState.SENT],
        unconfirmed=done.unconfirmed,
        note=done.problem or (ALL_SENT if idle else ""),
        posts=done.posts,
    )


def _send_test(mailer: SmtpMailer | None, sender: Sender, to: str, now: datetime, result: DigestResult) -> DigestResult:
    if mailer is None:
        return replace(result, failed=1, note="no mail server is set (CULTURE_SMTP_URL): no test copy was sent")
    content = result.content
    rendered = render_email(view_edition(content, links_of(sender, content)))
    marked = replace(rendered, subject=f"[Test] {rendered.subject}")
    identity = message_id(content.week, f"test {to} {now.isoformat()}", sender.domain)
    message = build_message(marked, sender, to_address=to, identity=identity, token=None, now=now)
    with mailer:
        answer = mailer.connect() or mailer.send(message.as_bytes(), to)
    if answer.answer is Answer.SENT:
        return replace(result, sent=1, note="the test copy was sent")
    return replace(result, failed=1, note=f"the test copy was not taken: {answer.detail}")
