"""The tagging of one run: opening the tagger, and tagging what waits."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from models.settings import Settings
from models.store import model_versions
from models.store import tagging as tagging_queries
from models.store.database import Database
from models.store.model_versions import ModelState
from models.tagging.apply import RETAG_DAYS, TagSummary, nothing_tagged, tag_stored
from models.tagging.measured import shipped_scores

if TYPE_CHECKING:
    from models.tagging.classifier import Tagger

FETCH_SECONDS = 120.0  # for the encoder's 84 MB at first use; then TF-IDF alone until the next try
FETCH_AGAIN_SECONDS = 24 * 3600.0
FETCH_FAILED = "not-fetched.txt"

Progress = Callable[[int, int], None]  # done, total


def tag_waiting(
    database: Database, settings: Settings, *, now: datetime, progress: Progress
) -> tuple[TagSummary, list[str]]:
    """Tag every stored story that waits; the tagger is opened only where there is one. With notes for people."""
    champion = _champion_if_idle(database, now)
    if champion is not None:
        return nothing_tagged(champion), []
    tagger, notes = open_tagger(database, settings, now=now)
    return tag_stored(database, tagger, now=now, progress=progress), notes


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
