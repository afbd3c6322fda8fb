"""The parts of a backfill: some days of a source, or an archive file. One that is finished is not read again."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from flows.collecting.article_writer import ArticleWriter
from models.admission import ReadEntry
from models.outcomes import Outcome
from models.store import backfill as queries
from models.store.database import Database


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


def finished_before(database: Database, part: str, name: str) -> PartResult | None:
    """The result of a part that an earlier backfill finished; None for any other."""
    with database.read() as session:
        return PartResult(name, was_finished=True) if queries.is_finished(part, session=session) else None


def finish(database: Database, part: str, result: PartResult, now: datetime) -> PartResult:
    """Remember that a part is done, all its articles being stored; one that had a problem comes again."""
    if not result.problem:
        with database.write() as session:
            queries.finish_part(
                part, now, read=result.read, stored=result.stored, outcomes=result.outcomes, session=session
            )
    return result


def store(writer: ArticleWriter, read: Sequence[ReadEntry], outcomes: Counter[str]) -> int:
    """Store a batch of the past; how many are new, or were captured earlier than what was stored. Outcomes are counted."""
    ends: list[Outcome] = writer.store(read)
    outcomes.update(ends)
    return sum(end.is_new_entry and not end.leaves_page_owed for end in ends)
