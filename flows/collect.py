"""The flow `collect`: the first half of `monitor` alone."""

from prefect import flow
from prefect.client.schemas.objects import State

from flows.monitor import MaxPages, collected_state, limited
from flows.running import jobs
from flows.running.artifacts import publish_run
from flows.running.prefect_steps import progress, run_context, run_name, told_in_one_sentence
from flows.running.tasks import as_tasks


@flow(
    name="collect",
    flow_run_name=run_name("collect"),
    description="""Collect the news without tagging it.

The first half of **monitor**. What it stores waits, untagged, for the next run of `tag` or `monitor`.
""",
)
@told_in_one_sentence
async def collect(sources: tuple[str, ...] = (), all_due: bool = False, max_pages: MaxPages = 0) -> State[None]:
    """Collect the news without tagging it.

    Args:
        sources: Only these sources; with none chosen, all that are enabled.
        all_due: Also sources that are not due yet. Unchanged ones answer in a few bytes, so this is safe.
        max_pages: Pages to read at most; the rest waits for the next run. 0 uses the setting CULTURE_PAGES_PER_RUN.
    """
    with run_context() as place:
        with progress("collect") as report:
            collected = await jobs.collect(
                place.database,
                place.registry,
                limited(place.settings, max_pages),
                now=place.now,
                sources=place.registry.choose(sources),
                all_due=all_due or bool(sources),
                run_step=as_tasks(place.settings),
                report=report,
            )
        await publish_run(place.database, place.registry, collected, None, now=place.now)
        return collected_state(collected)
