"""The flow `backfill`: fill the past from sources that can list it, or from web archive files, a task for each file."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from prefect import Task, flow, get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from flows.archives import ArchiveJob, read_archive
from flows.backfilling import (
    BackfillSummary,
    archive_files,
    archive_jobs,
    check_can_be_asked,
    period_of_days,
    sum_up,
)
from flows.backfilling import backfill as backfill_once
from flows.history import PartResult, ReadSummary
from flows.markdown import escape, table
from flows.prefect_steps import as_task, progress, run_name, workplace
from flows.task_runner import check_database, import_extra, local_cluster
from models.settings import Settings
from models.weeks import LONDON

# A worker that is lost is no reason to lose its file; Dask itself tries elsewhere first.
ARCHIVE_RETRIES = 2
PROBLEMS_SHOWN = 40

# The server checks patterns before a run exists, and formats not at all.
Day = Annotated[date, WithJsonSchema({"type": "string", "format": "date", "pattern": r"^(19|20)\d\d-\d\d-\d\d$"})]


class BackfillOptions(BaseModel):
    """Which days to fill, and from what. The days have no default: nobody fills half a year by pressing Run."""

    model_config = ConfigDict(extra="forbid")

    first_day: Day = Field(title="First day", description="In London; the review's own time begins on 2022-06-01")
    last_day: Day = Field(title="Last day", description="In London; the same as the first for one day")
    sources: list[str] = Field(
        default=[], title="Sources", description="Only these; with none chosen, all that can list an earlier time"
    )
    archives: list[str] = Field(
        default=[],
        title="Web archive files",
        description="Paths of WARC files, or of folders of them, that every worker can read; "
        "with none, the sources themselves are asked",
    )
    hosts: list[str] = Field(
        default=[],
        title="Further sites in the archives",
        description="Hosts beside the sources' own whose pages are read, such as www.example.org",
    )


@flow(
    name="backfill",
    flow_run_name=run_name("backfill"),
    description="""Fill the past, so that trends and first digests have one.

Asks the sources that can list an earlier time (GOV.UK, the Guardian, Parliament, sitemaps), or reads web archive files. Files are
read side by side on what CULTURE_TASK_RUNNER names: threads or processes of this machine, or a Dask cluster.

Stopped and started again, it goes on where it was. A year of a source is some fifty questions and all its pages, politely: hours.
See **backfill-summary** under Artifacts.
""",
)
async def backfill(options: BackfillOptions) -> "State[None]":
    """Fill the past.

    Args:
        options: Which days to fill, and from what.
    """
    with workplace() as place, progress("backfill") as report:
        today = place.now.astimezone(LONDON).date()
        period = period_of_days(options.first_day, options.last_day, today=today)
        chosen = place.registry.choose(options.sources)
        sources = chosen or list(place.registry.enabled())
        files = archive_files([Path(path) for path in options.archives])
        if chosen and not files:
            check_can_be_asked(chosen)
        archives = archive_jobs(
            files, place.registry, place.settings, period=period, sources=sources, hosts=options.hosts
        )
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
    await acreate_markdown_artifact(
        as_markdown(summary), key="backfill-summary", description="What became of every page, and what is left to do"
    )
    return _state(summary)


def as_markdown(summary: BackfillSummary) -> str:
    """What the run read and stored, page by page."""
    read = summary.read
    rows = [[escape(str(outcome)), f"{count:,}"] for outcome, count in read.outcomes.most_common() if count]
    lines = [
        f"{read.parts} parts done, {read.parts_before} done before; {read.stored:,} articles stored, "
        f"{summary.folded.copies:,} of them copies of others; {summary.tagged.in_scope:,} stories on leadership and culture.",
        "",
        table(("outcome", "pages"), rows) if rows else "No page was read.",
    ]
    if read.problems:
        shown = [f"- {escape(problem)}" for problem in read.problems[:PROBLEMS_SHOWN]]
        lines += ["", "## Left for the next backfill", "", *shown]
        if len(read.problems) > PROBLEMS_SHOWN:
            lines.append(f"- and {len(read.problems) - PROBLEMS_SHOWN} more, all in the run's log")
    return "\n".join(lines)


def _state(summary: BackfillSummary) -> "State[None]":
    """The end of a run in one line; failed only where not one part could be read."""
    read = summary.read
    words = (
        f"{read.stored} articles stored from {read.parts} parts ({read.parts_before} were done before, "
        f"{len(read.problems)} have problems); {summary.tagged.in_scope} stories on leadership and culture"
    )
    if read.problems and not read.parts and not read.parts_before:
        return Failed(message=f"Nothing could be read: {read.problems[0]}. {words}. See the artifact backfill-summary.")
    return Completed(message=words)


def prefect_runner(settings: Settings) -> TaskRunner[Any]:
    """What CULTURE_TASK_RUNNER names, as a task runner of Prefect.

    Raises:
        SettingsError: it names Dask, which is not installed.
    """
    if settings.task_runner == "threads":
        return ThreadPoolTaskRunner(max_workers=settings.workers)
    if settings.task_runner == "processes":
        return ProcessPoolTaskRunner(max_workers=settings.workers)
    check_database(settings)
    where: dict[str, Any] = {"cluster_kwargs": local_cluster(settings)}
    if settings.dask_address:
        where = {"address": settings.dask_address}
    runner: TaskRunner[Any] = import_extra("prefect_dask").DaskTaskRunner(**where)
    return runner


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
