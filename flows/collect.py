"""The flow `collect`: the first half of `monitor` alone."""

from prefect import flow
from prefect.client.schemas.objects import State

from flows.monitor import MonitorOptions, collected_state, limited
from flows.running import jobs
from flows.running.artifacts import publish_run
from flows.running.prefect_steps import as_task, progress, run_context, run_name


@flow(
    name="collect",
    flow_run_name=run_name("collect"),
    description="""Collect the news without tagging it.

The first half of **monitor**. What it stores waits, untagged, for the next run of `tag` or `monitor`.
""",
)
async def collect(options: MonitorOptions = MonitorOptions()) -> State[None]:  # noqa: B008
    """Collect the news without tagging it.

    Args:
        options: What to ask for; by default every enabled source that is due.
    """
    with run_context() as place:
        with progress("collect") as report:
            collected = await jobs.collect(
                place.database,
                place.registry,
                limited(place.settings, options.max_pages),
                now=place.now,
                sources=place.registry.choose(options.sources),
                all_due=options.all_due or bool(options.sources),
                run_step=as_task,
                report=report,
            )
        await publish_run(place.database, place.registry, collected, None, now=place.now)
        return collected_state(collected)
