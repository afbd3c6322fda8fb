"""`culture-monitor digest`: compose, and send, one week's edition."""

from dataclasses import asdict
from typing import Annotated

import typer

from deployments import console
from deployments.commands.options import Data, Json, Sources, Verbose
from flows.publishing.delivery import DeliverySummary
from flows.publishing.edition import DigestResult
from flows.publishing.weekly import ApprovalError, approve
from flows.running import sending
from models.edition.short import Kind
from models.edition.trend_words import count_stories, count_things
from models.settings import load_settings
from models.sources import load_registry
from models.store.database import Database, open_database
from models.weeks import Week, utc_now


def digest(
    week: Annotated[
        str | None, typer.Option("--week", metavar="2026-W47", help="Which week (default: the last complete one).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write the files, send nothing.")] = False,
    to: Annotated[
        str | None, typer.Option("--to", metavar="ADDRESS", help="Send a marked test copy to this address alone.")
    ] = None,
    approve: Annotated[
        str | None,
        typer.Option(
            "--approve", metavar="HASH", help="Approve the edition with this hash, or release a held one, and send it."
        ),
    ] = None,
    daily: Annotated[
        bool, typer.Option("--daily", help="Send today's daily emails instead, to those who chose them.")
    ] = False,
    data: Data = None,
    sources: Sources = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Compose one week's edition and send it, once, to each recipient."""
    now = utc_now()
    if daily and (week or dry_run or to or approve):
        raise typer.BadParameter("goes with none of --week, --dry-run, --to and --approve", param_hint="--daily")
    try:
        wanted = sending.week_of_digest(week, now) if week else Week.of(now).plus(-1)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--week") from error
    settings = load_settings(data=data, sources=sources)
    registry = load_registry(settings.sources)
    with open_database(settings.database_address) as database:
        if daily:
            _send_daily(sending.send_short(database, registry, settings, kind=Kind.DAILY, now=now), json=json)
            return
        if approve is not None:
            _approve(database, wanted, approve, "approved by the command")
        result = sending.digest(database, registry, settings, week=wanted, now=now, dry_run=dry_run, to=to)
    if json:
        console.as_json(result.to_json())
    else:
        show(result)
    if result.has_failures:
        raise typer.Exit(1)


def show(result: DigestResult) -> None:
    """What came of the digest, for people."""
    console.line(f"Week {result.week}: {result.subject}")
    content = result.content
    found = f"{count_stories(result.stories)} from {count_things(content.outlets, 'outlet')}".capitalize()
    console.line(f"{found}, out of {count_things(content.articles, 'article')} read.")
    for file in result.files:
        console.line(f"  {file}")
    if result.note:
        console.line(result.note[0].upper() + result.note[1:] + ".")
    if result.note and not result.has_failures and not result.sent:
        return
    counts = {
        "sent": result.sent,
        "sent by an earlier run": result.already_sent,
        "nothing for them this week": result.skipped,
        "refused for good": result.failed,
        "out of date": result.expired,
        "tried again by the next scheduled run": result.waiting,
        "sent again, since a run ended before the server's answer": result.unconfirmed,
    }
    console.line("Emails: " + (", ".join(f"{count} {what}" for what, count in counts.items() if count) or "none") + ".")
    if posts := result.posts.words:
        console.line(f"{posts[0].upper()}{posts[1:]}.")


def _send_daily(done: DeliverySummary | None, *, json: bool) -> None:
    words = "nobody wants a daily email" if done is None else done.say("daily emails") or "nothing is new: none was due"
    if json:
        console.as_json(asdict(done) if done is not None else None)
    else:
        console.line(f"{words[0].upper()}{words[1:]}.")
    if done is not None and done.has_failures:
        raise typer.Exit(1)


def _approve(database: Database, week: Week, named: str, by: str) -> None:
    try:
        approve(database, week, named, by)
    except ApprovalError as error:
        raise typer.BadParameter(str(error), param_hint="--approve") from error
