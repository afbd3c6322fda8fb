"""httpx over httpcore with our own door to the network: one client, direct or through the organisation's proxy."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpcore
import httpx

from flows.fetching.addresses import PublicNetwork
from models.urls import mask_keys

MAX_KEPT = 200  # connections without a request; one request runs at a time per host
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


class PublicTransport(httpx.AsyncBaseTransport):
    """Connections to public addresses, kept between the pages of a host; through the proxy where there is one."""

    def __init__(self, network: PublicNetwork, proxy: Proxy | None = None) -> None:
        self._network, self._proxy = network, proxy
        self._tls = httpx.create_ssl_context(trust_env=True)  # honours SSL_CERT_FILE of a company's proxy
        self._direct = self._pool(network)
        self._proxied = self._pool(proxy.network, proxy.core) if proxy is not None else self._direct

    def _pool(self, network: PublicNetwork, proxy: httpcore.Proxy | None = None) -> httpcore.AsyncConnectionPool:
        return httpcore.AsyncConnectionPool(
            ssl_context=self._tls,
            max_connections=None,
            max_keepalive_connections=MAX_KEPT,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
            http2=True,
            network_backend=network,
            proxy=proxy,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; errors are httpcore's own, which the polite client reads."""
        url = request.url
        port = url.port or _PORTS[url.scheme]
        is_direct = self._proxy is None or self._network.allows(url.host, port)
        if not is_direct:  # the proxy connects in our stead, so the address is judged before
            await self._network.check(url.host, port)
        reply = await (self._direct if is_direct else self._proxied).handle_async_request(
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
        await self._direct.aclose()
        await self._proxied.aclose()


class _Body(httpx.AsyncByteStream):
    """The body as it comes off the wire."""

    def __init__(self, reply: httpcore.Response) -> None:
        self._reply = reply

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._reply.aiter_stream():
            yield part

    async def aclose(self) -> None:
        await self._reply.aclose()


def new_client(network: PublicNetwork, *, user_agent: str, proxy: str | None = None) -> httpx.AsyncClient:
    """A client without cookies and redirects; `proxy`: its address, for all hosts but those that `network` allows expressly."""
    _keep_secrets_out_of_logs()
    return httpx.AsyncClient(
        transport=PublicTransport(network, Proxy.at(proxy) if proxy else None),
        headers={"User-Agent": user_agent, "Accept-Language": "en-GB, en;q=0.8, cy;q=0.5, *;q=0.1"},
        # No cookies: each page is asked for as by a new visitor, and nothing of one follows to the next.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        trust_env=False,
    )
