"""What the store knows of one week, as plain values: what `models.edition.compose` makes an edition from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from models.edition.content import ModelNote
from models.trends import Collected, ThemeHistory
from models.weeks import Week


@dataclass(frozen=True, slots=True)
class TagFact:
    """One theme that stands for an article: tagged `yes`, or given by a person."""

    theme: str
    score: float
    evidence: str
    by_person: bool = False


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

    @property
    def at(self) -> datetime:
        """The moment that decides its week."""
        return self.published_at or self.first_seen_at


@dataclass(frozen=True, slots=True)
class StoryFact:
    """One report: the article that is shown and its copies, those of the week before it included."""

    shown: ArticleFact
    copies: tuple[ArticleFact, ...] = ()
    late: bool = False


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
