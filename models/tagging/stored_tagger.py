"""A trained tagger on disk, by which a worker process loads it once; documents go in, taggings come out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from models.tagging.decisions import Document, Tagging

if TYPE_CHECKING:
    from models.tagging.classifier import Tagger


@dataclass(frozen=True, slots=True)
class StoredTagger:
    """Where a trained version is, and what it must be."""

    folder: Path
    version: str
    file_sha256: str
    encoder: str  # the setting
    weights_folder: Path | None


def tag_documents(stored: StoredTagger, documents: Sequence[Document]) -> list[Tagging]:
    """One tagging for each document.

    Raises:
        FileNotFoundError: the version is gone, or is not the recorded one.
    """
    return load_stored(stored).tag(documents)


@cache
def load_stored(stored: StoredTagger) -> "Tagger":
    """The tagger, loaded once.

    Raises:
        FileNotFoundError: the version is gone, or is not the recorded one.
    """
    # Here: it brings scikit-learn, which the process that names this function may not need.
    from models.tagging.versions import load_version

    tagger = load_version(
        stored.folder,
        stored.version,
        file_sha256=stored.file_sha256,
        encoder=stored.encoder,
        weights_folder=stored.weights_folder,
        as_recorded=True,  # the one that asks has chosen it already
    )
    if tagger is None:
        raise FileNotFoundError(f"version {stored.version} can't be loaded from {stored.folder}")
    return tagger
