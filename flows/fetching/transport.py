"""httpx over httpcore with our own door to the network: a small client for each host, one TLS context for all.

A client a host costs a third of one client for hundreds of hosts, whose pool is searched for every request.
"""

import logging
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Self

import httpcore
import httpx

from flows.fetching.addresses import PublicNetwork
from models.urls import mask_keys

MAX_CLIENTS = 200  # open at once; the one that was used longest ago is closed first
_PORTS = {"http": 80, "https": 443}
KEEP_ALIVE_SECONDS = 10.0  # longer than the gap between two pages of a host, shorter than servers wait


def _mask(record: logging.LogRecord) -> bool:
    """Write an address into the log without the keys among its parameters."""
    record.msg, record.args = mask_keys(record.getMessage()), ()
    return True


def _keep_secrets_out_of_logs() -> None:
    """httpx logs every address; hpack logs, when asked for all, every header with the path among them."""
    logging.getLogger("httpx").addFilter(_mask)  # once: the same filter is not added twice
    # Below this level both write down whole headers: a redirect's Location may repeat a key.
    logging.getLogger("hpack").setLevel(logging.INFO)
    logging.getLogger("httpcore").setLevel(logging.INFO)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy of the organisation's network: itself may be private, what is asked through it may not."""

    core: httpcore.Proxy
    network: PublicNetwork

    @classmethod
    def at(cls, address: str) -> "Proxy":
        """The proxy at `http://[user:password@]host:port`."""
        url = httpx.URL(address)
        auth = (url.username, url.password) if url.username else None
        bare = url.copy_with(username=None, password=None)
        return cls(httpcore.Proxy(str(bare), auth=auth), PublicNetwork(frozenset({url.host})))


class HostTransport(httpx.AsyncBaseTransport):
    """One host's connections: two at most, since one request runs at a time."""

    def __init__(self, tls: ssl.SSLContext, network: PublicNetwork, proxy: Proxy | None = None) -> None:
        self._network, self._proxy = network, proxy
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=2,
            max_keepalive_connections=1,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
            http2=True,
            network_backend=network if proxy is None else proxy.network,
            proxy=proxy.core if proxy is not None else None,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; errors are httpcore's own, which the polite client reads."""
        url = request.url
        if self._proxy is not None:  # which connects in our stead, so that the address is to be judged before
            await self._network.check(url.host, url.port or _PORTS[url.scheme])
        reply = await self._pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            status_code=reply.status,
            headers=reply.headers,
            stream=_Body(reply),
            extensions=reply.extensions,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    """The body as it comes off the wire."""

    def __init__(self, reply: httpcore.Response) -> None:
        self._reply = reply

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._reply.aiter_stream():
            yield part

    async def aclose(self) -> None:
        await self._reply.aclose()


class HostClients:
    """The clients of all hosts that were asked lately."""

    def __init__(self, *, network: PublicNetwork, user_agent: str, proxy: str | None = None) -> None:
        """`proxy`: its address, for all hosts but those that `network` allows expressly."""
        self._network = network
        self._proxy = Proxy.at(proxy) if proxy else None
        self._headers = {"User-Agent": user_agent, "Accept-Language": "en-GB, en;q=0.8, cy;q=0.5, *;q=0.1"}
        self._tls: ssl.SSLContext | None = None
        self._clients: OrderedDict[str, httpx.AsyncClient] = OrderedDict()
        self._in_use: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        _keep_secrets_out_of_logs()
        self._tls = httpx.create_ssl_context(trust_env=True)  # honours SSL_CERT_FILE of a company's proxy
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def borrow(self, host: str) -> httpx.AsyncClient:
        """The client of `host`; hand it back with `give_back`."""
        if self._tls is None:
            raise RuntimeError("use HostClients in an async with block")
        client = self._clients.get(host)
        if client is None:
            # No cookies: each page is asked for as by a new visitor, and nothing of one follows to the next.
            cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
            client = httpx.AsyncClient(
                transport=HostTransport(self._tls, self._network, self._proxy_for(host)),
                headers=self._headers,
                cookies=cookies,
                follow_redirects=False,
                trust_env=False,
            )
            self._clients[host] = client
        self._clients.move_to_end(host)
        self._in_use[host] = self._in_use.get(host, 0) + 1
        await self._close_some()
        return client

    def _proxy_for(self, host: str) -> Proxy | None:
        name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
        own = name if name and port.isdigit() else host
        return None if self._network.allows(own.strip("[]"), int(port) if port.isdigit() else 443) else self._proxy

    def give_back(self, host: str) -> None:
        """End a loan."""
        self._in_use[host] -= 1
        if not self._in_use[host]:
            del self._in_use[host]

    async def _close_some(self) -> None:
        spare = len(self._clients) - MAX_CLIENTS
        for host in [host for host in self._clients if host not in self._in_use][: max(spare, 0)]:
            await self._clients.pop(host).aclose()
