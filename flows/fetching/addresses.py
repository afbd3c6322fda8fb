"""Connections to public addresses only: names are resolved here, checked, and the checked address is connected to.

There is no second look-up between check and connection, so a name can't be rebound to an inner machine. TLS and the
Host header still use the name, since httpx and httpcore never see the number.
"""

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Iterable
from typing import Any

import httpcore

# At most so many addresses of a name are tried: a dead first one must not use up all the time.
MAX_TRIES = 3
# Look-ups at once. Each is a thread of its own that nobody waits for: without a network the resolver blocks for
# half a minute a name, and a thread pool would serialise sixty sources and hold up the end of the program.
MAX_LOOKUPS = 64
CHECK_SECONDS = 3.0  # for a look-up that is but a check: behind a proxy, there may be no resolver at all
# Public by its number, yet the metadata service of a large cloud.
_METADATA = frozenset({ipaddress.ip_address("168.63.129.16")})
# Of the registries of special-purpose addresses, what Python (or an older one) thinks public: protocols, anycast relays
# and name servers of private ranges, documentation.
_SPECIAL = tuple(
    map(
        ipaddress.ip_network,
        ("192.0.0.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.175.48.0/24",
         "2620:4f:8000::/48", "3fff::/20"),
    )
)  # fmt: skip
_UNICAST = ipaddress.ip_network("2000::/3")  # all that is given out of IPv6; what is beyond is special or not in use
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # IPv4 behind NAT64

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRefused(httpcore.ConnectError):
    """The name leads to a private, loopback, link-local or otherwise inner address."""


class NameNotFound(httpcore.ConnectError):
    """The name has no address, or no resolver answers."""


def is_public(address: IpAddress) -> bool:
    """Whether an address is one of the open internet, also when it is wrapped in another."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if address in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner:
            return is_public(inner)
        if address not in _UNICAST:
            return False
    if any(address in network for network in _SPECIAL):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved and address not in _METADATA


class PublicNetwork(httpcore.AsyncNetworkBackend):
    """httpcore's door to the network, which opens to public addresses and to the hosts that the user allows.

    Raises (when connecting):
        AddressRefused, NameNotFound: both are `httpcore.ConnectError`.
    """

    def __init__(self, allow_hosts: frozenset[str]) -> None:
        self._allowed = frozenset(host.strip("[]") for host in allow_hosts)
        self._inner = httpcore.AnyIOBackend()
        self._lookups = asyncio.Semaphore(MAX_LOOKUPS)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first checked address of `host` that answers."""
        addresses = await self._addresses(host, port, timeout)
        failure: Exception = NameNotFound(f"{host} has no address")
        for address in addresses:
            try:
                return await self._inner.connect_tcp(
                    str(address),
                    port,
                    timeout=None if timeout is None else timeout / len(addresses),
                    local_address=local_address,
                    socket_options=socket_options,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Never: no web address means a socket file."""
        raise AddressRefused(f"{path} is no web address")

    async def sleep(self, seconds: float) -> None:
        """Wait, as httpcore asks for between retries."""
        await asyncio.sleep(seconds)

    def allows(self, host: str, port: int) -> bool:
        """Whether the user allowed this host, whatever its address."""
        return host in self._allowed or f"{host}:{port}" in self._allowed

    async def check(self, host: str, port: int) -> None:
        """Refuse a host that is, or is known here to be, at inner addresses alone; for what a proxy connects to.

        A name that is not known here is left to the proxy, whose network may know more.

        Raises:
            AddressRefused: the host may not be asked.
        """
        if self.allows(host, port):
            return
        if "." not in host and ":" not in host:
            raise AddressRefused(f"{host} is a name of an inner network; allow it in CULTURE_ALLOW_HOSTS")
        with contextlib.suppress(NameNotFound):
            await self._addresses(host, port, CHECK_SECONDS)

    async def _addresses(self, host: str, port: int, timeout: float | None) -> list[IpAddress]:
        try:
            found = [ipaddress.ip_address(host.strip("[]"))]
        except ValueError:
            found = await self._resolve(host, port, timeout)
        if self.allows(host, port):
            return found[:MAX_TRIES]
        public = [address for address in found if is_public(address)]
        if found and not public:
            raise AddressRefused(f"{host} is at a private address ({found[0]}); allow it in CULTURE_ALLOW_HOSTS")
        return public[:MAX_TRIES]

    async def _resolve(self, host: str, port: int, timeout: float | None) -> list[IpAddress]:
        async with self._lookups:
            loop = asyncio.get_running_loop()
            answer: asyncio.Future[list[IpAddress]] = loop.create_future()
            threading.Thread(target=_look_up, args=(host, port, loop, answer), daemon=True).start()
            try:
                return await asyncio.wait_for(answer, timeout)
            except TimeoutError as error:
                raise NameNotFound(f"no resolver answered for {host}") from error


def _reason(error: Exception) -> str:
    """The resolver's own words, without the number of the error."""
    return (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__


def _look_up(host: str, port: int, loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[list[IpAddress]]") -> None:
    """In a thread: ask the system's resolver, hand the answer to the loop."""
    found: list[IpAddress] = []
    failure: Exception | None = None
    try:
        for _, _, _, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            address = ipaddress.ip_address(str(place[0]).partition("%")[0])
            if address not in found:
                found.append(address)
    except (OSError, UnicodeError, ValueError) as error:
        failure = NameNotFound(f"no address is known for {host} ({_reason(error)})")

    def deliver() -> None:
        if answer.done():
            return
        if failure is not None:
            answer.set_exception(failure)
        else:
            answer.set_result(found)

    try:
        loop.call_soon_threadsafe(deliver)
    except RuntimeError:  # the loop has ended; nobody waits for the answer any more
        return
