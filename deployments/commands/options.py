"""Options that several commands share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from models.sources import Registry, Source

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
    """The sources with these ids, enabled or not; None where none is named."""
    known = registry.by_id()
    for source_id in ids:
        if source_id not in known:
            raise typer.BadParameter(
                f"{source_id!r} is not a source of the registry; see 'culture-monitor sources list'"
            )
    return [known[source_id] for source_id in ids] or None
