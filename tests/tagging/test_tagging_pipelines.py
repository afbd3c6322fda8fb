"""The models are scikit-learn pipelines: our own steps learn nothing, and what was learned travels as plain arrays."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline

from models.tagging.classifier import Tagger
from models.tagging.encoders import Choice
from models.tagging.fitting import train_tagger
from models.tagging.steps import RunningText, SentenceVectors, VocabularySignals, extent_of
from models.tagging.theme_model import ENCODED_SENTENCES
from models.tagging.training import load_training_data, sentences_of
from models.themes import theme_ids

DOCUMENTS = [
    ["Nurses afraid to speak up", "Staff at an NHS trust fear their managers.", "The board said it was sorry."],
    ["City win the cup", "The striker scored twice."],
    ["Hospital chief resigns", "The chief executive of the hospital trust has resigned after a critical review."],
]
TEXTS = [" ".join(document) for document in DOCUMENTS]


class Letters:
    """An encoder that knows how often a text has each of four letters."""

    name = "letters"

    def encode(self, texts: Sequence[str]) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
        counts = np.array([[1 + text.count(letter) for letter in "etau"] for text in texts], np.float32)
        return np.asarray(counts / np.linalg.norm(counts, axis=1, keepdims=True), np.float32)


STEPS: list[tuple[Any, Sequence[Any]]] = [
    (RunningText(2), DOCUMENTS),
    (VocabularySignals(2), DOCUMENTS),
    (SentenceVectors(Letters()), TEXTS),
]


def named(value: object) -> str:
    return str(getattr(value, "__name__", type(value).__name__))


@pytest.mark.parametrize(("step", "inputs"), STEPS, ids=named)
def test_a_step_of_ours_learns_nothing_and_reads_each_text_by_itself(step: Any, inputs: Sequence[Any]) -> None:
    together = step.transform(inputs)
    assert len(together) == len(inputs)
    assert np.array_equal(clone(step).fit_transform(inputs), together)
    for one, row in zip(inputs, together, strict=True):
        assert (
            np.allclose(step.transform([one])[0], row) if not isinstance(row, str) else step.transform([one]) == [row]
        )


def test_columns_have_names() -> None:
    step = VocabularySignals()
    assert step.transform(DOCUMENTS).shape == (3, len(step.get_feature_names_out()))


def test_without_an_encoder_there_are_no_columns() -> None:
    assert SentenceVectors().transform(TEXTS).shape == (3, 0)


def test_a_clone_shares_the_encoder() -> None:
    step = SentenceVectors(Letters())
    assert clone(step).encoder is step.encoder


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return train_tagger(load_training_data(), Choice(Letters(), ""), None, "test")


def test_classifiers_and_ensembles_are_pipelines_that_say_what_the_tagger_says(tagger: Tagger) -> None:
    said, passed = tagger.scope.score(DOCUMENTS)
    assert list(tagger.scope.classifiers) == ["signals", "words", "lead"]
    scores = np.stack([one.decision_function(DOCUMENTS) for one in tagger.scope.classifiers.values()], axis=1)
    assert passed.any()
    assert not passed.all()
    for number in np.flatnonzero(passed):
        full = tagger.scope.ensembles["full"][extent_of(DOCUMENTS[number])]
        assert said[number] == pytest.approx(full.predict_proba(scores[[number]])[0, 1], abs=1e-12)


def test_an_extent_is_told_by_the_number_of_words() -> None:
    lengths = (1, 20, 21, 60, 61, 100, 101, 5000)
    extents = [extent_of(["word " * (count - 1), "word"]) for count in lengths]
    assert [extent.name for extent in extents[::2]] == ["HEADLINE", "SUMMARY", "OPENING", "WHOLE"]
    assert extents[1::2] == extents[::2]


def test_the_pipeline_of_sentences_says_what_the_tagger_reads(tagger: Tagger) -> None:
    (read,) = tagger.themes.read(DOCUMENTS[:1])
    assert read.logits == pytest.approx(tagger.themes.sentences.decision_function(DOCUMENTS[0]), abs=1e-12)


def test_sentences_that_are_not_encoded_are_judged_by_their_words(tagger: Tagger) -> None:
    document = [*DOCUMENTS[0], *(f"It rained on day {number} of the fair." for number in range(40))]
    (read,) = tagger.themes.read([document])
    assert read.sentences == tuple(document)
    encoded = tagger.themes.sentences.decision_function(document)
    same = (np.abs(read.logits - encoded) < 1e-9).all(axis=1)
    assert same[: len(DOCUMENTS[0])].all()
    assert same.sum() == ENCODED_SENTENCES
    prefilter = tagger.themes.prefilter
    assert prefilter is not None
    rows = tagger.themes.sentences["features"]["text"].transform(document)
    assert read.logits[~same] == pytest.approx(prefilter.decision_function(rows)[~same, : len(theme_ids())], abs=1e-12)
    assert tagger.themes.sentences.predict_proba(TEXTS).shape == (3, len(theme_ids()))
    assert tagger.themes.sentences.predict(TEXTS).shape == (3, len(theme_ids()))


def test_a_clone_of_a_pipeline_has_learned_nothing_and_can_learn(tagger: Tagger) -> None:
    passages = [one for one in load_training_data().passages if one.in_scope is not None][::8]
    documents, yes = [sentences_of(one.document) for one in passages], [one.in_scope for one in passages]
    for classifier in tagger.scope.classifiers.values():
        copy: Pipeline = clone(classifier)
        with pytest.raises(NotFittedError):
            copy["classifier"].predict(np.zeros((1, 1)))
        assert len(copy.fit(documents, yes).predict(documents)) == len(documents)


def test_what_was_learned_travels_as_plain_arrays(tagger: Tagger) -> None:
    arrays = tagger.arrays()
    assert all(value.dtype.kind in "fu" for value in arrays.values())
    again = Tagger.from_arrays("test", arrays, Letters())
    assert again.scope.score(DOCUMENTS)[0].tolist() == tagger.scope.score(DOCUMENTS)[0].tolist()
    assert np.array_equal(again.themes.sentences.predict_proba(TEXTS), tagger.themes.sentences.predict_proba(TEXTS))
    assert again.thresholds == tagger.thresholds
    assert again.arrays().keys() == arrays.keys()
    assert all(np.array_equal(value, arrays[name]) for name, value in again.arrays().items())
