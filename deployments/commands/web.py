"""`culture-monitor web`: the web edition."""

from deployments import console
from deployments.commands.options import Data, Verbose
from deployments.web import serve
from models.settings import load_settings


def web(data: Data = None, verbose: Verbose = False) -> None:
    """Serve the web edition: pages, search, one-click unsubscribing."""
    serve(
        load_settings(data=data),
        lambda address: console.line(f"The web edition is served on {address} Ctrl-C stops it."),
    )
