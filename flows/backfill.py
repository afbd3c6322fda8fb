"""The flow `backfill`: fill the past from sources that can list it, or from web archive files, a task for each file."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from prefect import Task, flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed
from prefect.task_runners import TaskRunner
from pydantic import BaseModel, ConfigDict, Field

from flows.archives import ArchiveJob, read_archive
from flows.backfilling import archive_jobs, sum_up
from flows.backfilling import backfill as backfill_once
from flows.history import PartResult, Period, ReadSummary
from flows.monitor import choose_sources
from flows.prefect_steps import as_task, progress, run_name, workplace
from flows.task_runner import prefect_runner
from models.weeks import LONDON

# A worker that is lost is no reason to lose its file; Dask itself tries elsewhere first.
ARCHIVE_RETRIES = 2


class BackfillOptions(BaseModel):
    """Which days to fill, and from what."""

    model_config = ConfigDict(extra="forbid")

    first_day: date = Field(default=date(2022, 6, 1), title="First day", description="In London")
    last_day: date = Field(default=date(2022, 12, 31), title="Last day", description="In London")
    sources: list[str] = Field(
        default=[], title="Sources", description="Only these; with none chosen, all that can list an earlier time"
    )
    archives: list[str] = Field(
        default=[],
        title="Web archive files",
        description="Paths of WARC files that every worker can read; with none, the sources themselves are asked",
    )


@flow(
    name="backfill",
    flow_run_name=run_name("backfill"),
    description="""Fill the past, so that trends and first digests have one.

Asks the sources that can list an earlier time (GOV.UK, the Guardian, Parliament, sitemaps), or reads web archive files. Files are
read side by side on what CULTURE_TASK_RUNNER names: threads or processes of this machine, or a Dask cluster.

Stopped and started again, it goes on where it was.
""",
)
async def backfill(options: BackfillOptions = BackfillOptions()) -> "State[None]":  # noqa: B008
    """Fill the past.

    Args:
        options: Which days to fill, and from what.
    """
    period = Period(_midnight(options.first_day), _midnight(options.last_day + timedelta(days=1)))
    with workplace() as place, progress("backfill") as report:
        sources = choose_sources(place.registry, options.sources) or list(place.registry.enabled())
        paths = [Path(path) for path in options.archives]
        archives = archive_jobs(paths, place.registry, place.settings, period=period, sources=sources)
        runner = prefect_runner(place.settings)
        summary = await backfill_once(
            place.database,
            place.registry,
            place.settings,
            period=period,
            sources=sources,
            archives=archives,
            now=place.now,
            run_step=as_task,
            read=lambda some: _read_archives(some, runner),
            report=report,
        )
    for problem in summary.read.problems:
        get_run_logger().warning(problem)
    read = summary.read
    return Completed(
        message=f"{read.stored} articles stored from {read.parts} parts ({read.parts_before} were done before, "
        f"{len(read.problems)} have problems); {summary.tagged.in_scope} stories on leadership and culture"
    )


def _read_archives(archives: Sequence[ArchiveJob], runner: "TaskRunner[Any]") -> ReadSummary:
    one = _archive_task()

    def read_side_by_side() -> list[PartResult | BaseException]:
        futures = [one.submit(job) for job in archives]
        return [future.result(raise_on_failure=False) for future in futures]

    results = flow(name="read archives", task_runner=runner)(read_side_by_side)()
    return sum_up(archives, lambda some: zip(some, results, strict=True))


def _archive_task() -> "Task[[ArchiveJob], PartResult]":
    return task(
        name="archive",
        task_run_name="read {job.path.name}",
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=ARCHIVE_RETRIES,
    )(read_archive)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), LONDON).astimezone(UTC)
