"""A process of its own that posts one message through apprise: `python -m flows.publishing.apprise_post`.

apprise asks through requests, which obeys the proxies of the environment, bounds neither the time nor the size of an answer,
and connects to whatever a name leads to. Here none of that matters: the process has an environment without proxies and
passwords, its memory is bounded, `flows.publishing.channels` ends it after a while, and no socket of it opens to an address
that is not public, but for those of the hosts that the user allows and of the user's own proxy.

Standard input holds the order as JSON; what comes back is the exit code and, on standard output, the status of the answer.
"""

import contextlib
import ipaddress
import json
import logging
import re
import socket
import sys
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import requests
from apprise import Apprise, AppriseAsset, NotifyFormat
from apprise.logger import logger as apprise_logger

from flows.fetching.addresses import is_public

SENT, NOT_TAKEN, NO_ADDRESS, INNER = 0, 10, 11, 12
MEMORY_BYTES = 1_000_000_000
_STATUS = re.compile(r"error=(\d{3})\b")


class Guard:
    """Lets sockets connect to public addresses, and to those of the hosts that are allowed."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._hosts = {host.strip("[]").lower() for host in allowed}
        self._known: set[tuple[str, int]] = set()  # addresses and ports of allowed hosts
        self._look_up = socket.getaddrinfo
        self.refused = False

    def install(self) -> None:
        """From now on, for the rest of this process."""
        socket.getaddrinfo = self._get_addresses
        sys.addaudithook(self._on_event)

    def _get_addresses(self, host: Any, port: Any, *more: Any, **options: Any) -> Any:
        found = self._look_up(host, port, *more, **options)
        if {str(host).strip("[]").lower(), f"{host}:{port}".lower()} & self._hosts:
            self._known |= {(str(place[4][0]), int(place[4][1])) for place in found}
        return found

    def _on_event(self, event: str, details: tuple[Any, ...]) -> None:
        if event not in {"socket.connect", "socket.sendto"}:
            return
        place = details[1]
        if not isinstance(place, tuple) or not self._may_ask(*place[:2]):
            self.refused = True
            raise PermissionError("not a public address")  # an OSError: what apprise and requests expect of a network

    def check(self, address: str) -> None:
        """Refuse a web address at inner addresses alone: a proxy would connect to it, unseen by the hook.

        Raises:
            requests.ConnectionError: it may not be asked. A name that is not known here is left to the proxy.
        """
        parts = urlsplit(address)
        with contextlib.suppress(socket.gaierror):
            port = parts.port or (443 if parts.scheme == "https" else 80)
            found = socket.getaddrinfo(parts.hostname, port)
            if not any(self._may_ask(str(place[4][0]), port) for place in found):
                self.refused = True
                raise requests.ConnectionError("not a public address")

    def _may_ask(self, address: str, port: int) -> bool:
        with contextlib.suppress(ValueError):
            return (address, port) in self._known or is_public(ipaddress.ip_address(address.partition("%")[0]))
        return False


class _Statuses(logging.Handler):
    """What the other side answered, out of apprise's own words; the rest of those may hold the address."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        if found := _STATUS.search(record.getMessage()):
            self.last = found[1]


def post(order: dict[str, Any]) -> tuple[int, str]:
    """Post, or without a text only check the address; an exit code, and the status that was answered where one is known."""
    guard, statuses = Guard(order["allow_hosts"]), _Statuses()
    guard.install()
    apprise_logger.addHandler(statuses)
    if order["proxy"]:
        send = requests.adapters.HTTPAdapter.send

        def checked(self: Any, request: Any, **options: Any) -> Any:
            guard.check(request.url)
            return send(self, request, **options)

        requests.adapters.HTTPAdapter.send = checked  # type: ignore[assignment]
    # No redirects: a post that is sent elsewhere arrives as a question. Nothing is kept on disk, no plugin is read from there.
    asset = AppriseAsset(storage_mode="memory", async_mode=False, http_redirects=False, plugin_paths=[])
    service = Apprise.instantiate(order["address"], asset=asset, suppress_exceptions=True)
    if service is None:
        return NO_ADDRESS, ""
    if not order["text"]:
        return SENT, ""
    teller = Apprise(asset=asset)
    teller.add(service)
    if teller.notify(body=order["text"], title=order["title"], body_format=NotifyFormat.TEXT):
        return SENT, ""
    return (INNER if guard.refused else NOT_TAKEN), statuses.last


def main() -> int:
    """Read the order, post, print the status."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    code, status = post(json.load(sys.stdin))
    sys.stdout.write(status)
    return code


if __name__ == "__main__":
    sys.exit(main())
