"""The digest of one week from beginning to end: compose, keep, write the files, send. Plain functions, without Prefect."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from email.message import EmailMessage
from functools import cache, lru_cache
from pathlib import Path

from sqlmodel import Session

from flows.mail.archive import ArchiveEntry, render_web, write_archive, write_whole
from flows.mail.compose import EmailRenderer, Rendered
from flows.mail.delivery import BACKOFF_SECONDS, DeliverySummary, deliver
from flows.mail.mailer import Sender, build_message, message_id, parse_sender, unsubscribe_mail, unsubscribe_page
from flows.mail.outbox import OutboxTransport
from flows.mail.phrases import Links
from flows.mail.plain import render_text
from flows.mail.transports import FreeClaim, SmtpTransport, Transport, parse_smtp_url
from models.composing import compose, empty_for, for_recipient
from models.edition import EditionContent, Selection, content_from_json
from models.settings import Settings
from models.sources import Registry
from models.store import editions, recipients
from models.store.database import Database
from models.store.editions import DeliveryState, Outgoing
from models.store.recipients import Receiver
from models.themes import Theme, load_themes
from models.weeks import Week

logger = logging.getLogger(__name__)

NOT_OVER = "the week is not over: nothing was sent; --to sends a test copy"
ALL_SENT = "this week's edition has been sent already: nothing was sent"
NOBODY = "nobody is on the list: nothing was sent; `culture-monitor recipients add` adds someone"

# Those who chose the same get the same words but for their token: rendered once with this in its place.
ANY_TOKEN = "the-token-of-whoever-receives-this-edition"  # noqa: S105 - stands for one
SELECTIONS_KEPT = 50  # some 100 kB each


@dataclass(frozen=True, slots=True)
class DigestResult:
    """What came of one digest."""

    week: str
    subject: str
    stories: int
    outlets: int
    articles: int
    files: tuple[Path, ...]
    sent: int = 0
    failed: int = 0  # refused for good
    waiting: int = 0  # tried again by the next run
    skipped: int = 0  # nothing for them this week
    already_sent: int = 0  # by an earlier run
    unconfirmed: int = 0  # see flows.mail.delivery
    note: str = ""  # why nothing was sent, where nothing was

    @property
    def has_failures(self) -> bool:
        """Whether somebody who should have it has it not."""
        return bool(self.failed or self.waiting)


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
    unfinished: bool = False,
    resend_unconfirmed: bool = True,
    themes: Sequence[Theme] | None = None,
    transport: Transport | None = None,
    clock: Callable[[], datetime] | None = None,
    sleep: Callable[[float], None] = time.sleep,
    backoff_seconds: Sequence[float] = BACKOFF_SECONDS,
) -> DigestResult:
    """Compose the edition of `week`, write its files, and send it to everyone on the list, once.

    `dry_run` writes the files and nothing else. `to` sends one marked test copy to an address and nothing else. Without `send`
    the edition is kept and nothing is sent. A week that is not over is sent to nobody unless `unfinished`. An edition
    that has been sent is never composed again: the run goes on with those who have not had it.

    Raises:
        ValueError: `CULTURE_MAIL_FROM` or `CULTURE_SMTP_URL` is wrong, or `to` is not an address; nothing was sent.
    """
    sender = parse_sender(settings.mail_from, settings.base_url)
    if to is not None:
        to = recipients.check_address(to)
    content, sealed = _content(database, registry, week, now, themes)
    renderer = EmailRenderer()
    links = _links(sender, content)
    sample = renderer.render(content, links)
    page = render_web(content)
    files = _write_sample(settings.outbox, content, sample, sender, now)
    result = DigestResult(
        week=content.week,
        subject=sample.subject,
        stories=len(content.stories),
        outlets=content.outlets,
        articles=content.articles,
        files=files,
    )
    if dry_run:
        return replace(result, note="a dry run: nothing was sent")
    if not sealed:
        with database.write() as session:
            text = render_text(content, links, shown=len(content.stories))
            editions.save_edition(content, subject=sample.subject, html=page, text=text, session=session)
    with database.read() as session:
        entries = archive_entries(session=session)
    result = replace(result, files=(*files, *write_archive(settings.data / "archive", week, page, entries)))
    out = transport or _transport(settings, sender, week)
    if to is not None:
        return _send_test(out, renderer, content, sender, to, now, result)
    if not send:
        return result
    if not content.complete and not unfinished:
        return replace(result, note=NOT_OVER)
    return _send_all(
        database,
        content,
        renderer,
        sender,
        out,
        result,
        clock or (lambda: now),
        sleep,
        backoff_seconds,
        resend_unconfirmed,
    )


def archive_entries(*, session: Session) -> list[ArchiveEntry]:
    """The lines of the archive's index."""
    return [
        ArchiveEntry(
            week=week,
            subject=subject,
            stories=int(counts.get("stories", 0)),
            outlets=int(counts.get("outlets", 0)),
            articles=int(counts.get("articles", 0)),
        )
        for week, subject, counts in editions.index(session=session)
    ]


def _content(
    database: Database, registry: Registry, week: Week, now: datetime, themes: Sequence[Theme] | None
) -> tuple[EditionContent, bool]:
    """The edition of a week: the one that was sent, or composed now."""
    with database.read() as session:
        kept = editions.edition_of(week, session=session)
        if kept is not None and kept.sealed:
            return content_from_json(kept.content), True
        facts = editions.gather_week(week, session=session)
    return compose(facts, registry, themes or load_themes(), now), False


def _send_all(
    database: Database,
    content: EditionContent,
    renderer: EmailRenderer,
    sender: Sender,
    transport: Transport,
    result: DigestResult,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
    backoff_seconds: Sequence[float],
    resend_unconfirmed: bool,
) -> DigestResult:
    @cache
    def edition_for(selection: Selection) -> EditionContent | None:
        return for_recipient(content, selection)

    @lru_cache(maxsize=SELECTIONS_KEPT)
    def rendered_for(selection: Selection) -> Rendered:
        narrowed = edition_for(selection) or empty_for(content, selection)
        return renderer.render(narrowed, _links(sender, content, ANY_TOKEN))

    with database.write() as session:
        edition = editions.edition_of(content.as_week(), session=session)
        assert edition is not None  # saved above
        assert edition.id is not None
        people = {person.id: person for person in recipients.receivers(session=session)}
        if not edition.sealed:
            if not people:
                return replace(result, note=NOBODY)
            wanted = [
                (
                    person.id,
                    message_id(content.week, person.token, sender.domain),
                    person.send_empty or edition_for(person.selection) is not None,
                )
                for person in people.values()
            ]
            editions.add_deliveries(edition, wanted, clock(), session=session)
        before = editions.count_states(edition.id, session=session)

    def message_for(person: Receiver, outgoing: Outgoing) -> EmailMessage:
        sample = rendered_for(person.selection)
        return build_message(
            replace(
                sample,
                html=sample.html.replace(ANY_TOKEN, person.token),
                text=sample.text.replace(ANY_TOKEN, person.token),
            ),
            sender,
            to_address=person.address,
            to_name=person.name,
            identity=outgoing.message_id,
            token=person.token,
            now=content.composed_at,  # not the clock: sent again, it is the same message
        )

    summary = deliver(
        database,
        edition.id,
        transport,
        message_for,
        people,
        now=clock,
        sleep=sleep,
        backoff_seconds=backoff_seconds,
        resend_unconfirmed=resend_unconfirmed,
    )
    return _summed(result, summary, before)


def _summed(result: DigestResult, summary: DeliverySummary, before: dict[DeliveryState, int]) -> DigestResult:
    idle = not before[DeliveryState.PENDING] and not before[DeliveryState.SENDING]
    return replace(
        result,
        sent=summary.sent,
        failed=summary.failed,
        waiting=summary.waiting,
        skipped=before[DeliveryState.SKIPPED],
        already_sent=before[DeliveryState.SENT],
        unconfirmed=summary.unconfirmed,
        note=summary.problem or (ALL_SENT if idle and not summary.sent else ""),
    )


def _send_test(
    transport: Transport,
    renderer: EmailRenderer,
    content: EditionContent,
    sender: Sender,
    to: str,
    now: datetime,
    result: DigestResult,
) -> DigestResult:
    rendered = renderer.render(content, _links(sender, content))
    marked = replace(rendered, subject=f"[Test] {rendered.subject}")
    identity = message_id(content.week, f"test {to} {now.isoformat()}", sender.domain)
    message = build_message(marked, sender, to_address=to, identity=identity, token=None, now=now)
    with transport:
        answer = transport.send(message, to, lambda: nullcontext(FreeClaim()))
    if answer.answer.value == "sent":
        return replace(result, sent=1, note=f"a test copy went to {to}")
    return replace(result, failed=1, note=f"the test copy to {to} was not taken: {answer.detail}")


def _write_sample(
    outbox: Path, content: EditionContent, sample: Rendered, sender: Sender, now: datetime
) -> tuple[Path, ...]:
    """The edition for everyone as files, to look at."""
    outbox.mkdir(parents=True, exist_ok=True)
    identity = message_id(content.week, "sample", sender.domain)
    message = build_message(sample, sender, to_address=sender.address, identity=identity, token=None, now=now)
    return (
        write_whole(outbox / f"{content.week}.html", sample.html.encode()),
        write_whole(outbox / f"{content.week}.txt", sample.text.encode()),
        write_whole(outbox / f"{content.week}.eml", message.as_bytes()),
    )


def _links(sender: Sender, content: EditionContent, token: str | None = None) -> Links:
    base = sender.base_url
    leave = (unsubscribe_page(sender, token) if token else "") or unsubscribe_mail(sender, token)
    if not base:
        return Links(unsubscribe=leave)
    return Links(web=f"{base}/{content.week}.html", archive=f"{base}/index.html", unsubscribe=leave)


def _transport(settings: Settings, sender: Sender, week: Week) -> Transport:
    if settings.smtp_url is None:
        return OutboxTransport(settings.outbox / str(week))
    return SmtpTransport(parse_smtp_url(settings.smtp_url.get_secret_value()), sender.address)
