"""Measuring a tagger, comparing two of them, and choosing thresholds."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from models.seeds import DataFileError
from models.tagging.decisions import Document, State, Tagging, ThemeTag
from models.tagging.evaluation import Labelled, Predictions, evaluate, read_labelled
from models.tagging.promotion import flips, model_card, promote
from models.tagging.thresholds import PRECISION, precise_threshold
from models.themes import theme_ids
from tests.quality.baselines import KeywordTagger

LINE = {"id": "a", "title": "t", "text": "x", "in_scope": True, "themes": ["workforce"]}


class Fixed:
    """Says what it was told to say."""

    def __init__(self, scope: list[float], themes: dict[int, list[str]]) -> None:
        self.scope, self.themes = np.array(scope), themes

    def predict(self, documents: Sequence[Document]) -> Predictions:
        said = np.array([[theme in self.themes.get(i, []) for theme in theme_ids()] for i in range(len(documents))])
        return Predictions(self.scope, self.scope >= 0.5, said.astype(float), said)


def labelled(*rows: tuple[bool, list[str]]) -> list[Labelled]:
    return [Labelled(str(i), Document("", "text"), scope, tuple(themes)) for i, (scope, themes) in enumerate(rows)]


def test_a_perfect_tagger_scores_one_everywhere() -> None:
    found = evaluate(Fixed([0.9, 0.1], {0: ["workforce"]}), labelled((True, ["workforce"]), (False, [])))
    assert found["n"] == 2
    intervals = {"f1": (1, 1), "average_precision": (1, 1)}
    figures = {"precision": 1, "recall": 1, "f1": 1, "average_precision": 1, "roc_auc": 1}
    assert found["in_scope"] == {**figures, "intervals": intervals}
    assert found["themes"]["samples_f1"] == 1
    assert found["themes"]["intervals"] == {"micro_f1": (1, 1)}
    assert (found["themes"]["micro_f1"], found["themes"]["macro_f1"], found["themes"]["mean_average_precision"]) == (
        1,
        1,
        1,
    )
    assert found["themes"]["per_theme"]["workforce"]["support"] == 1


def test_a_tag_on_an_article_out_of_scope_counts_against() -> None:
    found = evaluate(
        Fixed([0.9, 0.9], {0: ["workforce"], 1: ["workforce"]}), labelled((True, ["workforce"]), (False, ["workforce"]))
    )
    assert found["themes"]["per_theme"]["workforce"]["precision"] == 0.5


def test_the_figures_are_json() -> None:
    assert json.loads(json.dumps(evaluate(Fixed([0.9], {}), labelled((True, [])))))["n"] == 1


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a JSON object"),
        (json.dumps({**LINE, "text": None}), "needs 'text' as a str"),
        (json.dumps({**LINE, "in_scope": "yes"}), "needs 'in_scope' as a bool"),
        (json.dumps({**LINE, "themes": ["parking"]}), "'parking' is not one of the 15 themes"),
        (json.dumps(LINE), "the id 'a' stands in line 1 as well"),
    ],
)
def test_a_wrong_line_is_an_error_that_names_it(tmp_path: Path, row: str, problem: str) -> None:
    file = tmp_path / "set.jsonl"
    file.write_text(f"{json.dumps(LINE)}\n\n{row}\n", encoding="utf-8")
    with pytest.raises(DataFileError, match=f":3: {problem}".replace("(", r"\(")):
        read_labelled(file)


def test_a_text_may_hold_what_ends_lines_elsewhere(tmp_path: Path) -> None:
    text = "Board quits\u2028after report\x85on bullying"
    (tmp_path / "set.jsonl").write_text(json.dumps({**LINE, "text": text}, ensure_ascii=False) + "\n", encoding="utf-8")
    assert [one.document.text for one in read_labelled(tmp_path / "set.jsonl")] == [text]


def test_a_missing_or_empty_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match="can't be read"):
        read_labelled(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n", encoding="utf-8")
    with pytest.raises(DataFileError, match="no labelled article"):
        read_labelled(tmp_path / "empty.jsonl")


ROWS = labelled(*[(True, ["workforce"])] * 6, *[(False, [])] * 6)
GOOD = evaluate(Fixed([0.9] * 6 + [0.1] * 6, {i: ["workforce"] for i in range(6)}), ROWS)
WORSE = evaluate(Fixed([0.9] * 6 + [0.1] * 6, {i: ["workforce"] for i in range(4)}), ROWS)


def test_a_challenger_that_is_no_worse_takes_over() -> None:
    assert promote(GOOD, WORSE).accepted
    assert promote(GOOD, GOOD).accepted


def test_a_challenger_that_is_worse_on_a_theme_does_not() -> None:
    found = promote(WORSE, GOOD)
    assert not found.accepted
    assert any("workforce falls" in reason for reason in found.reasons)


def test_figures_of_different_articles_are_not_compared() -> None:
    assert not promote(GOOD, {**GOOD, "n": 3}).accepted


def test_the_card_says_what_flips() -> None:
    tag = ThemeTag("workforce", 0.9, State.YES, "evidence", ())
    before = [Tagging(0.9, State.YES, (tag,), "1")]
    after = [Tagging(0.2, State.UNCERTAIN, (), "2")]
    card = model_card({"version": "2"}, GOOD, {"in-scope": 0.3}, flips(["A title"], before, after))
    assert {flip["what"] for flip in card["flips"]} == {"in-scope", "workforce"}
    assert json.loads(json.dumps(card))["version"] == "2"


def test_of_what_is_said_from_the_threshold_on_enough_is_right() -> None:
    generator = np.random.default_rng(0)
    scores = generator.random(20_000)
    yes = generator.random(20_000) < scores**2
    threshold = precise_threshold(scores, yes)
    assert yes[scores >= threshold].mean() == pytest.approx(PRECISION, abs=0.02)
    assert precise_threshold(scores, yes | True) == 0.5  # no tag that is as likely wrong as right
    assert precise_threshold(scores, yes & False) > 0.9


def test_keywords_are_measured_in_the_same_way() -> None:
    said = KeywordTagger().predict(
        [
            Document("NHS managers told to tackle bullying", "Staff said racism was common in the hospital."),
            Document("Cup final", "They won."),
        ]
    )
    assert said.in_scope_yes.tolist() == [True, False]
    assert said.themes_yes[0, theme_ids().index("bullying-and-discrimination")]
