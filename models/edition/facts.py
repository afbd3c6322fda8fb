"""What the store knows of one week, as plain values that `models.edition.compose` makes an edition from; and what it could not see."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from models.dates_ahead import DateAhead
from models.edition.content import MAX_OUTLET, GapKind, ModelNote, SourceGap
from models.edition.edits import Edit
from models.outcomes import PollOutcome
from models.sources import Registry
from models.text_safety import plain_line
from models.trends import Collected, ThemeHistory
from models.weeks import LONDON, Week

NOT_MEASURED = "Its quality has not been measured on articles it did not learn from."

# A weekly newsletter that skips one week is not silent; one that skips two is worth a look.
SILENT_AFTER = timedelta(days=21)
FAILED_SHARE = 0.5  # of the week's polls: a source that missed fewer was seen
_BLOCKED = {PollOutcome.BLOCKED, PollOutcome.DISALLOWED, PollOutcome.REFUSED}


@dataclass(frozen=True, slots=True)
class TagFact:
    """One theme in effect for an article: tagged `yes`, or given by a person."""

    theme: str
    score: float
    evidence: str
    by_person: bool = False
    verbatim: bool = True  # whether the evidence stands in what is stored of the article; true where no text is kept


@dataclass(frozen=True, slots=True)
class MentionFact:
    """An organisation that one place of an article names; of a merged one, its successor."""

    organisation_id: str
    name: str
    place: str  # title | summary | text
    count: int


@dataclass(frozen=True, slots=True)
class ArticleFact:
    """One article in scope."""

    id: int
    url: str
    source: str
    outlet: str
    title: str
    published_at: datetime | None
    first_seen_at: datetime
    text_status: str
    paywalled: bool
    tags: tuple[TagFact, ...]
    # Of its source, as stored with the article, else as of the last run; empty where neither is known.
    nation: str = ""
    sector: str = ""
    rights: tuple[str, ...] = ()  # the classes on record: when it was stored, and at the last run
    weight: float | None = None
    backfilled: bool = False
    mentions: tuple[MentionFact, ...] = ()
    ahead: tuple[DateAhead, ...] = ()  # coming dates that its text names, read from what is stored

    @property
    def at(self) -> datetime:
        """The moment that decides its week."""
        return self.published_at or self.first_seen_at


@dataclass(frozen=True, slots=True)
class FollowedFact:
    """The story of an earlier week that another continues."""

    title: str
    url: str
    week: Week  # of the edition that told it, else its own


@dataclass(frozen=True, slots=True)
class StoryFact:
    """One report: the article that is shown and its copies, those of the week before it included."""

    shown: ArticleFact
    copies: tuple[ArticleFact, ...] = ()
    late: bool = False
    event: int = 0  # stories of one number report one event; 0: it was not compared
    follows: FollowedFact | None = None

    @property
    def articles(self) -> tuple[ArticleFact, ...]:
        """What is shown, and its copies."""
        return (self.shown, *self.copies)


def by_event(stories: Iterable[StoryFact]) -> list[list[StoryFact]]:
    """The stories, those that report one event together; in their order."""
    events: dict[int, list[StoryFact]] = {}
    for story in stories:
        events.setdefault(story.event or -story.shown.id, []).append(story)
    return list(events.values())


@dataclass(frozen=True, slots=True)
class SourceFact:
    """How a source that the monitor watches answered lately; all is None for one that was never polled."""

    id: str
    name: str = ""
    last_polled_at: datetime | None = None
    last_success_at: datetime | None = None
    last_new_at: datetime | None = None
    failing_since: datetime | None = None
    last_outcome: str = ""
    last_detail: str = ""
    polls: int = 0  # in the week
    failed_polls: int = 0


@dataclass(frozen=True, slots=True)
class WeekFacts:
    """One week, ready to be composed."""

    week: Week
    stories: tuple[StoryFact, ...]
    collected: Collected
    histories: Mapping[str, ThemeHistory]  # by theme; none for a theme without stories
    sources: tuple[SourceFact, ...]
    model: ModelNote
    named_before: frozenset[str] | None = None  # organisations in the stories of the weeks before; None: not known
    edits: tuple[Edit, ...] = ()  # those in effect, in their order
    archive: tuple[StoryFact, ...] = ()  # that an editor adds from what is stored


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


def find_gaps(facts: Iterable[SourceFact], registry: Registry, week: Week, now: datetime) -> tuple[SourceGap, ...]:
    """What the monitor could not see, so that a silence in the news is not confused with a silent feed.

    The watched sources that failed, were blocked, went silent or were never read, the worst first.
    """
    end = min(week.end, now)
    gaps = [
        gap
        for fact in _named(facts, registry)
        if (gap := _gap(plain_line(fact.name or fact.id, MAX_OUTLET), fact, end)) is not None
    ]
    order = list(GapKind)
    return tuple(sorted(gaps, key=lambda gap: (order.index(gap.kind), gap.name.casefold())))


def _percent(share: object) -> int | None:
    return round(100 * share) if isinstance(share, int | float) and 0 <= share <= 1 else None


def _named(facts: Iterable[SourceFact], registry: Registry) -> list[SourceFact]:
    """Sources whose name is not on record, since no run has collected after an upgrade, under that of the registry."""
    known = registry.by_id()
    return [fact if fact.name or fact.id not in known else replace(fact, name=known[fact.id].label) for fact in facts]


def _gap(name: str, fact: SourceFact, end: datetime) -> SourceGap | None:
    if fact.last_polled_at is None:
        return SourceGap(name, GapKind.NEVER, None)
    failing = fact.failing_since is not None and fact.failing_since < end
    missed = fact.polls > 0 and fact.failed_polls >= FAILED_SHARE * fact.polls
    if failing or missed:
        blocked = fact.last_outcome in _BLOCKED
        since = fact.failing_since.astimezone(LONDON).date() if fact.failing_since and failing else None
        reason = fact.last_detail if failing else f"{fact.failed_polls} of {fact.polls} tries failed"
        return SourceGap(name, GapKind.BLOCKED if blocked else GapKind.FAILED, since, plain_line(reason, 120))
    if fact.last_new_at is not None and end - fact.last_new_at > SILENT_AFTER:
        return SourceGap(name, GapKind.SILENT, fact.last_new_at.astimezone(LONDON).date())
    return None
