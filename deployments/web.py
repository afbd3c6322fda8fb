"""The web archive and one-click unsubscribing, served for a web server with TLS to stand in front of."""

from collections.abc import Callable
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from flows.publishing.unsubscribe import application
from models.settings import Settings, SettingsError
from models.store.database import open_database
from models.weeks import utc_now

REQUEST_SECONDS = 20.0  # a visitor who sends nothing for so long is hung up on


class WebError(SettingsError):
    """It could not be served; the message says why and what to do."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    timeout = REQUEST_SECONDS

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        """Say nothing: the addresses that are asked for hold recipients' tokens."""


def serve(settings: Settings, say: Callable[[str], None]) -> None:
    """Serve until Ctrl-C.

    Raises:
        WebError: the address or port can't be had.
    """
    host, port = settings.web_host, settings.web_port
    with open_database(settings.database_address) as database:
        app = application(database, settings.data / "archive", utc_now, settings.base_url)
        try:
            server = make_server(host, port, app, server_class=_Server, handler_class=_Handler)
        except OSError as error:
            raise WebError(f"{host}:{port} can't be served on ({error.strerror}); set CULTURE_WEB_PORT") from error
        with server:
            say(f"The archive and one-click unsubscribing are served on http://{host}:{port}/; Ctrl-C stops it.")
            server.serve_forever()
