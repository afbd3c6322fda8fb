"""`culture-monitor evaluate`, `explain` and `model`: how good the tagger is, and why it says what it says."""

from pathlib import Path
from typing import Annotated

import typer

from deployments import console
from deployments.commands.options import Data, Json, Verbose
from flows import jobs
from models.settings import load_settings
from models.store.database import open_database
from models.tagging.evaluation import evaluate as measure
from models.tagging.evaluation import read_labelled
from models.themes import THEME_IDS

app = typer.Typer(help="The trained classifier.", no_args_is_help=True, rich_markup_mode=None)


def evaluate(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.jsonl", help='Lines {"id","title","text","in_scope","themes"}.')
    ],
    data: Data = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Measure the tagger on labelled text."""
    settings = load_settings(data=data)
    labelled = read_labelled(file)
    with open_database(settings.database_address) as database:
        tagger, notes = jobs.open_tagger(database, settings)
    for note in notes:
        console.note(note)
    result = measure(tagger, labelled)
    if json:
        console.as_json(result)
        return
    scope, themes = result["in_scope"], result["themes"]
    console.line(f"{result['n']} articles in {result['seconds']:.1f} s, model {tagger.version}")
    console.line(
        f"In scope: precision {scope['precision']:.2f}, recall {scope['recall']:.2f}, F1 {scope['f1']:.2f}, "
        f"average precision {scope['average_precision']:.2f}, ROC AUC {scope['roc_auc']:.2f}"
    )
    console.line(
        f"Themes: micro-F1 {themes['micro_f1']:.2f}, macro-F1 {themes['macro_f1']:.2f}, "
        f"mean average precision {themes['mean_average_precision']:.2f}"
    )
    columns = ("theme", "precision", "recall", "F1", "average precision", "articles")
    rows = []
    for theme in THEME_IDS:
        scores = themes["per_theme"][theme]
        figures = [f"{scores[key]:.2f}" for key in ("precision", "recall", "f1", "average_precision")]
        rows.append((theme, *figures, scores["support"]))
    console.table("By theme", columns, rows)
