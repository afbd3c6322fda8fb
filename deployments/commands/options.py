"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Folder for everything that is written (default: ./data).")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Log what happens; show tracebacks.")]
Sources = Annotated[
    Path | None,
    typer.Option("--sources", metavar="FILE", help="Registry of sources to use instead of the one shipped."),
]
