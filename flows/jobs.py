"""The jobs as plain functions: what the command runs at once and the flows run as tasks. No Prefect here."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from flows.mail.weekly import DigestResult, weekly_digest
from flows.steps import Report, RunStep, at_once, unreported
from flows.web.collector import Collector, CollectSummary
from flows.web.encoder_weights import FetchError, fetch_encoder
from flows.web.polite_client import PoliteClient
from flows.web.source_check import SourceReport, probe
from models.settings import Settings
from models.sources import Registry, Source
from models.store import model_versions, reviews
from models.store import tagging as tagging_queries
from models.store.database import Database
from models.store.model_versions import ModelState
from models.tagging.apply import RETAG_DAYS, TagSummary, document_of, nothing_tagged, tag_stored
from models.tagging.decisions import Document
from models.tagging.encoders import AUTO, MINILM
from models.tagging.measured import shipped_scores
from models.weeks import Week, utc_now

if TYPE_CHECKING:
    from models.tagging.classifier import Tagger

DISTRIBUTION = "nhs-culture-monitor"
FETCH_SECONDS = 120.0  # for the encoder's 84 MB at first use; then TF-IDF alone until the next try
FETCH_AGAIN_SECONDS = 24 * 3600.0
FETCH_FAILED = "not-fetched.txt"


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
        user_agent=agent, allow_hosts=settings.allow_hosts, gap_seconds=settings.host_gap_seconds
    ) as client:
        return list(await asyncio.gather(*(one(source, client) for source in sources)))


def open_tagger(database: Database, settings: Settings, *, now: datetime) -> "tuple[Tagger, list[str]]":
    """The classifier that tags, trained at first use, and notes for people (what was fetched, what was trained)."""
    # Here, not above: scikit-learn takes over a second to import, and most runs find nothing to tag.
    from threadpoolctl import threadpool_limits

    from models.tagging.versions import load_tagger, load_version, read_facts

    # For the whole process: on matrices as small as ours, more threads burn several times the CPU.
    threadpool_limits(limits=1, user_api="blas")
    notes: list[str] = []
    weights = encoder_folder(settings, notes)
    folder = settings.models_folder
    with database.read() as session:
        current = model_versions.champion(session=session)
    if current is not None:
        kept = load_version(
            folder,
            current.version,
            file_sha256=current.file_sha256,
            encoder=settings.encoder,
            weights_folder=weights,
        )
        if kept is not None:
            return kept, notes
    tagger, said = load_tagger(folder, encoder=settings.encoder, weights_folder=weights)
    notes.append(said)
    facts = read_facts(folder / tagger.version) or {}
    with database.write() as session:
        model_versions.record(
            tagger.version,
            facts=facts,
            scores=shipped_scores(tagger.version),
            state=ModelState.CHAMPION,
            now=now,
            session=session,
        )
    return tagger, notes


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


def encoder_folder(settings: Settings, notes: list[str]) -> Path | None:
    """Where the encoder's files are; fetched at first use where the setting lets them be."""
    if settings.encoder not in {AUTO, MINILM}:
        return None
    folder = settings.models_folder / MINILM
    failed = folder / FETCH_FAILED
    if settings.encoder == AUTO and not settings.encoder_folder and _is_recent(failed):
        return folder
    try:
        fetch_encoder(folder, source=settings.encoder_folder, seconds=FETCH_SECONDS)
    except FetchError as error:
        if settings.encoder == MINILM:
            raise
        folder.mkdir(parents=True, exist_ok=True)
        failed.write_text(f"{error}\n", encoding="utf-8")
        notes.append(str(error))
    return folder


def _is_recent(file: Path) -> bool:
    return file.exists() and time.time() - file.stat().st_mtime < FETCH_AGAIN_SECONDS


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
) -> DigestResult:
    """Compose one week's edition, write its files and (with `send`) deliver it, once, to each recipient."""
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

    async def step() -> tuple[TagSummary, list[str]]:
        champion = _champion_if_idle(database, now)
        if champion is not None:
            return nothing_tagged(champion), []
        tagger, notes = open_tagger(database, settings, now=now)
        summary = tag_stored(database, tagger, now=now, progress=lambda done, total: report("tag", done, total))
        return summary, notes

    return await run_step("tag new articles", step)


def _champion_if_idle(database: Database, now: datetime) -> str | None:
    """The champion's version where nothing waits for it (so that it need not be loaded, or even trained); else None."""
    with database.read() as session:
        champion = model_versions.champion(session=session)
        version = champion.version if champion else ""
        return None if tagging_queries.waits(version, now - timedelta(days=RETAG_DAYS), session=session) else version


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
