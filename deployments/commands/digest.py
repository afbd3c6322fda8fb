"""`culture-monitor digest`: compose, and send, one week's edition."""

from dataclasses import asdict
from typing import Annotated

import typer

from deployments import console
from deployments.commands.options import Data, Json, Sources, Verbose
from flows import jobs
from flows.mail.weekly import DigestResult
from models.settings import load_settings
from models.sources import load_registry
from models.store.database import open_database
from models.weeks import Week, utc_now


def digest(
    week: Annotated[
        str | None, typer.Option("--week", metavar="2026-W47", help="Which week (default: the last complete one).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write the files, send nothing.")] = False,
    to: Annotated[
        str | None, typer.Option("--to", metavar="ADDRESS", help="Send a marked test copy to this address alone.")
    ] = None,
    data: Data = None,
    sources: Sources = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Compose one week's edition and send it, once, to each recipient."""
    now = utc_now()
    try:
        wanted = Week.parse(week) if week else Week.of(now).plus(-1)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--week") from error
    settings = load_settings(data=data, sources=sources)
    registry = load_registry(settings.sources)
    with open_database(settings.database_address) as database:
        result = jobs.digest(database, registry, settings, week=wanted, now=now, dry_run=dry_run, to=to)
    if json:
        console.as_json(asdict(result))
    else:
        show(result)
    if result.has_failures:
        raise typer.Exit(1)


def show(result: DigestResult) -> None:
    """What came of the digest, for people."""
    console.line(f"Week {result.week}: {result.subject}")
    console.line(f"{result.stories} stories from {result.outlets} outlets, out of {result.articles} articles read.")
    for file in result.files:
        console.line(f"  {file}")
    if result.note:
        console.line(result.note[0].upper() + result.note[1:] + ".")
        return
    counts = {
        "sent": result.sent,
        "sent by an earlier run": result.already_sent,
        "nothing for them this week": result.skipped,
        "refused for good": result.failed,
        "tried again by the next run": result.waiting,
        "handed over, not confirmed": result.unconfirmed,
    }
    console.line("Emails: " + (", ".join(f"{count} {what}" for what, count in counts.items() if count) or "none") + ".")
