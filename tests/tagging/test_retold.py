"""The retold reports, and those that contrast, are what they say: labels have sentences, and no evaluation text is among them."""

import json
import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from models.seeds import seed_file
from models.text import clean_text, split_sentences
from models.themes import theme_ids
from tests.quality.contrast import FILES, reports

EVALUATION = Path(__file__).parents[3] / "shared" / "evaluation"
SETS = ("dev_set", "real_dev", "real_dev2")


def _reports() -> list[dict[str, Any]]:
    files = sorted(seed_file("retold").iterdir(), key=lambda one: one.name)
    return [row for file in files for row in tomllib.loads(file.read_text(encoding="utf-8"))["passage"]]


REPORTS = _reports()
CONTRASTS = [row for file in FILES for row in reports(file)]  # which are measured on, and not learned from


def _phrases(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"[a-z0-9]+", text.lower())
    return {tuple(words[i : i + 8]) for i in range(len(words) - 7)}


def test_there_are_four_hundred_and_half_are_in_scope() -> None:
    assert len(REPORTS) >= 400
    assert 0.45 < sum(one["in_scope"] for one in REPORTS) / len(REPORTS) < 0.55
    assert len({one["id"] for one in REPORTS}) == len({one["title"] for one in REPORTS}) == len(REPORTS)


def test_every_theme_nation_and_style_is_there() -> None:
    themes = Counter(theme for one in REPORTS for theme in one["themes"])
    assert set(themes) == set(theme_ids())
    assert min(themes.values()) >= 10
    assert {one["nation"] for one in REPORTS} >= {"England", "Scotland", "Wales", "Northern Ireland"}
    assert {one["style"] for one in REPORTS} == {"trade", "national", "regional"}
    assert {one["year"] for one in REPORTS} == set(range(2015, 2027))


def test_no_model_learns_from_a_contrast() -> None:
    learned = {one["title"] for one in REPORTS} | {one["source"] for one in REPORTS}
    assert not [one["id"] for one in CONTRASTS if one["title"] in learned or one["source"] in learned]
    assert {one["in_scope"] for one in CONTRASTS} == {True, False}


@pytest.mark.parametrize("report", [*REPORTS, *CONTRASTS], ids=lambda one: one["id"])
def test_a_report_has_its_source_and_a_sentence_for_each_theme(report: dict[str, Any]) -> None:
    assert report["source"].startswith(("http://", "https://"))
    assert 80 <= len(report["text"].split()) <= 235
    assert report["summary"]
    assert report["in_scope"] or not report["themes"]
    sentences = split_sentences(clean_text(report["text"]))
    evidence = report.get("evidence", [])
    assert {one["theme"] for one in evidence} == set(report["themes"])
    assert all(one["sentence"] in sentences for one in evidence)


@pytest.mark.skipif(not EVALUATION.exists(), reason="the evaluation sets are not here: they are not shipped")
def test_no_report_shares_eight_running_words_with_an_evaluation_text() -> None:
    known: set[tuple[str, ...]] = set()
    for name in SETS:
        for line in (EVALUATION / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            known |= _phrases(f"{row['title']}\n{row['text']}")
    assert not [
        one["id"]
        for one in (*REPORTS, *CONTRASTS)
        if _phrases("\n".join((one["title"], one["summary"], one["text"]))) & known
    ]
