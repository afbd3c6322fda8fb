"""The command `culture-monitor`: reads what a person typed, calls the jobs, shows what they did.

Exit codes: 0 done, 1 done with failures that the summary names, 2 wrong usage or settings.
"""

import ast
import gc
import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.resources import files
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from deployments import console
from models.private_files import keep_private

WRONG_USAGE = 2
# {command: (where it is in `deployments.commands`, an example of its arguments)}, in the order of --help. A module is imported when
# its command is asked for: together they take three times as long as most of them alone.
COMMANDS = {
    "demo": ("demo:demo", ""),
    "run": ("run:run", "--only nhs-england-govuk"),
    "start": ("start:start", "--data /srv/culture"),
    "doctor": ("doctor:doctor", "--json"),
    "digest": ("digest:digest", "--week 2026-W47 --dry-run"),
    "edit": ("edit:edit", '--by Ada --leave-out 42 --note "A quiet week."'),
    "evaluate": ("evaluate:evaluate", "labelled.jsonl"),
    "explain": ("evaluate:explain", "42"),
    "compare": ("compare:compare", "bulletin.eml --week 2026-W47"),
    "export": ("export:export", 'week.csv --theme "Speaking up"'),
    "backfill": ("backfill:backfill", "--from 2026-06-01 --to 2026-08-31"),
    "backup": ("backup:backup", "monday.backup"),
    "restore": ("backup:restore", "monday.backup --replace"),
    "upkeep": ("upkeep:upkeep", ""),
    "web": ("web:web", ""),
    "model": ("model:app", ""),
    "organisations": ("organisations:app", ""),
    "recipients": ("recipients:app", ""),
    "review": ("review:app", ""),
    "sources": ("sources:app", ""),
}


class _Commands(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        where, example = COMMANDS[cmd_name]
        module, _, name = where.partition(":")
        found = getattr(import_module(f"deployments.commands.{module}"), name)
        if isinstance(found, typer.Typer):
            return typer.main.get_command(found)
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(cmd_name, epilog=f"Example: culture-monitor {cmd_name} {example}".rstrip())(found)
        return typer.main.get_command(alone)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _summary(where)) for name, (where, _) in COMMANDS.items()])


def _summary(where: str) -> str:
    """What a command or group does, from its docstring, without importing it."""
    module, _, name = where.partition(":")
    file = files("deployments.commands").joinpath(f"{module}.py")
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    _, _, words = (ast.get_docstring(tree) or "").partition(": ")
    return words[:1].upper() + words[1:]


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
        from models.settings import code_version  # a fifth of a second, which --help does not wait for

        console.line(f"culture-monitor {code_version()}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    log_json: Annotated[
        bool,
        typer.Option("--log-json", help="Log lines and errors as JSON, one object per line; also those of `start`."),
    ] = False,
) -> None:
    """Options before the command."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; expected errors become one line and exit code 2."""
    # Imports make many objects and no rubbish: looking for it after every 700 takes a tenth of a short command's time.
    gc.set_threshold(50_000)
    if arguments is None:
        _use_utf8()
    console.never_fail_to_print()
    keep_private()
    words = list(sys.argv[1:] if arguments is None else arguments)
    verbose = "--verbose" in words
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(console.PlainFormatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler])
    if "--log-json" in words:
        console.log_as_json()
    try:
        app(words)
    except KeyboardInterrupt:
        console.problem("stopped; what was stored is whole, the next run goes on from there")
        sys.exit(130)
    except Exception as error:
        message = None if verbose else _in_one_line(error)
        if message is None:
            raise
        console.problem(message)
        sys.exit(WRONG_USAGE)


def _in_one_line(error: Exception) -> str | None:
    if isinstance(error, OSError):
        return f"{error.filename or 'a file or connection'}: {error.strerror or error}"
    from flows.running.steps import in_one_sentence  # here: SQLAlchemy takes longer than most commands

    return in_one_sentence(error)


def _use_utf8() -> None:
    """Begin this program anew in UTF-8 mode where the file system's encoding is ASCII; else nothing.

    There no name of a person, file or source beyond ASCII could be read from the command line, printed or opened. Python
    decides this before our first line runs, for words, names of files and streams alike, so it is asked once more.
    """
    if sys.getfilesystemencoding() != "ascii" or sys.flags.utf8_mode or not sys.executable:
        return
    os.environ["PYTHONUTF8"] = "1"  # for the processes that we start
    os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - the program itself


if __name__ == "__main__":
    main()
