"""all-MiniLM-L6-v2 in numpy: sentences to unit vectors of 384 numbers.

No torch, no onnxruntime: the network is six small layers, and numpy multiplies matrices as fast as anything here. The
weights are those that sentence-transformers published (Apache-2.0); a file with another SHA-256 is refused, so that it does
not matter which way it came.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models.tagging.wordpiece import WordPiece

Floats = NDArray[np.float32]

WEIGHTS_FILE = "model.safetensors"
VOCABULARY_FILE = "vocab.txt"
# The published files' hashes (for the weights, the hub's own LFS id).
PUBLISHED_SHA256 = {
    WEIGHTS_FILE: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    VOCABULARY_FILE: "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
DIMENSIONS = 384
_LAYERS = 6
_HEADS = 12
# Longer sentences are cut: the network was trained on 128 tokens, about 90 words.
_LONGEST = 128
# Sentences of like length share a batch of at most so many tokens: about 32 sentences, 25 MB on the way through a layer.
_BATCH_TOKENS = 1024
# ln(Φ(x) / Φ(-x)) / x as a polynomial in x², its highest power first; fitted by us up to `_GELU_END`, past which Φ is 0 or 1.
# GELU is then within 6e-7 of the exact one, as near as 32 bits come, in a tenth of the time that erf takes.
_GELU = (
    3.6112381973651964e-09,
    -2.6689306764637877e-07,
    7.938222552184016e-06,
    -0.00011048034502891824,
    -6.625988316955045e-05,
    0.07266856729984283,
    1.5957684516906738,
)
_GELU_END = 5.477
# Rows of GELU at a time: their numbers stay in the processor's cache from one step to the next.
_GELU_ROWS = 32


class WeightsError(ValueError):
    """The encoder's files are missing or not the published ones; the message names the file."""


def has_published_weights(folder: Path) -> bool:
    """Whether `folder` holds both files, byte for byte as they were published."""
    return all(_sha256(folder / name) == sha for name, sha in PUBLISHED_SHA256.items())


@dataclass(frozen=True, slots=True)
class _Layer:
    attend: Floats  # queries, keys and values side by side: (384, 1152)
    attend_bias: Floats
    mix: Floats
    mix_bias: Floats
    mix_norm: tuple[Floats, Floats]
    grow: Floats
    grow_bias: Floats
    shrink: Floats
    shrink_bias: Floats
    shrink_norm: tuple[Floats, Floats]


class MiniLM:
    """The encoder with its weights in memory (about 90 MB)."""

    dimensions = DIMENSIONS

    def __init__(self, folder: Path) -> None:
        """Loads the files of `folder`.

        Raises:
            WeightsError: a file is missing or differs from the published one.
        """
        for name, sha in PUBLISHED_SHA256.items():
            found = _sha256(folder / name)
            if found != sha:
                problem = "is missing" if found is None else "is not the published file"
                raise WeightsError(f"{folder / name} {problem}")
        tensors = _read_safetensors(folder / WEIGHTS_FILE)
        vocabulary = (folder / VOCABULARY_FILE).read_text(encoding="utf-8").rstrip("\n").split("\n")
        self._pieces = WordPiece(vocabulary)
        self._words = tensors["embeddings.word_embeddings.weight"]
        self._places = (
            tensors["embeddings.position_embeddings.weight"] + tensors["embeddings.token_type_embeddings.weight"][0]
        )
        self._norm = _norm_of(tensors, "embeddings.LayerNorm")
        self._layers = [_layer_of(tensors, f"encoder.layer.{number}.") for number in range(_LAYERS)]

    def encode(self, texts: Sequence[str]) -> Floats:
        """Unit vectors, one row a text: shape (len(texts), 384)."""
        with threadpool_limits(
            1
        ):  # two BLAS threads burn several times the CPU for little speed on such small matrices
            return self._encode(texts)

    def _encode(self, texts: Sequence[str]) -> Floats:
        tokens = [self._pieces.encode(text, _LONGEST) for text in texts]
        order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
        out = np.zeros((len(tokens), DIMENSIONS), np.float32)
        for rows in _batches(order, tokens):
            longest = len(tokens[rows[-1]])
            ids = np.zeros((len(rows), longest), np.intp)
            mask = np.zeros((len(rows), longest), np.float32)
            for row, i in enumerate(rows):
                ids[row, : len(tokens[i])] = tokens[i]
                mask[row, : len(tokens[i])] = 1
            out[rows] = self._forward(ids, mask)
        length = np.linalg.norm(out, axis=1, keepdims=True)
        out /= np.maximum(length, np.float32(1e-12))
        return out

    def _forward(self, ids: NDArray[np.intp], mask: Floats) -> Floats:
        batch, longest = ids.shape
        read: Floats = self._words[ids]
        read += self._places[:longest]
        # One row a token throughout: one large product is faster than one a sentence.
        state = _normalise(read.reshape(-1, DIMENSIONS), self._norm)
        hidden: Floats = ((1 - mask) * np.float32(-1e9)).astype(np.float32)[:, None, None, :]
        size = DIMENSIONS // _HEADS
        for layer in self._layers:
            parts = state @ layer.attend
            parts += layer.attend_bias
            query, key, value = parts.reshape(batch, longest, 3, _HEADS, size).transpose(2, 0, 3, 1, 4)
            weight = query @ key.transpose(0, 1, 3, 2)
            weight *= np.float32(size**-0.5)
            weight += hidden
            weight -= weight.max(-1, keepdims=True)
            np.exp(weight, out=weight)
            weight /= weight.sum(-1, keepdims=True)
            seen: Floats = (weight @ value).transpose(0, 2, 1, 3).reshape(-1, DIMENSIONS)
            state = _normalise(seen @ layer.mix + layer.mix_bias + state, layer.mix_norm)
            grown: Floats = state @ layer.grow
            grown += layer.grow_bias
            gelu(grown)
            state = _normalise(grown @ layer.shrink + layer.shrink_bias + state, layer.shrink_norm)
        state = state.reshape(batch, longest, DIMENSIONS)
        total: Floats = (state * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
        return total


def _batches(order: Sequence[int], tokens: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """The numbers in `order` (of texts, shortest first) in batches of at most `_BATCH_TOKENS`, filled up to their longest."""
    rows: list[int] = []
    for i in order:
        if (len(rows) + 1) * len(tokens[i]) > _BATCH_TOKENS:
            yield rows
            rows = []
        rows.append(i)
    if rows:
        yield rows


def _sha256(file: Path) -> str | None:
    """The file's SHA-256, or None if there is no such file."""
    if not file.is_file():
        return None
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read_safetensors(file: Path) -> dict[str, Floats]:
    """The float tensors of a safetensors file: a length, a JSON header, then the numbers."""
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(length))
    return {
        # One at a time: the whole file beside the tensors would be 90 MB more.
        name: np.fromfile(
            file, np.float32, int(np.prod(entry["shape"])), offset=8 + length + entry["data_offsets"][0]
        ).reshape(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__" and entry["dtype"] == "F32"
    }


def _norm_of(tensors: dict[str, Floats], name: str) -> tuple[Floats, Floats]:
    return tensors[f"{name}.weight"], tensors[f"{name}.bias"]


def _layer_of(tensors: dict[str, Floats], prefix: str) -> _Layer:
    attention = [f"{prefix}attention.self.{part}" for part in ("query", "key", "value")]

    def turned(name: str) -> Floats:
        return np.ascontiguousarray(tensors[f"{prefix}{name}.weight"].T)

    return _Layer(
        attend=np.ascontiguousarray(np.concatenate([tensors[f"{name}.weight"] for name in attention]).T),
        attend_bias=np.concatenate([tensors[f"{name}.bias"] for name in attention]),
        mix=turned("attention.output.dense"),
        mix_bias=tensors[f"{prefix}attention.output.dense.bias"],
        mix_norm=_norm_of(tensors, f"{prefix}attention.output.LayerNorm"),
        grow=turned("intermediate.dense"),
        grow_bias=tensors[f"{prefix}intermediate.dense.bias"],
        shrink=turned("output.dense"),
        shrink_bias=tensors[f"{prefix}output.dense.bias"],
        shrink_norm=_norm_of(tensors, f"{prefix}output.LayerNorm"),
    )


def gelu(grown: Floats) -> None:
    """x Φ(x) of every number of a table, in place; Φ is the normal distribution's share below x."""
    for start in range(0, len(grown), _GELU_ROWS):
        part = grown[start : start + _GELU_ROWS]
        near = np.clip(part, -_GELU_END, _GELU_END)
        square = near * near
        log_odds = square * _GELU[0]
        for power in _GELU[1:-1]:
            log_odds += power
            log_odds *= square
        log_odds += _GELU[-1]
        log_odds *= near
        np.negative(log_odds, out=log_odds)
        np.exp(log_odds, out=log_odds)
        log_odds += 1
        part /= log_odds


def _normalise(state: Floats, norm: tuple[Floats, Floats]) -> Floats:
    """Layer normalisation over the last axis."""
    state = state - state.mean(-1, keepdims=True)
    state /= np.sqrt(np.einsum("...i,...i->...", state, state)[..., None] / DIMENSIONS + np.float32(1e-12))
    state *= norm[0]
    state += norm[1]
    return state
