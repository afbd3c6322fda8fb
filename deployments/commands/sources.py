"""`culture-monitor sources`: what the monitor reads."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments import console
from deployments.commands.options import Data, Json, Sources, Verbose
from deployments.commands.sources_add import add
from models.entries import Asked, network_trouble
from models.given_files import read_given
from models.kinds import Kind
from models.opml import read_opml, source_toml, write_opml
from models.outcomes import PollOutcome
from models.registry_file import change_registry, with_changes
from models.settings import Settings, load_settings
from models.source_proposal import upkeep_of
from models.sources import Registry, Source, load_registry
from models.weeks import LONDON, utc_now

if TYPE_CHECKING:
    from flows.collecting.source_check import SourceReport

app = typer.Typer(help="The registry of sources.", no_args_is_help=True, rich_markup_mode=None)
app.command("add", epilog="Example: culture-monitor sources add www.example.org/news")(add)


@app.command("list", epilog="Example: culture-monitor sources list --sector social-care")
def list_sources(
    sector: Annotated[str, typer.Option(metavar="SECTOR", help="Only of this sector.")] = "",
    nation: Annotated[str, typer.Option(metavar="NATION", help="Only of this nation.")] = "",
    kind: Annotated[str, typer.Option(metavar="KIND", help="Only of this kind.")] = "",
    enabled: Annotated[
        bool | None, typer.Option("--enabled/--disabled", help="Only those that are polled, or only the others.")
    ] = None,
    data: Data = None,
    sources: Sources = None,
    json: Json = False,
) -> None:
    """List the sources with their rights class and whether they are polled."""
    registry = load_registry(load_settings(data=data, sources=sources).sources)
    _check("--sector", sector, (source.sector for source in registry.sources))
    _check("--nation", nation, (source.nation for source in registry.sources))
    _check("--kind", kind, map(str, Kind))
    chosen = [
        source
        for source in registry.sources
        if sector in {"", source.sector} and nation in {"", source.nation} and kind in {"", source.kind}
        if enabled in {None, source.enabled}
    ]
    if json:
        console.as_json([source.model_dump(mode="json") for source in chosen])
        return
    for source in chosen:
        console.line(source.id if source.enabled else f"{source.id} (off)")
        checked = f"checked {source.checked_on}" if source.checked_on else "never checked"
        facts = (source.name, str(source.kind), source.sector, source.nation, source.rights, checked)
        console.wrapped(" · ".join(filter(None, facts)), indent=4, hang=0)
        if source.disabled_because:
            console.wrapped(f"off: {source.disabled_because}", indent=4, hang=0)
    polled = sum(source.enabled for source in chosen)
    console.line(f"{len(chosen)} of {len(registry.sources)} sources; {polled} of these are polled.")


@app.command("check", epilog="Example: culture-monitor sources check nhs-england-govuk")
def check(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Sources to probe (default: those that are polled).")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Probe also those that are switched off.")] = False,
    write: Annotated[
        bool,
        typer.Option(
            "--write",
            help="Record in your registry what answered, follow moves, and switch off what is gone, with the reason.",
        ),
    ] = False,
    data: Data = None,
    sources: Sources = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Probe sources live: status, entries, newest date, what robots.txt says, and where a lost feed may be now."""
    from flows.running import jobs  # here: half a second, for which `sources list` would wait

    settings = load_settings(data=data, sources=sources)
    registry = load_registry(settings.sources)
    if ids and everything:
        raise typer.BadParameter("name sources, or give --all: not both")
    chosen = registry.choose(ids or []) or list(registry.sources if everything else registry.enabled())
    with console.progress_bars(shown=not json) as progress:
        reports = asyncio.run(jobs.check_sources(chosen, settings, now=utc_now(), report=progress))
    asked = [Asked(report.status, report.answered) for report in reports if report.status is not PollOutcome.REFUSED]
    trouble = network_trouble(asked)
    if json:
        console.as_json([asdict(report) for report in reports])
    if trouble:
        (console.note if json else console.line)(trouble)
        if write:
            console.note("Nothing was recorded.")
        raise typer.Exit(1)
    if not json:
        _show(reports)
    if write:
        _record(reports, chosen, registry, settings, console.note if json else console.line)
    if any(report.status.is_failure for report in reports):
        raise typer.Exit(1)


@app.command("import", epilog="Example: culture-monitor sources import feeds.opml")
def import_opml(file: Annotated[Path, typer.Argument(metavar="FILE.opml")]) -> None:
    """Print the feeds of an OPML file as [[source]] tables, to append to a registry of your own."""
    try:
        content = read_given(file)
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror}") from error
    console.line(source_toml(read_opml(content)))


@app.command("export", epilog="Example: culture-monitor sources export > feeds.opml")
def export(
    opml: Annotated[
        bool | None, typer.Option("--opml", help="As OPML, for feed readers (the only form, and the default).")
    ] = None,
    data: Data = None,
    sources: Sources = None,
) -> None:
    """Print the registry as OPML."""
    console.line(write_opml(load_registry(load_settings(data=data, sources=sources).sources).sources))


def _show(reports: Sequence["SourceReport"]) -> None:
    for report in reports:
        console.line(report.source_id)
        facts = [
            str(report.status),
            str(report.http_status or ""),
            f"{report.entries:,} entries" if report.entries else "",
        ]
        facts += [f"newest {report.newest.astimezone(LONDON):%-d %b %Y}" if report.newest else ""]
        facts += ["robots.txt forbids it" if report.robots == "disallowed" else "", report.problem]
        console.wrapped(" · ".join(filter(None, facts)), indent=4, hang=0)
        if report.replacements:
            console.wrapped("its site offers, to be added with culture-monitor sources add ADDRESS:", indent=4, hang=0)
        for found in report.replacements:
            console.line(f"      {found.url} ({found.entries:,} entries)")


def _record(
    reports: Sequence["SourceReport"],
    chosen: Sequence[Source],
    registry: Registry,
    settings: Settings,
    tell: Callable[[str], None],
) -> None:
    """Write what was found into the user's registry, and tell what changes of what is read."""
    today = utc_now().astimezone(LONDON).date()
    online = any(report.answered for report in reports)
    changes, told = {}, list[str]()
    for source, report in zip(chosen, reports, strict=True):
        upkeep = upkeep_of(source, report.result, registry, today, online=online)
        changes[source.id] = upkeep.changes
        told += [f"{source.id}: {upkeep.words}"] if upkeep.words else []
        if upkeep.changes.get("url"):  # two that move to one address are not both read
            registry = registry.with_address(source.id, report.moved_to)
    file = settings.registry_file
    is_new = not file.exists()
    change_registry(file, lambda text: with_changes(text, changes))
    for words in told:
        tell(words)
    answered = sum(not report.status.is_failure for report in reports)
    tell(f"{answered} of {len(reports)} answered; recorded in {file}.")
    if is_new:
        tell(f"{file} was made as a copy of the registry that is shipped. It is yours, and is used from now on.")


def _check(option: str, given: str, known: Iterable[str]) -> None:
    names = sorted(set(known))
    if given and given not in names:
        raise typer.BadParameter(f"{given!r} is unknown; known are {', '.join(names)}", param_hint=option)
