"""Trained taggers on disk: made when there is none for this data, code and encoder; refused when the file was changed."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from models.private_files import open_new, write_whole
from models.settings import TFIDF
from models.tagging.classifier import Tagger
from models.tagging.decisions import Document
from models.tagging.encoders import Encoder, choose_encoder
from models.tagging.fitting import train_tagger
from models.tagging.identity import build_version, version_of
from models.tagging.state import Arrays
from models.tagging.training import ReviewedArticle, TrainingData, load_training_data
from models.themes import shipped_theme_ids, theme_ids

# Read by a model of another build before it is believed to work here.
_PROBE = Document(
    "Trust chair resigns", text="The chair of the NHS trust resigned after a report on bullying by managers."
)
_MODEL_FILE = "model.npz"
_FACTS_FILE = "model.json"
_KINDS = {"code_version": str, "encoder": str, "file_sha256": str, "themes": list, "reviews": int}


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
    folder: Path,
    version: str,
    *,
    file_sha256: str,
    encoder: str,
    weights_folder: Path | None,
    as_recorded: bool = False,
) -> Tagger | None:
    """A version trained earlier; None where its file is gone, is not the recorded one, or needs another encoder or code,
    or was made for other themes.

    `as_recorded` also takes one that has no need of the encoder that is there, and one of another build of the monitor
    whose arrays this one can read: for a version that a person asks for by name.
    """
    choice = choose_encoder(encoder, weights_folder)
    home = folder / version
    facts = read_facts(home)
    if facts is None or facts.get("file_sha256") != file_sha256 or _damage(home) is not None:
        return None
    if tuple(facts["themes"] if "themes" in facts else shipped_theme_ids()) != theme_ids():
        return None
    own, needed = facts.get("code_version") == build_version(), facts.get("encoder")
    if needed != choice.name and not (as_recorded and needed == TFIDF):
        return None
    if own:
        return _read(home, version, choice.encoder if needed == choice.name else None)
    return _read_other_build(home, version, choice.encoder if needed == choice.name else None) if as_recorded else None


def write_tagger(tagger: Tagger, home: Path, data: TrainingData) -> None:
    """Writes the arrays, then the facts with the file's hash: facts without the right file are never believed."""
    home.mkdir(parents=True, exist_ok=True)
    part = home / f"{_MODEL_FILE}.part"
    with open_new(part) as stream:
        np.savez(stream, **tagger.arrays())  # type: ignore[arg-type]
    facts = {
        "version": tagger.version,
        "code_version": build_version(),
        "encoder": tagger.encoder,
        "themes": list(theme_ids()),  # versions of the first release do not say; they know those that are shipped
        "training_sha256": data.sha256,
        "sentences": len(data.sentences),
        "passages": len(data.passages),
        "reviews": sum(one.kind == "review" for one in data.passages),
        "file_sha256": _sha256(part),
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    part.replace(home / _MODEL_FILE)
    write_whole(home / _FACTS_FILE, json.dumps(facts, indent=2).encode())


def read_facts(home: Path) -> dict[str, Any] | None:
    """What is recorded of the version in `home`; None where the file is gone or is not as it was written."""
    try:
        facts = json.loads((home / _FACTS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    whole = isinstance(facts, dict) and all(type(facts.get(name, kind())) is kind for name, kind in _KINDS.items())
    return facts if whole else None


def _problem(home: Path) -> str | None:
    """Why the version in `home` can't be used, in words for the user; None if it can."""
    if (damage := _damage(home)) is not None:
        return damage
    facts = read_facts(home) or {}
    if facts.get("code_version") != build_version():
        return "trained again: it was made by another build of the monitor or for other themes"
    return None


def _damage(home: Path) -> str | None:
    """What is wrong with the file of the version in `home`, in words for the user; None if it is as it was written."""
    facts = read_facts(home)
    if not (home / _MODEL_FILE).is_file():
        return "trained now"
    if facts is None or facts.get("file_sha256") != _sha256(home / _MODEL_FILE):
        return "trained again: its file does not match the recorded SHA-256"
    return None


def is_whole(folder: Path, version: str, file_sha256: str) -> bool:
    """Whether the file of a version is there as it was recorded."""
    facts = read_facts(folder / version)
    return facts is not None and facts.get("file_sha256") == file_sha256 and _damage(folder / version) is None


def _read_other_build(home: Path, version: str, encoder: Encoder | None) -> Tagger | None:
    try:
        tagger = _read(home, version, encoder)
        tagger.explain(_PROBE)
    except (KeyError, ValueError, IndexError, TypeError):  # it has arrays that this build does not, or of other shapes
        return None
    return tagger


def _read(home: Path, version: str, encoder: Encoder | None) -> Tagger:
    with np.load(home / _MODEL_FILE, allow_pickle=False) as file:
        arrays: Arrays = {name: file[name] for name in file.files}
    return Tagger.from_arrays(version, arrays, encoder)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
