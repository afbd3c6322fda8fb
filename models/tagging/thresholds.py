"""From which probability the answer is `yes`: chosen on held-out folds of our own text, never on an evaluation set."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Number = TypeVar("Number", float, Floats)

# A wrong tag in a digest costs more than one left to review. Of the tags shown, four in five are to be right; about one story
# in ten that is called in scope is not, so of the tags of stories in scope this share is to be.
PRECISION = 0.88
# Below `yes`, down to a third of its odds, a person should look: about where our held-out folds still find true ones.
_DOUBT = 3.0
# Nothing is shown that is as likely wrong as right, however well it did on few examples.
_GRID = np.linspace(0.5, 0.95, 46)


def precise_threshold(probabilities: Floats, yes: NDArray[np.bool_]) -> float:
    """The lowest threshold from which on the share of right ones is as it is to be; the highest of all where none is."""
    shares = np.array([yes[probabilities >= t].mean() if (probabilities >= t).any() else 1.0 for t in _GRID])
    # Neighbouring thresholds are averaged: a peak of one point is luck.
    smooth = np.convolve(np.pad(shares, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    enough = np.flatnonzero(smooth >= PRECISION)
    return float(_GRID[enough[0]] if len(enough) else _GRID[-1])


def doubt_from(threshold: Number) -> Number:
    """From which probability a `no` is not certain, given from which one it is a `yes`."""
    odds = threshold / (1 - threshold) / _DOUBT
    return odds / (1 + odds)
