"""The command `culture-monitor`: reads what a person typed, calls the jobs, shows what they did.

Exit codes: 0 done, 1 done with failures that the summary names, 2 wrong usage or settings.
"""

import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from sqlalchemy.exc import DBAPIError
from typer.core import TyperGroup

from deployments import console
from deployments.utf8 import use_utf8
from models.private_files import keep_private
from models.reviews import ReviewError
from models.seeds import DataFileError
from models.settings import SettingsError, code_version
from models.sources import UnknownSourceError
from models.store.database import DatabaseError, explain_error
from models.store.model_versions import ModelError
from models.store.recipients import RecipientError

DONE_WITH_FAILURES = 1
WRONG_USAGE = 2
# What a person can cause and fix: shown as one line.
EXPECTED = (SettingsError, DataFileError, DatabaseError, ModelError, RecipientError, ReviewError, UnknownSourceError)
# {command: where it is in `deployments.commands`}, in the order of --help. A module is imported when its command is asked for:
# together they take three times as long as most of them alone.
COMMANDS = {
    "demo": "demo:demo",
    "run": "run:run",
    "start": "start:start",
    "doctor": "doctor:doctor",
    "digest": "digest:digest",
    "evaluate": "model:evaluate",
    "explain": "model:explain",
    "export": "export:export",
    "backfill": "backfill:backfill",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "upkeep": "upkeep:upkeep",
    "web": "web:web",
    "model": "model:app",
    "organisations": "organisations:app",
    "recipients": "recipients:app",
    "review": "review:app",
    "sources": "sources:app",
}


class _Commands(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        found = getattr(import_module(f"deployments.commands.{module}"), name)
        if isinstance(found, typer.Typer):
            return typer.main.get_command(found)
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(cmd_name)(found)
        return typer.main.get_command(alone)


app = typer.Typer(
    cls=_Commands,
    name="culture-monitor",
    help="Monitors news on how the NHS and social care are led, theme by theme.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
    if arguments is None:
        use_utf8()
    console.never_fail_to_print()
    keep_private()
    words = list(sys.argv[1:] if arguments is None else arguments)
    verbose = "--verbose" in words
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(console.PlainFormatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler])
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
