"""Text features and linear judges that can be written as plain arrays (no pickle), and read back."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

Floats = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]

# Words and characters count as much together as an encoder's unit vector does.
_HALF = 0.7071
# Feature weights were nearly flat between 3 and 30 on our cross-validation.
STRENGTH = 10.0


def word_features(min_df: int = 1) -> TfidfVectorizer:
    """Words and pairs of words."""
    return TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, stop_words="english", min_df=min_df, strip_accents="unicode"
    )


def character_features() -> TfidfVectorizer:
    """Parts of words: endings and misspellings don't hide a word."""
    return TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=2, strip_accents="unicode")


class SentenceFeatures:
    """Sentences to rows: TF-IDF of words and characters, beside an encoder's vectors where there are any."""

    def __init__(self) -> None:
        self.words = word_features()
        self.characters = character_features()

    def fit(self, texts: Sequence[str]) -> "SentenceFeatures":
        """Learns words and their rarity."""
        self.words.fit(texts)
        self.characters.fit(texts)
        return self

    def transform(self, texts: Sequence[str], vectors: NDArray[np.float32] | None) -> sparse.csr_matrix:
        """Shape (len(texts), words + characters [+ dimensions])."""
        parts = [self.words.transform(texts) * _HALF, self.characters.transform(texts) * _HALF]
        if vectors is not None:
            parts.append(sparse.csr_matrix(vectors))
        return sparse.hstack(parts).tocsr()

    @property
    def text_columns(self) -> int:
        """How many columns come before the encoder's."""
        return len(self.words.vocabulary_) + len(self.characters.vocabulary_)

    def arrays(self, prefix: str) -> Arrays:
        """For writing."""
        return {**tfidf_arrays(self.words, f"{prefix}words."), **tfidf_arrays(self.characters, f"{prefix}chars.")}

    @classmethod
    def from_arrays(cls, arrays: Arrays, prefix: str) -> "SentenceFeatures":
        """As written."""
        made = cls()
        fill_tfidf(made.words, arrays, f"{prefix}words.")
        fill_tfidf(made.characters, arrays, f"{prefix}chars.")
        return made


def tfidf_arrays(vectorizer: TfidfVectorizer, prefix: str) -> Arrays:
    """What a fitted vectorizer has learnt."""
    terms = sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__)
    return {
        f"{prefix}terms": np.frombuffer("\n".join(terms).encode(), np.uint8),
        f"{prefix}idf": np.asarray(vectorizer.idf_, np.float64),
    }


def fill_tfidf(vectorizer: TfidfVectorizer, arrays: Arrays, prefix: str) -> None:
    """Gives a new vectorizer what another had learnt."""
    terms = arrays[f"{prefix}terms"].tobytes().decode().split("\n")
    vectorizer.vocabulary_ = {term: number for number, term in enumerate(terms)}
    vectorizer.idf_ = arrays[f"{prefix}idf"]


def fit_judge(
    features: sparse.csr_matrix | Floats,
    yes: NDArray[np.bool_],
    weights: Floats | None = None,
    *,
    strength: float = STRENGTH,
) -> tuple[Floats, float]:
    """Coefficients and intercept of a balanced logistic regression: yes against no."""
    model = LogisticRegression(C=strength, class_weight="balanced", solver="liblinear", random_state=0)
    model.fit(features, yes, sample_weight=weights)
    return model.coef_[0], float(model.intercept_[0])


def logistic(logit: Floats) -> Floats:
    """Log odds to probabilities."""
    odds: Floats = 1 / (1 + np.exp(-np.clip(logit, -30, 30)))
    return odds
