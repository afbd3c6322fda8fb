"""`culture-monitor evaluate` and `explain`: how good the tagger is, and why it says what it says."""

from dataclasses import asdict
from errno import ENAMETOOLONG, ENOENT, ENOTDIR
from pathlib import Path
from typing import Annotated

import typer

from deployments import console
from deployments.commands.options import Data, Json, Verbose
from deployments.read_only_database import stored
from flows.tagging.open_tagger import read_tagger, shipped_tagger
from models.given_files import read_given
from models.seeds import DataFileError
from models.settings import Settings, load_settings
from models.store import model_versions, reviews
from models.store.database import Database
from models.store.tagging import document_of
from models.tagging import evaluation
from models.tagging.classifier import Tagger
from models.tagging.decisions import Document
from models.themes import theme_ids


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
    labelled = evaluation.read_labelled(file)
    tagger, notes = _to_measure(settings)
    for note in notes:
        console.note(note)
    result = evaluation.evaluate(tagger, labelled)
    if json:
        console.as_json(result)
        return
    scope, themes = result["in_scope"], result["themes"]
    console.line(f"{result['n']} articles in {result['seconds']:.1f} s, model {tagger.version}")
    console.line(
        f"In scope: precision {_figure(scope['precision'])}, recall {_figure(scope['recall'])}, "
        f"F1 {_figure(scope['f1'])}, average precision {_figure(scope['average_precision'])}, "
        f"ROC AUC {_figure(scope['roc_auc'])}"
    )
    console.line(
        f"Themes: micro-F1 {_figure(themes['micro_f1'])}, macro-F1 {_figure(themes['macro_f1'])}, "
        f"mean average precision {_figure(themes['mean_average_precision'])}"
    )
    columns = ("theme", "precision", "recall", "F1", "average precision", "articles")
    rows = []
    for theme in theme_ids():
        scores = themes["per_theme"][theme]
        measured = ("precision", "recall", "f1", "average_precision")
        figures = [_figure(scores[key] if scores["support"] else None) for key in measured]
        rows.append((theme, *figures, scores["support"]))
    console.table("By theme", columns, rows)


def explain(
    what: Annotated[
        str, typer.Argument(metavar="URL|ID|FILE", help="A stored article's address or number, or a text file.")
    ],
    data: Data = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Show what the tagger says of one article, and why."""
    settings = load_settings(data=data)
    with stored(settings) as database:
        document = _find_document(what, database)
        if document is None:
            raise typer.BadParameter(
                f"{what!r} is no stored article's address or number, and no text file",
                param_hint="URL|ID|FILE",
            )
        tagger, notes = read_tagger(database, settings)
    for text in notes:
        console.note(text)
    found = tagger.explain(document)
    if json:
        console.as_json(asdict(found))
        return
    console.line(found.title or "(no title)")
    console.line(
        f"In scope: {found.scope_state} ({found.in_scope:.2f}, yes from {found.scope_threshold:.2f}); "
        f"model {found.model_version} with {found.encoder}"
    )
    if found.note:
        console.line(found.note)
    for reason in found.scope_reasons:
        console.line(f"  {reason}")
    rows = [
        (r.theme, str(r.state), f"{r.score:.2f}", f"{r.threshold:.2f}", r.evidence, ", ".join(r.terms))
        for r in found.themes
    ]
    if rows:
        console.table("Themes", ("theme", "state", "score", "yes from", "evidence", "terms"), rows)


def _to_measure(settings: Settings) -> tuple[Tagger, list[str]]:
    """The champion where there is one, else the model that is shipped."""
    with stored(settings) as database:
        with database.read() as session:
            there = model_versions.champion(session=session) is not None
        if there:
            return read_tagger(database, settings)
    tagger, notes = shipped_tagger(settings)
    return tagger, [*notes, "No model tags here yet: this is the shipped one, fitted to be measured."]


def _figure(value: float | None) -> str:
    """A measure with two decimals; a dash where it can't be had, as that of a theme that no article carries."""
    return "–" if value is None else f"{value:.2f}"


def _find_document(what: str, database: Database) -> Document | None:
    """The article that a person means: by its number, its address, or a text file (its first line is the title).

    Raises:
        DataFileError: it is a file that can't be read.
    """
    with database.read() as session:
        article = reviews.find_article(what, session=session)
    if article is not None:
        return document_of(article)
    try:
        title, _, text = read_given(Path(what)).decode("utf-8", "replace").partition("\n")
    except OSError as error:
        if error.errno in (ENOENT, ENOTDIR, ENAMETOOLONG):
            return None
        raise DataFileError(f"{what}: {error.strerror}") from error
    return Document(title=title.strip(), text=text.strip())
