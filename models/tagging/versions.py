"""Trained taggers on disk: made when there is none for this data, code and encoder; refused when the file was changed."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from models.tagging.classifier import Tagger
from models.tagging.encoders import CachedEncoder, Choice, Encoder, choose_encoder
from models.tagging.scope import ScopeExamples, ScopeModel
from models.tagging.state import Arrays
from models.tagging.theme_model import ThemeExamples, ThemeModel
from models.tagging.training import ReviewedArticle, TrainingData, load_training_data, sentences_of
from models.tagging.vocabulary import load_vocabulary
from models.themes import THEME_IDS

# Raised whenever the code learns or decides otherwise from the same data, or writes it otherwise.
CODE_VERSION = "6"
_MODEL_FILE = "model.npz"
_FACTS_FILE = "model.json"
_VECTORS_FILE = "training-vectors.npz"


def load_tagger(
    folder: Path,
    *,
    encoder: str,
    weights_folder: Path | None,
    reviews: Sequence[ReviewedArticle] = (),
) -> tuple[Tagger, str]:
    """The tagger for the seeds and `reviews`, and one line that says where it came from.

    It is trained at first use (seconds without an encoder, a minute or two with one) and kept in `folder` under the hash of
    training data, code version and encoder. A kept file whose SHA-256 is not the recorded one is not opened but trained anew.

    Raises:
        DataFileError: the seeds are wrong.
        EncoderMissingError: a named encoder is not there.
    """
    choice = choose_encoder(encoder, weights_folder)
    data = load_training_data(reviews)
    version = version_of(data, choice.name)
    home = folder / version
    problem = _problem(home)
    if problem is None:
        return _read(home, version, choice.encoder), f"{choice.said} Version {version}."
    tagger = train_tagger(data, choice, folder, version)
    write_tagger(tagger, home, data)
    return tagger, f"{choice.said} Version {version}, {problem}."


def load_version(
    folder: Path, version: str, *, file_sha256: str, encoder: str, weights_folder: Path | None
) -> Tagger | None:
    """A version trained earlier; None where its file is gone, is not the recorded one, or needs another encoder or code."""
    choice = choose_encoder(encoder, weights_folder)
    home = folder / version
    facts = read_facts(home)
    if facts is None or _problem(home) is not None or facts.get("file_sha256") != file_sha256:
        return None
    return _read(home, version, choice.encoder) if facts.get("encoder") == choice.name else None


def version_of(data: TrainingData, encoder: str) -> str:
    """A short name that is the same for the same data, vocabulary, code and encoder."""
    vocabulary = load_vocabulary().sha256
    return hashlib.sha256(f"{data.sha256} {vocabulary} {CODE_VERSION} {encoder}".encode()).hexdigest()[:12]


def train_tagger(data: TrainingData, choice: Choice, folder: Path | None, version: str) -> Tagger:
    """Trains on `data`; the encoder's vectors of training texts are kept in `folder`."""
    cache = None
    if choice.encoder is not None:
        name = hashlib.sha256(choice.name.encode()).hexdigest()[:8]
        cache = CachedEncoder(choice.encoder, folder / f"{name}-{_VECTORS_FILE}" if folder else None)
    with threadpool_limits(1):  # several BLAS threads spin more than they multiply on matrices of this size
        scope = ScopeModel(cache).fit(scope_examples(data))
        themes = ThemeModel(cache).fit(theme_examples(data))
    if cache is not None:
        cache.save()
    arrays = {**scope.arrays(), **themes.arrays()}
    return Tagger.from_arrays(version, arrays, choice.encoder)


def scope_examples(data: TrainingData) -> ScopeExamples:
    """Passages and sentences whose scope is known."""
    passages = [one for one in data.passages if one.in_scope is not None]
    sentences = [one for one in data.sentences if one.in_scope is not None]
    return ScopeExamples(
        documents=[sentences_of(one.document) for one in passages],
        yes=np.array([one.in_scope for one in passages], bool),
        weights=np.array([one.weight for one in passages], float),
        groups=[one.group for one in passages],
        sentences=[one.text for one in sentences],
        sentences_yes=np.array([one.in_scope for one in sentences], bool),
    )


def theme_examples(data: TrainingData) -> ThemeExamples:
    """Sentences with their themes, and the passages in scope."""
    passages = [one for one in data.passages if one.in_scope and one.judged]
    return ThemeExamples(
        sentences=[one.text for one in data.sentences],
        shows=np.array([[theme in one.themes for theme in THEME_IDS] for one in data.sentences], bool),
        documents=[sentences_of(one.document) for one in passages],
        carries=np.array([[theme in one.themes for theme in THEME_IDS] for one in passages], bool),
        judged=np.array([[theme in one.judged for theme in THEME_IDS] for one in passages], bool),
        document_weights=np.array([one.weight for one in passages], float),
        groups=[one.group for one in passages],
    )


def write_tagger(tagger: Tagger, home: Path, data: TrainingData) -> None:
    """Writes the arrays, then the facts with the file's hash: facts without the right file are never believed."""
    home.mkdir(parents=True, exist_ok=True)
    part = home / f"{_MODEL_FILE}.part"
    with part.open("wb") as stream:
        np.savez(stream, **tagger.arrays())  # type: ignore[arg-type]
    facts = {
        "version": tagger.version,
        "code_version": CODE_VERSION,
        "encoder": tagger.encoder,
        "training_sha256": data.sha256,
        "sentences": len(data.sentences),
        "passages": len(data.passages),
        "reviews": sum(one.kind == "review" for one in data.passages),
        "file_sha256": _sha256(part),
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    part.replace(home / _MODEL_FILE)
    (home / _FACTS_FILE).write_text(json.dumps(facts, indent=2), encoding="utf-8")


def read_facts(home: Path) -> dict[str, Any] | None:
    """What is recorded of the version in `home`, or None."""
    try:
        facts = json.loads((home / _FACTS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) else None


def _problem(home: Path) -> str | None:
    """Why the version in `home` can't be used, in words for the user; None if it can."""
    facts = read_facts(home)
    if not (home / _MODEL_FILE).is_file():
        return "trained now"
    if facts is None or facts.get("file_sha256") != _sha256(home / _MODEL_FILE):
        return "trained again: its file does not match the recorded SHA-256"
    if facts.get("code_version") != CODE_VERSION:
        return f"trained again: it was made by code version {facts.get('code_version')}"
    return None


def _read(home: Path, version: str, encoder: Encoder | None) -> Tagger:
    with np.load(home / _MODEL_FILE, allow_pickle=False) as file:
        arrays: Arrays = {name: file[name] for name in file.files}
    return Tagger.from_arrays(version, arrays, encoder)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
