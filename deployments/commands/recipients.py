"""`culture-monitor recipients`: who receives the digest, and of what."""

import asyncio
import os
from typing import Annotated

import typer

from deployments import console
from deployments.commands.options import Data, Json, Sources
from deployments.prefect_api import answering_api
from deployments.prefect_environment import prefect_folder
from flows.mail.erasure import ForgetRuns
from flows.mail.erasure import erase as erase_everywhere
from models.settings import Settings, load_settings
from models.sources import load_registry
from models.store import recipients
from models.store.database import open_database
from models.weeks import utc_now

app = typer.Typer(help="Who receives the digest.", no_args_is_help=True, rich_markup_mode=None)

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="An email address.")]


@app.command("add")
def add(
    address: Address,
    name: Annotated[str, typer.Option(help="Shown in the email's To line.")] = "",
    theme: Annotated[list[str] | None, typer.Option(metavar="THEME", help="Only this theme; repeatable.")] = None,
    nation: Annotated[list[str] | None, typer.Option(metavar="NATION", help="Only this nation; repeatable.")] = None,
    sector: Annotated[list[str] | None, typer.Option(metavar="SECTOR", help="Only this sector; repeatable.")] = None,
    send_empty: Annotated[
        bool, typer.Option("--send-empty", help="An email also in a week with nothing for them.")
    ] = False,
    data: Data = None,
    sources: Sources = None,
) -> None:
    """Add a recipient, or change what one receives."""
    settings = load_settings(data=data, sources=sources)
    registry = load_registry(settings.sources)
    with open_database(settings.database_address) as database, database.write() as session:
        recipient, new = recipients.add(
            address,
            utc_now(),
            name=name,
            themes=theme or (),
            nations=nation or (),
            sectors=sector or (),
            send_empty=send_empty,
            registry=registry,
            session=session,
        )
        line = (
            f"{recipient.address} {'added' if new else 'changed'}: receives {_choices(recipient.themes, 'all themes')}."
        )
    console.line(line)


@app.command("list")
def list_recipients(data: Data = None, json: Json = False) -> None:
    """List who receives the digest, and who has left and is not erased yet."""
    settings = load_settings(data=data)
    with open_database(settings.database_address) as database, database.read() as session:
        people = recipients.everyone(session=session)
    if json:
        console.as_json([person.model_dump(mode="json", exclude={"token"}) for person in people])
        return
    rows = [
        (
            person.address,
            person.name,
            _choices(person.themes, "all"),
            _choices(person.nations, "all"),
            _choices(person.sectors, "all"),
            "yes" if person.active else f"left {person.left_at:%Y-%m-%d}",
        )
        for person in people
    ]
    console.table(f"{len(rows)} recipients", ("address", "name", "themes", "nations", "sectors", "active"), rows)


@app.command("remove")
def remove(address: Address, data: Data = None) -> None:
    """Send someone nothing more; the address is erased 28 days later."""
    settings = load_settings(data=data)
    with open_database(settings.database_address) as database, database.write() as session:
        recipients.remove(address, utc_now(), session=session)
    console.line(f"{address} receives nothing more and is erased in 28 days.")


@app.command("export")
def export(address: Address, data: Data = None) -> None:
    """Print everything that is kept about one address, as JSON."""
    settings = load_settings(data=data)
    with open_database(settings.database_address) as database, database.read() as session:
        console.as_json(recipients.export(address, session=session))


@app.command("erase")
def erase(address: Address, data: Data = None) -> None:
    """Erase an address, name and choices everywhere, at once."""
    settings = load_settings(data=data)
    with open_database(settings.database_address) as database:
        asyncio.run(erase_everywhere(database, settings, address, utc_now(), _forget_runs_of(settings)))
    console.line("Erased. What was sent stays counted, without a person.")


def _forget_runs_of(settings: Settings) -> ForgetRuns | None:
    """What deletes Prefect's runs that hold an address; None where Prefect has kept none.

    A server that is not running is brought up for as long as that takes, some half a minute.
    """
    api = answering_api(settings)
    if api is not None:
        os.environ["PREFECT_API_URL"] = api
    elif (prefect_folder(settings) / "prefect.db").is_file():
        os.environ["PREFECT_HOME"] = str(prefect_folder(settings))
        os.environ["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"] = "true"
        os.environ["PREFECT_API_URL"] = ""
    else:
        return None
    # Here, not above: Prefect takes two seconds to import, and reads its settings when it is.
    from flows.forgetting import forget_runs

    return forget_runs


def _choices(chosen: list[str], none: str) -> str:
    return ", ".join(chosen) or none
