"""The web server: uvicorn with limits for slow and hostile clients."""

import asyncio
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS = 20.0  # a visitor whose request is not whole by then is hung up on
CONNECTIONS = 200  # at one time; more are told to come back
HEAD_BYTES = 16_384  # of a request, all headers together
KEEP_ALIVE_SECONDS = 5


class BoundedProtocol(H11Protocol):
    """HTTP whose requests must come in their time: uvicorn bounds only the pause between two of them."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(REQUEST_SECONDS, self._hang_up)

    def data_received(self, data: bytes) -> None:
        """Wait for what begins here to become a whole request."""
        if self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_SECONDS, self._hang_up)
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def _hang_up(self) -> None:
        self._deadline = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()


def make_server(app: ASGIApp, host: str, port: int) -> uvicorn.Server:
    """A server that is ready to be run; it logs no address that is asked for."""
    settings: dict[str, Any] = {
        "access_log": False,
        "log_level": "error",
        "limit_concurrency": CONNECTIONS,
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": 3,
        "h11_max_incomplete_event_size": HEAD_BYTES,
        "http": BoundedProtocol,
        "ws": "none",
        "proxy_headers": False,  # `flows.website.guard` decides whose word counts
        "server_header": False,
        "date_header": True,
    }
    return uvicorn.Server(uvicorn.Config(app, host=host, port=port, **settings))
