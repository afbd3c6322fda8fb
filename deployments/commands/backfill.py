"""`culture-monitor backfill`: fill the past, from sources that can list it or from web archive files."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from deployments import console
from deployments.commands.options import Data, Json, Sources, Verbose
from deployments.commands.run import choose_sources
from flows.backfilling import BackfillSummary, archive_jobs
from flows.backfilling import backfill as backfill_job
from flows.history import Period
from flows.past_sources import can_list_the_past
from models.settings import load_settings
from models.sources import load_registry
from models.store.database import open_database
from models.weeks import LONDON, utc_now

_DAY = ["%Y-%m-%d"]


def backfill(
    first: Annotated[datetime, typer.Option("--from", formats=_DAY, help="First day to fill, such as 2022-06-01.")],
    last: Annotated[datetime, typer.Option("--to", formats=_DAY, help="Last day to fill.")],
    source: Annotated[
        list[str] | None, typer.Option("--source", metavar="ID", help="Fill this source alone; repeatable.")
    ] = None,
    warc: Annotated[
        list[Path] | None,
        typer.Option("--warc", metavar="PATH", help="Read this web archive file, or all of a folder; repeatable."),
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option("--host", metavar="HOST", help="Read pages of this host too, from archives; repeatable."),
    ] = None,
    data: Data = None,
    sources: Sources = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Fill the past, so that trends have one. Stopped and started again, it goes on where it was."""
    settings = load_settings(data=data, sources=sources)
    registry = load_registry(settings.sources)
    period = period_of(first, last)
    chosen = choose_sources(registry, source or []) or list(registry.enabled())
    files = archive_files(warc or [])
    if not files:
        for one in [one for one in chosen if source and not can_list_the_past(one)]:
            raise typer.BadParameter(f"{one.id} is a {one.kind}: it lists only its newest entries; give --warc files")
    archives = archive_jobs(files, registry, settings, period=period, sources=chosen, hosts=host or [])
    if archives and not archives[0].routes:
        raise typer.BadParameter("none of these sources is a site whose pages may be read; name one with --host")
    with (
        open_database(settings.database_address) as database,
        console.progress_bars(shown=not json) as progress,
    ):
        summary = asyncio.run(
            backfill_job(
                database,
                registry,
                settings,
                period=period,
                sources=chosen,
                archives=archives,
                now=utc_now(),
                report=progress,
            )
        )
    if json:
        console.as_json(as_data(summary))
    else:
        show(summary)
    if summary.read.problems:
        raise typer.Exit(1)


def period_of(first: datetime, last: datetime) -> Period:
    """From the first moment of one day in London to the last of the other."""
    if last < first:
        raise typer.BadParameter(f"--to {last:%Y-%m-%d} lies before --from {first:%Y-%m-%d}")
    end = last + timedelta(days=1)
    return Period(first.replace(tzinfo=LONDON).astimezone(UTC), end.replace(tzinfo=LONDON).astimezone(UTC))


def archive_files(paths: list[Path]) -> list[Path]:
    """The files named, and those in the folders named, each once and in order."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(file for file in path.rglob("*.warc*") if file.is_file())
        elif path.is_file():
            found.append(path)
        else:
            raise typer.BadParameter(f"{path}: there is no such file or folder")
    if paths and not found:
        raise typer.BadParameter(f"{paths[0]}: holds no *.warc or *.warc.gz file")
    return list(dict.fromkeys(found))


def show(summary: BackfillSummary) -> None:
    """The summary for people."""
    for note in summary.notes:
        console.note(note)
    rows = [(str(reason), count) for reason, count in summary.read.outcomes.most_common() if count]
    console.table("What became of every page or entry", ("outcome", "count"), rows)
    for problem in summary.read.problems:
        console.line(problem)
    console.line(
        f"{summary.read.parts} parts done, {summary.read.parts_before} done before, "
        f"{len(summary.read.problems)} with problems; {summary.read.stored} articles stored, {summary.folded.copies} "
        f"of them copies; {summary.tagged.judged} stories read, {summary.tagged.in_scope} on leadership and culture."
    )


def as_data(summary: BackfillSummary) -> dict[str, Any]:
    """The summary for machines."""
    return {
        "parts": summary.read.parts,
        "parts_before": summary.read.parts_before,
        "read": summary.read.read,
        "stored": summary.read.stored,
        "outcomes": {str(outcome): count for outcome, count in summary.read.outcomes.items() if count},
        "problems": summary.read.problems,
        "folded": summary.folded.articles,
        "copies": summary.folded.copies,
        "judged": summary.tagged.judged,
        "in_scope": summary.tagged.in_scope,
        "themes": summary.tagged.by_theme,
        "notes": list(summary.notes),
    }
