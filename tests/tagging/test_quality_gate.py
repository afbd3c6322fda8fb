"""The quality gate: the tagger keeps to its floors on a set that it never saw."""

import hashlib
import os
from pathlib import Path

import pytest

from models.tagging.evaluation import read_labelled
from models.tagging.training import load_training_data
from models.text import clean_text
from tests.quality import gate


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    return gate.measure("tfidf", None, tmp_path_factory.mktemp("models"))


def test_no_figure_is_below_its_floor(figures: dict[str, float]) -> None:
    floors, _ = gate.read_floors()
    low = {name: (figures[name], floor) for name, floor in floors["tfidf"].items() if figures[name] < floor}
    assert not low


@pytest.mark.skipif("GATE_WEIGHTS" not in os.environ, reason="GATE_WEIGHTS names no folder with the encoder's weights")
def test_no_figure_with_the_encoder_is_below_its_floor(tmp_path: Path) -> None:
    floors, _ = gate.read_floors()
    encoder = os.environ.get("GATE_ENCODER", "minilm")
    found = gate.measure(encoder, Path(os.environ["GATE_WEIGHTS"]), tmp_path)
    assert not {name for name, floor in floors[encoder].items() if found[name] < floor}


def test_neither_floors_nor_labels_were_changed_by_hand() -> None:
    floors, seal = gate.read_floors()
    assert seal == gate.seal_of(floors), "run python -m tests.quality.gate (with --lower if a floor is to fall)"


def test_a_floor_falls_only_with_the_flag(
    figures: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "floors.toml"
    copy.write_bytes(gate.FLOORS.read_bytes())
    monkeypatch.setattr(gate, "FLOORS", copy)
    worse = dict.fromkeys(figures, 0.1)
    assert gate.pin("tfidf", worse, lower=False)
    assert copy.read_bytes() == (gate.HERE / "floors.toml").read_bytes()
    assert gate.pin("tfidf", worse, lower=True) == []
    assert gate.lowered(*(({"tfidf": figures}, gate.read_floors()[0])))


def test_the_set_is_not_in_the_training_data() -> None:
    def key(text: str) -> str:
        return hashlib.sha256(clean_text(text).encode()).hexdigest()

    trained = {key(one.document.body) for one in load_training_data().passages}
    assert not trained & {key(one.document.body) for one in read_labelled(gate.LABELLED)}
