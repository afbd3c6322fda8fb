"""A person's correction of the tagger: what a decision means theme by theme, and which articles are worth asking about. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.text_safety import plain_line, plain_lines
from models.themes import THEME_IDS

IN_SCOPE = "in-scope"  # stands among the themes: in reviews, thresholds and what the queue asks
QUEUE_DAYS = 28  # the queue asks about stories first seen in so many days, where nobody says otherwise
MAX_REVIEWER = 100
MAX_NOTE = 2000


class ReviewError(ValueError):
    """A review can't be recorded; the message names the value and the mend."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person said of one article."""

    in_scope: bool
    themes: tuple[str, ...]  # that apply
    others_stand: bool  # whether themes that were not named keep what the tagger says of them
    reviewer: str
    note: str = ""


def check_decision(
    *, in_scope: bool, themes: Sequence[str], others_stand: bool, reviewer: str, note: str = ""
) -> Decision:
    """A decision that can be recorded.

    Raises:
        ReviewError: an unknown theme, a theme on an article out of scope, or no reviewer.
    """
    for theme in themes:
        if theme not in THEME_IDS:
            raise ReviewError(f"{theme!r} is not one of the fifteen themes; use one of {', '.join(THEME_IDS)}")
    if themes and not in_scope:
        raise ReviewError(f"an article out of scope carries no theme: take {themes[0]!r} away, or put it in scope")
    name = plain_line(reviewer, MAX_REVIEWER)
    if not name:
        raise ReviewError("a review needs the name of its reviewer")
    chosen = tuple(theme for theme in THEME_IDS if theme in themes)
    return Decision(in_scope, chosen, others_stand, name, plain_lines(note, MAX_NOTE))


def verdicts(decision: Decision) -> dict[str, bool]:
    """Yes or no for the scope and for each theme that the decision settles."""
    said = {IN_SCOPE: decision.in_scope}
    if decision.in_scope:
        said |= {
            theme: theme in decision.themes
            for theme in THEME_IDS
            if theme in decision.themes or not decision.others_stand
        }
    return said


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing that the tagger is not sure of: a theme of an article, or its scope."""

    article_id: int
    title: str
    url: str
    outlet: str
    theme: str  # or `in-scope`
    score: float
    evidence: str


@dataclass(frozen=True, slots=True)
class QueueItem:
    """One article that a person is asked about."""

    article_id: int
    title: str
    url: str
    outlet: str
    question: str
    score: float  # of the largest doubt
    evidence: str


def queue(doubts: Sequence[Doubt], names: Mapping[str, str], limit: int) -> list[QueueItem]:
    """The articles whose answers teach most, each once: those with the score nearest to an even chance first.

    A doubt about scope comes before one about a theme of the same score, since its answer settles all fifteen.
    """
    by_article: dict[int, list[Doubt]] = {}
    for doubt in sorted(doubts, key=_order):
        by_article.setdefault(doubt.article_id, []).append(doubt)
    items = []
    for found in list(by_article.values())[:limit]:
        first = found[0]
        themes = [f"{names.get(d.theme, d.theme)} ({d.score:.2f})" for d in found if d.theme != IN_SCOPE]
        parts = ["Is it about leadership or culture in health or care?"] if len(themes) < len(found) else []
        parts += [f"Does it show {' · '.join(themes)}?"] if themes else []
        evidence = next((doubt.evidence for doubt in found if doubt.evidence), "")
        items.append(
            QueueItem(first.article_id, first.title, first.url, first.outlet, " ".join(parts), first.score, evidence)
        )
    return items


def _order(doubt: Doubt) -> tuple[float, bool, int, str]:
    return (round(abs(doubt.score - 0.5), 2), doubt.theme != IN_SCOPE, doubt.article_id, doubt.theme)
