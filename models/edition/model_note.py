"""The classifier's measured quality in one honest line for readers who are not statisticians."""

from collections.abc import Mapping
from typing import Any

from models.edition.content import ModelNote

NOT_MEASURED = "Its quality has not been measured on articles it did not learn from."


def describe_model(version: str, scores: Mapping[str, Any]) -> ModelNote:
    """What may be said of a model from its stored scores, in the form that `culture-monitor evaluate` prints."""
    inner = scores.get("scores")
    scores = inner if isinstance(inner, Mapping) else scores  # a model card holds them one level down
    scope, themes = scores.get("in_scope"), scores.get("themes")
    n = scores.get("n")
    if not isinstance(scope, Mapping) or not isinstance(n, int) or n <= 0:
        return ModelNote(version, NOT_MEASURED)
    precision, recall = _percent(scope.get("precision")), _percent(scope.get("recall"))
    if precision is None or recall is None:
        return ModelNote(version, NOT_MEASURED)
    line = (
        f"Measured on {n:,} labelled articles that it did not learn from: {precision}% of the articles it puts in scope "
        f"belong there, and it finds {recall}% of those that do."
    )
    f1 = themes.get("micro_f1") if isinstance(themes, Mapping) else None
    if isinstance(f1, int | float):
        line += f" Its themes agree with a person's at F1 {f1:.2f} (1 would be always)."
    return ModelNote(version, line)


def _percent(share: object) -> int | None:
    return round(100 * share) if isinstance(share, int | float) and 0 <= share <= 1 else None
