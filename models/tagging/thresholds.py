"""From which probability the answer is `yes`: chosen on held-out folds of our own text, never on an evaluation set."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# A theme has a few dozen examples: its own best threshold counts as much as the common one only from this many on.
_COMMON_COUNTS = 100
# A wrong tag in a digest costs more than one left to review: precision counts about twice as much as recall (F-beta).
BETA = 0.6
# Below `yes`, down to a third of its odds, a person should look: about where our held-out folds still find true ones.
_DOUBT = 3.0
_GRID = np.linspace(0.05, 0.9, 86)


def best_threshold(probabilities: Floats, yes: NDArray[np.bool_]) -> float:
    """The threshold with the highest F-beta; the middle one where several are as good."""
    scores = np.array([_f_beta(probabilities >= t, yes) for t in _GRID])
    # Neighbouring thresholds are averaged: a peak of one point is luck.
    smooth = np.convolve(np.pad(scores, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    best = np.flatnonzero(smooth >= smooth.max() - 1e-9)
    return float(_GRID[best[len(best) // 2]])


def choose_thresholds(probabilities: Floats, yes: NDArray[np.bool_], known: NDArray[np.bool_]) -> Floats:
    """One threshold a column: the column's own best, drawn towards the best for all where examples are few."""
    common = best_threshold(probabilities[known], yes[known])
    chosen = []
    for column in range(yes.shape[1]):
        rows = known[:, column]
        count = int(yes[rows, column].sum())
        own = best_threshold(probabilities[rows, column], yes[rows, column]) if count else common
        chosen.append((count * own + _COMMON_COUNTS * common) / (count + _COMMON_COUNTS))
    return np.array(chosen)


def doubt_from(threshold: float) -> float:
    """From which probability a `no` is not certain, given from which one it is a `yes`."""
    odds = threshold / (1 - threshold) / _DOUBT
    return odds / (1 + odds)


def _f_beta(said: NDArray[np.bool_], yes: NDArray[np.bool_]) -> float:
    right = int((said & yes).sum())
    weight = BETA * BETA
    total = int(said.sum()) + weight * int(yes.sum())
    return float((1 + weight) * right / total) if total else 0.0
