"""`culture-monitor upkeep`: brings the database up to date and deletes what is past its time."""

import asyncio
from typing import Annotated

import typer

from deployments import console
from deployments.commands.options import Data, Sources, Verbose
from deployments.prefect_api import forget_runs_of
from flows.publishing import erasure
from models.settings import load_settings
from models.sources import load_registry
from models.store import search
from models.store.database import open_database
from models.weeks import utc_now


def upkeep(
    rebuild_search: Annotated[
        bool, typer.Option("--rebuild-search", help="Make the index that is searched anew, too.")
    ] = False,
    data: Data = None,
    sources: Sources = None,
    verbose: Verbose = False,
) -> None:
    """Bring the database's schema up to date, and delete what is past its time."""
    settings = load_settings(data=data, sources=sources)
    registry = load_registry(settings.sources)
    with open_database(settings.database_address) as database:
        done = asyncio.run(
            erasure.upkeep(database, registry, settings, now=utc_now(), forget_runs=forget_runs_of(settings))
        )
        if rebuild_search:
            with database.write() as session:
                console.line(f"The index was made anew: {search.rebuild(session=session):,} articles.")
    console.line(
        f"The database is up to date. Deleted: {done.texts} texts, {done.requests} logged requests, "
        f"{done.recipients} departed recipients."
    )
