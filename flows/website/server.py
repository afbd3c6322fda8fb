"""The web server: uvicorn with limits for slow and hostile clients."""

import asyncio
from collections import Counter
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from flows.website.guard import is_loopback, network_of, plain_address

REQUEST_SECONDS = 20.0  # a visitor whose request is not whole in once or twice this time is hung up on
CONNECTIONS = 200  # at one time; more are told to come back
CONNECTIONS_OF_ONE = 40  # of them, of one address that is neither this machine nor a proxy
HEAD_BYTES = 16_384  # of a request, all headers together
KEEP_ALIVE_SECONDS = 5


class BoundedProtocol(H11Protocol):
    """HTTP whose requests come, and whose answers are fetched, in their time: uvicorn bounds only the pause between two.

    One address holds so many connections, so that it can't take them all.
    """

    _of_one: Counter[str]  # connections by visitor, those of proxies left out; each server has its own
    _proxies: frozenset[str]
    _visitor = ""
    _timer: asyncio.TimerHandle | None = None
    _seen: object = None  # the request that was answered when it was last looked at

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(REQUEST_SECONDS, self._look)
        peer = plain_address(self.client[0]) if self.client else ""
        if peer and peer not in self._proxies and not is_loopback(peer):
            self._visitor = network_of(peer)
            self._of_one[self._visitor] += 1
            if self._of_one[self._visitor] > CONNECTIONS_OF_ONE:
                transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        if self._timer is not None:
            self._timer.cancel()
        if self._visitor:
            self._of_one -= Counter([self._visitor])
        super().connection_lost(exc)

    def _look(self) -> None:
        """Hang up where a request is still not whole, and cut off who does not fetch what they were sent."""
        if self.transport.is_closing():  # since the last look at the latest, and waits for its answer to be fetched
            self.transport.abort()
            return
        idle = self.cycle is None or self.cycle.response_complete
        if idle and self.timeout_keep_alive_task is None and self.cycle is self._seen:
            self.transport.close()
        self._seen = self.cycle
        self._timer = self.loop.call_later(REQUEST_SECONDS, self._look)


def make_server(
    app: ASGIApp, host: str, port: int, proxies: Collection[IPv4Address | IPv6Address] = ()
) -> uvicorn.Server:
    """A server that is ready to be run; it logs no address that is asked for."""
    own = {"_of_one": Counter[str](), "_proxies": frozenset(map(str, proxies))}
    settings: dict[str, Any] = {
        "access_log": False,
        "log_level": "critical",  # the guard logs what fails; the rest is of visitors who do not fetch their answers
        "limit_concurrency": CONNECTIONS,
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": 3,
        "h11_max_incomplete_event_size": HEAD_BYTES,
        "http": type("OwnProtocol", (BoundedProtocol,), own),
        "ws": "none",
        "proxy_headers": False,  # `flows.website.guard` decides whose word counts
        "server_header": False,
        "date_header": True,
    }
    return uvicorn.Server(uvicorn.Config(app, host=host, port=port, **settings))
