"""The jobs as plain functions: what the command runs at once and the flows run as tasks. No Prefect here.

What only some runs need is imported where it is used: most runs find nothing new, and then numpy, scikit-learn and the
digest's templates would be half of what the run costs.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from flows.steps import Report, RunStep, at_once, unreported
from flows.tagging_opening import open_tagger as open_tagger  # the commands call it as one of the jobs
from flows.tagging_run import RunTagging
from flows.web.collect_summary import CollectSummary
from flows.web.collector import Collector
from flows.web.polite_client import PoliteClient
from flows.web.source_check import SourceReport, probe
from models.settings import Settings
from models.sources import Registry, Source
from models.store import reviews
from models.store.database import Database
from models.tagging.apply import TagSummary, document_of
from models.tagging.decisions import Document
from models.weeks import Week, utc_now

if TYPE_CHECKING:
    from flows.mail.weekly import DigestResult

DISTRIBUTION = "nhs-culture-monitor"
TAG_STEP = "tag new articles"


@dataclass(frozen=True, slots=True)
class MonitorSummary:
    """What the main job did: collected, then tagged."""

    collected: CollectSummary
    tagged: TagSummary
    notes: tuple[str, ...] = field(default=())


def code_version() -> str:
    """The version of the installed monitor."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "0"


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
    wake: Callable[[], None] = lambda: None,
) -> CollectSummary:
    """Ask the due sources for news, read the new pages and store them; `wake` is told of each batch."""
    collector = Collector(
        database,
        registry,
        settings,
        now=now,
        user_agent=user_agent(settings),
        run_step=run_step,
        report=report,
        wake=wake,
    )
    return await collector.collect(sources, all_due=all_due)


async def check_sources(
    sources: Sequence[Source], settings: Settings, *, now: datetime, report: Report = unreported
) -> list[SourceReport]:
    """Probe sources live; nothing is stored."""
    key = settings.guardian_api_key.get_secret_value() if settings.guardian_api_key else None
    done = 0

    async def one(source: Source, client: PoliteClient) -> SourceReport:
        nonlocal done
        probed = await probe(source, client, now, guardian_key=key)
        done += 1
        report("check", done, len(sources))
        return probed

    agent = user_agent(settings)
    async with PoliteClient(
        user_agent=agent,
        allow_hosts=settings.allow_hosts,
        gap_seconds=settings.host_gap_seconds,
        proxy=settings.proxy_address,
    ) as client:
        return list(await asyncio.gather(*(one(source, client) for source in sources)))


def find_document(what: str, database: Database) -> Document | None:
    """The article that a person means: by its number, its address, or a text file (its first line is the title)."""
    with database.read() as session:
        article = reviews.find_article(what, session=session)
    if article is not None:
        return document_of(article)
    file = Path(what)
    if not file.is_file():
        return None
    title, _, text = file.read_text(encoding="utf-8", errors="replace").partition("\n")
    return Document(title=title.strip(), text=text.strip())


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
    from flows.mail.weekly import weekly_digest

    return weekly_digest(
        database, registry, settings, week=week, now=now, dry_run=dry_run, send=send, to=to, clock=utc_now
    )


async def tag(
    database: Database,
    settings: Settings,
    *,
    now: datetime,
    run_step: RunStep = at_once,
    report: Report = unreported,
) -> tuple[TagSummary, list[str]]:
    """Tag every stored story that waits."""
    async with RunTagging(database, settings, now=now, progress=partial(report, "tag")) as tagging:
        return await run_step(TAG_STEP, tagging.finish)


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
    """The main job: collect, and tag: beside the reading where there is a core for it, what is left after it."""
    async with RunTagging(database, settings, now=now, progress=partial(report, "tag")) as tagging:
        collected = await collect(
            database,
            registry,
            settings,
            now=now,
            sources=sources,
            all_due=all_due,
            run_step=run_step,
            report=report,
            wake=tagging.wake,
        )
        tagged, notes = await run_step(TAG_STEP, tagging.finish)
    return MonitorSummary(collected, tagged, tuple(notes))
