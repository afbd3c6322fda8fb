"""`culture-monitor export`: the tagged stories of a week or a period, for other programs."""

from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from deployments import console
from deployments.commands.options import Data, Sources, Verbose
from deployments.read_only_database import stored
from flows.publishing import exporting
from models.given_files import is_device
from models.private_files import write_whole
from models.settings import load_settings
from models.sources import load_registry
from models.themes import load_themes, theme_id, theme_ids, unknown_theme
from models.weeks import EARLIEST_YEAR, LATEST_YEAR, LONDON, Week, utc_now


class Format(StrEnum):
    """Of the file."""

    CSV = "csv"
    JSON = "json"
    RSS = "rss"


def export(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Where to (default: standard output).")] = None,
    form: Annotated[
        Format | None,
        typer.Option("--format", help="csv, json or rss (default: by the file's ending; csv without one)."),
    ] = None,
    theme: Annotated[
        list[str] | None,
        typer.Option("--theme", metavar="THEME", help="Only stories with this theme, by its id or name; repeatable."),
    ] = None,
    week: Annotated[
        str | None, typer.Option("--week", metavar="2026-W47", help="One week (default: the last complete one).")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="2026-11-01", help="The first day of a period, in London.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="2026-11-30", help="Its last day (default: today).")
    ] = None,
    data: Data = None,
    sources: Sources = None,
    verbose: Verbose = False,
) -> None:
    """Write the tagged stories, with no more of each than its publisher's rights class lets an edition show."""
    now = utc_now()
    form = form or _form_of(file)
    wanted = {_theme(named) for named in theme or ()}
    start, end = _period(week, first, last, now.astimezone(LONDON).date(), Week.of(now).plus(-1))
    settings = load_settings(data=data, sources=sources)
    registry, themes = load_registry(settings.sources), load_themes()
    with stored(settings) as database:
        try:
            found = list(exporting.stories_between(database, registry, themes, first=start, last=end, now=now))
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--from/--to") from error
    if wanted:
        found = [story for story in found if wanted & {one.theme for one in story.item.themes}]
    if form is Format.CSV:
        text = exporting.write_csv(found)
    elif form is Format.JSON:
        text = exporting.write_json(found, now=now)
    else:
        text = exporting.write_rss(found, themes, base_url=settings.base_url, now=now)
    if file is None:
        typer.echo(text, nl=False)
        return
    _write(file, text, form)
    console.line(f"{file}: {len(found):,} {'story' if len(found) == 1 else 'stories'} dated {start} to {end}.")


def _period(
    week: str | None, first: str | None, last: str | None, today: date, last_complete: Week
) -> tuple[date, date]:
    if week and (first or last):
        raise typer.BadParameter("give --week, or --from and --to, not both", param_hint="--week")
    if last and not first:
        raise typer.BadParameter("needs --from as well", param_hint="--to")
    if first:
        return _day(first, "--from"), _day(last, "--to") if last else today
    try:
        chosen = Week.parse(week) if week else last_complete
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--week") from error
    return chosen.monday, chosen.monday + timedelta(days=6)


def _day(text: str, option: str) -> date:
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a day; write it as 2026-11-30", param_hint=option) from None
    if not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        raise typer.BadParameter(f"{text!r}: name a day of {EARLIEST_YEAR} to {LATEST_YEAR}", param_hint=option)
    return day


def _form_of(file: Path | None) -> Format:
    """What the file's ending says; CSV on standard output."""
    if file is None:
        return Format.CSV
    ending = file.suffix.lower().removeprefix(".")
    ending = {"xml": "rss"}.get(ending, ending)
    if ending not in set(Format):
        raise typer.BadParameter(f"{file}: name it .csv, .json or .rss, or give --format", param_hint="FILE")
    return Format(ending)


def _theme(named: str) -> str:
    found = theme_id(named)
    if found not in theme_ids():
        raise typer.BadParameter(unknown_theme(named), param_hint="--theme")
    return found


def _write(file: Path, text: str, form: Format) -> None:
    if is_device(file):
        raise typer.BadParameter(
            f"{file}: is a pipe or a device; name a file, or none for standard output", param_hint="FILE"
        )
    # A spreadsheet knows UTF-8 by the mark at its start; a feed or JSON reader stumbles over it.
    content = text.encode("utf-8-sig" if form is Format.CSV else "utf-8")
    try:
        write_whole(file, content)
    except OSError as error:
        raise typer.BadParameter(f"{file}: can't be written ({error.strerror})", param_hint="FILE") from error
