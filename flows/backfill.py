"""The flow `backfill`: fill the past from sources that can list it, or from web archive files."""

from datetime import date
from pathlib import Path
from typing import Annotated

from prefect import flow, get_run_logger
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from pydantic import WithJsonSchema

from flows.past.backfilling import BackfillSummary, plan_backfill
from flows.past.backfilling import backfill as backfill_once
from flows.running.markdown import escape, table
from flows.running.prefect_steps import progress, run_context, run_name, told_in_one_sentence
from flows.running.tasks import as_tasks
from models.weeks import LONDON

PROBLEMS_SHOWN = 40

# The server checks patterns before a run exists, and formats not at all.
Day = Annotated[date, WithJsonSchema({"type": "string", "format": "date", "pattern": r"^(19|20)\d\d-\d\d-\d\d$"})]


@flow(
    name="backfill",
    flow_run_name=run_name("backfill"),
    description="""Fill the past, so that trends and first digests have one.

Asks the sources that can list an earlier time (GOV.UK, the Guardian, Parliament, sitemaps), or reads web archive files. Files are
read side by side on what CULTURE_TASK_RUNNER names: threads or processes of this machine, or a Dask cluster.

Stopped and started again, it goes on where it was. A year of a source is some fifty questions and all its pages, politely: hours.
See **backfill-summary** in a run's tab Artifacts.
""",
)
@told_in_one_sentence
async def backfill(
    first_day: Day,
    last_day: Day,
    sources: tuple[str, ...] = (),
    archives: tuple[str, ...] = (),
    hosts: tuple[str, ...] = (),
) -> "State[None]":
    """Fill the past. The days have no default: nobody fills half a year by pressing Run.

    Args:
        first_day: In London; the review's own time begins on 2022-06-01.
        last_day: In London; the same as the first for one day.
        sources: Only these; with none chosen, all that can list an earlier time.
        archives: Paths of web archive (WARC) files, or of folders of them, that every worker can read; with none, the
            sources themselves are asked.
        hosts: Hosts beside the sources' own whose pages in the archives are read, such as www.example.org.
    """
    with run_context() as place, progress("backfill") as report:
        plan = plan_backfill(
            place.registry,
            place.settings,
            first=first_day,
            last=last_day,
            today=place.now.astimezone(LONDON).date(),
            chosen=place.registry.choose(sources),
            paths=[Path(path) for path in archives],
            hosts=list(hosts),
        )
        summary = await backfill_once(
            place.database,
            place.registry,
            place.settings,
            plan,
            now=place.now,
            run_step=as_tasks(place.settings),
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
    lines = [f"{summary.sentence}.", "", table(("outcome", "pages"), rows) if rows else "No page was read."]
    if read.problems:
        shown = [f"- {escape(problem)}" for problem in read.problems[:PROBLEMS_SHOWN]]
        lines += ["", "## Left for the next backfill", "", *shown]
        if len(read.problems) > PROBLEMS_SHOWN:
            lines.append(f"- and {len(read.problems) - PROBLEMS_SHOWN} more, all in the run's log")
    return "\n".join(lines)


def _state(summary: BackfillSummary) -> "State[None]":
    """The end of a run in one line; failed only where not one part could be read."""
    read, words = summary.read, summary.sentence
    if read.problems and not read.parts and not read.parts_before:
        return Failed(message=f"Nothing could be read: {read.problems[0]}. {words}. See the artifact backfill-summary.")
    return Completed(message=words)
