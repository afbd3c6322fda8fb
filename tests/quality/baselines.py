"""What a user would do instead of a trained tagger: lists of keywords, or an encoder without any training. For comparison only."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.seeds import read_toml
from models.tagging.decisions import Document
from models.tagging.encoders import Encoder
from models.tagging.evaluation import Predictions
from models.tagging.training import sentences_of
from models.tagging.vocabulary import TermGroup, Vocabulary
from models.text import split_words_as_written
from models.themes import load_themes, theme_ids

_KEYWORDS = Path(__file__).with_name("keywords.toml")
_HEALTH = (
    "nhs",
    "hospital*",
    "health",
    "care home*",
    "social care",
    "ambulance*",
    "nurse*",
    "doctor*",
    "trust",
    "patient*",
)
_LEADERSHIP = (
    "leader*",
    "manager*",
    "management",
    "chief executive*",
    "board",
    "culture",
    "staff",
    "bully*",
    "whistleblow*",
)


class KeywordTagger:
    """An article is in scope if it names health and leadership `hits` times each; a theme is there with `hits` of its words."""

    def __init__(self, hits: int = 1) -> None:
        keywords = read_toml(_KEYWORDS)
        groups = [TermGroup(theme, tuple(keywords[theme])) for theme in theme_ids()]
        self._vocabulary = Vocabulary([*groups, TermGroup("health", _HEALTH), TermGroup("leadership", _LEADERSHIP)])
        self._hits = hits

    def predict(self, documents: Sequence[Document]) -> Predictions:
        """Counts as scores."""
        texts = [" ".join(sentences_of(one)) for one in documents]
        counts = np.array([self._vocabulary.counts(split_words_as_written(text)) for text in texts], float)
        scope = counts[:, -2:].min(axis=1)
        yes = scope >= self._hits
        themes = counts[:, : len(theme_ids())]
        return Predictions(scope, yes, themes, (themes >= self._hits) & yes[:, None])


class UntrainedTagger:
    """An encoder alone: cosine of an article's best three sentences with each theme's definition."""

    # Chosen by eye on our own sentences; without training there is nothing to choose it by.
    THRESHOLD = 0.45

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._themes = encoder.encode([theme.definition for theme in load_themes()])
        self._scope = encoder.encode(
            ["Leadership, management and workplace culture in UK health or social care services."]
        )

    def predict(self, documents: Sequence[Document]) -> Predictions:
        """Cosines as scores."""
        themes, scope = [], []
        for document in documents:
            sentences = sentences_of(document)
            vectors = self._encoder.encode(sentences or [""])
            themes.append(_best_three(vectors @ self._themes.T))
            scope.append(_best_three(vectors @ self._scope.T)[0])
        found, inside = np.array(themes), np.array(scope)
        yes = inside >= self.THRESHOLD
        return Predictions(inside, yes, found, (found >= self.THRESHOLD) & yes[:, None])


def _best_three(scores: NDArray[Any]) -> NDArray[Any]:
    best: NDArray[Any] = np.sort(scores, axis=0)[::-1][:3].mean(axis=0)
    return best
