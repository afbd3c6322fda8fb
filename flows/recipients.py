"""The flow `recipients`: who receives the digest, changed by a form. The command of the same name does the same."""

from typing import Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session

from flows.publishing.erasure import erase
from flows.running.forgetting import forget_own_parameters, forget_runs, hide_addresses
from flows.running.prefect_steps import run_context, run_name
from flows.running.theme_choices import ThemeChoice, ids
from models.organisations import load_organisations
from models.settings import Settings
from models.sources import Registry
from models.store import recipients as store
from models.store.recipient_choices import Choices, choices_in_words

TAKEN_OUT = "taken out when the run began"
Action = Literal["add", "change", "show", "remove", "erase at once"]
Kind = Literal["themes", "nations", "sectors"]
SEND_EMPTY = {"not said": None, "yes": True, "no": False}


class Change(BaseModel):
    """One change of the list."""

    model_config = ConfigDict(extra="forbid")

    action: Action = Field(
        default="add",
        title="What to do",
        description="Change: only what is filled in below, the rest stays. Show: changes nothing. "
        "Remove: nothing more is sent, and the address is erased after 28 days. Erase: at once, everywhere",
    )
    address: str = Field(title="Address", min_length=3, max_length=320, description="An email address")
    name: str = Field(default="", max_length=100, title="Name", description="Shown in the To line of their email")
    themes: list[ThemeChoice] = Field(
        default=[], title="Themes", description="Only these. None chosen: all for someone new, else as before"
    )
    nations: list[Literal["uk", "england", "scotland", "wales", "northern-ireland"]] = Field(
        default=[], title="Nations", description="Only these. None chosen: all for someone new, else as before"
    )
    sectors: list[str] = Field(
        default=[], title="Sectors", description="Only these. None chosen: all for someone new, else as before"
    )
    watch: list[str] = Field(
        default=[],
        title="Watch",
        max_length=100,
        description="Organisations whose stories come first in their email: ids, names or ODS codes. None named: as before",
    )
    watch_none: bool = Field(default=False, title="Watch none", description="No organisation is watched any more")
    all_again: list[Kind] = Field(
        default=[], title="Back to all", description="Of these kinds they receive everything again"
    )
    also_empty: Literal["not said", "yes", "no"] = Field(
        default="not said",
        title="Also when there is nothing",
        description="Whether they get an email in a week without news for them, too",
    )


@flow(
    name="recipients",
    # Neither the address nor the name stands in the run's name, its log or its result: Prefect keeps those for long.
    flow_run_name=run_name("recipients"),
    description="""Add, change, show, remove or erase one recipient of the digest. What is left empty changes nothing.

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
        return Failed(message=hide_addresses(str(error)))


async def _change(change: Change) -> State[None]:
    with run_context() as place:
        if change.action == "erase at once":
            await erase(place.database, place.settings, change.address, place.now, forget_runs)
            with place.database.read() as session:
                return _done("erased", session)
        with place.database.write() as session:
            if change.action == "remove":
                store.remove(change.address, place.now, session=session)
                return _done("removed; the address is erased in 28 days", session)
            if change.action == "show":
                recipient, done = store.show(change.address, session=session), "shown"
                return _done(f"{done}; receives {choices_in_words(recipient)}", session)
            choices = _choices(change, place.registry, place.settings)
            if change.action == "change":
                recipient = store.change(change.address, session=session, **choices)
                done = "changed"
            else:
                recipient, is_new = store.add(change.address, place.now, session=session, **choices)
                done = "added" if is_new else "on the list"
            return _done(f"{done}; receives {choices_in_words(recipient)}", session)


def _choices(change: Change, registry: Registry, settings: Settings) -> Choices:
    """What the form says; None of what is left empty."""
    given: dict[str, list[str]] = {
        "themes": ids(change.themes),
        "nations": list(change.nations),
        "sectors": list(change.sectors),
    }
    for kind in change.all_again:
        if given[kind]:
            raise store.RecipientError(f"{kind} are chosen and also put back to all; leave one of the two empty")
    if change.watch and change.watch_none:
        raise store.RecipientError("organisations are named and also put back to none; leave one of the two empty")
    chosen = {kind: named or ([] if kind in change.all_again else None) for kind, named in given.items()}
    return Choices(
        name=change.name or None,
        themes=chosen["themes"],
        nations=chosen["nations"],
        sectors=chosen["sectors"],
        watch=change.watch or ([] if change.watch_none else None),
        send_empty=SEND_EMPTY[change.also_empty],
        registry=registry,
        organisations=load_organisations(settings.own_organisations) if change.watch else None,
    )


def _done(what: str, session: Session) -> State[None]:
    # Without address or name: Prefect keeps what a run says for long.
    active = len(store.receivers(session=session))
    return Completed(message=f"One recipient {what}. {active} receive the digest")
