"""`culture-monitor sources add`: finds the feed of a site, proposes how to list it, and asks."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from deployments import console
from deployments.commands.options import Data, Sources, Verbose
from models.organisations import load_organisations
from models.registry_file import change_registry, with_source
from models.settings import Settings, load_settings
from models.source_proposal import already_listed, kind_of, propose
from models.sources import Registry, Source, load_registry
from models.urls import without_credentials
from models.weeks import LONDON, utc_now

if TYPE_CHECKING:
    from flows.collecting.feed_discovery import Discovery, FoundFeed


def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="A feed, or a page of the site that has one.")],
    source_id: Annotated[str, typer.Option("--id", metavar="ID", help="Its id (default: made from its name).")] = "",
    name: Annotated[str, typer.Option(metavar="NAME", help="Its name (default: what the feed calls itself).")] = "",
    sector: Annotated[str, typer.Option(metavar="SECTOR", help="Its sector: nhs, social-care, trade, …")] = "",
    nation: Annotated[str, typer.Option(metavar="NATION", help="england, scotland, wales, northern-ireland, uk.")] = "",
    rights: Annotated[str, typer.Option(metavar="CLASS", help="Its rights class, of seeds/rights.toml.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: add what is shown.")] = False,
    data: Data = None,
    sources: Sources = None,
    verbose: Verbose = False,
) -> None:
    """Add a source to your registry: finds its feed, proposes name, sector, nation and rights class, and asks."""
    settings = load_settings(data=data, sources=sources)
    registry = load_registry(settings.sources)
    address = url if "://" in url else f"https://{url}"
    _refuse_double(address, registry)
    found, discovery = _found(address, settings, registry, ask=not yes)
    own = load_organisations(settings.own_organisations)
    proposed = propose(found.url, found.kind, registry, own, title=found.title, site=discovery.site)
    given = {"id": source_id, "name": name, "sector": sector, "nation": nation, "rights": rights}
    now = utc_now()
    source = _checked(
        proposed,
        {key: value for key, value in given.items() if value}
        | {
            "evidence": f"added on {now.astimezone(LONDON):%Y-%m-%d}, found at {without_credentials(address)}",
            "checked_on": now.astimezone(LONDON).date(),
            "checked_outcome": "entries" if found.entries else "empty",
            "checked_entries": found.entries,
        },
        registry,
    )
    rights_class = f"{source.rights} ({registry.rights[source.rights].description})"
    for what, value in [
        ("name", source.name),
        ("address", without_credentials(source.url)),
        ("id", source.id),
        ("kind", source.kind),
        ("sector", source.sector),
        ("nation", source.nation),
        ("rights", rights_class),
    ]:
        console.line(f"  {what:<8} {value}")
    newest = f", newest of {found.newest.astimezone(LONDON):%-d %B %Y}" if found.newest else ""
    console.line(f"It lists {found.entries:,} {'entry' if found.entries == 1 else 'entries'}{newest}.")
    if not yes and not typer.confirm(f"Add it to {settings.registry_file}?"):
        console.line("Nothing was added.")
        return
    is_new = not settings.registry_file.exists()
    change_registry(settings.registry_file, lambda text: with_source(text, source))
    console.line(f"{source.id} added to {settings.registry_file}; the next run reads it.")
    if is_new:
        console.line(
            "That file was made as a copy of the registry that is shipped. It is yours, and is used from now on."
        )


def _found(address: str, settings: Settings, registry: Registry, *, ask: bool) -> "tuple[FoundFeed, Discovery]":
    """The feed that is to be added; a person chooses where a site has several."""
    from flows.collecting.feed_discovery import Discovery, FoundFeed
    from flows.running import jobs  # here: half a second, for which the other commands would wait

    if (kind := kind_of(address)) is not None:
        probed = Source(id="new", url=address, kind=kind)
        (report,) = asyncio.run(jobs.check_sources([probed], settings, now=utc_now()))
        if report.status.is_failure:
            _nothing_found(address, report.problem)
        return FoundFeed(address, kind, "", report.entries, report.newest), Discovery()
    discovery = asyncio.run(jobs.find_feeds(address, settings, now=utc_now()))
    if not discovery.feeds:
        _nothing_found(address, discovery.problem)
    new = [feed for feed in discovery.feeds if already_listed(feed.url, registry) is None]
    if not new:
        _refuse_double(discovery.feeds[0].url, registry)
    if len(new) > 1:
        console.line("The site has several feeds:")
        for number, feed in enumerate(new, start=1):
            console.line(f"  {number}. {feed.url} ({feed.title or 'without a name'}, {feed.entries:,} entries)")
        if not ask:
            console.line("The first is taken; give the address of another to add that.")
    number = typer.prompt("Which one?", default=1, type=int) if ask and len(new) > 1 else 1
    if not 1 <= number <= len(new):
        raise typer.BadParameter(f"{number} is none of 1 to {len(new)}")
    return new[number - 1], discovery


def _refuse_double(url: str, registry: Registry) -> None:
    if (source := already_listed(url, registry)) is not None:
        how = "" if source.enabled else "; it is switched off: set enabled = true in its table to have it read"
        raise typer.BadParameter(f"{url} is in the registry already, as {source.id}{how}")


def _nothing_found(address: str, problem: str) -> None:
    console.problem(f"no feed was found at {without_credentials(address)}: {problem}; give the feed's own address")
    raise typer.Exit(1)


def _checked(proposed: Source, given: dict[str, object], registry: Registry) -> Source:
    """The proposal with what a person gave in its place.

    Raises:
        BadParameter: an id that is taken or malformed, or an unknown rights class.
    """
    try:
        source = Source.model_validate(proposed.model_dump() | given)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        raise typer.BadParameter(f"{first['input']!r}: {first['msg']}", param_hint=f"--{key}") from error
    if source.id in registry.by_id():
        raise typer.BadParameter(f"{source.id!r} is the id of another source; choose another", param_hint="--id")
    if source.rights not in registry.rights:
        raise typer.BadParameter(
            f"{source.rights!r} is no rights class; known are {', '.join(registry.rights)}", param_hint="--rights"
        )
    return source
