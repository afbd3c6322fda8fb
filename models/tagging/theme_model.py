"""Which themes does an article carry, and which sentence shows each: classifiers of sentences and texts, then a calibrated one.

Each theme has a classifier that reads one sentence at a time, helped by its neighbours and the title. What these say of an article's
best sentences is turned into one calibrated probability a theme, learned from whole passages that they never saw.
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
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

from models.tagging.encoders import Encoder
from models.tagging.signals import Floats
from models.tagging.state import Arrays, export_weights, import_weights
from models.tagging.steps import (
    Doc,
    Extent,
    RunningText,
    SentenceVectors,
    article_columns,
    character_features,
    extent_of,
    linear_classifier,
    word_features,
)
from models.tagging.thresholds import precise_threshold
from models.themes import theme_ids

# Of each article so many sentences are encoded, those that say most by their words; the others count by their words alone.
# On our evaluation sets nine tag as well as fourteen or all (in-scope articles have 13 sentences there), seven a little worse.
ENCODED_SENTENCES = 9
_FOLDS = 5
# Of a whole text, this much is read, and so strongly is what it says learned (flat between 1 and 5).
_SENTENCES_READ = 30
_TEXT_STRENGTH = 3.0
# What is written as it is: names of attributes.
_PLAIN = ("thresholds", "text_coef", "text_intercept")
# Fewer themes than this on passages of an extent say nothing about it: then those of all extents speak.
_LEAST_TAGS = 50
_TERMS = 5
# A headline or a scrap of a sentence shows a theme less well than a sentence: it must lead by this much in log odds.
_HEADLINE = 1.0
_WORDS_TO_SHOW = 7
# Words and characters count as much together as an encoder's unit vector does.
_HALF = 0.7071


@dataclass(frozen=True, slots=True)
class SentenceScores:
    """One document, sentence by sentence: log odds of each theme, shape (sentences, themes)."""

    sentences: tuple[str, ...]
    logits: Floats
    words: sparse.csr_matrix  # of the text as a whole: one row


@dataclass(frozen=True, slots=True)
class ThemeExamples:
    """What themes are learned from: single sentences, and whole passages in scope."""

    sentences: Sequence[str]
    shows: NDArray[np.bool_]  # (sentences, themes)
    shortened: Sequence[Sequence[Doc]]  # each passage as it would be had less of it reached us, itself among them
    carries: NDArray[np.bool_]  # (documents, themes)
    judged: NDArray[np.bool_]  # (documents, themes): where `carries` is known
    document_weights: Floats
    groups: Sequence[str]


class ThemeModel:
    """Calibrated probabilities of the themes for documents in scope.

    `sentences` is a pipeline from sentences to the log odds of each theme; `prefilter`, only beside an encoder, does the same by the
    words alone (the same text features), with a last column for any theme at all; `texts` reads the words of a whole text, of which
    `text_coef` and `text_intercept` make log odds of each theme; `articles` are logistic regressions from the
    `article_columns` of one theme in one article to whether the article carries it, one an extent.
    """

    def __init__(self, encoder: Encoder | None) -> None:
        text = FeatureUnion(
            [("words", word_features()), ("characters", character_features())],
            transformer_weights={"words": _HALF, "characters": _HALF},
        )
        features = FeatureUnion([("text", text), ("meaning", SentenceVectors(encoder))])
        self.sentences = Pipeline([("features", features), ("classifiers", OneVsRestClassifier(linear_classifier()))])
        self.prefilter = None if encoder is None else OneVsRestClassifier(linear_classifier())
        self.texts = make_pipeline(RunningText(_SENTENCES_READ), word_features(min_df=2))
        self.text_coef, self.text_intercept = np.zeros((0, 0)), np.zeros(0)  # (themes, features) and (themes,)
        self.articles = [LogisticRegression(C=1.0, max_iter=500) for _ in Extent]
        # From which probability a theme is `yes`: shape (extents, themes).
        self.thresholds: Floats = np.full((len(Extent), len(theme_ids())), 0.5)

    def fit(self, examples: ThemeExamples) -> "ThemeModel":
        """Learns the classifiers of sentences, then that of articles from what they say of unseen passages."""
        self.sentences.fit(examples.sentences, examples.shows)
        if self.prefilter is not None:
            rows = self._text.transform(examples.sentences)
            self.prefilter.fit(rows, np.column_stack([examples.shows, examples.shows.any(axis=1)]))
        self.texts.fit([*(of_one[-1] for of_one in examples.shortened), *((one,) for one in examples.sentences)])
        cuts = [cut for of_one in examples.shortened for cut in of_one]
        passage = np.repeat(np.arange(len(examples.carries)), [len(of_one) for of_one in examples.shortened])
        read = self.read(cuts)
        columns = np.stack(
            [
                article_columns(one.logits, said)
                for one, said in zip(read, self._unseen_texts(read, examples, passage), strict=True)
            ]
        )
        extents = np.array([extent_of(cut) for cut in cuts])
        for extent in Extent:
            use = extents == extent
            if examples.carries[passage[use]].sum() < _LEAST_TAGS:
                use = np.ones(len(cuts), bool)
            self._calibrate(extent, columns[use], examples, passage[use])
        return self

    def _unseen_texts(
        self, read: Sequence[SentenceScores], examples: ThemeExamples, passage: NDArray[np.intp]
    ) -> Floats:
        """What the classifiers of whole texts say of each cut, learned without its passage; last, they learn from all."""
        rows = sparse.vstack([one.words for one in read], "csr")
        wholes = np.append(np.flatnonzero(np.diff(passage)), len(passage) - 1)  # the last cut of a passage is all of it
        said = np.zeros((len(read), len(theme_ids())))
        for train, test in GroupKFold(_FOLDS).split(wholes, groups=examples.groups):
            coef, intercept = _fit_texts(rows[wholes[train]], examples, train)
            unseen = np.isin(passage, test)
            said[unseen] = rows[unseen] @ coef.T + intercept
        self.text_coef, self.text_intercept = _fit_texts(rows[wholes], examples, np.arange(len(wholes)))
        return said

    def _calibrate(self, extent: Extent, columns: Floats, examples: ThemeExamples, passage: NDArray[np.intp]) -> None:
        """Learns the classifier of articles of one extent, and its threshold from what it says of unseen ones."""
        known, carries = examples.judged[passage], examples.carries[passage]
        article = passage[np.nonzero(known)[0]]
        weights = {"sample_weight": examples.document_weights[article]}
        unseen = np.zeros(known.shape)
        unseen[known] = cross_val_predict(
            self.articles[extent],
            columns[known],
            carries[known],
            groups=np.array(examples.groups)[article],
            cv=GroupKFold(_FOLDS),
            params=weights,
            method="predict_proba",
        )[:, 1]
        self.articles[extent].fit(columns[known], carries[known], **weights)
        # One for all themes: a theme has a few dozen examples, of which its own threshold would learn their accidents.
        self.thresholds[extent] = precise_threshold(unseen[known], carries[known])

    def read(self, documents: Sequence[Doc]) -> list[SentenceScores]:
        """The log odds of all sentences; those that are not worth the encoder are scored by their words alone."""
        read = [tuple(sentence for sentence in document if len(sentence) > 3) for document in documents]
        everything = [sentence for sentences in read for sentence in sentences]
        if not everything:
            nothing = sparse.csr_matrix((1, self.text_coef.shape[1]))
            return [SentenceScores((), np.zeros((0, len(theme_ids()))), nothing) for _ in documents]
        words = self.texts.transform(read)
        rows = self._text.transform(everything)
        classifiers = self.sentences["classifiers"]
        lengths = [len(sentences) for sentences in read]
        if self.prefilter is None:
            logits = classifiers.decision_function(rows)
        else:
            quick = self.prefilter.decision_function(rows)
            places = _worth_encoding(quick.max(axis=1), lengths)
            vectors = self.sentences["features"]["meaning"].transform([everything[i] for i in places])
            logits = quick[:, : len(theme_ids())]
            logits[places] = classifiers.decision_function(
                sparse.hstack([rows[places], sparse.csr_matrix(vectors)], "csr")
            )
        ends = np.cumsum(lengths)
        return [
            SentenceScores(sentences, logits[start:end], word)
            for sentences, start, end, word in zip(read, ends - lengths, ends, words, strict=True)
        ]

    def probabilities(self, read: Sequence[SentenceScores], extents: NDArray[np.intp]) -> Floats:
        """Shape (documents, themes)."""
        found = np.zeros((len(read), len(theme_ids())))
        for extent in np.unique(extents):
            rows = np.flatnonzero(extents == extent).tolist()
            texts = [read[i].words @ self.text_coef.T + self.text_intercept for i in rows]
            columns = np.concatenate(
                [article_columns(read[i].logits, said[0]) for i, said in zip(rows, texts, strict=True)]
            )
            found[rows] = self.articles[extent].predict_proba(columns)[:, 1].reshape(len(rows), -1)
        return found

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
            weight = row.data * self.sentences["classifiers"].estimators_[theme].coef_[0, row.indices]
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
        plain = {name: getattr(self, name) for name in _PLAIN}
        return {**export_weights(self._models()), **{f"themes.{name}": value for name, value in plain.items()}}

    @classmethod
    def from_arrays(cls, arrays: Arrays, encoder: Encoder | None) -> "ThemeModel":
        """As written."""
        made = cls(encoder)
        import_weights(made._models(), arrays)
        for name in _PLAIN:
            setattr(made, name, arrays[f"themes.{name}"])
        return made

    def _models(self) -> dict[str, Any]:
        articles = {f"themes.articles.{extent.name.lower()}": self.articles[extent] for extent in Extent}
        models = {"themes.sentences": self.sentences, "themes.texts": self.texts, **articles}
        return models if self.prefilter is None else {**models, "themes.prefilter": self.prefilter}


def _fit_texts(rows: sparse.csr_matrix, examples: ThemeExamples, passages: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Coefficients and intercepts of whole texts, one row a theme; none for a theme that these passages can't teach."""
    coef, intercept = np.zeros((len(theme_ids()), rows.shape[1])), np.zeros(len(theme_ids()))
    for theme in range(len(theme_ids())):
        known = examples.judged[passages, theme]
        answers = examples.carries[passages, theme][known]
        if 0 < answers.sum() < len(answers):
            weights = examples.document_weights[passages][known]
            one = linear_classifier(_TEXT_STRENGTH).fit(rows[known], answers, sample_weight=weights)
            coef[theme], intercept[theme] = one.coef_[0], one.intercept_[0]
    return coef, intercept


def _worth_encoding(said: Floats, lengths: Sequence[int]) -> NDArray[np.intp]:
    """The places of the sentences to encode: of each document (so many sentences each) the title and those that say most."""
    chosen, start = [], 0
    for length in lengths:
        said[start : start + 1] = np.inf  # the title
        chosen.append(start + np.sort(np.argsort(-said[start : start + length], kind="stable")[:ENCODED_SENTENCES]))
        start += length
    return np.concatenate(chosen)
