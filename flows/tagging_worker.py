"""Tagging in a worker process: the tagger is loaded once there; documents go in, taggings come out, nothing is stored."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from models.tagging.decisions import Document, Tagging

if TYPE_CHECKING:
    from models.tagging.classifier import Tagger

# Read by the libraries when numpy is imported. On matrices as small as ours more threads only burn CPU, and on a machine of
# many cores each takes address space, of which a worker has a limited share.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class KeptTagger:
    """A trained tagger on disk, as a worker needs to know it."""

    folder: Path
    version: str
    file_sha256: str
    encoder: str
    weights_folder: Path | None


def ready_to_tag() -> None:
    """Import what tagging needs, within one thread of BLAS."""
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    import models.tagging.versions  # noqa: F401


def holds_tagger(kept: KeptTagger) -> bool:
    """Load it for the calls to come; False where it is not on disk as it was recorded."""
    return _loaded(kept) is not None


def tag_documents(kept: KeptTagger, documents: Sequence[Document]) -> list[Tagging]:
    """One tagging for each document.

    Raises:
        FileNotFoundError: the tagger is gone; the caller must load or train one itself.
    """
    tagger = _loaded(kept)
    if tagger is None:
        raise FileNotFoundError(f"version {kept.version} can't be loaded from {kept.folder}")
    return tagger.tag(documents)


@cache
def _loaded(kept: KeptTagger) -> "Tagger | None":
    from models.tagging.versions import load_version

    return load_version(
        kept.folder,
        kept.version,
        file_sha256=kept.file_sha256,
        encoder=kept.encoder,
        weights_folder=kept.weights_folder,
    )
