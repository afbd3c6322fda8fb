"""`culture-monitor evaluate`, `explain` and `model`: how good the tagger is, and why it says what it says."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments import console
from deployments.commands.options import Data, Json, Verbose
from deployments.read_only_database import stored
from flows.running import jobs
from models.settings import MINILM, Settings, load_settings
from models.store import model_versions
from models.store.database import open_database
from models.themes import theme_ids
from models.weeks import utc_now

if TYPE_CHECKING:
    from models.tagging.classifier import Tagger

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
    # Here, not above: scikit-learn takes over a second to import, which every other command would wait for.
    from models.tagging import evaluation

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


def _to_measure(settings: Settings) -> "tuple[Tagger, list[str]]":
    """The champion where there is one, else the model that is shipped."""
    with stored(settings) as database:
        with database.read() as session:
            there = model_versions.champion(session=session) is not None
        if there:
            return jobs.read_tagger(database, settings)
    tagger, notes = jobs.shipped_tagger(settings)
    return tagger, [*notes, "No model tags here yet: this is the shipped one, fitted to be measured."]


def _figure(value: float | None) -> str:
    """A measure with two decimals; a dash where it can't be had, as that of a theme that no article carries."""
    return "–" if value is None else f"{value:.2f}"


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
        document = jobs.find_document(what, database)
        if document is None:
            raise typer.BadParameter(
                f"{what!r} is no stored article's address or number, and no text file",
                param_hint="URL|ID|FILE",
            )
        tagger, notes = jobs.read_tagger(database, settings)
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


@app.command("fetch", epilog="Example: culture-monitor model fetch --data /srv/culture")
def fetch(data: Data = None, verbose: Verbose = False) -> None:
    """Fetch the sentence encoder ahead of time (84 MB, checked by SHA-256)."""
    from flows.tagging.encoder_weights import FetchError, fetch_encoder  # here: an HTTP client, for this alone

    settings = load_settings(data=data)
    try:
        fetch_encoder(settings.models_folder / MINILM, source=settings.encoder_folder, say=console.line)
    except FetchError as error:
        console.problem(f"{error}; set CULTURE_ENCODER_FOLDER to a folder that has its files, or CULTURE_ENCODER=tfidf")
        raise typer.Exit(1) from error


@app.command("list", epilog="Example: culture-monitor model list --json")
def list_models(data: Data = None, json: Json = False) -> None:
    """List the trained versions; the champion is the one that tags."""
    settings = load_settings(data=data)
    with stored(settings) as database, database.read() as session:
        versions = model_versions.all_versions(session=session)
    if json:
        console.as_json([version.model_dump(mode="json") for version in versions])
        return
    rows = [
        (
            v.version,
            f"{v.state}, chosen by a person" if v.pinned else v.state,
            f"{v.trained_at:%Y-%m-%d %H:%M}",
            v.encoder,
            v.reviews_learned,
        )
        for v in versions
    ]
    console.table("Trained versions", ("version", "state", "trained (UTC)", "encoder", "reviews learned"), rows)


@app.command("train", epilog="Example: culture-monitor model train")
def train(
    force: Annotated[bool, typer.Option("--force", help="Even if there are no new reviews.")] = False,
    data: Data = None,
    verbose: Verbose = False,
) -> None:
    """Learn from people's reviews: a challenger takes over only if it measures no worse than the champion."""
    # Here, not above: scikit-learn takes over a second to import, which every other command would wait for.
    from flows.tagging.training import train as learn

    settings = load_settings(data=data)
    with open_database(settings.database_address) as database:
        summary = learn(database, settings, now=utc_now(), force=force)
    for note in summary.notes:
        console.note(note)
    if summary.promotion is None or summary.card is None or summary.before is None:
        console.line(f"Version {summary.champion} goes on tagging.")
        return
    rows = [
        (name, f"{summary.before[part][key]:.3f}", f"{summary.card['scores'][part][key]:.3f}")
        for name, part, key in (
            ("scope F1", "in_scope", "f1"),
            ("themes micro-F1", "themes", "micro_f1"),
            ("themes macro-F1", "themes", "macro_f1"),
        )
    ]
    console.table(f"On {summary.before['n']} articles that neither learned from", ("", "before", "challenger"), rows)
    console.line(summary.missed)
    verdict = "takes over" if summary.promotion.accepted else "is rejected"
    console.line(f"The challenger {summary.challenger} {verdict}: {'; '.join(summary.promotion.reasons)}.")


@app.command("rollback", epilog="Example: culture-monitor model rollback f97540041f71")
def rollback(
    version: Annotated[str, typer.Argument(help="A version of 'culture-monitor model list'.")], data: Data = None
) -> None:
    """Go back to an earlier version, until you choose another or a challenger takes over."""
    settings = load_settings(data=data)
    with open_database(settings.database_address) as database:
        jobs.roll_back(database, settings, version)
    console.line(
        f"Version {version} tags from now on: until you go to another, or a challenger with new reviews measures no worse."
    )
