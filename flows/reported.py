"""The main job as the command runs it, reported to a Prefect API that answers: a run in the UI like any other."""

import logging
from collections.abc import Sequence

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging.configuration import setup_logging
from prefect.logging.handlers import PrefectConsoleHandler

from flows import jobs
from flows.artifacts import publish_run_summary, publish_source_health
from flows.monitor import collected_state
from flows.prefect_steps import Workplace, as_task, run_name
from flows.steps import Report
from models.sources import Source


async def monitor_reported(
    place: Workplace, *, sources: Sequence[Source] | None, all_due: bool, report: Report
) -> jobs.MonitorSummary:
    """Collect and tag as the flow `monitor` does, and give the summary to the caller.

    Raises:
        whatever the job itself raises; that Prefect calls a run failed where no source could be seen is no exception.
    """
    summaries: list[jobs.MonitorSummary] = []

    @flow(name="monitor", flow_run_name=run_name("monitor"), description="The main job, started by the command.")
    async def monitor() -> State[None]:
        summary = await jobs.monitor(
            place.database,
            place.registry,
            place.settings,
            now=place.now,
            sources=sources,
            all_due=all_due,
            run_step=as_task,
            report=report,
        )
        summaries.append(summary)
        await publish_run_summary(summary.collected, summary.tagged)
        await publish_source_health(place.database, place.registry, now=place.now)
        return collected_state(summary.collected, f"{summary.tagged.judged} stories tagged")

    state = await monitor(return_state=True)
    if not summaries:
        await state.aresult()  # raises what went wrong
    return summaries[0]


def keep_quiet() -> None:
    """Prefect's own lines go to its server, not to the console that shows the command's progress."""
    setup_logging()
    for name in ("prefect", "prefect.flow_runs", "prefect.task_runs"):
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            if isinstance(handler, PrefectConsoleHandler):
                logger.removeHandler(handler)
