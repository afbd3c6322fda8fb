"""Filling the past: what sources can still list of an earlier time, and what web archives hold of it.

Each part (some days of a source, one archive file) is remembered when all of it is stored, so a backfill that was
stopped goes on where it was. What was read is then folded into stories in the order in which it came out, and tagged.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from flows import jobs
from flows.archives import ArchiveJob, read_archive, routes_of
from flows.history import PartResult, Period, ReadSummary
from flows.past_sources import can_list_the_past, read_sources
from flows.steps import Report, RunStep, at_once, unreported
from flows.task_runner import fan_out
from models.folding import FoldSummary, fold_waiting
from models.settings import Settings
from models.sources import Registry, Source
from models.store.database import Database
from models.tagging.apply import TagSummary

# Runs jobs and gives them back with their results (or what they raised), in any order.
FanOut = Callable[[Sequence[ArchiveJob]], Iterable[tuple[ArchiveJob, PartResult | BaseException]]]


@dataclass(frozen=True, slots=True)
class BackfillSummary:
    """What a backfill did."""

    read: ReadSummary
    folded: FoldSummary
    tagged: TagSummary
    notes: tuple[str, ...] = field(default=())


def archive_jobs(
    paths: Sequence[Path],
    registry: Registry,
    settings: Settings,
    *,
    period: Period,
    sources: Sequence[Source],
    hosts: Iterable[str] = (),
) -> list[ArchiveJob]:
    """One job a file: the pages of the sites of `sources` and of further `hosts`."""
    routes = routes_of(registry, sources, hosts)
    data = settings.data.absolute()
    return [ArchiveJob(path.absolute(), period, routes, data) for path in paths]


def read_archives(archives: Sequence[ArchiveJob], settings: Settings, *, report: Report = unreported) -> ReadSummary:
    """Read archive files on the engine that the settings name."""
    return sum_up(archives, lambda some: fan_out(read_archive, some, settings), report=report)


def sum_up(archives: Sequence[ArchiveJob], run: FanOut, *, report: Report = unreported) -> ReadSummary:
    """Run the jobs and add up; one that failed is a problem, and is done by the next backfill."""
    summary = ReadSummary()
    for done, (job, result) in enumerate(run(archives), start=1):
        if isinstance(result, BaseException):
            result = PartResult(job.path.name, problem=f"{job.path}: {type(result).__name__}: {result}")
        summary.add(result)
        report("archives", done, len(archives))
    return summary


async def backfill(
    database: Database,
    registry: Registry,
    settings: Settings,
    *,
    period: Period,
    sources: Sequence[Source],
    archives: Sequence[ArchiveJob] = (),
    now: datetime,
    run_step: RunStep = at_once,
    read: Callable[[Sequence[ArchiveJob]], ReadSummary] | None = None,
    report: Report = unreported,
) -> BackfillSummary:
    """The whole job: read the archives, or (without any) ask the sources; then fold and tag.

    `read` reads the archives in place of the engine of the settings.
    """
    if archives:
        done = read(archives) if read is not None else read_archives(archives, settings, report=report)
    else:
        done = await read_sources(
            database,
            registry,
            settings,
            sources=[source for source in sources if can_list_the_past(source)],
            period=period,
            now=now,
            user_agent=jobs.user_agent(settings),
            run_step=run_step,
            report=report,
        )

    async def fold() -> FoldSummary:
        return fold_waiting(database, progress=lambda folded, total: report("fold", folded, total))

    folded = await run_step("fold copies into stories", fold)
    tagged, notes = await jobs.tag(database, settings, now=now, run_step=run_step, report=report)
    return BackfillSummary(done, folded, tagged, tuple(notes))
