"""`culture-monitor organisations`: whom the monitor knows by name, and who is in the news."""

import json
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from deployments import console
from deployments.commands.options import Data, Json
from deployments.read_only_database import stored
from models.organisations import KINDS, NATIONS, Organisation, Organisations, load_organisations, plain_name
from models.private_files import in_turn, open_new
from models.seeds import DataFileError
from models.settings import load_settings
from models.store.organisations import recent_stories
from models.text_safety import plain_line
from models.weeks import LONDON, utc_now

STORIES_SHOWN = 5
LABEL = 13  # of which these name a fact

app = typer.Typer(
    help="Organisations of health and care, found in the news.", no_args_is_help=True, rich_markup_mode=None
)

Which = Annotated[str, typer.Argument(metavar="ORGANISATION", help="An id, a name or an ODS code.")]

_HEAD = "# Organisations of your own, beside those that come with the monitor. seeds/README.md tells the form.\n"
_KEYS = ("name", "region", "ods", "aliases", "context", "former")


@app.command("list", epilog="Example: culture-monitor organisations list --nation wales")
def list_organisations(
    nation: Annotated[str, typer.Option(metavar="NATION", help="Only of this nation.")] = "",
    kind: Annotated[str, typer.Option(metavar="KIND", help="Only of this kind.")] = "",
    region: Annotated[str, typer.Option(metavar="REGION", help="Only of this region.")] = "",
    gone: Annotated[bool, typer.Option("--gone", help="Also those that have closed or merged.")] = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """List the organisations that are looked for."""
    organisations = load_organisations(load_settings(data=data).own_organisations)
    _check("--nation", nation, NATIONS)
    _check("--kind", kind, KINDS)
    _check("--region", region, sorted({one.region for one in organisations.values()} - {""}))
    chosen = [
        one
        for one in organisations.values()
        if nation in {"", one.nation} and kind in {"", one.kind} and region.lower() in {"", one.region.lower()}
        if gone or one.is_current
    ]
    if json:
        console.as_json([asdict(one) for one in chosen])
        return
    for (of_nation, of_kind), group in _grouped(chosen).items():
        console.line(f"{of_nation} · {of_kind} ({len(group)})")
        for one in group:
            console.wrapped(one.name, indent=2)
            console.wrapped(
                " · ".join(filter(None, (one.id, one.region, one.ods, "" if one.is_current else "gone"))), indent=4
            )
    known = sum(one.is_current for one in organisations.values())
    console.line(f"{len(chosen)} organisations of {len(organisations)} ({known} of today).")


@app.command("show", epilog='Example: culture-monitor organisations show "Betsi Cadwaladr"')
def show(which: Which, data: Data = None, json: Json = False) -> None:
    """Show what is known of one organisation, and its latest stories."""
    settings = load_settings(data=data)
    organisations = load_organisations(settings.own_organisations)
    organisation = _find(which, organisations)
    before = [one for one in organisations.values() if organisation.id in one.successors]
    ids = [organisation.id, *(one.id for one in before)]
    with stored(settings) as database, database.read() as session:
        stories = recent_stories(ids, STORIES_SHOWN, now=utc_now(), session=session)
    if json:
        console.as_json({**asdict(organisation), "stories": [asdict(story) for story in stories]})
        return
    console.line(organisation.name)
    facts = {
        "id": organisation.id,
        "kind": organisation.kind,
        "nation": organisation.nation,
        "region": organisation.region,
        "ODS code": organisation.ods,
        "also called": ", ".join((*organisation.aliases, *organisation.context)),
        "formerly": ", ".join(organisation.former),
        "hospitals": ", ".join(organisation.hospitals),
        "closed": organisation.closed,
        "now": ", ".join(heir.name for heir in organisations.heirs(organisation.id) if heir != organisation),
        "took over": ", ".join(one.name for one in before),
        "source": organisations.sources.get(organisation.source, organisation.source),
    }
    for label, value in facts.items():
        if value:
            console.wrapped(f"{label:<{LABEL}}{value}", indent=2, hang=LABEL)
    console.line("Latest stories:" if stories else "No story in scope of the last year names it.")
    for story in stories:
        console.wrapped(
            f"{story.seen_at.astimezone(LONDON):%d %b %Y}  {story.title} ({story.outlet})", indent=2, hang=2
        )
        console.line(f"    {story.url}")


@app.command("add", epilog="Example: culture-monitor organisations add Mencap --kind charity --nation uk")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, as it is written in the news.")],
    kind: Annotated[str, typer.Option(metavar="KIND", help="What it is: care-provider, nhs-trust, charity, …")],
    nation: Annotated[str, typer.Option(metavar="NATION", help="england, scotland, wales, northern-ireland or uk.")],
    organisation_id: Annotated[
        str, typer.Option("--id", metavar="ID", help="Its id (default: made from its name).")
    ] = "",
    region: Annotated[str, typer.Option(metavar="REGION", help="Its region.")] = "",
    ods: Annotated[str, typer.Option(metavar="CODE", help="Its ODS code.")] = "",
    alias: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Another name; repeatable.")] = None,
    context: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="A name that is a common word or shared acronym: counts in context; repeatable."
        ),
    ] = None,
    former: Annotated[list[str] | None, typer.Option(metavar="NAME", help="A former name; repeatable.")] = None,
    data: Data = None,
) -> None:
    """Add an organisation of your own, to your file of organisations."""
    settings = load_settings(data=data)
    _check("--kind", kind, KINDS)
    _check("--nation", nation, NATIONS)
    name = plain_line(name)  # what is no text on one line, no news has and no file takes
    organisation = Organisation(
        id=organisation_id or plain_name(name).replace(" ", "-"),
        kind=kind,
        nation=nation,
        name=name,
        region=region,
        ods=ods,
        aliases=tuple(alias or ()),
        context=tuple(context or ()),
        former=tuple(former or ()),
    )
    add_own(organisation, settings.organisations_file)
    console.line(f"{organisation.name} ({organisation.id}) added to {settings.organisations_file}.")
    console.line("The next run looks for it in the stories of the last four weeks, upkeep in all others.")


def add_own(organisation: Organisation, file: Path) -> None:
    """Append an organisation to `file`, which is made where it is missing.

    Raises:
        DataFileError: the entry is not well formed, or takes the id, code or name of another; `file` is as it was.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with in_turn(file.parent):  # of two that add at once, the second adds to what the first has written
        known = load_organisations(file if file.exists() else None)
        if (taken := known.get(organisation.id)) is not None:
            raise DataFileError(
                f"{file}: {organisation.id}: is the id of {taken.name} already; choose another with --id"
            )
        earlier = file.read_text(encoding="utf-8") if file.exists() else _HEAD
        part = file.with_name(f".{file.name}.part")
        try:
            with open_new(part) as stream:
                stream.write(f"{earlier.rstrip()}\n\n{_table(organisation)}".encode())
            load_organisations(part)
            part.replace(file)
        except DataFileError as error:
            raise DataFileError(str(error).replace(str(part), str(file))) from error
        finally:
            part.unlink(missing_ok=True)


def _find(which: str, organisations: Organisations) -> Organisation:
    found = organisations.find(which)
    if found is None:
        names = {plain_name(name): one.id for one in organisations.values() for name in (one.id, *one.names)}
        near = list(dict.fromkeys(names[name] for name in get_close_matches(plain_name(which), names, n=3)))
        hint = f"; did you mean {' or '.join(near)}?" if near else "; `culture-monitor organisations list` shows all"
        raise typer.BadParameter(f"no organisation {which!r}{hint}")
    return found


def _grouped(chosen: list[Organisation]) -> dict[tuple[str, str], list[Organisation]]:
    groups: dict[tuple[str, str], list[Organisation]] = {}
    for one in chosen:
        groups.setdefault((one.nation, one.kind), []).append(one)
    return groups


def _check(option: str, given: str, known: list[str] | tuple[str, ...]) -> None:
    if given and given.lower() not in map(str.lower, known):
        raise typer.BadParameter(f"{given!r} is unknown; known are {', '.join(known)}", param_hint=option)


def _table(organisation: Organisation) -> str:
    lines = [f"[{organisation.nation}.{organisation.kind}.{json.dumps(organisation.id)}]"]
    for key in _KEYS:
        value = getattr(organisation, key)
        if value:
            # JSON's strings and lists of strings are TOML's.
            lines.append(f"{key} = {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"
