"""The flow `monitor`: the main job, as people schedule it, start it from the Prefect UI, or run it by the command."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.logging.configuration import setup_logging
from prefect.logging.handlers import PrefectConsoleHandler
from prefect.states import Completed, Failed
from pydantic import Field

from flows.collecting.summary import CollectSummary
from flows.running import jobs, sending
from flows.running.artifacts import publish_run
from flows.running.prefect_steps import RunContext, progress, run_context, run_name, told_in_one_sentence
from flows.running.steps import Report
from flows.running.tasks import as_tasks
from models.edition.short import Kind
from models.outcomes import Outcome
from models.settings import Settings
from models.sources import Registry, Source
from models.store.database import Database
from models.themes import load_framework

MaxPages = Annotated[int, Field(ge=0, le=20_000)]


@flow(
    name="monitor",
    flow_run_name=run_name("monitor"),
    description="""Collect the news and tag it: the monitor's main job.

Asks each source for its newest entries, reads the pages that may be read, folds copies into one story, tags every
new story with its themes, and stores it all. No edition is begun to be sent; emails of an
edition that no mail server took so far are tried again. Then it sends the alerts that readers asked for.

Safe to start at any time: what is known is not fetched again. See **run-summary** and **source-health** in a
run's tab Artifacts.
""",
)
@told_in_one_sentence
async def monitor(sources: tuple[str, ...] = (), all_due: bool = False, max_pages: MaxPages = 0) -> State[None]:
    """Collect the news and tag it.

    Args:
        sources: Only these sources; with none chosen, all that are enabled.
        all_due: Also sources that are not due yet. Unchanged ones answer in a few bytes, so this is safe.
        max_pages: Pages to read at most; the rest waits for the next run. 0 uses the setting CULTURE_PAGES_PER_RUN.
    """
    with run_context() as place:
        settings = limited(place.settings, max_pages)
        with progress("monitor") as report:
            summary = await monitor_once(
                place,
                settings,
                sources=place.registry.choose(sources),
                all_due=all_due or bool(sources),
                report=report,
            )
        for note in summary.notes:
            get_run_logger().info(note)
        left = sending.send_pending(place.database, place.registry, settings, now=place.now)
        alerts = sending.send_short(place.database, place.registry, settings, kind=Kind.ALERT, now=place.now)
    sent = [left.words if left is not None else "", alerts.say("alerts") if alerts is not None else ""]
    state = monitored_state(summary, "; ".join(filter(None, sent)))
    # Told of once, by the run in which they are given up.
    return Failed(message=state.message) if any(one and one.has_given_up for one in (left, alerts)) else state


async def monitor_once(
    place: RunContext, settings: Settings, *, sources: Sequence[Source] | None, all_due: bool, report: Report
) -> jobs.MonitorSummary:
    """Collect and tag, each step as a task, and publish what came of it."""
    summary = await jobs.monitor(
        place.database,
        place.registry,
        settings,
        now=place.now,
        sources=sources,
        all_due=all_due,
        run_step=as_tasks(settings),
        report=report,
    )
    await publish_run(place.database, place.registry, summary.collected, summary.tagged, now=place.now)
    return summary


def monitored_state(summary: jobs.MonitorSummary, and_more: str = "") -> State[None]:
    """The end of a run that collected and tagged, in one line."""
    words = f"{summary.tagged.judged} stories tagged, {summary.tagged.in_scope} on {load_framework().scope}"
    return collected_state(summary.collected, "; ".join(part for part in (words, and_more) if part))


def collected_state(collected: CollectSummary, and_more: str = "") -> State[None]:
    """The end of a run in one line; failed only where not one of the sources that were asked could be seen."""
    asked, failed = len(collected.results), len(collected.failures)
    words = f"{collected.outcomes[Outcome.NEW]} new of {collected.entries} entries from {asked} sources"
    if failed:
        words += f", {failed} of which could not be seen"
    words += f"; {and_more}" if and_more else ""
    if asked and failed == asked:
        why = collected.network_trouble or "No source could be reached."
        return Failed(message=f"{why} {words}. See the artifact source-health.")
    return Completed(message=words)


def limited(settings: Settings, max_pages: int) -> Settings:
    """The settings with another limit on pages; 0 leaves them as they are."""
    return settings.model_copy(update={"pages_per_run": max_pages}) if max_pages else settings


async def monitor_reported(
    database: Database,
    registry: Registry,
    settings: Settings,
    *,
    now: datetime,
    sources: Sequence[Source] | None,
    all_due: bool,
    report: Report,
    quiet: bool,
) -> jobs.MonitorSummary:
    """Collect and tag for the command, reported to the Prefect API that answers: a run in the UI like any other.

    Args:
        quiet: Prefect's own lines go to its server alone, not to the console that shows the command's progress.

    Raises:
        whatever the job itself raises; that Prefect calls a run failed where no source could be seen is no exception.
    """
    if quiet:
        _keep_quiet()
    place = RunContext(settings, registry, database, now)
    summaries: list[jobs.MonitorSummary] = []

    @flow(name="monitor", flow_run_name=run_name("monitor"), description="The main job, started by the command.")
    async def monitor() -> State[None]:
        summary = await monitor_once(place, settings, sources=sources, all_due=all_due, report=report)
        summaries.append(summary)
        return monitored_state(summary)

    state = await monitor(return_state=True)
    if not summaries:
        await state.aresult()  # raises what went wrong
    return summaries[0]


def _keep_quiet() -> None:
    setup_logging()
    for name in ("prefect", "prefect.flow_runs", "prefect.task_runs"):
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            if isinstance(handler, PrefectConsoleHandler):
                logger.removeHandler(handler)
