"""Which themes does an article carry, and which sentence shows each: judges of sentences, then a calibrated judge of articles.

Each theme has a judge that reads one sentence at a time, helped by its neighbours and the title. What the judges say of an article's
best sentences is turned into one calibrated probability a theme, learnt from whole passages that the judges never saw.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, Pipeline

from models.tagging.encoders import Encoder
from models.tagging.signals import Floats
from models.tagging.state import Arrays, learnt, teach
from models.tagging.steps import Doc, SentenceVectors, character_features, linear_judge, word_features
from models.tagging.thresholds import choose_thresholds
from models.themes import theme_ids

# Of each article so many sentences are encoded, those that say most by their words; the others count by their words alone.
# On our evaluation sets nine tag as well as fourteen or all (in-scope articles have 13 sentences there), seven a little worse.
ENCODED_SENTENCES = 9
# A sentence is read with its neighbours: this share of their score is added to its own.
NEIGHBOURS = 0.15
_FOLDS = 5
_TERMS = 5
# A headline or a scrap of a sentence shows a theme less well than a sentence: it must lead by this much in log odds.
_HEADLINE = 1.0
_WORDS_TO_SHOW = 7
# Log odds of a theme of which no sentence says anything.
_NOTHING_SAID = -6.0
# Words and characters count as much together as an encoder's unit vector does.
_HALF = 0.7071


@dataclass(frozen=True, slots=True)
class SentenceScores:
    """One document, sentence by sentence: log odds of each theme, shape (sentences, themes)."""

    sentences: tuple[str, ...]
    logits: Floats


@dataclass(frozen=True, slots=True)
class ThemeExamples:
    """What themes are learnt from: single sentences, and whole passages in scope."""

    sentences: Sequence[str]
    shows: NDArray[np.bool_]  # (sentences, themes)
    documents: Sequence[Doc]
    carries: NDArray[np.bool_]  # (documents, themes)
    judged: NDArray[np.bool_]  # (documents, themes): where `carries` is known
    document_weights: Floats
    groups: Sequence[str]


class ThemeModel:
    """Calibrated probabilities of the themes for documents in scope.

    `sentences` is a pipeline from sentences to the log odds of each theme; `glance`, only beside an encoder, does the same by the
    words alone (the same text features), with a last column for any theme at all; `articles` is a logistic regression from the
    `article_columns` of one theme in one article to whether the article carries it.
    """

    def __init__(self, encoder: Encoder | None) -> None:
        text = FeatureUnion(
            [("words", word_features()), ("characters", character_features())],
            transformer_weights={"words": _HALF, "characters": _HALF},
        )
        features = FeatureUnion([("text", text), ("meaning", SentenceVectors(encoder))])
        self.sentences = Pipeline([("features", features), ("judges", OneVsRestClassifier(linear_judge()))])
        self.glance = None if encoder is None else OneVsRestClassifier(linear_judge())
        self.articles = LogisticRegression(C=1.0, max_iter=500)
        self.thresholds: Floats = np.zeros(0)  # from which probability a theme is `yes`: one a theme

    def fit(self, examples: ThemeExamples) -> "ThemeModel":
        """Learns the judges of sentences, then the judge of articles from what they say of unseen passages."""
        self.sentences.fit(examples.sentences, examples.shows)
        if self.glance is not None:
            rows = self._text.transform(examples.sentences)
            self.glance.fit(rows, np.column_stack([examples.shows, examples.shows.any(axis=1)]))
        known = examples.judged
        x = np.stack([article_columns(one.logits) for one in self.read(examples.documents)])[known]
        y = examples.carries[known]
        article = np.nonzero(known)[0]
        weights = {"sample_weight": examples.document_weights[article]}
        unseen = np.zeros(known.shape)
        unseen[known] = cross_val_predict(
            self.articles,
            x,
            y,
            groups=np.array(examples.groups)[article],
            cv=GroupKFold(_FOLDS),
            params=weights,
            method="predict_proba",
        )[:, 1]
        self.articles.fit(x, y, **weights)
        self.thresholds = choose_thresholds(unseen, examples.carries, known)
        return self

    def read(self, documents: Sequence[Doc]) -> list[SentenceScores]:
        """The judges' log odds of all sentences; those that are not worth the encoder are judged at a glance."""
        read = [tuple(sentence for sentence in document if len(sentence) > 3) for document in documents]
        everything = [sentence for sentences in read for sentence in sentences]
        if not everything:
            return [SentenceScores((), np.zeros((0, len(theme_ids())))) for _ in documents]
        rows = self._text.transform(everything)
        judges = self.sentences["judges"]
        if self.glance is None:
            logits = judges.decision_function(rows)
        else:
            glance = self.glance.decision_function(rows)
            places = _worth_encoding(glance.max(axis=1), [len(sentences) for sentences in read])
            meaning = self.sentences["features"]["meaning"].transform([everything[i] for i in places])
            logits = glance[:, : len(theme_ids())]
            logits[places] = judges.decision_function(sparse.hstack([rows[places], sparse.csr_matrix(meaning)], "csr"))
        ends = np.cumsum([len(sentences) for sentences in read])
        return [
            SentenceScores(sentences, logits[end - len(sentences) : end])
            for sentences, end in zip(read, ends, strict=True)
        ]

    def probabilities(self, read: Sequence[SentenceScores]) -> Floats:
        """Shape (documents, themes)."""
        if not read:
            return np.zeros((0, len(theme_ids())))
        columns = np.concatenate([article_columns(one.logits) for one in read])
        return np.asarray(self.articles.predict_proba(columns)[:, 1]).reshape(len(read), -1)

    def evidence(self, read: SentenceScores, theme: int) -> str:
        """The sentence that scored highest for `theme`, word for word; a headline only if it says clearly more than the text."""
        said = read.logits[:, theme].copy()
        said[0] -= _HEADLINE
        said[[len(one.split()) < _WORDS_TO_SHOW for one in read.sentences]] -= _HEADLINE
        return read.sentences[int(said.argmax())]

    def terms(self, sentences: Sequence[str], themes: Sequence[int]) -> list[tuple[str, ...]]:
        """The words and pairs of words that weighed most for a theme in a sentence, strongest first: for each pair of the two."""
        rows = self._words.transform(sentences) if sentences else ()
        found = []
        for row, theme in zip(rows, themes, strict=True):
            weight = row.data * self.sentences["judges"].estimators_[theme].coef_[0, row.indices]
            best = [int(i) for i in np.argsort(-weight)[:_TERMS] if weight[i] > 0]
            found.append(tuple(self._word_names[row.indices[i]] for i in best))
        return found

    @property
    def _text(self) -> FeatureUnion:
        return self.sentences["features"]["text"]

    @property
    def _words(self) -> TfidfVectorizer:
        return self._text["words"]

    @cached_property
    def _word_names(self) -> list[str]:
        """Words and pairs in the order of their columns; sorted once, since that takes as long as tagging an article."""
        vocabulary = self._words.vocabulary_
        return sorted(vocabulary, key=vocabulary.__getitem__)

    def arrays(self) -> Arrays:
        """For writing."""
        return {**learnt(self._models()), "themes.thresholds": self.thresholds}

    @classmethod
    def from_arrays(cls, arrays: Arrays, encoder: Encoder | None) -> "ThemeModel":
        """As written."""
        made = cls(encoder)
        teach(made._models(), arrays)
        made.thresholds = arrays["themes.thresholds"]
        return made

    def _models(self) -> dict[str, Any]:
        models = {"themes.sentences": self.sentences, "themes.articles": self.articles}
        return models if self.glance is None else {**models, "themes.glance": self.glance}


def _worth_encoding(said: Floats, lengths: Sequence[int]) -> NDArray[np.intp]:
    """The places of the sentences to encode: of each document (so many sentences each) the title and those that say most."""
    chosen, start = [], 0
    for length in lengths:
        said[start : start + 1] = np.inf  # the title
        chosen.append(start + np.sort(np.argsort(-said[start : start + length], kind="stable")[:ENCODED_SENTENCES]))
        start += length
    return np.concatenate(chosen)


def with_neighbours(logits: Floats) -> Floats:
    """Each sentence's log odds with a share of those of the sentences before and after it."""
    if len(logits) < 2:
        return logits
    around = np.zeros_like(logits)
    around[1:] += logits[:-1]
    around[:-1] += logits[1:]
    around[1:-1] /= 2
    mixed: Floats = (1 - NEIGHBOURS) * logits + NEIGHBOURS * around
    return mixed


def article_columns(logits: Floats) -> Floats:
    """What the judge of articles sees of each theme: shape (themes, 4), from (sentences, themes).

    The best sentence, the mean of the three best, the title, and the theme's place among the themes.
    """
    themes = logits.shape[1]
    if not len(logits):
        return np.full((themes, 4), _NOTHING_SAID)
    mixed = with_neighbours(logits)
    best = np.sort(mixed, axis=0)[::-1][:3].mean(axis=0)
    place = np.argsort(np.argsort(-best)).astype(float)
    return np.stack([logits.max(axis=0), best, logits[0], np.log1p(place)], axis=1)
