"""Two published sentence encoders in numpy: all-MiniLM-L6-v2 and all-mpnet-base-v2, sentences to unit vectors.

No torch, no onnxruntime: a network is a few layers, and numpy multiplies matrices as fast as anything here. The weights are
those that sentence-transformers published (Apache-2.0); a file with another SHA-256 is refused, so that it does not matter
which way it came.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models.settings import MINILM
from models.tagging.published_encoders import PUBLISHED, VOCABULARY_FILE, WEIGHTS_FILE, WeightsError, file_sha256
from models.tagging.wordpiece import WordPiece

Floats = NDArray[np.float32]

_HEADS = 12
# Longer sentences are cut: the networks were trained on 128 tokens, about 90 words.
_LONGEST = 128
# Tokens that go through the network together: about 40 sentences; more are no faster.
_BATCH_TOKENS = 1024
# How MPNet tells distances between tokens apart: 16 buckets each way, the first 8 of one distance, the last ends at 128.
_BUCKETS, _NEAR, _FAR = 16, 8, 128
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


@dataclass(frozen=True, slots=True)
class _Layer:
    query: tuple[Floats, Floats]  # weights as the file has them, one row an output, and their bias
    key: tuple[Floats, Floats]
    value: tuple[Floats, Floats]
    mix: tuple[Floats, Floats]
    mix_norm: tuple[Floats, Floats]
    grow: tuple[Floats, Floats]
    shrink: tuple[Floats, Floats]
    shrink_norm: tuple[Floats, Floats]


class SentenceNetwork:
    """The encoder; its weights stay in their file, mapped, so that processes share them and the system may drop them."""

    def __init__(self, folder: Path, encoder: str = MINILM) -> None:
        """Maps the files of `folder`.

        Raises:
            WeightsError: a file is missing or differs from the published one.
        """
        self._published = published = PUBLISHED[encoder]
        for name, sha in published.sha256.items():
            found = file_sha256(folder / name)
            if found != sha:
                problem = "is missing" if found is None else "is not the published file"
                raise WeightsError(f"{folder / name} {problem}")
        tensors = _map_safetensors(folder / WEIGHTS_FILE)
        vocabulary = (folder / VOCABULARY_FILE).read_text(encoding="utf-8").rstrip("\n").split("\n")
        self._pieces = WordPiece(vocabulary, published.markers)
        self._words = tensors["embeddings.word_embeddings.weight"]
        self._places = tensors["embeddings.position_embeddings.weight"][published.first_place :][:_LONGEST]
        if "embeddings.token_type_embeddings.weight" in tensors:
            self._places = self._places + tensors["embeddings.token_type_embeddings.weight"][0]
        self._norm = _weight_and_bias(tensors, "embeddings.LayerNorm")
        self._layers = [
            _layer_of(tensors, f"encoder.layer.{number}.", published.attention) for number in range(published.layers)
        ]
        self._distances = tensors.get("encoder.relative_attention_bias.weight")

    def encode(self, texts: Sequence[str]) -> Floats:
        """Unit vectors, one row a text: shape (len(texts), dimensions)."""
        # Two BLAS threads burn several times the CPU for little speed on such small matrices.
        with threadpool_limits(1):
            return self._encode(texts)

    def _encode(self, texts: Sequence[str]) -> Floats:
        tokens = [self._pieces.encode(text, _LONGEST) for text in texts]
        order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
        out = np.zeros((len(tokens), self._published.dimensions), np.float32)
        for rows in _batches(order, tokens):
            out[rows] = self._forward([tokens[i] for i in rows])
        out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), np.float32(1e-12))
        return out

    def _forward(self, texts: Sequence[Sequence[int]]) -> Floats:
        """The mean of each text's tokens on the way out; texts of the same length stand together.

        All tokens of all texts are the rows of one table: a large product is faster than one a text, and nothing is filled up.
        """
        lengths = np.array([len(text) for text in texts])
        distinct, counts = np.unique(lengths, return_counts=True)
        near = [self._nearness(int(length)) for length in distinct]
        state: Floats = self._words[np.concatenate(texts)]
        state += self._places[np.concatenate([np.arange(length) for length in lengths])]
        self._normalise(state, self._norm)
        seen, mixed = np.empty_like(state), np.empty_like(state)
        query, key, value = np.empty_like(state), np.empty_like(state), np.empty_like(state)
        grown = np.empty((len(state), len(self._layers[0].grow[1])), np.float32)
        for layer in self._layers:
            _linear(state, layer.query, query)
            _linear(state, layer.key, key)
            _linear(state, layer.value, value)
            query *= np.float32((state.shape[1] // _HEADS) ** -0.5)
            start = 0
            for length, count, bias in zip(distinct, counts, near, strict=True):
                part = slice(start, start := start + length * count)
                _attend(query[part], key[part], value[part], int(length), bias, seen[part])
            _linear(seen, layer.mix, mixed)
            state += mixed
            self._normalise(state, layer.mix_norm)
            _linear(state, layer.grow, grown)
            gelu(grown)
            _linear(grown, layer.shrink, mixed)
            state += mixed
            self._normalise(state, layer.shrink_norm)
        total: Floats = np.add.reduceat(state, np.cumsum(lengths) - lengths, axis=0)
        total /= lengths[:, None]
        return total

    def _nearness(self, length: int) -> Floats | None:
        """What a network that knows distances adds to the attention between two tokens: shape (heads, length, length)."""
        if self._distances is None:
            return None
        places = np.arange(length)
        return self._distances[distance_bucket(places[None, :] - places[:, None])].transpose(2, 0, 1)

    def _normalise(self, state: Floats, norm: tuple[Floats, Floats]) -> None:
        """Layer normalisation over the last axis, in place."""
        state -= state.mean(-1, keepdims=True)
        spread = np.einsum("...i,...i->...", state, state)
        spread /= state.shape[-1]
        state *= (1 / np.sqrt(spread + np.float32(self._published.epsilon)))[..., None]
        state *= norm[0]
        state += norm[1]


def distance_bucket(ahead: NDArray[np.intp]) -> NDArray[np.intp]:
    """MPNet's number of a distance: those ahead apart from those behind, each below 8 by itself, then by powers."""
    far = np.abs(ahead)
    steps = np.log(np.maximum(far, _NEAR) / _NEAR) / np.log(_FAR / _NEAR) * (_BUCKETS - _NEAR)
    return np.where(far < _NEAR, far, np.minimum(_NEAR + steps.astype(int), _BUCKETS - 1)) + np.where(
        ahead > 0, _BUCKETS, 0
    )


def _linear(x: Floats, weights: tuple[Floats, Floats], out: Floats) -> None:
    np.matmul(x, weights[0].T, out=out)
    out += weights[1]


def _attend(query: Floats, key: Floats, value: Floats, length: int, bias: Floats | None, out: Floats) -> None:
    """What the tokens of texts of `length` tokens see of one another, head by head, written to `out`."""

    def heads(table: Floats) -> Floats:
        return table.reshape(-1, length, _HEADS, table.shape[1] // _HEADS).transpose(0, 2, 1, 3)

    weight = heads(query) @ heads(key).transpose(0, 1, 3, 2)
    if bias is not None:
        weight += bias
    weight -= weight.max(-1, keepdims=True)
    np.exp(weight, out=weight)
    weight /= weight.sum(-1, keepdims=True)
    np.matmul(weight, heads(value), out=heads(out))


def _batches(order: Sequence[int], tokens: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """The numbers in `order` (of texts) in batches of at most `_BATCH_TOKENS`."""
    rows: list[int] = []
    size = 0
    for i in order:
        if rows and size + len(tokens[i]) > _BATCH_TOKENS:
            yield rows
            rows, size = [], 0
        rows.append(i)
        size += len(tokens[i])
    if rows:
        yield rows


def _map_safetensors(file: Path) -> dict[str, Floats]:
    """The float tensors of a safetensors file: a length, a JSON header, then the numbers, which stay where they are."""
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(length))
    mapped = np.memmap(file, np.uint8, "r").view(np.ndarray)
    return {
        name: mapped[8 + length + entry["data_offsets"][0] : 8 + length + entry["data_offsets"][1]]
        .view(np.float32)
        .reshape(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__" and entry["dtype"] == "F32"
    }


def _weight_and_bias(tensors: dict[str, Floats], name: str) -> tuple[Floats, Floats]:
    return tensors[f"{name}.weight"], tensors[f"{name}.bias"]


def _layer_of(tensors: dict[str, Floats], prefix: str, attention: tuple[str, str, str, str, str]) -> _Layer:
    query, key, value, mix, mix_norm = (_weight_and_bias(tensors, f"{prefix}attention.{name}") for name in attention)
    grow, shrink, shrink_norm = (
        _weight_and_bias(tensors, prefix + name) for name in ("intermediate.dense", "output.dense", "output.LayerNorm")
    )
    return _Layer(query, key, value, mix, mix_norm, grow, shrink, shrink_norm)


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
