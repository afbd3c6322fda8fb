"""`culture-monitor review`: correct the tagger from the command line or a CSV file, as the form in the UI does."""

import csv
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session

from deployments import console
from deployments.commands.options import Data, Json
from deployments.read_only_database import stored
from models.given_files import read_given_text
from models.reviews import (
    IN_SCOPE,
    NOT_IN_SCOPE,
    Decision,
    ReviewError,
    check_decision,
    check_retagging,
    check_reviewer,
    seal_of,
)
from models.reviews import queue as most_doubtful
from models.settings import load_settings
from models.store import audit, events, reviews
from models.store.database import Database, open_database
from models.store.reviews import Recorded
from models.store.tables import Article as Stored
from models.themes import load_themes, theme_id, theme_ids
from models.weeks import utc_now

QUEUE_DAYS = 28
DOUBTS_READ = 2000
NEEDED_COLUMNS = ("article", "in_scope", "themes", "reviewer")
CSV_COLUMNS = (*NEEDED_COLUMNS, "not_themes", "note")
_YES = frozenset({"yes", "true", "1", "y"})
_NO = frozenset({"no", "false", "0", "n"})

_WORDS = {True: "yes", False: "no"}

Article = Annotated[str, typer.Argument(metavar="ARTICLE", help="Its number in the queue, or its address.")]
Reviewer = Annotated[str, typer.Option(help="Your name; kept with the decision.")]
Note = Annotated[str, typer.Option(help="Why, for whoever reads it later.")]

app = typer.Typer(help="Correct the tagger; it learns from it.", no_args_is_help=True, rich_markup_mode=None)


@app.command("queue", epilog="Example: culture-monitor review queue --limit 5")
def queue(
    limit: Annotated[int, typer.Option(min=1, help="How many articles.")] = 20, data: Data = None, json: Json = False
) -> None:
    """List the recent articles of which the tagger is least sure, and those drawn to see what it misses."""
    settings = load_settings(data=data)
    with stored(settings) as database, database.read() as session:
        since = utc_now() - timedelta(days=QUEUE_DAYS)
        found = [*reviews.doubts(since, DOUBTS_READ, session=session), *audit.questions(since, session=session)]
    items = most_doubtful(found, {theme.id: theme.name for theme in load_themes()}, limit)
    if json:
        console.as_json(
            [
                {"article": item.article_id, "title": item.title, "url": item.url, "asked": list(item.asked)}
                for item in items
            ]
        )
        return
    rows = [(item.article_id, item.title, item.outlet, item.question, item.url) for item in items]
    console.table("What the tagger is least sure of", ("article", "title", "outlet", "question", "address"), rows)


@app.command("add", epilog="Example: culture-monitor review add 42 --theme appraisal --reviewer Ada")
def add(
    article: Article,
    reviewer: Reviewer,
    theme: Annotated[
        list[str] | None, typer.Option(metavar="THEME", help="A theme that applies, by its id or name; repeatable.")
    ] = None,
    not_theme: Annotated[
        list[str] | None, typer.Option(metavar="THEME", help="A theme that does not apply; repeatable.")
    ] = None,
    in_scope: Annotated[
        bool | None,
        typer.Option(
            "--in-scope/--out-of-scope", help="Whether it is about what the monitor is about.", show_default=False
        ),
    ] = None,
    note: Note = "",
    data: Data = None,
) -> None:
    """Say of one article which themes apply or do not, or whether it is in scope; what you do not name stays as it is."""
    decision = check_decision(
        in_scope=in_scope, themes=theme or (), not_themes=not_theme or (), reviewer=reviewer, note=note
    )
    settings = load_settings(data=data)
    with open_database(settings.database_address) as database:
        (recorded,) = _record(database, [(article, decision)])
    _show_changes(recorded)
    console.line(f"Recorded: {_changed([recorded])} changed. It counts from now on.")


@app.command("retag", epilog="Example: culture-monitor review retag 42 --theme workforce --reviewer Ada")
def retag(
    article: Article,
    reviewer: Reviewer,
    theme: Annotated[
        list[str] | None, typer.Option(metavar="THEME", help="A theme that applies, by its id or name; repeatable.")
    ] = None,
    note: Note = "",
    confirm: Annotated[bool, typer.Option("--confirm", help="Do not ask: record what is shown.")] = False,
    data: Data = None,
) -> None:
    """Decide on all themes of one article: those named apply, all others do not. Shows the changes, then asks."""
    decision = check_retagging(themes=theme or (), reviewer=reviewer, note=note)
    settings = load_settings(data=data)
    with stored(settings) as database, database.read() as session:
        shown = reviews.preview(_find(article, session=session), decision, session=session)
    _show_changes(shown)
    if not confirm and not typer.confirm("Record this?"):
        console.line("Nothing was recorded.")
        return
    with open_database(settings.database_address) as database:
        (recorded,) = _record(database, [(article, decision)], expected=seal_of(shown.changes))
    console.line(f"Recorded: {_changed([recorded])} changed. It counts from now on.")


@app.command("separate", epilog="Example: culture-monitor review separate 42 57 --reviewer Ada")
def separate(
    article: Article,
    other: Article,
    reviewer: Reviewer,
    note: Note = "",
    data: Data = None,
) -> None:
    """Say that two stories do not belong together: no edition shows them as one event, or one as following the other."""
    reviewer, note = check_reviewer(reviewer=reviewer, note=note)
    settings = load_settings(data=data)
    with open_database(settings.database_address) as database, database.write() as session:
        found = (_find(article, session=session), _find(other, session=session))
        done = events.separate(*found, reviewer=reviewer, note=note, now=utc_now(), session=session)
    for title in done.titles:
        console.line(f"  {title}")
    was = "They were reports of one event." if done.were_one_event else ""
    was = "One was said to follow the other." if done.was_followed else was
    console.line(f"Recorded: they stay apart from now on. {was or 'They were not together.'}")


@app.command("import", epilog="Example: culture-monitor review import reviews.csv")
def import_csv(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help=f"Columns {', '.join(CSV_COLUMNS)}.")],
    data: Data = None,
) -> None:
    """Record the decisions of a CSV file: all of them, or, where one is wrong, none. Empty cells say nothing."""
    decisions = read_decisions(file)
    settings = load_settings(data=data)
    with open_database(settings.database_address) as database:
        recorded = _record(database, decisions)
    console.line(f"{len(decisions)} decisions recorded: {_changed(recorded)} verdicts changed.")


def read_decisions(file: Path) -> list[tuple[str, Decision]]:
    """The decisions of a CSV file; themes are separated by semicolons (ids by spaces too), and an empty cell says nothing.

    Raises:
        ReviewError: a column or a value is wrong, or a line says nothing; names file and line.
    """
    try:
        text = read_given_text(file, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ReviewError(f"{file}: can't be read as UTF-8 text: {error}") from error
    try:
        rows = csv.DictReader(text.splitlines())
        return _decisions(file, rows)
    except csv.Error as error:
        raise ReviewError(f"{file}: is not a CSV file: {error}") from error


def _decisions(file: Path, rows: "csv.DictReader[str]") -> list[tuple[str, Decision]]:
    missing = [name for name in NEEDED_COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        raise ReviewError(f"{file}: lacks the column {missing[0]!r}; its first line must name {', '.join(CSV_COLUMNS)}")
    decisions = []
    for row in rows:
        place = f"{file}:{rows.line_num}"
        said = (row["in_scope"] or "").strip().lower()
        if said and said not in _YES | _NO:
            raise ReviewError(f"{place}: in_scope is {said!r}; write yes or no, or leave it empty")
        try:
            decision = check_decision(
                in_scope=said in _YES if said else None,
                themes=_themes(row["themes"]),
                not_themes=_themes(row.get("not_themes")),
                reviewer=row["reviewer"] or "",
                note=row.get("note") or "",
            )
        except ReviewError as error:
            raise ReviewError(f"{place}: {error}") from error
        decisions.append((row["article"] or "", decision))
    return decisions


def _themes(cell: str | None) -> list[str]:
    parts = [part.strip() for part in (cell or "").split(";")]
    return [theme for part in parts for theme in ([part] if theme_id(part) in theme_ids() else part.split())]


def _record(
    database: Database, decisions: Sequence[tuple[str, Decision]], *, expected: str | None = None
) -> list[Recorded]:
    recorded = []
    with database.write() as session:
        for what, decision in decisions:
            recorded.append(reviews.record(_find(what, session=session), decision, utc_now(), session=session))
            if expected is not None and seal_of(recorded[-1].changes) != expected:
                raise ReviewError(f"{what!r} was changed meanwhile; look again, nothing was recorded")
    return recorded


def _find(what: str, *, session: Session) -> Stored:
    article = reviews.find_article(what, session=session)
    if article is None:
        raise ReviewError(f"{what!r} is no stored article; give its number in 'review queue', or its address")
    return article


def _changed(recorded: Sequence[Recorded]) -> int:
    return sum(before != now for one in recorded for before, now in one.changes.values())


def _show_changes(recorded: Recorded) -> None:
    names = {theme.id: theme.name for theme in load_themes()} | {IN_SCOPE: "In scope"}
    rows = [
        (names[theme], _WORDS[before], _WORDS[now], "changed" if before != now else "")
        for theme, (before, now) in recorded.changes.items()
    ]
    console.table(f"Article {recorded.article_id}: {recorded.title}", ("", "before", "now", ""), rows)
    if not recorded.in_scope:
        console.note(NOT_IN_SCOPE)
