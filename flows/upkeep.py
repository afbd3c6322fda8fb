"""The flow `upkeep`: deletes what is past its time."""

from prefect import flow, task
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.publishing import erasure
from flows.running.forgetting import forget_runs
from flows.running.prefect_steps import KEEP_NOTHING, run_context, run_name, told_in_one_sentence
from models.store.upkeep import Upkeep


@task(name="purge", task_run_name="purge what is past its time", tags=["purge"], **KEEP_NOTHING)
async def purge() -> Upkeep:
    """Delete what is past its time, and the traces in Prefect of those who left."""
    with run_context() as place:
        return await erasure.upkeep(
            place.database, place.registry, place.settings, now=place.now, forget_runs=forget_runs
        )


@flow(
    name="upkeep",
    flow_run_name=run_name("upkeep"),
    description="""Delete what is past its time: article texts after the days of their source's rights class,
the log of requests after 90 days, the addresses of recipients 28 days after they left.

Headlines, links, tags with their evidence, and the trends stay.
""",
)
@told_in_one_sentence
async def upkeep() -> State[None]:
    """Delete what is past its time."""
    done = await purge()
    return Completed(
        message=f"Deleted: {done.texts} texts, {done.requests} logged requests, {done.recipients} departed recipients"
    )
