"""The flow `recipients`: who receives the digest, changed by a form. The command of the same name does the same."""

from typing import Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from pydantic import BaseModel, ConfigDict, Field

from flows.forgetting import forget_own_parameters, forget_runs
from flows.mail.erasure import erase
from flows.prefect_steps import Workplace, run_name, workplace
from flows.theme_choices import ThemeChoice, ids
from models.store import recipients as store

TAKEN_OUT = "taken out when the run began"
Action = Literal["add or change", "remove", "erase at once"]


class Change(BaseModel):
    """One change of the list."""

    model_config = ConfigDict(extra="forbid")

    action: Action = Field(
        default="add or change",
        title="What to do",
        description="Remove: nothing more is sent, and the address is erased after 28 days. Erase: at once, everywhere",
    )
    address: str = Field(title="Address", min_length=3, max_length=320, description="An email address")
    name: str = Field(default="", max_length=100, title="Name", description="Shown in the To line of their email")
    themes: list[ThemeChoice] = Field(default=[], title="Themes", description="Only these; none chosen means all")
    nations: list[Literal["uk", "england", "scotland", "wales", "northern-ireland"]] = Field(
        default=[], title="Nations", description="Only these; none chosen means all"
    )
    sectors: list[str] = Field(default=[], title="Sectors", description="Only these; none chosen means all")
    also_empty: bool = Field(
        default=False, title="Also when there is nothing", description="An email in a week without news for them, too"
    )


@flow(
    name="recipients",
    # Neither the address nor the name stands in the run's name, its log or its result: Prefect keeps those for long.
    flow_run_name=run_name("recipients"),
    description="""Add, change, remove or erase one recipient of the digest.

The address and the name are taken out of the run's parameters as soon as it starts, so that the list alone keeps them.
""",
)
async def recipients(change: Change) -> State[None]:
    """Change the list of recipients.

    Args:
        change: Whose place on the list, and how it changes.
    """
    await forget_own_parameters({"change": {"action": change.action, "address": TAKEN_OUT}})
    try:
        return await _change(change)
    except store.RecipientError as error:
        # Returned, not raised: a traceback would repeat the address in the log.
        return Failed(message=str(error).replace(repr(change.address), "this address"))


async def _change(change: Change) -> State[None]:
    with workplace() as place:
        if change.action == "erase at once":
            await erase(place.database, place.settings, change.address, place.now, forget_runs)
            return _done("erased", place)
        with place.database.write() as session:
            if change.action == "remove":
                store.remove(change.address, place.now, session=session)
                done = "removed; the address is erased in 28 days"
            else:
                _, is_new = store.add(
                    change.address,
                    place.now,
                    name=change.name,
                    themes=ids(change.themes),
                    nations=list(change.nations),
                    sectors=change.sectors,
                    send_empty=change.also_empty,
                    registry=place.registry,
                    session=session,
                )
                done = "added" if is_new else "changed"
        return _done(done, place)


def _done(what: str, place: Workplace) -> State[None]:
    with place.database.read() as session:
        active = len(store.receivers(session=session))
    return Completed(message=f"One recipient {what}; {active} receive the digest")
