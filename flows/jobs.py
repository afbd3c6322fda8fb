"""The jobs as plain functions: what the command runs at once and the flows run as tasks. No Prefect here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

from flows.steps import Report, RunStep, at_once, unreported
from flows.web.collector import Collector, CollectSummary
from flows.web.encoder_weights import fetch_encoder
from models.settings import Settings
from models.sources import Registry, Source
from models.store.database import Database
from models.tagging.apply import TagSummary, tag_stored
from models.tagging.classifier import Tagger
from models.tagging.versions import load_tagger

DISTRIBUTION = "nhs-culture-monitor"


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
) -> CollectSummary:
    """Ask the due sources for news, read the new pages and store them."""
    collector = Collector(
        database, registry, settings, now=now, user_agent=user_agent(settings), run_step=run_step, report=report
    )
    return await collector.collect(sources, all_due=all_due)


def open_tagger(database: Database, settings: Settings) -> tuple[Tagger, list[str]]:
    """The champion classifier, trained on first use; with notes for people (what was fetched, what was trained)."""
    return NotImplemented  # filled when the tagger lands


async def tag(
    database: Database,
    settings: Settings,
    *,
    now: datetime,
    run_step: RunStep = at_once,
    report: Report = unreported,
) -> tuple[TagSummary, list[str]]:
    """Tag every stored story that waits."""

    async def step() -> tuple[TagSummary, list[str]]:
        tagger, notes = open_tagger(database, settings)
        summary = tag_stored(database, tagger, now=now, progress=lambda done, total: report("tag", done, total))
        return summary, notes

    return await run_step("tag new articles", step)


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
    """The main job: collect, then tag."""
    collected = await collect(
        database, registry, settings, now=now, sources=sources, all_due=all_due, run_step=run_step, report=report
    )
    tagged, notes = await tag(database, settings, now=now, run_step=run_step, report=report)
    return MonitorSummary(collected, tagged, tuple(notes))
