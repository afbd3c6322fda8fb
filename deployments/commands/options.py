"""Options that several commands share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from models.sources import Registry, Source, UnknownSourceError

Data = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Folder for everything that is written (default: ./data).")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Log what happens; show tracebacks.")]
Sources = Annotated[
    Path | None,
    typer.Option("--sources", metavar="FILE", help="Registry of sources to use instead of the one shipped."),
]


def choose_sources(registry: Registry, ids: Sequence[str]) -> list[Source] | None:
    """The sources with these ids, enabled or not; a wrong one is an error in the command's words."""
    try:
        return registry.choose(ids)
    except UnknownSourceError as error:
        raise typer.BadParameter(f"{error}; see 'culture-monitor sources list'") from error
