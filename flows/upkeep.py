"""The flow `upkeep`: deletes what is past its time."""

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.running import jobs
from flows.running.forgetting import forget_runs
from flows.running.prefect_steps import as_task, run_context, run_name
from models.store.upkeep import Upkeep


@flow(
    name="upkeep",
    flow_run_name=run_name("upkeep"),
    description="""Delete what is past its time: article texts after the days of their source's rights class,
the log of requests after 90 days, the addresses of recipients 28 days after they left.

Headlines, links, tags with their evidence, and the trends stay.
""",
)
async def upkeep() -> State[None]:
    """Delete what is past its time."""
    with run_context() as place:

        async def step() -> Upkeep:
            return await jobs.upkeep(
                place.database, place.registry, place.settings, now=place.now, forget_runs=forget_runs
            )

        done = await as_task("purge what is past its time", step)
    return Completed(
        message=f"Deleted: {done.texts} texts, {done.requests} logged requests, {done.recipients} departed recipients"
    )
