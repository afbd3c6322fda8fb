"""`culture-monitor web`: the archive and one-click unsubscribing."""

from deployments import console
from deployments.commands.options import Data, Verbose
from deployments.web import serve
from models.settings import load_settings


def web(data: Data = None, verbose: Verbose = False) -> None:
    """Serve the web archive and one-click unsubscribing, for the address that CULTURE_BASE_URL names."""
    serve(load_settings(data=data), console.line)
