"""`culture-monitor edit`: change an edition before it goes, as the form `edit-edition` does."""

from typing import Annotated

import typer

from deployments import console
from deployments.commands.options import Data, Json, Sources
from flows.publishing.editing import edit_edition
from flows.running import sending
from models.edition.edits import Wanted
from models.settings import load_settings
from models.sources import load_registry
from models.store.database import open_database
from models.themes import theme_id
from models.weeks import utc_now


def edit(
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Your name; it is printed in the edition.")] = "",
    note: Annotated[str, typer.Option(help="A note at the top, in Markdown; at most 600 letters.")] = "",
    leave_out: Annotated[
        list[str] | None,
        typer.Option(metavar="ARTICLE", help="A story to leave out, by number or address; repeatable."),
    ] = None,
    lead: Annotated[str, typer.Option(metavar="ARTICLE", help="The story that comes first.")] = "",
    move: Annotated[str, typer.Option(metavar="ARTICLE", help="A story to move, which is a review too.")] = "",
    to: Annotated[str, typer.Option(metavar="THEME", help="The theme to which it is moved.")] = "",
    add: Annotated[str, typer.Option(metavar="ADDRESS", help="A story to add, stored or never collected.")] = "",
    sentence: Annotated[str, typer.Option(help="Your words about the story that is added.")] = "",
    headline: Annotated[str, typer.Option(help="Of an address that was never collected.")] = "",
    outlet: Annotated[str, typer.Option(help="Who published an address that was never collected.")] = "",
    under: Annotated[str, typer.Option(metavar="THEME", help="The theme under which it is added.")] = "",
    undo: Annotated[list[int] | None, typer.Option(metavar="NUMBER", help="An edit to undo; repeatable.")] = None,
    week: Annotated[
        str | None,
        typer.Option(
            "--week", metavar="2026-W47", help="Which week (default: the last complete one until it is sent)."
        ),
    ] = None,
    data: Data = None,
    sources: Sources = None,
    json: Json = False,
) -> None:
    """Edit the coming edition before it goes: a note, leave out, lead, move, add, undo. Without any, show the draft."""
    now = utc_now()
    try:
        wanted_week = sending.week_of_digest(week, now) if week else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--week") from error
    wanted = Wanted(
        editor=by,
        note=note,
        leave_out=tuple(leave_out or ()),
        lead=lead,
        move=move,
        to=theme_id(to) if to else "",
        add=add,
        sentence=sentence,
        headline=headline,
        outlet=outlet,
        under=theme_id(under) if under else "",
        undo=tuple(undo or ()),
    )
    settings = load_settings(data=data, sources=sources)
    registry = load_registry(settings.sources)
    with open_database(settings.database_address) as database:
        result = edit_edition(database, registry, settings, wanted, week=wanted_week, now=now)
    if json:
        console.as_json(result.to_json())
        return
    console.line(f"Week {result.summary}.")
    console.line(result.draft.subject)
    for words in result.lines:
        console.wrapped(words, indent=2)
    if not wanted:
        rows = [(one.id if one.id > 0 else one.url, one.title, one.outlet) for one in result.draft.content.stories]
        console.table("The draft", ("article", "title", "outlet"), rows)
    for file in result.draft.files:
        console.line(f"  {file}")
