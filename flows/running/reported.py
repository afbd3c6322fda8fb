"""The main job as the command runs it, reported to a Prefect API that answers: a run in the UI like any other."""

import logging
from collections.abc import Sequence

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging.configuration import setup_logging
from prefect.logging.handlers import PrefectConsoleHandler

from flows.monitor import monitor_once, monitored_state
from flows.running import jobs
from flows.running.prefect_steps import RunContext, run_name
from flows.running.steps import Report
from models.sources import Source


async def monitor_reported(
    place: RunContext, *, sources: Sequence[Source] | None, all_due: bool, report: Report
) -> jobs.MonitorSummary:
    """Collect and tag as the flow `monitor` does, and give the summary to the caller.

    Raises:
        whatever the job itself raises; that Prefect calls a run failed where no source could be seen is no exception.
    """
    summaries: list[jobs.MonitorSummary] = []

    @flow(name="monitor", flow_run_name=run_name("monitor"), description="The main job, started by the command.")
    async def monitor() -> State[None]:
        summary = await monitor_once(place, place.settings, sources=sources, all_due=all_due, report=report)
        summaries.append(summary)
        return monitored_state(summary)

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
