"""`culture-monitor backfill`: fill the past, from sources that can list it or from web archive files."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from deployments import console
from deployments.commands.options import Data, Json, Sources, Verbose
from flows.past.backfilling import BackfillError, BackfillSummary, plan_backfill
from flows.past.backfilling import backfill as backfill_job
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
    now = utc_now()
    try:
        plan = plan_backfill(
            registry,
            settings,
            first=first.date(),
            last=last.date(),
            today=now.astimezone(LONDON).date(),
            chosen=registry.choose(source or []),
            paths=warc or [],
            hosts=host or [],
        )
    except BackfillError as error:
        raise typer.BadParameter(str(error)) from error
    with (
        open_database(settings.database_address) as database,
        console.progress_bars(shown=not json) as progress,
    ):
        summary = asyncio.run(backfill_job(database, registry, settings, plan, now=now, report=progress))
    if json:
        console.as_json(as_data(summary))
    else:
        show(summary)
    if summary.read.problems:
        raise typer.Exit(1)


def show(summary: BackfillSummary) -> None:
    """The summary for people."""
    for note in summary.notes:
        console.note(note)
    rows = [(str(reason), count) for reason, count in summary.read.outcomes.most_common() if count]
    console.table("What became of every page or entry", ("outcome", "count"), rows)
    for problem in summary.read.problems:
        console.line(problem)
    console.line(f"{summary.sentence}.")


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
