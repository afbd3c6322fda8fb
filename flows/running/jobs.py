"""The jobs as plain functions: what the command runs at once and the flows run as tasks. No Prefect here."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from errno import ENAMETOOLONG, ENOENT, ENOTDIR
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from flows.publishing.erasure import ForgetRuns, empty_log, erase_departed
from flows.running.steps import Report, RunStep, at_once, unreported
from flows.tagging.open_tagger import check_framework as check_framework
from flows.tagging.open_tagger import open_tagger as open_tagger  # the commands call these as jobs
from flows.tagging.open_tagger import read_tagger as read_tagger
from flows.tagging.open_tagger import roll_back as roll_back
from flows.tagging.open_tagger import shipped_tagger as shipped_tagger
from flows.tagging.waiting import tag_waiting
from models.channels import load_channels
from models.edition.edits import Wanted
from models.edition.short import Kind
from models.given_files import read_given
from models.seeds import DataFileError
from models.settings import Settings, code_version
from models.sources import Registry, Source
from models.store import collecting, deliveries, events, organisations, posts, reviews, short_mails
from models.store.database import Database
from models.store.tagging import document_of
from models.store.upkeep import Upkeep, keep_up
from models.tagging.apply import TagSummary
from models.tagging.decisions import Document
from models.weeks import Week, WeekError, utc_now

# What asks and reads (httpx, feedparser, lxml) is imported where it works: half a second, for which the jobs on what is stored
# would wait.
if TYPE_CHECKING:
    from flows.collecting.feed_discovery import Discovery
    from flows.collecting.source_check import SourceReport
    from flows.collecting.summary import CollectSummary
    from flows.fetching.client import PoliteClient
    from flows.publishing.delivery import DeliverySummary
    from flows.publishing.editing import EditResult
    from flows.publishing.edition import DigestResult


@dataclass(frozen=True, slots=True)
class MonitorSummary:
    """What the main job did: collected, then tagged."""

    collected: "CollectSummary"
    tagged: TagSummary
    notes: tuple[str, ...] = field(default=())


def user_agent(settings: Settings) -> str:
    """How the monitor names itself to sites: honestly, with a contact where one is set."""
    contact = f" (+{settings.contact})" if settings.contact else ""
    return f"NHS-Culture-Monitor/{code_version()}{contact}"


async def collect(
    database: Database,
    registry: Registry,
    settings: Settings,
    *,
    now: datetime,
    sources: Sequence[Source] | None = None,
    all_due: bool = False,
    run_step: RunStep = at_once,
    report: Report = unreported,
) -> "CollectSummary":
    """Ask the due sources for news, read the new pages and store them."""
    from flows.collecting.collector import Collector

    collector = Collector(
        database,
        registry,
        settings,
        now=now,
        user_agent=user_agent(settings),
        run_step=run_step,
        report=report,
    )
    return await collector.collect(sources, all_due=all_due)


def check_settings(settings: Settings, registry: Registry, sources: Sequence[Source]) -> None:
    """Before any work: what single sources need, and what is needed at the end to send.

    Raises:
        SettingsError: one of these settings is wrong.
    """
    from flows.publishing.mailer import parse_sender
    from flows.publishing.weekly import open_mailer
    from flows.reading.sources import key_of

    for source in sources:
        key_of(source.kind, settings)
    open_mailer(settings, parse_sender(settings.mail_from, settings.base_url))
    load_channels(settings.channels, registry, settings.own_organisations)


def note_told(database: Database, collected: "CollectSummary", *, now: datetime) -> None:
    """Remember which failures a person was told of. To be called when they were: each is told once."""
    if told := [result.source.id for result in collected.began_to_fail]:
        with database.write() as session:
            collecting.note_failures_told(told, now, session=session)


def _client(settings: Settings) -> "PoliteClient":
    from flows.fetching.client import PoliteClient

    return PoliteClient(
        user_agent=user_agent(settings),
        allow_hosts=settings.allow_hosts,
        gap_seconds=settings.host_gap_seconds,
        proxy=settings.proxy_address,
    )


async def check_sources(
    sources: Sequence[Source], settings: Settings, *, now: datetime, report: Report = unreported
) -> "list[SourceReport]":
    """Probe sources live; nothing is stored."""
    from flows.collecting.source_check import probe
    from flows.reading.sources import key_of

    done = 0
    keys = {source.kind: key_of(source.kind, settings) for source in sources}

    async def one(source: Source, client: "PoliteClient") -> "SourceReport":
        nonlocal done
        probed = await probe(source, client, now, key=keys[source.kind])
        done += 1
        report("check", done, len(sources))
        return probed

    async with _client(settings) as client:
        return list(await asyncio.gather(*(one(source, client) for source in sources)))


async def find_feeds(url: str, settings: Settings, *, now: datetime) -> "Discovery":
    """The feeds at an address, or of the site whose page it is; nothing is stored."""
    from flows.collecting.feed_discovery import discover

    async with _client(settings) as client:
        return await discover(url, client, now)


def find_document(what: str, database: Database) -> Document | None:
    """The article that a person means: by its number, its address, or a text file (its first line is the title).

    Raises:
        DataFileError: it is a file that can't be read.
    """
    with database.read() as session:
        article = reviews.find_article(what, session=session)
    if article is not None:
        return document_of(article)
    try:
        title, _, text = read_given(Path(what)).decode("utf-8", "replace").partition("\n")
    except OSError as error:
        if error.errno in (ENOENT, ENOTDIR, ENAMETOOLONG):
            return None
        raise DataFileError(f"{what}: {error.strerror}") from error
    return Document(title=title.strip(), text=text.strip())


async def upkeep(
    database: Database,
    registry: Registry,
    settings: Settings,
    *,
    now: datetime,
    forget_runs: ForgetRuns | None = None,
) -> Upkeep:
    """Delete what is past its time: texts, logged requests, those who left, and their traces in Prefect with `forget_runs`."""
    # First, while the database still knows whose traces there are elsewhere.
    erased = await erase_departed(database, settings, now, forget_runs)
    organisations.record_all(
        database, settings.own_organisations
    )  # before texts go: what they name can't be found later
    done = keep_up(database, registry, now=now)
    if database.engine.dialect.name == "sqlite" and database.engine.url.database:
        empty_log(Path(database.engine.url.database))  # which still holds the pages as they were
    return replace(done, recipients=erased + done.recipients)


def digest(
    database: Database,
    registry: Registry,
    settings: Settings,
    *,
    week: Week,
    now: datetime,
    dry_run: bool = False,
    send: bool = True,
    to: str | None = None,
) -> "DigestResult":
    """Compose one week's edition, write its files and (with `send`) deliver it, once, to each recipient."""
    # Here: numpy and the digest's templates are a fifth of a second, which a run that finds nothing new would feel.
    from flows.publishing.weekly import weekly_digest

    return weekly_digest(
        database, registry, settings, week=week, now=now, dry_run=dry_run, send=send, to=to, clock=utc_now
    )


def edit_edition(
    database: Database, registry: Registry, settings: Settings, wanted: Wanted, *, week: Week | None, now: datetime
) -> "EditResult":
    """Record what an editor wants of an edition that has not been sent, and write it anew."""
    from flows.publishing.editing import edit_edition as edit  # as in `digest`

    return edit(database, registry, settings, wanted, week=week, now=now)


def week_of_digest(named: str, now: datetime) -> Week:
    """The week that a person names for a digest, as 2026-W47.

    Raises:
        WeekError: it is no week, or has not begun.
    """
    week = Week.parse(named)
    if week > Week.of(now):
        raise WeekError(f"{week} has not begun: name a week up to {Week.of(now)}")
    return week


def send_pending(
    database: Database, registry: Registry, settings: Settings, *, now: datetime
) -> "DeliverySummary | None":
    """Send what earlier digests could not; None where nothing is left. Every scheduled run calls it."""
    with database.read() as session:
        emails = deliveries.is_anything_left(Week.of(now).plus(-1), session=session)
        if not emails and not posts.under_way(session=session):
            return None
    from flows.publishing.weekly import send_pending as send

    return send(database, registry, settings, now=now, clock=utc_now)


def send_short(
    database: Database, registry: Registry, settings: Settings, *, kind: Kind, now: datetime
) -> "DeliverySummary | None":
    """Send the alerts that are due now, or the daily emails; None where nobody wants any and none is left."""
    with database.read() as session:
        has_channels = kind is Kind.ALERT and settings.channels is not None
        if not has_channels and not short_mails.is_wanted(kind, session=session):
            return None
    from flows.publishing.short import send_short as send

    return send(database, registry, settings, kind=kind, now=now, clock=utc_now)


async def tag(
    database: Database,
    settings: Settings,
    *,
    now: datetime,
    run_step: RunStep = at_once,
    report: Report = unreported,
) -> tuple[TagSummary, list[str]]:
    """Tag every stored story that waits."""
    done = await run_step(tag_waiting, database, settings, now=now, progress=partial(report, "tag"))
    organisations.record_recent(database, settings.own_organisations, now=now)
    events.record_events(database, now=now)
    return done


async def monitor(
    database: Database,
    registry: Registry,
    settings: Settings,
    *,
    now: datetime,
    sources: Sequence[Source] | None = None,
    all_due: bool = False,
    run_step: RunStep = at_once,
    report: Report = unreported,
) -> MonitorSummary:
    """The main job: collect, then tag what is new."""
    collected = await collect(
        database,
        registry,
        settings,
        now=now,
        sources=sources,
        all_due=all_due,
        run_step=run_step,
        report=report,
    )
    tagged, notes = await tag(database, settings, now=now, run_step=run_step, report=report)
    return MonitorSummary(collected, tagged, tuple(notes))
