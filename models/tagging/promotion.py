"""A challenger replaces the champion only when it measures no worse; and the card that tells people what a version is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.reviews import IN_SCOPE
from models.tagging.decisions import State, Tagging
from models.themes import theme_ids

# A theme of a held-out set has a dozen articles: one of them turned is about this much F1.
MARGIN = 0.05
# On this many articles of a theme or more its own F1 is judged; on fewer it is luck.
SUPPORT_TO_JUDGE = 5
# Two runs of the same data differ by nothing; this only forgives rounding.
_ROUNDING = 1e-9

Scores = Mapping[str, Any]  # as `evaluate` returns them


@dataclass(frozen=True, slots=True)
class Promotion:
    """The decision, and why, in words for a person."""

    accepted: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flip:
    """A recent article on which two versions disagree."""

    title: str
    what: str  # `in-scope` or a theme
    was: State
    now: State


def promote(challenger: Scores, champion: Scores, margin: float = MARGIN) -> Promotion:
    """Whether the challenger takes over, both measured on the same articles.

    It must not be worse overall (F1 of scope, micro F1 of themes), and on no theme worse by more than `margin`.
    """
    if challenger.get("n") != champion.get("n"):
        return Promotion(False, ("the two were not measured on the same articles",))
    reasons: list[str] = []
    for name, part, key in (("scope F1", "in_scope", "f1"), ("themes micro F1", "themes", "micro_f1")):
        new, old = float(challenger[part][key]), float(champion[part][key])
        if new < old - _ROUNDING:
            reasons.append(f"{name} falls from {old:.3f} to {new:.3f}")
    for theme in theme_ids():
        row, before = challenger["themes"]["per_theme"][theme], champion["themes"]["per_theme"][theme]
        new, old = float(row["f1"]), float(before["f1"])
        if before["support"] >= SUPPORT_TO_JUDGE and new < old - margin - _ROUNDING:
            reasons.append(f"{theme} falls from {old:.3f} to {new:.3f}, more than the margin of {margin:.2f}")
    if reasons:
        return Promotion(False, tuple(reasons))
    gain = float(challenger["themes"]["micro_f1"]) - float(champion["themes"]["micro_f1"])
    return Promotion(
        True, (f"not worse overall and on no theme by more than {margin:.2f}; themes micro F1 {gain:+.3f}",)
    )


def flips(titles: Sequence[str], before: Sequence[Tagging], after: Sequence[Tagging]) -> list[Flip]:
    """What the new version would say otherwise of the same articles."""
    found: list[Flip] = []
    for title, old, new in zip(titles, before, after, strict=True):
        if old.scope_state is not new.scope_state:
            found.append(Flip(title, IN_SCOPE, old.scope_state, new.scope_state))
        was = {tag.theme: tag.state for tag in old.tags}
        now = {tag.theme: tag.state for tag in new.tags}
        for theme in theme_ids():
            left, right = was.get(theme, State.NO), now.get(theme, State.NO)
            if left is not right:
                found.append(Flip(title, theme, left, right))
    return found


def model_card(
    facts: Mapping[str, Any], scores: Scores, thresholds: Mapping[str, float], changed: Sequence[Flip] = ()
) -> dict[str, Any]:
    """What is stored and shown of a version: its data, scores and thresholds, and what it changes.

    `facts` are those of `versions.read_facts`; `thresholds` name `in-scope` and each theme.
    """
    return {
        "version": facts.get("version"),
        "trained_at": facts.get("trained_at"),
        "training_sha256": facts.get("training_sha256"),
        "code_version": facts.get("code_version"),
        "encoder": facts.get("encoder"),
        "sentences": facts.get("sentences"),
        "passages": facts.get("passages"),
        "reviews": facts.get("reviews", 0),
        "reviews_until": facts.get("reviews_until"),
        "scores": dict(scores),
        "thresholds": {name: round(float(value), 3) for name, value in thresholds.items()},
        "flips": [{"title": f.title, "what": f.what, "was": f.was.value, "now": f.now.value} for f in changed],
    }
