"""The command `culture-monitor`: reads what a person typed, calls the jobs, shows what they did.

Exit codes: 0 done, 1 done with failures that the summary names, 2 wrong usage or settings.
"""

import logging
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from sqlalchemy.exc import DBAPIError

from deployments import console
from deployments.commands import (
    backfill,
    backup,
    demo,
    digest,
    doctor,
    export,
    model,
    organisations,
    recipients,
    review,
    run,
    sources,
    start,
    web,
)
from deployments.web import WebError
from flows.jobs import code_version
from flows.web.encoder_weights import FetchError
from models.reviews import ReviewError
from models.seeds import DataFileError
from models.settings import SettingsError
from models.store.database import DatabaseError, explain_error
from models.store.recipients import RecipientError
from models.tagging.encoders import EncoderMissingError

DONE_WITH_FAILURES = 1
WRONG_USAGE = 2
# What a person can cause and mend: shown as one line.
EXPECTED = (
    SettingsError,
    DataFileError,
    DatabaseError,
    RecipientError,
    ReviewError,
    EncoderMissingError,
    FetchError,
    WebError,
)

app = typer.Typer(
    name="culture-monitor",
    help="Monitors news on how the NHS and social care are led, against the themes of the 2022 Messenger review.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("run")(run.run)
app.command("start")(start.start)
app.command("doctor")(doctor.doctor)
app.command("digest")(digest.digest)
app.command("evaluate")(model.evaluate)
app.command("explain")(model.explain)
app.command("export")(export.export)
app.command("backfill")(backfill.backfill)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("web")(web.web)
app.add_typer(model.app, name="model")
app.add_typer(organisations.app, name="organisations")
app.add_typer(recipients.app, name="recipients")
app.add_typer(review.app, name="review")
app.add_typer(sources.app, name="sources")


def _show_version(wanted: bool) -> None:
    if wanted:
        console.line(f"culture-monitor {code_version()}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options before the command."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; expected errors become one line and exit code 2."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    verbose = "--verbose" in words
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        app(words)
    except EXPECTED as error:
        if verbose:
            raise
        console.problem(str(error))
        sys.exit(WRONG_USAGE)
    except DBAPIError as error:  # while it worked: the disk is full, the server went away
        if verbose:
            raise
        console.problem(explain_error(error))
        sys.exit(WRONG_USAGE)
    except OSError as error:
        if verbose:
            raise
        console.problem(f"{error.filename or 'a file or connection'}: {error.strerror or error}")
        sys.exit(WRONG_USAGE)
    except KeyboardInterrupt:
        console.problem("stopped; what was stored is whole, the next run goes on from there")
        sys.exit(130)


if __name__ == "__main__":
    main()
