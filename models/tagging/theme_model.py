"""Which themes does an article carry, and which sentence shows each: judges of sentences, then a calibrated judge of articles.

Each theme has a judge that reads one sentence at a time, helped by its neighbours and the title. What the judges say of an article's
best sentences is turned into one calibrated probability a theme, learnt from whole passages that the judges never saw.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from models.tagging.encoders import Encoder
from models.tagging.linear import Arrays, Floats, SentenceFeatures, fit_judge, logistic
from models.tagging.thresholds import choose_thresholds
from models.themes import THEME_IDS

# At about 50 sentences a CPU second, this many keep an article under half a second.
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

Doc = Sequence[str]


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
    weights: Floats
    documents: Sequence[Doc]
    carries: NDArray[np.bool_]  # (documents, themes)
    judged: NDArray[np.bool_]  # (documents, themes): where `carries` is known
    document_weights: Floats
    groups: Sequence[str]


class ThemeModel:
    """Calibrated probabilities of the fifteen themes for documents in scope."""

    def __init__(self, encoder: Encoder | None) -> None:
        self._encoder = encoder
        self._features = SentenceFeatures()
        self._arrays: Arrays = {}

    @property
    def thresholds(self) -> Floats:
        """From which probability a theme is `yes`: one a theme."""
        return np.asarray(self._arrays["thresholds"])

    def fit(self, examples: ThemeExamples) -> "ThemeModel":
        """Learns the judges of sentences, then the judge of articles from what they say of unseen passages."""
        self._features.fit(examples.sentences)
        vectors = None if self._encoder is None else self._encoder.encode(examples.sentences)
        rows = self._features.transform(examples.sentences, vectors)
        judges = [fit_judge(rows, examples.shows[:, theme], examples.weights) for theme in range(len(THEME_IDS))]
        self._arrays["sentence"] = np.stack([coef for coef, _ in judges], axis=1)
        self._arrays["sentence_at"] = np.array([intercept for _, intercept in judges])
        self._fit_articles(examples)
        return self

    def _fit_articles(self, examples: ThemeExamples) -> None:
        columns = np.stack([article_columns(one.logits) for one in self.read(examples.documents)])
        known = examples.judged
        x, y = columns[known], examples.carries[known]
        weights = np.repeat(examples.document_weights[:, None], len(THEME_IDS), axis=1)[known]
        groups = np.repeat(np.array(examples.groups)[:, None], len(THEME_IDS), axis=1)[known]
        unseen = np.zeros(known.shape)
        held = np.zeros(len(y))
        for train, test in GroupKFold(_FOLDS).split(x, y, groups):
            model = LogisticRegression(C=1.0, max_iter=500).fit(x[train], y[train], sample_weight=weights[train])
            held[test] = model.predict_proba(x[test])[:, 1]
        unseen[known] = held
        model = LogisticRegression(C=1.0, max_iter=500).fit(x, y, sample_weight=weights)
        self._arrays["article"] = model.coef_[0]
        self._arrays["article_at"] = np.array(model.intercept_[0])
        self._arrays["thresholds"] = choose_thresholds(unseen, examples.carries, known)

    def read(self, documents: Sequence[Doc]) -> list[SentenceScores]:
        """The judges' log odds for the sentences that can matter (all, up to `ENCODED_SENTENCES`), in order."""
        read = [[sentence for sentence in document if len(sentence) > 3] for document in documents]
        everything = [sentence for sentences in read for sentence in sentences]
        if not everything:
            return [SentenceScores((), np.zeros((0, len(THEME_IDS)))) for _ in documents]
        # Their words are counted once, for choosing and for judging: that is most of the work without an encoder.
        rows = self._features.transform(everything, None)
        chosen = self._worth_reading(rows, [len(sentences) for sentences in read])
        texts = [everything[i] for place in chosen for i in place]
        rows = rows[np.concatenate(chosen)]
        if self._encoder is not None:
            rows = sparse.hstack([rows, sparse.csr_matrix(self._encoder.encode(texts))]).tocsr()
        logits = rows @ self._arrays["sentence"] + self._arrays["sentence_at"]
        ends = np.cumsum([len(place) for place in chosen])
        spans = [(int(end) - len(place), int(end)) for end, place in zip(ends, chosen, strict=True)]
        return [SentenceScores(tuple(texts[a:b]), logits[a:b]) for a, b in spans]

    def probabilities(self, read: Sequence[SentenceScores]) -> Floats:
        """Shape (documents, themes)."""
        if not read:
            return np.zeros((0, len(THEME_IDS)))
        columns = np.stack([article_columns(one.logits) for one in read])
        return logistic(columns @ self._arrays["article"] + self._arrays["article_at"])

    def evidence(self, read: SentenceScores, theme: int) -> str:
        """The sentence that scored highest for `theme`, word for word; a headline only if it says clearly more than the text."""
        said = read.logits[:, theme].copy()
        said[0] -= _HEADLINE
        said[[len(one.split()) < _WORDS_TO_SHOW for one in read.sentences]] -= _HEADLINE
        return read.sentences[int(said.argmax())]

    def terms(self, sentence: str, theme: int) -> tuple[str, ...]:
        """The words and pairs of words that weighed most for `theme` in `sentence`, strongest first."""
        words = self._features.words
        row = words.transform([sentence]).tocoo()
        weight = row.data * self._arrays["sentence"][row.col, theme]
        best = [int(i) for i in np.argsort(-weight)[:_TERMS] if weight[i] > 0]
        return tuple(self._word_names[row.col[i]] for i in best)

    @cached_property
    def _word_names(self) -> list[str]:
        """Words and pairs in the order of their columns; sorted once, since that takes as long as tagging an article."""
        vocabulary = self._features.words.vocabulary_
        return sorted(vocabulary, key=vocabulary.__getitem__)

    def _worth_reading(self, rows: sparse.csr_matrix, lengths: Sequence[int]) -> list[NDArray[np.intp]]:
        """Of each document (so many rows each) all sentences if they are few, else those that say most by their words alone."""
        said = np.asarray((rows @ self._arrays["sentence"][: self._features.text_columns]).max(axis=1)).ravel()
        chosen, start = [], 0
        for length in lengths:
            place = np.arange(start, start + length)
            if length > ENCODED_SENTENCES:
                said[start] = np.inf  # the title
                place = np.sort(place[np.argsort(-said[start : start + length])[:ENCODED_SENTENCES]])
            chosen.append(place)
            start += length
        return chosen

    def arrays(self) -> Arrays:
        """For writing."""
        return {**{f"themes.{k}": v for k, v in self._arrays.items()}, **self._features.arrays("themes.text.")}

    @classmethod
    def from_arrays(cls, arrays: Arrays, encoder: Encoder | None) -> "ThemeModel":
        """As written."""
        made = cls(encoder)
        made._features = SentenceFeatures.from_arrays(arrays, "themes.text.")
        made._arrays = {
            name.removeprefix("themes."): value
            for name, value in arrays.items()
            if name.startswith("themes.") and not name.startswith("themes.text.")
        }
        return made


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
