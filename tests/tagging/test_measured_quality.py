"""The quality that an edition states belongs to the very model that tagged it."""

import json
from pathlib import Path

import pytest

from models.edition.facts import describe_model
from models.seeds import seed_file
from models.settings import TFIDF
from models.tagging.evaluation import evaluate, read_labelled
from models.tagging.identity import version_of
from models.tagging.measured import shipped_scores
from models.tagging.published_encoders import PUBLISHED
from models.tagging.training import load_training_data
from models.tagging.versions import load_tagger

REAL = Path(__file__).parents[3] / "shared" / "evaluation" / "real_dev.jsonl"
# Other processors round a few vectors otherwise, which may turn an article or two of 190.
ROUNDING = 0.02


@pytest.mark.parametrize("encoder", [TFIDF, *PUBLISHED])
def test_the_shipped_seeds_were_measured_with_each_encoder(encoder: str) -> None:
    scores = shipped_scores(version_of(load_training_data(), encoder))
    assert scores, "the seeds or the code changed: run tests/quality/measure.py and commit seeds/measured.json"
    assert "Measured on" in describe_model("v", scores).quality


def test_a_version_that_was_not_measured_says_so() -> None:
    assert shipped_scores("unknown") == {}
    assert "has not been measured" in describe_model("unknown", {}).quality


@pytest.mark.skipif(not REAL.exists(), reason="the real articles are not here: they are other people's and not shipped")
def test_the_figures_are_what_the_tagger_measures_now(tmp_path: Path) -> None:
    tagger, _ = load_tagger(tmp_path, encoder=TFIDF, weights_folder=None)
    now, stated = evaluate(tagger, read_labelled(REAL)), shipped_scores(tagger.version)
    for part, key in (("in_scope", "f1"), ("in_scope", "precision"), ("themes", "micro_f1")):
        assert now[part][key] == pytest.approx(stated[part][key], abs=ROUNDING)


def test_the_figures_name_versions_of_this_form() -> None:
    assert all(len(version) == 12 for version in json.loads(seed_file("measured.json").read_text(encoding="utf-8")))
