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
from models.themes import THEME_IDS

# At 50 to 100 sentences a CPU second, this many keep an article under half a second.
ENCODED_SENTENCES = 20
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
    """Calibrated probabilities of the fifteen themes for documents in scope.

    `sentences` is a pipeline from sentences to the log odds of each theme; `articles` a logistic regression from the
    `article_columns` of one theme in one article to whether the article carries it.
    """

    def __init__(self, encoder: Encoder | None) -> None:
        text = FeatureUnion(
            [("words", word_features()), ("characters", character_features())],
            transformer_weights={"words": _HALF, "characters": _HALF},
        )
        features = FeatureUnion([("text", text), ("meaning", SentenceVectors(encoder))])
        self.sentences = Pipeline([("features", features), ("judges", OneVsRestClassifier(linear_judge()))])
        self.articles = LogisticRegression(C=1.0, max_iter=500)
        self.thresholds: Floats = np.zeros(0)  # from which probability a theme is `yes`: one a theme

    def fit(self, examples: ThemeExamples) -> "ThemeModel":
        """Learns the judges of sentences, then the judge of articles from what they say of unseen passages."""
        self.sentences.fit(examples.sentences, examples.shows)
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
        """The judges' log odds for the sentences that can matter (all, up to `ENCODED_SENTENCES`), in order."""
        read = [[sentence for sentence in document if len(sentence) > 3] for document in documents]
        everything = [sentence for sentences in read for sentence in sentences]
        if not everything:
            return [SentenceScores((), np.zeros((0, len(THEME_IDS)))) for _ in documents]
        features, judges = self.sentences["features"], self.sentences["judges"]
        # Their words are counted once, for choosing and for judging: that is most of the work without an encoder.
        rows = features["text"].transform(everything)
        logits = judges.decision_function(_as_wide_as(judges.n_features_in_, rows))  # as if the encoder said nothing
        said = (logits - [one.intercept_[0] for one in judges.estimators_]).max(axis=1)
        chosen = _worth_reading(said, [len(sentences) for sentences in read])
        places = np.concatenate(chosen)
        texts = [everything[i] for i in places]
        logits = logits[places]
        if features["meaning"].encoder is not None:
            meaning = sparse.csr_matrix(features["meaning"].transform(texts))
            logits = judges.decision_function(sparse.hstack([rows[places], meaning]).tocsr())
        ends = np.cumsum([len(place) for place in chosen])
        spans = [(int(end) - len(place), int(end)) for end, place in zip(ends, chosen, strict=True)]
        return [SentenceScores(tuple(texts[a:b]), logits[a:b]) for a, b in spans]

    def probabilities(self, read: Sequence[SentenceScores]) -> Floats:
        """Shape (documents, themes)."""
        if not read:
            return np.zeros((0, len(THEME_IDS)))
        columns = np.concatenate([article_columns(one.logits) for one in read])
        return np.asarray(self.articles.predict_proba(columns)[:, 1]).reshape(len(read), -1)

    def evidence(self, read: SentenceScores, theme: int) -> str:
        """The sentence that scored highest for `theme`, word for word; a headline only if it says clearly more than the text."""
        said = read.logits[:, theme].copy()
        said[0] -= _HEADLINE
        said[[len(one.split()) < _WORDS_TO_SHOW for one in read.sentences]] -= _HEADLINE
        return read.sentences[int(said.argmax())]

    def terms(self, sentence: str, theme: int) -> tuple[str, ...]:
        """The words and pairs of words that weighed most for `theme` in `sentence`, strongest first."""
        row = self._words.transform([sentence]).tocoo()
        weight = row.data * self.sentences["judges"].estimators_[theme].coef_[0, row.col]
        best = [int(i) for i in np.argsort(-weight)[:_TERMS] if weight[i] > 0]
        return tuple(self._word_names[row.col[i]] for i in best)

    @property
    def _words(self) -> TfidfVectorizer:
        return self.sentences["features"]["text"]["words"]

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
        return {"themes.sentences": self.sentences, "themes.articles": self.articles}


def _as_wide_as(columns: int, rows: sparse.csr_matrix) -> sparse.csr_matrix:
    """`rows` with empty columns after their own."""
    return sparse.csr_matrix((rows.data, rows.indices, rows.indptr), (rows.shape[0], columns))


def _worth_reading(said: Floats, lengths: Sequence[int]) -> list[NDArray[np.intp]]:
    """Of each document (so many sentences each) all sentences if they are few, else the title and those that say most."""
    chosen, start = [], 0
    for length in lengths:
        place = np.arange(start, start + length)
        if length > ENCODED_SENTENCES:
            said[start] = np.inf  # the title
            place = np.sort(place[np.argsort(-said[start : start + length])[:ENCODED_SENTENCES]])
        chosen.append(place)
        start += length
    return chosen


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
