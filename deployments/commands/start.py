"""`culture-monitor start`: the Prefect server, its UI and all scheduled deployments, in one command."""

import typer

from deployments import console
from deployments.commands.options import Data, Sources, Verbose
from deployments.demo_folder import leave_demo
from deployments.start import StartError
from deployments.start import start as start_all
from models.settings import load_settings


def start(data: Data = None, sources: Sources = None, verbose: Verbose = False) -> None:
    """Serve the Prefect UI, and run everything on its schedule, until Ctrl-C."""
    settings = load_settings(data=data, sources=sources)
    note = leave_demo(settings)
    if note:
        console.note(note)
    try:
        start_all(settings, console.line)
    except StartError as error:
        console.problem(str(error))
        raise typer.Exit(1) from error
