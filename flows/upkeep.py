"""The flow `upkeep`: deletes what is past its time."""

from dataclasses import replace

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.mail.erasure import erase_departed
from flows.prefect_steps import as_task, run_name, workplace
from models.store.organisations import record_all
from models.store.upkeep import Upkeep, keep_up


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
    with workplace() as place:

        async def step() -> Upkeep:
            # First, while the database still knows whose files lie in the outbox.
            erased = erase_departed(place.database, place.settings.outbox, place.now)
            # Before texts go: what they name can't be found later.
            record_all(place.database, place.settings.own_organisations)
            done = keep_up(place.database, place.registry, now=place.now)
            return replace(done, recipients=erased + done.recipients)

        done = await as_task("purge what is past its time", step)
    return Completed(
        message=f"Deleted: {done.texts} texts, {done.requests} logged requests, {done.recipients} departed recipients"
    )
