"""`culture-monitor backup` and `restore`: the whole SQLite database in one file; for PostgreSQL, the lines to run."""

from pathlib import Path
from typing import Annotated

import typer

from deployments import console
from deployments.commands.options import Data, Verbose
from models.settings import load_settings
from models.store.backup import back_up
from models.store.backup import restore as put_back


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; an earlier backup there is replaced.")],
    data: Data = None,
    verbose: Verbose = False,
) -> None:
    """Write the whole database to one file, while the monitor runs. It holds the recipients' addresses."""
    settings = load_settings(data=data)
    size = back_up(settings.database_address, file)
    console.line(
        f"{file}: {size / 1e6:.1f} MB, whole and checked. It holds the recipients' addresses: keep it as such."
    )


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Made by 'culture-monitor backup'.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a database that holds articles or recipients; they are lost.")
    ] = False,
    data: Data = None,
    verbose: Verbose = False,
) -> None:
    """Put a backup in the database's place, whole or not at all. End the monitor first."""
    settings = load_settings(data=data)
    put_back(settings.database_address, file, replace=replace)
    console.line(f"The database is as it was when {file} was made.")
