"""Composing the edition of a week, keeping it and writing its files: the one place where an edition comes into being."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlmodel import Session

from flows.publishing.channels import PostSummary
from flows.publishing.delivery import DeliverySummary
from flows.publishing.layout import view_edition
from flows.publishing.mailer import Sender, build_message, message_id
from flows.publishing.messages import links_of
from flows.publishing.rendering import ArchiveEntry, render_email, render_text, render_web, write_archive
from models.edition.compose import compose
from models.edition.content import EditionContent, content_from_json
from models.edition.news import write_subject
from models.private_files import write_whole
from models.settings import Settings
from models.sources import Registry
from models.store import editions
from models.store.database import Database
from models.store.editions import Known
from models.themes import Theme, load_themes
from models.weeks import Week

HASH_LETTERS = 12  # of an edition's hash, for people to name it by


@dataclass(frozen=True, slots=True)
class DigestResult:
    """What came of one digest, and what it says."""

    content: EditionContent
    content_hash: str
    subject: str
    files: tuple[Path, ...]
    sent: int = 0
    failed: int = 0  # refused for good
    waiting: int = 0  # tried again by the next scheduled run
    skipped: int = 0  # nothing for them this week, or they have left
    expired: int = 0  # out of date before a server took them
    already_sent: int = 0  # by an earlier run
    unconfirmed: int = 0  # see flows.publishing.delivery
    awaits_approval: bool = False
    held: bool = False  # by a person
    note: str = ""  # why nothing, or not all, was sent
    posts: PostSummary = field(default_factory=PostSummary)  # to channels; not in the counts

    @property
    def week(self) -> str:
        """2026-W47."""
        return self.content.week

    @property
    def stories(self) -> int:
        """How many it has."""
        return len(self.content.stories)

    @property
    def has_failures(self) -> bool:
        """Whether someone who should have received it, or a channel, has not."""
        return self.has_unsent_emails or bool(self.posts.waiting or self.posts.expired)

    @property
    def has_unsent_emails(self) -> bool:
        """Whether a recipient who should have received it has not."""
        return bool(self.failed or self.waiting or self.expired)

    def as_summary(self) -> DeliverySummary:
        """What came of its emails and posts alone."""
        return DeliverySummary(
            sent=self.sent,
            failed=self.failed,
            waiting=self.waiting,
            expired=self.expired,
            unconfirmed=self.unconfirmed,
            problem=self.note if self.has_unsent_emails or self.awaits_approval else "",
            posts=self.posts,
        )

    def to_json(self) -> dict[str, Any]:
        """The counts as plain values, without the edition's content."""
        content = self.content
        numbers = {"stories": len(content.stories), "outlets": content.outlets, "articles": content.articles}
        plain = asdict(replace(self, content=replace(content, stories=(), trends=(), gaps=(), themes=())))
        return {"week": plain.pop("content")["week"], **numbers, **plain}


def compose_edition(
    database: Database,
    registry: Registry,
    settings: Settings,
    sender: Sender,
    week: Week,
    now: datetime,
    themes: Sequence[Theme] | None = None,
) -> DigestResult:
    """Compose the edition of a week, keep it and write its files; one that is sealed or approved is kept as it is."""
    content, known = content_of(database, registry, week, now, themes)
    view = view_edition(content, links_of(sender, content))
    with database.write() as session:
        edition = editions.save_edition(
            content,
            subject=view.subject,
            html=render_web(view),
            text=render_text(view),
            known=known,
            session=session,
        )
        page, entries = edition.html, archive_entries(session=session)
    content = content_from_json(edition.content)
    files = (*write_files(content, settings, sender), *write_archive(settings.data / "archive", week, page, entries))
    return result_of(content, files, edition.subject)


def write_files(content: EditionContent, settings: Settings, sender: Sender) -> tuple[Path, ...]:
    """Write an edition for everyone to look at: as a page, as text, as an email."""
    sample = render_email(view_edition(content, links_of(sender, content)))
    message = build_message(
        sample,
        sender,
        to_address=sender.address,
        identity=message_id(content.week, "sample", sender.domain),
        token=None,
        now=content.composed_at,
    )
    outbox = settings.outbox
    outbox.mkdir(parents=True, exist_ok=True)
    return (
        write_whole(outbox / f"{content.week}.html", sample.html.encode()),
        write_whole(outbox / f"{content.week}.txt", sample.text.encode()),
        write_whole(outbox / f"{content.week}.eml", message.as_bytes()),
    )


def result_of(content: EditionContent, files: tuple[Path, ...] = (), subject: str = "") -> DigestResult:
    """What an edition says; `subject` is the one that is kept with it, where one is."""
    return DigestResult(
        content=content,
        content_hash=editions.content_hash(content.to_json()),
        subject=subject or write_subject(content),
        files=files,
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


def content_of(
    database: Database, registry: Registry, week: Week, now: datetime, themes: Sequence[Theme] | None
) -> tuple[EditionContent, Known]:
    """The edition of a week, kept or composed now, and the newest review and edit that it can know of."""
    with database.read() as session:
        kept = editions.edition_of(week, session=session)
        if kept is not None and editions.is_final(kept, session=session):
            return content_from_json(kept.content), Known(kept.latest_review, kept.latest_edit)
        known = editions.known_now(week, session=session)
        facts = editions.gather_edited(week, session=session)
    return compose(facts, registry, themes or load_themes(), now), known
