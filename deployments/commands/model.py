"""`culture-monitor model`: the trained classifier."""

from typing import Annotated

import typer

from deployments import console
from deployments.commands.options import Data, Json, Verbose
from deployments.read_only_database import stored
from models.settings import MINILM, load_settings
from models.store import model_versions
from models.store.database import open_database
from models.weeks import utc_now

app = typer.Typer(help="The trained classifier.", no_args_is_help=True, rich_markup_mode=None)


@app.command("fetch", epilog="Example: culture-monitor model fetch --data /srv/culture")
def fetch(data: Data = None, verbose: Verbose = False) -> None:
    """Fetch the sentence encoder ahead of time (MiniLM 84 MB, MPNet 418 MB; checked by SHA-256)."""
    from flows.tagging.encoder_weights import FetchError, fetch_encoder  # here: an HTTP client, for this alone
    from models.tagging.encoders import published_encoder

    settings = load_settings(data=data)
    try:
        name = published_encoder(settings.encoder) or MINILM
        fetch_encoder(settings.models_folder / name, name, source=settings.encoder_folder, say=console.line)
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
    # Here, not above: scikit-learn takes over a second to import, which `list` would wait for.
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
    from flows.tagging.open_tagger import roll_back  # here: as in `train`

    settings = load_settings(data=data)
    with open_database(settings.database_address) as database:
        roll_back(database, settings, version)
    console.line(
        f"Version {version} tags from now on: until you go to another, or a challenger with new reviews measures no worse."
    )
