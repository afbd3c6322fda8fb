"""The flow `recipients`: who receives the digest, changed by a form. The command of the same name does the same."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from pydantic import Field
from sqlmodel import Session

from flows.publishing.erasure import erase
from flows.running.forgetting import forget_own_parameters, forget_runs, hide_addresses
from flows.running.prefect_steps import run_context, run_name, told_in_one_sentence
from flows.running.theme_choices import AlertChoice, ThemeChoice, ids
from models.organisations import load_organisations
from models.store import recipients as store
from models.store.recipient_choices import choices_in_words

TAKEN_OUT = "taken out when the run began"
Action = Literal["add", "change", "show", "remove", "erase at once"]
Kind = Literal["themes", "nations", "sectors"]
SEND_EMPTY = {"not said": None, "yes": True, "no": False}
DAILY = {"not said": None, "daily and weekly": True, "weekly": False}


Address = Annotated[str, Field(min_length=3, max_length=320)]
Name = Annotated[str, Field(max_length=100)]
Nation = Literal["uk", "england", "scotland", "wales", "northern-ireland"]
Said = Literal["not said", "yes", "no"]
HowOften = Literal["not said", "daily and weekly", "weekly"]


@flow(
    name="recipients",
    # Neither the address nor the name stands in the run's name, its log or its result: Prefect keeps those for long.
    flow_run_name=run_name("recipients"),
    description="""Add, change, show, remove or erase one recipient of the digest. What is left empty changes nothing.

The address and the name are taken out of the run's parameters as soon as it starts, so that the list alone keeps them.
""",
)
@told_in_one_sentence
async def recipients(
    address: Address,
    action: Action = "add",
    name: Name = "",
    themes: tuple[ThemeChoice, ...] = (),
    nations: tuple[Nation, ...] = (),
    sectors: tuple[str, ...] = (),
    watch: tuple[str, ...] = (),
    watch_none: bool = False,
    how_often: HowOften = "not said",
    alerts: tuple[AlertChoice, ...] = (),
    alert_none: bool = False,
    all_again: tuple[Kind, ...] = (),
    also_empty: Said = "not said",
) -> State[None]:
    """Change the list of recipients.

    Args:
        address: An email address.
        action: Change: only what is filled in below, the rest stays. Show: changes nothing. Remove: nothing more is sent, and
            the address is erased after 28 days. Erase: at once, everywhere.
        name: Shown in the To line of their email.
        themes: Only these. None chosen: all for someone new, else as before.
        nations: Only these. None chosen: all for someone new, else as before.
        sectors: Only these. None chosen: all for someone new, else as before.
        watch: Organisations whose stories come first in their email. None named: as before.
        watch_none: No organisation is watched any more.
        how_often: Daily is an email on weekdays with what is new; the weekly edition comes as well.
        alerts: Of which stories they are told at once, by an email each, at most three a day. None chosen: as before.
        alert_none: They are told of none at once any more.
        all_again: Back to all: of these kinds they receive everything again.
        also_empty: Whether they get an email in a week without news for them, too.
    """
    await forget_own_parameters({"action": action, "address": TAKEN_OUT})
    given: dict[str, list[str]] = {"themes": ids(themes), "nations": list(nations), "sectors": list(sectors)}
    try:
        if watch and watch_none:
            raise store.RecipientError("organisations are named and also put back to none; leave one of the two empty")
        if alerts and alert_none:
            raise store.RecipientError("alerts are named and also put back to none; leave one of the two empty")
        choices = _choices(given, all_again) | {
            "name": name or None,
            "daily": DAILY[how_often],
            "alerts": ids(alerts) or ([] if alert_none else None),
            "send_empty": SEND_EMPTY[also_empty],
            "watch": list(watch) or ([] if watch_none else None),
        }
        return await _change(action, address, choices)
    except store.RecipientError as error:
        # Returned, not raised: a traceback would repeat the address in the log.
        # What was typed goes as a whole: of a mistyped address a pattern would know but a part.
        said = str(error).replace(repr(address), "this address").replace(address, "this address")
        return Failed(message=hide_addresses(said))


async def _change(action: Action, address: str, choices: dict[str, Any]) -> State[None]:
    with run_context() as place:
        if action == "erase at once":
            held = await erase(place.database, place.settings, address, place.now, forget_runs)
            named = f", but the address is still in {', '.join(map(str, held))}: delete it there" if held else ""
            with place.database.read() as session:
                return _done(f"erased{named}", session)
        with place.database.write() as session:
            if action == "remove":
                store.remove(address, place.now, session=session)
                return _done("removed; the address is erased in 28 days", session)
            if action == "show":
                recipient, done = store.show(address, session=session), "shown"
                return _done(f"{done}; receives {choices_in_words(recipient)}", session)
            choices["registry"] = place.registry
            if choices["watch"]:
                choices["organisations"] = load_organisations(place.settings.own_organisations)
            if action == "change":
                recipient = store.change(address, session=session, **choices)
                done = "changed"
            else:
                recipient, is_new = store.add(address, place.now, session=session, **choices)
                done = "added" if is_new else "on the list"
            return _done(f"{done}; receives {choices_in_words(recipient)}", session)


def _choices(given: Mapping[str, list[str]], all_again: Sequence[Kind]) -> dict[str, Any]:
    """What the form says of each kind of choice; None of what is left empty."""
    for kind in all_again:
        if given[kind]:
            raise store.RecipientError(f"{kind} are chosen and also put back to all; leave one of the two empty")
    return {kind: chosen or ([] if kind in all_again else None) for kind, chosen in given.items()}


def _done(what: str, session: Session) -> State[None]:
    # Without address or name: Prefect keeps what a run says for long.
    active = len(store.receivers(session=session))
    return Completed(message=f"One recipient {what}. {active} receive the digest")
