"""`culture-monitor review`: correct the tagger from the command line or a CSV file, as the form in the UI does."""

import csv
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from deployments import console
from deployments.commands.options import Data, Json
from models.reviews import Decision, ReviewError, check_decision
from models.reviews import queue as most_doubtful
from models.settings import load_settings
from models.store import reviews
from models.store.database import Database, open_database
from models.themes import load_themes
from models.weeks import utc_now

QUEUE_DAYS = 28
DOUBTS_READ = 2000
CSV_COLUMNS = ("article", "in_scope", "themes", "reviewer", "note")
_YES = frozenset({"yes", "true", "1", "y"})
_NO = frozenset({"no", "false", "0", "n"})

app = typer.Typer(help="Correct the tagger; it learns from it.", no_args_is_help=True, rich_markup_mode=None)


@app.command("queue")
def queue(
    limit: Annotated[int, typer.Option(min=1, help="How many articles.")] = 20, data: Data = None, json: Json = False
) -> None:
    """List the recent articles of which the tagger is least sure."""
    settings = load_settings(data=data)
    with open_database(settings.database_address) as database, database.read() as session:
        found = reviews.doubts(utc_now() - timedelta(days=QUEUE_DAYS), DOUBTS_READ, session=session)
    items = most_doubtful(found, {theme.id: theme.name for theme in load_themes()}, limit)
    if json:
        console.as_json([{"article": item.article_id, "title": item.title, "url": item.url} for item in items])
        return
    rows = [(item.article_id, item.title, item.outlet, item.url) for item in items]
    console.table("What the tagger is least sure of", ("article", "title", "outlet", "address"), rows)


@app.command("add")
def add(
    article: Annotated[str, typer.Argument(metavar="ARTICLE", help="Its number in the queue, or its address.")],
    reviewer: Annotated[str, typer.Option(help="Your name; kept with the decision.")],
    theme: Annotated[list[str] | None, typer.Option(metavar="THEME", help="A theme that applies; repeatable.")] = None,
    out_of_scope: Annotated[bool, typer.Option("--out-of-scope", help="Not about leadership or culture.")] = False,
    others_stand: Annotated[
        bool, typer.Option("--others-stand", help="Leave the themes that you do not name.")
    ] = False,
    note: Annotated[str, typer.Option(help="Why, for whoever reads it later.")] = "",
    data: Data = None,
) -> None:
    """Decide on one article: in scope with the themes named, or --out-of-scope."""
    decision = check_decision(
        in_scope=not out_of_scope, themes=theme or (), others_stand=others_stand, reviewer=reviewer, note=note
    )
    settings = load_settings(data=data)
    with open_database(settings.database_address) as database:
        changed = _record(database, [(article, decision)])
    console.line(f"Recorded: {changed} changed. It counts from now on.")


@app.command("import")
def import_csv(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help=f"Columns {', '.join(CSV_COLUMNS)}.")],
    data: Data = None,
) -> None:
    """Record the decisions of a CSV file: all of them, or, where one is wrong, none."""
    decisions = read_decisions(file)
    settings = load_settings(data=data)
    with open_database(settings.database_address) as database:
        changed = _record(database, decisions)
    console.line(f"{len(decisions)} decisions recorded: {changed} verdicts changed.")


def read_decisions(file: Path) -> list[tuple[str, Decision]]:
    """The decisions of a CSV file; themes are apart by semicolons or spaces.

    Raises:
        ReviewError: a column or a value is wrong; names file and line.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ReviewError(f"{file}: can't be read as UTF-8 text: {error}") from error
    rows = csv.DictReader(text.splitlines())
    missing = [name for name in CSV_COLUMNS[:4] if name not in (rows.fieldnames or ())]
    if missing:
        raise ReviewError(f"{file}: lacks the column {missing[0]!r}; its first line must name {', '.join(CSV_COLUMNS)}")
    decisions = []
    for row in rows:
        place = f"{file}:{rows.line_num}"
        said = (row["in_scope"] or "").strip().lower()
        if said not in _YES | _NO:
            raise ReviewError(f"{place}: in_scope is {said!r}; write yes or no")
        try:
            decision = check_decision(
                in_scope=said in _YES,
                themes=(row["themes"] or "").replace(";", " ").split(),
                others_stand=False,
                reviewer=row["reviewer"] or "",
                note=row.get("note") or "",
            )
        except ReviewError as error:
            raise ReviewError(f"{place}: {error}") from error
        decisions.append((row["article"] or "", decision))
    return decisions


def _record(database: Database, decisions: Sequence[tuple[str, Decision]]) -> int:
    changed = 0
    with database.write() as session:
        for what, decision in decisions:
            article = reviews.find_article(what, session=session)
            if article is None:
                raise ReviewError(f"{what!r} is no stored article; give its number in 'review queue', or its address")
            recorded = reviews.record(article, decision, utc_now(), session=session)
            changed += sum(before != now for before, now in recorded.changes.values())
    return changed
