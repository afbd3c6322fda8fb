"""Which sentence encoder is used: a published one in numpy, one through sentence-transformers, or none."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.private_files import open_new
from models.settings import AUTO, MINILM, TFIDF, SettingsError
from models.tagging.published_encoders import PUBLISHED, has_published_weights
from models.tagging.sentence_network import SentenceNetwork

Floats = NDArray[np.float32]

# Texts of one call when training: enough for well-filled batches of like length.
_PART = 256


class Encoder(Protocol):
    """Turns sentences into unit vectors."""

    @property
    def name(self) -> str:
        """What the user calls it."""

    def encode(self, texts: Sequence[str]) -> Floats:
        """One unit vector a text: shape (len(texts), dimensions)."""


class EncoderMissingError(SettingsError):
    """The encoder that was asked for can't be had; the message says how to get it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The encoder to use, if any, and one line that says so."""

    encoder: Encoder | None
    said: str

    @property
    def name(self) -> str:
        """The encoder's name, `tfidf` for none."""
        return self.encoder.name if self.encoder else TFIDF


class PublishedEncoder:
    """An encoder from a folder with its published weights; read at the first use."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self._folder = folder
        self._network: SentenceNetwork | None = None

    def encode(self, texts: Sequence[str]) -> Floats:
        """Shape (len(texts), the network's dimensions)."""
        if self._network is None:
            self._network = SentenceNetwork(self._folder, self.name)
        return self._network.encode(texts)


class SentenceTransformersEncoder:
    """Any model of sentence-transformers (an optional extra), by its name on the model hub or its folder."""

    def __init__(self, name: str) -> None:
        try:
            from sentence_transformers import SentenceTransformer  # type: ignore[import-not-found, unused-ignore]
        except ImportError as error:
            raise EncoderMissingError(
                f"the encoder {name!r} needs the extra: pip install 'nhs-culture-monitor[transformers]'; "
                "or set CULTURE_ENCODER=auto"
            ) from error
        self._name = name
        self._model = SentenceTransformer(name, device="cpu")

    @property
    def name(self) -> str:
        """The name that the user gave."""
        return self._name

    def encode(self, texts: Sequence[str]) -> Floats:
        """Shape (len(texts), the model's dimensions)."""
        found = self._model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(found, np.float32)


def choose_encoder(setting: str, weights_folder: Path | None) -> Choice:
    """The encoder that `setting` (auto, tfidf, minilm, mpnet or a name) means, with the weights that are there.

    Raises:
        EncoderMissingError: one was named that is not there; `auto` falls back instead, and says so.
    """
    if setting == TFIDF:
        return Choice(None, "Tagging with TF-IDF alone, as set.")
    name = published_encoder(setting)
    if name is None:
        return Choice(SentenceTransformersEncoder(setting), f"Tagging with TF-IDF and the encoder {setting}.")
    said = PUBLISHED[name].said
    if weights_folder is not None and has_published_weights(weights_folder, name):
        return Choice(PublishedEncoder(weights_folder, name), f"Tagging with TF-IDF and the encoder {said}.")
    if setting == AUTO:
        return Choice(
            None,
            "Tagging with TF-IDF alone: the MiniLM encoder is not there, and tags are better with it "
            "(get it with `culture-monitor model fetch`).",
        )
    raise EncoderMissingError(
        f"the {said} encoder's files are not in {weights_folder}: get them with `culture-monitor model fetch` (with "
        f"CULTURE_ENCODER={name}), or set CULTURE_ENCODER=auto"
    )


def published_encoder(setting: str) -> str | None:
    """The encoder with published weights that `setting` means; None for TF-IDF alone and for a name of sentence-transformers."""
    name = MINILM if setting == AUTO else setting
    return name if name in PUBLISHED else None


class CachedEncoder:
    """Remembers the vectors of training texts in a file, so that each is encoded once in its life."""

    def __init__(self, encoder: Encoder, file: Path | None) -> None:
        self.name = encoder.name
        self._encoder = encoder
        self._file = file
        self._known: dict[bytes, Floats] = {}
        self._dirty = False
        if file is not None and file.is_file():
            self._known = _read_cache(file)

    def encode(self, texts: Sequence[str]) -> Floats:
        """As the encoder's own; texts seen before cost nothing."""
        keys = [hashlib.sha256(text.encode()).digest() for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        if missing:
            self._dirty = True
            vectors = _encode_in_parts(self._encoder, list(missing.values()))
            # Rounded as the file will hold them: a cached vector and a fresh one must train the same model.
            self._known.update(zip(missing, vectors.astype(np.float16).astype(np.float32), strict=True))
        return np.array([self._known[key] for key in keys], np.float32)

    def save(self) -> None:
        """Writes the file if anything is new."""
        if self._file is None or not self._dirty:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        part = self._file.with_suffix(".part")
        with open_new(part) as stream:
            np.savez(
                stream,
                keys=np.frombuffer(b"".join(self._known), np.uint8).reshape(-1, 32),
                vectors=np.array(list(self._known.values()), np.float16),
            )
        part.replace(self._file)
        self._dirty = False


def _encode_in_parts(encoder: Encoder, texts: list[str]) -> Floats:
    """As `encode`, on two threads: thousands of texts at once are a training, which somebody waits for."""
    first = encoder.encode(texts[:_PART])  # the network is read before two threads could both read it
    parts = [texts[i : i + _PART] for i in range(_PART, len(texts), _PART)]
    with ThreadPoolExecutor(2) as pool:
        return np.concatenate([first, *pool.map(encoder.encode, parts)])


def _read_cache(file: Path) -> dict[bytes, Floats]:
    """The vectors in `file`; none if it is damaged, since they can be had again."""
    try:
        with np.load(file, allow_pickle=False) as data:
            keys, vectors = data["keys"], data["vectors"].astype(np.float32)
    except (OSError, ValueError, KeyError, EOFError):
        return {}
    return {key.tobytes(): vector for key, vector in zip(keys, vectors, strict=True)}
