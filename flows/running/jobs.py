"""The jobs that read the web and tag, as plain functions: what the command runs at once and the flows run as tasks. No Prefect.

What sends is in `flows.running.sending`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from flows.collecting.collector import Collector
from flows.collecting.feed_discovery import Discovery, discover
from flows.collecting.source_check import SourceReport, probe
from flows.collecting.summary import CollectSummary
from flows.fetching.client import PoliteClient
from flows.publishing.mailer import parse_sender
from flows.publishing.weekly import open_mailer
from flows.reading.sources import key_of
from flows.running.steps import Report, RunStep, at_once, unreported
from flows.tagging.waiting import tag_waiting
from models.channels import load_channels
from models.settings import Settings, code_version
from models.sources import Registry, Source
from models.store import collecting, events, organisations
from models.store.database import Database
from models.tagging.apply import TagSummary


@dataclass(frozen=True, slots=True)
class MonitorSummary:
    """What the main job did: collected, then tagged."""

    collected: CollectSummary
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
) -> CollectSummary:
    """Ask the due sources for news, read the new pages and store them."""
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
    for source in sources:
        key_of(source.kind, settings)
    open_mailer(settings, parse_sender(settings.mail_from, settings.base_url))
    load_channels(settings.channels, registry, settings.own_organisations)


def note_told(database: Database, collected: CollectSummary, *, now: datetime) -> None:
    """Remember which failures a person was told of. To be called when they were: each is told once."""
    if told := [result.source.id for result in collected.began_to_fail]:
        with database.write() as session:
            collecting.note_failures_told(told, now, session=session)


def _client(settings: Settings) -> PoliteClient:
    return PoliteClient(
        user_agent=user_agent(settings),
        allow_hosts=settings.allow_hosts,
        gap_seconds=settings.host_gap_seconds,
        proxy=settings.proxy_address,
    )


async def check_sources(
    sources: Sequence[Source], settings: Settings, *, now: datetime, report: Report = unreported
) -> list[SourceReport]:
    """Probe sources live; nothing is stored."""
    done = 0
    keys = {source.kind: key_of(source.kind, settings) for source in sources}

    async def one(source: Source, client: PoliteClient) -> SourceReport:
        nonlocal done
        probed = await probe(source, client, now, key=keys[source.kind])
        done += 1
        report("check", done, len(sources))
        return probed

    async with _client(settings) as client:
        return list(await asyncio.gather(*(one(source, client) for source in sources)))


async def find_feeds(url: str, settings: Settings, *, now: datetime) -> Discovery:
    """The feeds at an address, or of the site whose page it is; nothing is stored."""
    async with _client(settings) as client:
        return await discover(url, client, now)


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
