"""`culture-monitor sources`: what the monitor reads."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from deployments import console
from deployments.commands.options import Data, Json, Sources, Verbose
from models.opml import read_opml, source_toml, write_opml
from models.settings import load_settings
from models.sources import load_registry
from models.weeks import utc_now

app = typer.Typer(help="The registry of sources.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_sources(sources: Sources = None, json: Json = False) -> None:
    """List every source with its rights class and whether it is polled."""
    registry = load_registry(load_settings(sources=sources).sources)
    if json:
        console.as_json([source.model_dump(mode="json") for source in registry.sources])
        return
    columns = ("id", "name", "kind", "sector", "nation", "rights", "enabled", "checked on")
    rows = [
        (s.id, s.name, str(s.kind), s.sector, s.nation, s.rights, "yes" if s.enabled else "no", s.checked_on)
        for s in registry.sources
    ]
    console.table(f"{len(registry.enabled())} of {len(registry.sources)} sources are polled", columns, rows)


@app.command("check")
def check(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Sources to probe (default: all).")] = None,
    data: Data = None,
    sources: Sources = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Probe sources live: status, entries, newest date, what robots.txt says. Nothing is stored."""
    from flows import jobs  # here: half a second, for which `sources list` would wait

    settings = load_settings(data=data, sources=sources)
    registry = load_registry(settings.sources)
    chosen = registry.choose(ids or []) or list(registry.sources)
    with console.progress_bars(shown=not json) as progress:
        reports = asyncio.run(jobs.check_sources(chosen, settings, now=utc_now(), report=progress))
    if json:
        console.as_json([asdict(report) for report in reports])
    else:
        columns = ("source", "outcome", "status", "entries", "newest", "robots", "problem")
        rows = [
            (
                r.source_id,
                str(r.status),
                r.http_status or "",
                r.entries,
                r.newest and f"{r.newest:%Y-%m-%d}",
                r.robots,
                r.problem,
            )
            for r in reports
        ]
        console.table("Sources probed just now", columns, rows)
    if any(report.status.is_failure for report in reports):
        raise typer.Exit(1)


@app.command("import")
def import_opml(file: Annotated[Path, typer.Argument(metavar="FILE.opml")]) -> None:
    """Print the feeds of an OPML file as [[source]] tables, to append to a registry of your own."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror}") from error
    console.line(source_toml(read_opml(content)))


@app.command("export")
def export(
    opml: Annotated[
        bool, typer.Option("--opml", help="As OPML, for feed readers (the only form, and the default).")
    ] = True,
    sources: Sources = None,
) -> None:
    """Print the registry as OPML."""
    console.line(write_opml(load_registry(load_settings(sources=sources).sources).sources))
