"""What the scikit-learn pipelines are built of: our own steps, which read documents and sentences, and the others as we set them.

A document is a sequence of its sentences, the title first. Our own steps learn nothing, so nothing of them is written to disk.
"""
# ruff: noqa: N803 - scikit-learn calls the input of a step X

import re
from bisect import bisect_left
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer, strip_accents_unicode
from sklearn.linear_model import LogisticRegression

from models.tagging.encoders import Encoder
from models.tagging.signals import Floats, signal_names, signals
from models.tagging.vocabulary import load_vocabulary

Doc = Sequence[str]

# Feature weights were nearly flat between 3 and 30 on our cross-validation.
STRENGTH = 10.0
# A sentence is read with its neighbours: this share of their score is added to its own.
NEIGHBOURS = 0.15
# Log odds of a theme of which no sentence says anything.
_NOTHING_SAID = -6.0
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")


# In words, the title included: up to where a text is a headline, a summary, an opening. Beyond, it is as good as whole.
_LONGEST = (20, 60, 100)


class Extent(IntEnum):
    """How much of an article there is to read."""

    HEADLINE = 0
    SUMMARY = 1
    OPENING = 2
    WHOLE = 3


def extent_of(document: Doc) -> Extent:
    """How much of an article a document is, by its words."""
    return Extent(bisect_left(_LONGEST, sum(len(sentence.split()) for sentence in document)))


def word_features(min_df: int = 1) -> TfidfVectorizer:
    """Words and pairs of words."""
    return TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, stop_words="english", min_df=min_df, strip_accents=without_accents
    )


def character_features() -> TfidfVectorizer:
    """Parts of words: endings and misspellings don't hide a word."""
    return TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=2, strip_accents=without_accents
    )


def without_accents(text: str) -> str:
    """As scikit-learn's own `unicode`, which looks at every letter of a text where one quotation mark isn't ASCII."""
    return text if text.isascii() else _NOT_ASCII.sub(lambda found: strip_accents_unicode(found[0]), text)


def linear_classifier(strength: float = STRENGTH) -> LogisticRegression:
    """Yes against no, each as weighty as the other however few they are."""
    return LogisticRegression(C=strength, class_weight="balanced", solver="liblinear", random_state=0)


class _Reader(TransformerMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """A step that reads text and learns nothing."""

    def fit(self, X: Sequence[Any], y: object = None) -> Self:
        """Nothing to learn."""
        return self

    def __sklearn_tags__(self) -> Any:
        """Text goes in, not a table of numbers, and any text will do."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.requires_fit = False
        tags.no_validation = True
        return tags


class RunningText(_Reader):
    """Documents to one text each: title and first sentences."""

    def __init__(self, sentences: int = 30, between: str = "\n") -> None:
        self.sentences = sentences
        self.between = between

    def transform(self, X: Sequence[Doc]) -> list[str]:
        """One text a document."""
        return [self.between.join(document[: self.sentences]) for document in X]


class VocabularySignals(_Reader):
    """Documents to what the shipped vocabulary finds in title and first sentences."""

    def __init__(self, sentences: int = 30) -> None:
        self.sentences = sentences

    def transform(self, X: Sequence[Doc]) -> Floats:
        """Shape (documents, signals)."""
        return np.array([signals(document[: self.sentences], load_vocabulary()) for document in X])

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """What each column counts."""
        return np.array(signal_names(load_vocabulary()), object)


class SentenceVectors(_Reader):
    """Texts to an encoder's unit vectors; without an encoder, to no columns at all."""

    def __init__(self, encoder: Encoder | None = None) -> None:
        self.encoder = encoder

    def transform(self, X: Sequence[str]) -> NDArray[np.float32]:
        """Shape (texts, dimensions)."""
        return np.zeros((len(X), 0), np.float32) if self.encoder is None else self.encoder.encode(X)

    def __sklearn_clone__(self) -> Self:
        """A clone shares the encoder: it is the same after any training, and may weigh 90 MB."""
        return type(self)(self.encoder)


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


def article_columns(logits: Floats, text: Floats) -> Floats:
    """What the classifier of articles sees of each theme: shape (themes, 5), from (sentences, themes) and (themes,).

    The best sentence, the mean of the three best, the title, the theme's place among the themes, and what the text as a whole says.
    """
    if not len(logits):
        return np.full((len(text), 5), _NOTHING_SAID)
    mixed = with_neighbours(logits)
    best = np.sort(mixed, axis=0)[::-1][:3].mean(axis=0)
    place = np.argsort(np.argsort(-best)).astype(float)
    return np.stack([logits.max(axis=0), best, logits[0], np.log1p(place), text], axis=1)
