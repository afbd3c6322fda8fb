"""Opening the tagger: the champion loaded, or trained anew with people's reviews where it can't be used.

Only what writes calls `open_tagger`. What reads (explain, evaluate, doctor) looks at the champion as it is with `read_tagger`.
"""

import time
from datetime import datetime
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from flows.tagging.encoder_weights import FetchError, fetch_encoder
from models.edition.trend_words import count_things
from models.private_files import write_whole
from models.settings import AUTO, TFIDF, Settings
from models.store import model_versions, reviews
from models.store import tagging as queries
from models.store.database import Database
from models.store.locks import lock_file, wait_for_lock
from models.store.model_versions import ModelError, ModelState
from models.store.tables import ModelVersion
from models.tagging.classifier import Tagger
from models.tagging.encoders import choose_encoder, published_encoder
from models.tagging.evaluation import evaluate
from models.tagging.held_out import as_labelled, is_held_out, measured_articles
from models.tagging.identity import build_version
from models.tagging.measured import shipped_scores
from models.tagging.promotion import model_card
from models.tagging.published_encoders import has_published_weights
from models.tagging.training import ReviewedArticle
from models.tagging.versions import is_whole, load_tagger, load_version, read_facts

FETCH_SECONDS = 120.0  # for the encoder's 84 MB at first use; then TF-IDF alone until the next try
FETCH_AGAIN_SECONDS = 24 * 3600.0
FETCH_FAILED = "not-fetched.txt"
# Two first runs on one database and one data folder would fetch and train the same files at once: the second waits.
MODEL_LOCK = "model"
MAKE_ONE = "`culture-monitor model train` makes one"


def open_tagger(database: Database, settings: Settings, *, now: datetime) -> tuple[Tagger, list[str]]:
    """The classifier that tags, and notes for people (what was fetched, what was trained and why).

    It is the version that a person went back to, or else the champion. Where its file can't be used (another build of the
    monitor, an encoder that came or went, a lost file), another takes its place that has learned from people's reviews too.
    """
    # For the whole process: on matrices as small as ours, more threads burn several times the CPU.
    threadpool_limits(limits=1, user_api="blas")
    with wait_for_lock(database, MODEL_LOCK):
        return _open_tagger(database, settings, now)


def _open_tagger(database: Database, settings: Settings, now: datetime) -> tuple[Tagger, list[str]]:
    notes: list[str] = []
    weights = encoder_folder(settings, notes)
    with database.read() as session:
        champion = model_versions.champion(session=session)
        pinned = model_versions.pinned(session=session)
    for row in (pinned, champion):
        kept = _load(row, settings, weights, as_recorded=row is pinned) if row is not None else None
        if row is None or kept is None:
            continue
        if row.state != ModelState.CHAMPION:
            notes.append(f"Version {row.version}, which a person went back to, tags again.")
            with database.write() as session:
                model_versions.make_champion(row.version, pin=False, session=session)
        return kept, notes
    return _train_in_place_of(pinned or champion, database, settings, weights, notes, now), notes


def _load(row: ModelVersion, settings: Settings, weights: Path | None, *, as_recorded: bool) -> Tagger | None:
    return load_version(
        settings.models_folder,
        row.version,
        file_sha256=row.file_sha256,
        encoder=settings.encoder,
        weights_folder=weights,
        as_recorded=as_recorded,
    )


def _train_in_place_of(
    lost: ModelVersion | None,
    database: Database,
    settings: Settings,
    weights: Path | None,
    notes: list[str],
    now: datetime,
) -> Tagger:
    reviewed, until = _to_learn_from(lost, database, choose_encoder(settings.encoder, weights).name)
    learned = [one for one in reviewed if not is_held_out(one)]
    folder = settings.models_folder
    tagger, said = load_tagger(folder, encoder=settings.encoder, weights_folder=weights, reviews=learned)
    notes.append(said)
    if lost is not None:
        notes.append(
            f"Version {lost.version} can't be used here any more (another build of the monitor or another framework, an "
            f"encoder that came or went, or a lost file): {tagger.version} tags in its place, with "
            f"{count_things(len(learned), 'reviewed article')}."
        )
        with database.read() as session:
            unknown = queries.themes_not_in_use(session=session)
        if unknown:
            notes.append(f"Tags and reviews of themes that are not in use are left out: {', '.join(unknown)}.")
    facts = read_facts(folder / tagger.version) or {}
    held_out = [one for one in reviewed if is_held_out(one)]
    scores = shipped_scores(tagger.version) or _measure(tagger, facts, held_out)
    with database.write() as session:
        model_versions.record(
            tagger.version,
            facts=facts,
            scores=scores,
            state=ModelState.CHAMPION,
            now=now,
            reviews_until=until,
            session=session,
        )
    return tagger


def _to_learn_from(
    lost: ModelVersion | None, database: Database, encoder: str
) -> tuple[list[ReviewedArticle], datetime | None]:
    """The reviews for a model that takes the place of `lost`, and the time of the latest: all, where nobody decided otherwise.

    Those that a person went back behind wait for the next training, and so do those with which this very build measured worse.
    """
    with database.read() as session:
        decided = lost is not None and (
            lost.pinned
            or model_versions.was_rejected_since(
                lost.reviews_until, code_version=build_version(), encoder=encoder, session=session
            )
        )
        until = lost.reviews_until if lost is not None and decided else reviews.latest_review(session=session)
        return (reviews.reviewed_articles(until=until, session=session) if until is not None else []), until


def _measure(tagger: Tagger, facts: dict[str, Any], held_out: list[ReviewedArticle]) -> dict[str, Any]:
    """The scores of a model that nobody has measured yet, with its card."""
    scores = evaluate(tagger, [*measured_articles(), *as_labelled(held_out)])
    card = model_card(facts, scores, tagger.thresholds)
    return {**scores, "card": {key: value for key, value in card.items() if key != "scores"}}


def read_tagger(database: Database, settings: Settings) -> tuple[Tagger, list[str]]:
    """The champion as it is, for commands that only read: nothing is fetched, trained or recorded.

    Raises:
        ModelError: there is none yet, or it can't be used here; says what to run first.
    """
    choose_encoder(settings.encoder, encoder_place(settings))  # a wrong setting is named, whatever is stored
    with database.read() as session:
        row = model_versions.champion(session=session)
    if row is None:
        raise ModelError(f"no model tags here yet; {MAKE_ONE}, or `culture-monitor run` with its first news")
    tagger = _load(row, settings, encoder_place(settings), as_recorded=True)
    if tagger is None:
        raise ModelError(
            f"version {row.version} can't be used here: {why_unusable(row, settings)}; {MAKE_ONE} in its place"
        )
    other = "made by another build of the monitor, the next version takes its place when something is to be tagged"
    return tagger, [] if _is_of_this_build(row) else [f"Version {row.version} was {other}."]


def shipped_tagger(settings: Settings) -> tuple[Tagger, list[str]]:
    """The model of the shipped seeds, fitted in a cache of its own below the data folder: it is never the one that tags."""
    notes: list[str] = []
    own = encoder_place(settings)
    weights = own if own is not None and has_published_weights(own, own.name) else None
    cache = settings.data / "cache" / "models"
    weights = weights or encoder_folder(settings, notes, cache)
    cache.mkdir(parents=True, exist_ok=True)
    with lock_file(cache / ".lock", wait=True):
        tagger, said = load_tagger(cache, encoder=settings.encoder, weights_folder=weights)
    return tagger, [*notes, said]


def roll_back(database: Database, settings: Settings, version: str) -> None:
    """Give the tagging to an earlier version, until a person or a measured challenger ends that.

    Raises:
        ModelError: it is not recorded, or can't be used here, so that the choice could not hold.
    """
    with database.read() as session:
        row = next((one for one in model_versions.all_versions(session=session) if one.version == version), None)
    if row is None:
        raise ModelError(f"{version!r} is not recorded; see 'culture-monitor model list'")
    if _load(row, settings, encoder_place(settings), as_recorded=True) is None:
        raise ModelError(f"version {version} can't be used here: {why_unusable(row, settings)}; nothing was changed")
    with database.write() as session:
        model_versions.make_champion(version, session=session)


def unusable(row: ModelVersion, settings: Settings, *, pinned: bool) -> str:
    """Why the next run can't tag with a recorded version, in words for people; empty if it can."""
    if _load(row, settings, encoder_place(settings), as_recorded=pinned) is not None:
        return ""
    return why_unusable(row, settings)


def why_unusable(row: ModelVersion, settings: Settings) -> str:
    """Why a recorded version can't be loaded, in words for people; only asked where it can't."""
    if not is_whole(settings.models_folder, row.version, row.file_sha256):
        return "its file is gone or not the one that was recorded"
    if not _is_of_this_build(row):
        return "it was made by another build of the monitor, or for other themes"
    if row.encoder == TFIDF:
        return "it knows no encoder, and there is one now"
    return f"its encoder {row.encoder} is not there or not set (`culture-monitor model fetch` gets MiniLM and MPNet)"


def _is_of_this_build(row: ModelVersion) -> bool:
    return row.code_version == build_version()


def encoder_place(settings: Settings) -> Path | None:
    """Where the encoder's files are, if they are there; nothing is fetched."""
    name = published_encoder(settings.encoder)
    return settings.models_folder / name if name else None


def encoder_folder(settings: Settings, notes: list[str], models_folder: Path | None = None) -> Path | None:
    """Where the encoder's files are; fetched at first use where the setting lets them be."""
    name = published_encoder(settings.encoder)
    if name is None:
        return None
    folder = (models_folder or settings.models_folder) / name
    failed = folder / FETCH_FAILED
    if settings.encoder == AUTO and not settings.encoder_folder and _is_recent(failed):
        return folder
    try:
        fetch_encoder(
            folder, name, source=settings.encoder_folder, seconds=FETCH_SECONDS if settings.encoder == AUTO else None
        )
    except FetchError as error:
        if settings.encoder != AUTO:
            raise
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(failed, f"{error}\n".encode())
        notes.append(str(error))
    return folder


def _is_recent(file: Path) -> bool:
    return file.exists() and time.time() - file.stat().st_mtime < FETCH_AGAIN_SECONDS
