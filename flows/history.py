"""What a backfill reads and how it is stored: rows that wait for their story, dated when the public first saw them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from flows.web.filing import address_of, listed_columns, page_columns
from flows.web.page_facts import choose_published
from models.admission import ReadEntry, cleaned
from models.store import history as queries
from models.store.database import Database
from models.store.history import ArticleRow


@dataclass(frozen=True, slots=True)
class Period:
    """The time that is filled: from `since` to before `until`, both aware."""

    since: datetime
    until: datetime

    def holds(self, moment: datetime) -> bool:
        """Whether a moment lies within."""
        return self.since <= moment < self.until


@dataclass(frozen=True, slots=True)
class Found:
    """One article of the past."""

    read: ReadEntry
    seen_at: datetime  # when it was captured, or published: what an article of today has as `first_seen_at`


@dataclass(frozen=True, slots=True)
class PartResult:
    """What became of one part of a backfill."""

    name: str
    read: int = 0
    stored: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    problem: str = ""
    was_finished: bool = False  # by an earlier backfill: nothing was done


@dataclass(slots=True)
class ReadSummary:
    """What the reading half of a backfill did."""

    parts: int = 0  # done now
    parts_before: int = 0  # done by an earlier backfill
    read: int = 0
    stored: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def add(self, part: PartResult) -> None:
        """Count one part."""
        self.parts += not part.problem and not part.was_finished
        self.parts_before += part.was_finished
        self.read += part.read
        self.stored += part.stored
        self.outcomes.update(part.outcomes)
        if part.problem:
            self.problems.append(part.problem)


def store(database: Database, found: Sequence[Found]) -> int:
    """Store a batch in one transaction; how many were new, or captured earlier than what was stored."""
    rows = [row_of(one) for one in found]
    aliases = {
        one.read.candidate.entry.url: row["url"]
        for one, row in zip(found, rows, strict=True)
        if one.read.candidate.entry.url != row["url"]
    }
    with database.write() as session:
        return queries.store_rows(rows, aliases, session=session)


def row_of(found: Found) -> ArticleRow:
    """The columns of an article as a run of its own day would have stored it."""
    read = cleaned(found.read)
    return {
        **listed_columns(read.candidate),
        **page_columns(read, found.seen_at),
        "url": address_of(read),
        "first_seen_at": found.seen_at,
        "attempts": 1,
        "outcome": read.outcome.value,
        "backfilled": True,
    }


def published_at(found: Found) -> datetime | None:
    """When the article says that it was published; never after it was seen."""
    page = found.read.page
    stated = page.published_at if page is not None else None
    return choose_published(stated, found.read.candidate.entry.published_at, found.seen_at)
