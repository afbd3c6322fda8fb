"""The web edition, served for a web server with TLS to stand in front of.

`culture-monitor start` starts it as `python -m deployments.web`, with a file for the address that it was given.
"""

import argparse
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from deployments.prefect_api import forget_runs_of
from flows.website.app import make_app
from flows.website.server import make_server
from models.private_files import keep_private, write_whole
from models.settings import Settings, SettingsError, load_settings
from models.sources import load_registry
from models.store.database import open_database
from models.weeks import utc_now

PORTS_TRIED = 20  # from the one that is set, where no public address leads to that


class WebError(SettingsError):
    """It could not be served; the message says why and what to do."""


def serve(settings: Settings, say: Callable[[str], None], *, ports: int = 1) -> None:
    """Serve until Ctrl-C, on the first of so many ports that is free; `say` is told where.

    Raises:
        SettingsError: visitors must be named by a proxy, and no proxy is.
        WebError: the address or port can't be had.
    """
    if settings.web_trusted_header and not settings.web_proxies:
        raise SettingsError(
            "CULTURE_WEB_TRUSTED_HEADER counts only from CULTURE_WEB_PROXIES, which names none: nobody could see a page"
        )
    registry = load_registry(settings.sources)

    async def forget_runs(addresses: Sequence[str]) -> None:
        if forget := forget_runs_of(settings):  # only now: it imports Prefect
            await forget(addresses)

    with open_database(settings.database_address) as database, _listen(settings, ports) as listening:
        host, port = settings.web_host, int(listening.getsockname()[1])
        say(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
        app = make_app(database, registry, settings, utc_now, forget_runs)
        make_server(app, host, port, settings.web_proxies).run(sockets=[listening])


def _listen(settings: Settings, ports: int) -> socket.socket:
    host, first = settings.web_host, settings.web_port
    for port in range(first, min(first + ports, 65536)):
        try:
            return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        except OSError as error:
            reason = error.strerror
    raise WebError(f"{host}:{first} can't be served on ({reason}); set CULTURE_WEB_PORT")


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m deployments.web", description=__doc__)
    parser.add_argument("--ready", type=Path, required=True, help="file that gets the address, once it can be had")
    ready = parser.parse_args().ready
    keep_private()
    settings = load_settings()
    # Where links lead to the one port that is set, another one would be no help.
    ports = 1 if settings.base_url else PORTS_TRIED

    def say(address: str) -> None:
        write_whole(ready, address.encode())

    serve(settings, say, ports=ports)


if __name__ == "__main__":
    main()
