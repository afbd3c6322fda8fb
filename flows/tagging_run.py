"""The tagging of one run: opening the tagger, and tagging what waits."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from flows.tagging_pool import Progress, TaggingPool
from flows.tagging_worker import KeptTagger
from models.settings import Settings
from models.store import model_versions
from models.store import tagging as tagging_queries
from models.store.database import Database
from models.store.model_versions import ModelState
from models.tagging.apply import BATCH, RETAG_DAYS, Backlog, TagSummary, nothing_tagged, tag_stored
from models.tagging.measured import shipped_scores

if TYPE_CHECKING:
    from models.tagging.classifier import Tagger

FETCH_SECONDS = 120.0  # for the encoder's 84 MB at first use; then TF-IDF alone until the next try
FETCH_AGAIN_SECONDS = 24 * 3600.0
FETCH_FAILED = "not-fetched.txt"

TFIDF = "tfidf"  # as in `models.tagging.encoders`, which brings numpy
# Stories from which on worker processes tag. Each starts and loads the tagger for 1.5 s of CPU, which on two cores makes the
# clock 1.4 s later; a story takes 1.5 to 2.5 ms with TF-IDF (500 of them: 2.2 s here, 3.7 s in two workers), 300 with
# the encoder 10.0 s here, 9.5 s in two workers.
WORTH_WORKERS = 4000
WORTH_WORKERS_ENCODED = 400


async def tag_waiting(
    database: Database, settings: Settings, *, now: datetime, progress: Progress
) -> tuple[TagSummary, list[str]]:
    """Tag every stored story that waits, many of them on all cores; the tagger is opened only where there is one. With notes."""
    champion = _champion_if_idle(database, now)
    if champion is not None:
        return nothing_tagged(champion), []
    notes: list[str] = []

    @cache
    def here() -> "Tagger":
        tagger, more = open_tagger(database, settings, now=now)
        notes.extend(more)
        return tagger

    if settings.workers > 1:
        summary = await _tag_on_all_cores(database, settings, here, notes, now=now, progress=progress)
        if summary is not None:
            return summary, notes
    return tag_stored(database, here(), now=now, progress=progress), notes


async def _tag_on_all_cores(
    database: Database,
    settings: Settings,
    here: "Callable[[], Tagger]",
    notes: list[str],
    *,
    now: datetime,
    progress: Progress,
) -> TagSummary | None:
    """Tag in worker processes; None where so little waits that it is not worth it, or they can't load the champion."""
    tried = ""
    while True:
        with database.read() as session:
            champion = model_versions.champion(session=session)
        if champion is None or champion.version == tried:
            here()  # trained at first use or by newer code, and then on disk
            with database.read() as session:
                champion = model_versions.champion(session=session)
        assert champion is not None
        since = now - timedelta(days=RETAG_DAYS)
        with database.read() as session:
            waiting = tagging_queries.count_waiting(champion.version, since, session=session)
        worth = WORTH_WORKERS if champion.encoder == TFIDF else WORTH_WORKERS_ENCODED
        if waiting < worth or champion.version == tried:
            return None
        tried = champion.version
        kept = KeptTagger(
            folder=settings.models_folder,
            version=champion.version,
            file_sha256=champion.file_sha256,
            encoder=settings.encoder,
            weights_folder=encoder_folder(settings, notes),
        )
        async with TaggingPool(kept, min(settings.workers, -(-waiting // BATCH)), tag_here=here) as pool:
            if await pool.is_ready():
                backlog = Backlog(database, champion.version, now=now)
                await pool.tag(backlog, progress=progress)
                return backlog.finish()


def _champion_if_idle(database: Database, now: datetime) -> str | None:
    """The champion's version where nothing waits for it (so that it need not be loaded, or even trained); else None."""
    with database.read() as session:
        champion = model_versions.champion(session=session)
        version = champion.version if champion else ""
        return None if tagging_queries.waits(version, now - timedelta(days=RETAG_DAYS), session=session) else version


def open_tagger(database: Database, settings: Settings, *, now: datetime) -> "tuple[Tagger, list[str]]":
    """The classifier that tags, trained at first use, and notes for people (what was fetched, what was trained)."""
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


def encoder_folder(settings: Settings, notes: list[str]) -> Path | None:
    """Where the encoder's files are; fetched at first use where the setting lets them be."""
    from flows.web.encoder_weights import FetchError, fetch_encoder
    from models.tagging.encoders import AUTO, MINILM

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
