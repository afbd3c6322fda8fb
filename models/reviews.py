"""A person's correction of the tagger: what a decision means theme by theme, and which articles are worth asking about. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.errors import UserError
from models.text_safety import plain_at, plain_line, plain_lines
from models.themes import IN_SCOPE as IN_SCOPE
from models.themes import load_framework, theme_id, theme_ids, unknown_theme

QUEUE_DAYS = 28  # the queue asks about stories first seen in so many days, where nobody says otherwise
# A `yes` below such a probability is shown, and asked about as well: the band of doubt lies on both sides of the threshold.
SURE_OF_SCOPE, SURE_OF_THEME = 0.5, 0.8
NOT_IN_SCOPE = "The story is not in scope, so no digest shows it, whatever its themes: say that it is in scope if it belongs there."
MAX_REVIEWER = 100
MAX_NOTE = 2000
MAX_SUGGESTION = 500  # letters of what a reader of the web edition writes


class ReviewError(UserError, ValueError):
    """A review can't be recorded; the message names the value and the mend."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person said of one article, and nothing beyond it."""

    statements: Mapping[str, bool]  # theme or `in-scope` -> yes or no, in the order of `in-scope` and the themes
    reviewer: str
    note: str = ""


def check_decision(
    *,
    in_scope: bool | None = None,
    themes: Sequence[str] = (),
    not_themes: Sequence[str] = (),
    reviewer: str,
    note: str = "",
) -> Decision:
    """A decision that can be recorded: the scope where it was said, `themes` that apply, `not_themes` that do not, by id or name.

    Raises:
        ReviewError: nothing is said, an unknown theme, a yes and a no on the same theme, a theme that applies on an
            article that is said to be out of scope, or no reviewer.
    """
    themes, not_themes = [theme_id(theme) for theme in themes], [theme_id(theme) for theme in not_themes]
    for theme in (*themes, *not_themes):
        if theme not in theme_ids():
            raise ReviewError(unknown_theme(theme))
    for theme in themes:
        if theme in not_themes:
            raise ReviewError(f"{theme!r} can't both apply and not apply; say one of the two")
    if themes and in_scope is False:
        raise ReviewError(f"an article out of scope carries no theme: take {themes[0]!r} away, or put it in scope")
    name, note = check_reviewer(reviewer=reviewer, note=note)
    said = {} if in_scope is None else {IN_SCOPE: in_scope}
    said |= {theme: theme in themes for theme in theme_ids() if theme in themes or theme in not_themes}
    if not said:
        raise ReviewError("nothing is said: name a theme that applies or does not, or say whether it is in scope")
    return Decision(said, name, note)


def check_retagging(*, themes: Sequence[str], reviewer: str, note: str = "") -> Decision:
    """A decision on all that can be said of an article: it is in scope, with these themes and no other.

    Raises:
        ReviewError: as `check_decision`.
    """
    themes = [theme_id(theme) for theme in themes]
    others = [theme for theme in theme_ids() if theme not in themes]
    return check_decision(in_scope=True, themes=themes, not_themes=others, reviewer=reviewer, note=note)


def check_reviewer(*, reviewer: str, note: str = "") -> tuple[str, str]:
    """Reviewer and note as they are kept, addresses as erasing finds them.

    Raises:
        ReviewError: no reviewer.
    """
    name = plain_line(plain_at(reviewer), MAX_REVIEWER)
    if not name:
        raise ReviewError("a review needs the name of its reviewer")
    return name, plain_lines(plain_at(note), MAX_NOTE)


def seal_of(changes: Mapping[str, tuple[bool, bool]]) -> str:
    """Names what a retagging would change: who confirms it confirms this, and nothing that came since."""
    return hashlib.sha256(repr(sorted(changes.items())).encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class UncertainTag:
    """One thing that the tagger is not sure of: a theme of an article, or its scope."""

    article_id: int
    title: str
    url: str
    outlet: str
    theme: str  # or `in-scope`
    score: float
    evidence: str
    suggested: str = ""  # by a reader: what they say of it, in words
    drawn: bool = False  # by chance, for the audit: whatever the score, which is not shown lest it sway the answer


@dataclass(frozen=True, slots=True)
class QueueItem:
    """One article that a person is asked about."""

    article_id: int
    title: str
    url: str
    outlet: str
    question: str
    asked: tuple[str, ...]  # theme or `in-scope`, each of which can be answered by itself
    score: float | None  # of the largest doubt; None where it was drawn for the audit
    evidence: str


def queue(doubts: Sequence[UncertainTag], names: Mapping[str, str], limit: int) -> list[QueueItem]:
    """The articles whose answers teach most, each once: what readers suggest, then the scores nearest to an even chance.

    A doubt about scope comes before one about a theme of the same score, since its answer settles all themes. What was drawn
    for the audit comes last, in the order in which it is given, with half of the places where there is more than enough.
    """
    by_article: dict[int, list[UncertainTag]] = {}
    for doubt in sorted((one for one in doubts if not one.drawn), key=_order):
        by_article.setdefault(doubt.article_id, []).append(doubt)
    drawn = {one.article_id: [*by_article.pop(one.article_id, ()), one] for one in doubts if one.drawn}
    kept = max(limit - len(drawn), limit - limit // 2)
    items = []
    for found in [*list(by_article.values())[:kept], *drawn.values()][:limit]:
        first = found[0]
        themes = [
            f"{names.get(d.theme, d.theme)} ({d.score:.2f})" for d in found if d.theme != IN_SCOPE and not d.suggested
        ]
        parts = [f"A reader says: {d.suggested}" for d in found if d.suggested]
        parts += [load_framework().question] if any(d.theme == IN_SCOPE and not d.suggested for d in found) else []
        parts += [f"Does it show {' · '.join(themes)}?"] if themes else []
        evidence = next((doubt.evidence for doubt in found if doubt.evidence), "")
        asked = tuple(sorted({doubt.theme: None for doubt in found}, key=lambda theme: theme != IN_SCOPE))
        question = " ".join(parts)
        score = None if found[-1].drawn else first.score
        items.append(
            QueueItem(first.article_id, first.title, first.url, first.outlet, question, asked, score, evidence)
        )
    return items


def _order(doubt: UncertainTag) -> tuple[bool, float, bool, int, str]:
    return (
        not doubt.suggested,
        round(abs(doubt.score - 0.5), 2),
        doubt.theme != IN_SCOPE,
        doubt.article_id,
        doubt.theme,
    )
