"""Opening the tagger: loaded or trained, with the encoder's files fetched at first use."""

import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from models.settings import AUTO, MINILM, Settings
from models.store import model_versions
from models.store.database import Database
from models.store.model_versions import ModelState
from models.tagging.measured import shipped_scores

if TYPE_CHECKING:
    from models.tagging.classifier import Tagger

FETCH_SECONDS = 120.0  # for the encoder's 84 MB at first use; then TF-IDF alone until the next try
FETCH_AGAIN_SECONDS = 24 * 3600.0
FETCH_FAILED = "not-fetched.txt"


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
