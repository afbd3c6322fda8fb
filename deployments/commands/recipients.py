"""`culture-monitor recipients`: who receives the digest, and of what."""

import asyncio
from typing import Annotated

import typer

from deployments import console
from deployments.commands.options import Data, Json, Sources
from deployments.read_only_database import stored
from models.organisations import load_organisations
from models.settings import load_settings
from models.sources import load_registry
from models.store import recipients
from models.store.database import open_database
from models.store.recipient_choices import alerts_in_words, choices_in_words, how_often
from models.store.tables import Recipient
from models.weeks import utc_now

app = typer.Typer(help="Who receives the digest.", no_args_is_help=True, rich_markup_mode=None)

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="An email address.")]
Name = Annotated[str | None, typer.Option(help="Shown in the email's To line.")]
Theme = Annotated[
    list[str] | None, typer.Option(metavar="THEME", help="Only this theme, by its id or name; repeatable.")
]
Nation = Annotated[list[str] | None, typer.Option(metavar="NATION", help="Only this nation; repeatable.")]
Sector = Annotated[list[str] | None, typer.Option(metavar="SECTOR", help="Only this sector; repeatable.")]
Watch = Annotated[
    list[str] | None,
    typer.Option(metavar="ORGANISATION", help="Stories about this one come first (id, name or ODS code); repeatable."),
]
Daily = Annotated[
    bool | None,
    typer.Option("--daily/--weekly", help="On weekdays, too, what is new; the weekly edition comes as well."),
]
Alert = Annotated[
    list[str] | None,
    typer.Option(
        metavar="THEME",
        help="Told at once of each story on this theme, or, with 'watched', about what they watch; repeatable.",
    ),
]
SendEmpty = Annotated[
    bool | None,
    typer.Option(
        "--send-empty/--no-send-empty", help="An email also in a week with nothing for them.", show_default=False
    ),
]


@app.command("add", epilog="Example: culture-monitor recipients add you@example.org --nation wales")
def add(
    address: Address,
    name: Name = None,
    theme: Theme = None,
    nation: Nation = None,
    sector: Sector = None,
    watch: Watch = None,
    daily: Daily = None,
    alert: Alert = None,
    send_empty: SendEmpty = None,
    data: Data = None,
    sources: Sources = None,
) -> None:
    """Add a recipient, for all themes, nations and sectors unless you name some."""
    settings = load_settings(data=data, sources=sources)
    registry = load_registry(settings.sources)
    with open_database(settings.database_address) as database, database.write() as session:
        there = recipients.by_address(address, session=session)
        was_active = there is not None and there.active
        recipient, is_new = recipients.add(
            address,
            utc_now(),
            name=name,
            themes=theme,
            nations=nation,
            sectors=sector,
            watch=watch,
            daily=daily,
            alerts=alert,
            send_empty=send_empty,
            registry=registry,
            organisations=load_organisations(settings.own_organisations) if watch else None,
            session=session,
        )
        done = (
            "added"
            if is_new
            else "is on the list already: nothing was changed"
            if was_active
            else "is back on the list"
        )
        _confirm(recipient, done)


@app.command("change", epilog="Example: culture-monitor recipients change you@example.org --daily")
def change(
    address: Address,
    name: Name = None,
    theme: Theme = None,
    all_themes: Annotated[bool, typer.Option("--all-themes", help="All themes again.")] = False,
    nation: Nation = None,
    all_nations: Annotated[bool, typer.Option("--all-nations", help="All nations again.")] = False,
    sector: Sector = None,
    all_sectors: Annotated[bool, typer.Option("--all-sectors", help="All sectors again.")] = False,
    watch: Watch = None,
    watch_none: Annotated[bool, typer.Option("--watch-none", help="Watch no organisation.")] = False,
    daily: Daily = None,
    alert: Alert = None,
    alert_none: Annotated[bool, typer.Option("--alert-none", help="No alerts.")] = False,
    send_empty: SendEmpty = None,
    data: Data = None,
    sources: Sources = None,
) -> None:
    """Change what a recipient receives: only what you name here; the rest stays as it is."""
    settings = load_settings(data=data, sources=sources)
    registry = load_registry(settings.sources)
    with open_database(settings.database_address) as database, database.write() as session:
        recipient = recipients.change(
            address,
            name=name,
            themes=_chosen("theme", theme, everything=all_themes),
            nations=_chosen("nation", nation, everything=all_nations),
            sectors=_chosen("sector", sector, everything=all_sectors),
            watch=_listed("watch", watch, nothing=watch_none),
            daily=daily,
            alerts=_listed("alert", alert, nothing=alert_none),
            send_empty=send_empty,
            registry=registry,
            organisations=load_organisations(settings.own_organisations) if watch else None,
            session=session,
        )
        _confirm(recipient, "changed")


@app.command("show", epilog="Example: culture-monitor recipients show you@example.org")
def show(address: Address, data: Data = None) -> None:
    """Show what one recipient receives."""
    settings = load_settings(data=data)
    with stored(settings) as database, database.read() as session:
        recipient = recipients.show(address, session=session)
        left = f"left on {recipient.left_at:%Y-%m-%d}; before that" if recipient.left_at else "is on the list"
        _confirm(recipient, left)


@app.command("list", epilog="Example: culture-monitor recipients list --json")
def list_recipients(data: Data = None, json: Json = False) -> None:
    """List who receives the digest, and who has left and is not erased yet."""
    settings = load_settings(data=data)
    with stored(settings) as database, database.read() as session:
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
            _choices(person.watch, "none"),
            how_often(person),
            alerts_in_words(person),
            "yes" if person.active else f"left {person.left_at:%Y-%m-%d}",
        )
        for person in people
    ]
    console.table(
        f"{len(rows)} recipients",
        ("address", "name", "themes", "nations", "sectors", "watches", "how often", "alerts", "active"),
        rows,
    )


@app.command("remove", epilog="Example: culture-monitor recipients remove you@example.org")
def remove(address: Address, data: Data = None) -> None:
    """Send someone nothing more; the address is erased 28 days later."""
    settings = load_settings(data=data)
    with open_database(settings.database_address) as database, database.write() as session:
        recipients.remove(address, utc_now(), session=session)
    console.line(f"{address} receives nothing more and is erased in 28 days.")


@app.command("export", epilog="Example: culture-monitor recipients export you@example.org")
def export(address: Address, data: Data = None) -> None:
    """Print everything that is kept about one address, as JSON."""
    settings = load_settings(data=data)
    with stored(settings) as database, database.read() as session:
        console.as_json(recipients.export(address, session=session))


@app.command("erase", epilog="Example: culture-monitor recipients erase you@example.org")
def erase(address: Address, data: Data = None) -> None:
    """Erase an address, name and choices everywhere, at once."""
    from deployments.prefect_api import forget_runs_of  # here: they look for Prefect, which `list` need not wait for
    from flows.publishing.erasure import erase as erase_everywhere

    settings = load_settings(data=data)
    with open_database(settings.database_address) as database:
        held = asyncio.run(erase_everywhere(database, settings, address, utc_now(), forget_runs_of(settings)))
    console.line("Erased. What was sent stays counted, without a person.")
    if held:
        console.problem(f"The address is still in these files; delete it there: {', '.join(map(str, held))}")
        raise typer.Exit(1)


def _chosen(what: str, named: list[str] | None, *, everything: bool) -> list[str] | None:
    """What was said of one kind of choice: those named, all (an empty list), or nothing."""
    if named and everything:
        raise typer.BadParameter(f"give --{what}, or all of them, not both", param_hint=f"--all-{what}s")
    return [] if everything else named or None


def _listed(what: str, named: list[str] | None, *, nothing: bool) -> list[str] | None:
    """What was said of a list: those named, none (an empty list), or nothing."""
    if named and nothing:
        raise typer.BadParameter(f"give --{what} or --{what}-none, not both", param_hint=f"--{what}-none")
    return [] if nothing else named or None


def _confirm(recipient: Recipient, done: str) -> None:
    name = f" ({recipient.name})" if recipient.name else ""
    console.line(f"{recipient.address}{name} {done}. Receives {choices_in_words(recipient)}.")


def _choices(chosen: list[str], none: str) -> str:
    return ", ".join(chosen) or none
