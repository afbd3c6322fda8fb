"""From which probability the answer is `yes`: chosen on held-out folds of our own text, never on an evaluation set."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# A theme with few examples trusts the common threshold: its own counts as much as this many examples do.
_COMMON_COUNTS = 25
_GRID = np.linspace(0.05, 0.9, 86)


def best_threshold(probabilities: Floats, yes: NDArray[np.bool_], weights: Floats | None = None) -> float:
    """The threshold with the highest F1; the middle one where several are as good."""
    weights = np.ones(len(yes)) if weights is None else weights
    scores = np.array([_f1(probabilities >= t, yes, weights) for t in _GRID])
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


def _f1(said: NDArray[np.bool_], yes: NDArray[np.bool_], weights: Floats) -> float:
    right = weights[said & yes].sum()
    total = weights[said].sum() + weights[yes].sum()
    return float(2 * right / total) if total else 0.0
