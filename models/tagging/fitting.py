"""Fitting the two models of the tagger to training data."""

import hashlib
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from models.tagging.classifier import Tagger
from models.tagging.encoders import CachedEncoder, Choice
from models.tagging.scope import ScopeExamples, ScopeModel
from models.tagging.theme_model import ThemeExamples, ThemeModel
from models.tagging.training import TrainingData, sentences_of, shortened
from models.themes import theme_ids

_VECTORS_FILE = "training-vectors.npz"


def train_tagger(data: TrainingData, choice: Choice, folder: Path | None, version: str) -> Tagger:
    """Trains on `data`; the encoder's vectors of training texts are kept in `folder`."""
    cache = None
    if choice.encoder is not None:
        name = hashlib.sha256(choice.name.encode()).hexdigest()[:8]
        cache = CachedEncoder(choice.encoder, folder / f"{name}-{_VECTORS_FILE}" if folder else None)
    with threadpool_limits(1):  # several BLAS threads spin more than they multiply on matrices of this size
        scope = ScopeModel(cache).fit(scope_examples(data))
        themes = ThemeModel(cache).fit(theme_examples(data))
    if cache is not None:
        cache.save()
    arrays = {**scope.arrays(), **themes.arrays()}
    return Tagger.from_arrays(version, arrays, choice.encoder)


def scope_examples(data: TrainingData) -> ScopeExamples:
    """Passages and sentences whose scope is known."""
    passages = [one for one in data.passages if one.in_scope is not None]
    sentences = [one for one in data.sentences if one.in_scope is not None]
    return ScopeExamples(
        documents=[sentences_of(one.document) for one in passages],
        shortened=[shortened(one.document) for one in passages],
        yes=np.array([one.in_scope for one in passages], bool),
        weights=np.array([one.weight for one in passages], float),
        groups=[one.group for one in passages],
        sentences=[one.text for one in sentences],
        sentences_yes=np.array([one.in_scope for one in sentences], bool),
    )


def theme_examples(data: TrainingData) -> ThemeExamples:
    """Sentences with their themes, and the passages on whose themes somebody decided; none that is out of scope."""
    passages = [one for one in data.passages if one.in_scope is not False and one.judged]
    return ThemeExamples(
        sentences=[one.text for one in data.sentences],
        shows=np.array([[theme in one.themes for theme in theme_ids()] for one in data.sentences], bool),
        shortened=[shortened(one.document) for one in passages],
        carries=np.array([[theme in one.themes for theme in theme_ids()] for one in passages], bool),
        judged=np.array([[theme in one.judged for theme in theme_ids()] for one in passages], bool),
        document_weights=np.array([one.weight for one in passages], float),
        groups=[one.group for one in passages],
    )
