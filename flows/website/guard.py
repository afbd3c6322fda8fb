"""What stands between the web and the pages: who asks, how often they may, what every answer bears, and what an error tells.

Nothing here or behind it logs an address that was asked for: those of `/unsubscribe` and `/preferences` hold readers' tokens.
"""

import asyncio
import logging
import time
import traceback
from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.exc import DBAPIError
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.settings import Settings
from models.store.database import explain_error

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 30.0  # for a whole answer, a reader on a slow line included
VISITS_PER_MINUTE = 240  # of one visitor: four pages a second
VISITORS_KNOWN = 10_000  # whose visits are counted; a few MB
MAX_ADDRESS = 4000  # letters, with what follows the question mark
MAX_HEADERS = 16_384  # bytes, all together
BY_TOKEN = ("/unsubscribe/", "/preferences/")  # whose login is the reader's token
WITHOUT_LOGIN = (*BY_TOKEN, "/healthz", "/metrics", "/robots.txt")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Frame-Options": "DENY",  # the same for browsers that know no frame-ancestors
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "interest-cohort=()",
}

ErrorPage = Callable[[Scope, int, str], ASGIApp]  # the page for a status and its words


class Limit:
    """So many times in so many seconds for each visitor."""

    def __init__(self, times: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._times = times
        self._seconds = seconds
        self._clock = clock
        self._counts: dict[str, tuple[float, int]] = {}

    def allows(self, visitor: str) -> bool:
        """Count one more time; False where it is one too many."""
        now = self._clock()
        began, count = self._counts.pop(visitor, (now, 0))
        if now - began >= self._seconds:
            began, count = now, 0
        self._counts[visitor] = (began, count + 1)  # at the end: the first is the one that came longest ago
        if len(self._counts) > VISITORS_KNOWN:
            del self._counts[next(iter(self._counts))]
        return count < self._times


class Guard:
    """An application with all that holds for each of its answers."""

    def __init__(self, app: ASGIApp, settings: Settings, error_page: ErrorPage) -> None:
        self._app = app
        self._error_page = error_page
        self._base = urlsplit(settings.base_url).path.rstrip("/")
        self._login = settings.web_trusted_header.lower()
        self._proxies = frozenset(map(str, settings.web_proxies))
        # Without a public address and a proxy: asked under a name that others can make to lead here, it is another site's page.
        self._by_own_name = not (settings.base_url or settings.web_proxies)
        self._visits = Limit(VISITS_PER_MINUTE, 60)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if self._base and path.startswith(f"{self._base}/"):  # where the web server in front leaves it on
            path = path.removeprefix(self._base)
        visitor, user = self._who(scope)
        scope = {
            **scope,
            "path": path,
            "raw_path": path.encode(),
            "state": {**scope.get("state", {}), "visitor": visitor},
        }
        answer = Answer(send, by_token=path.startswith(BY_TOKEN))
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._choose(scope, path, visitor, user)(scope, receive, answer)
        except DBAPIError as error:  # whose own words hold the token
            logger.error("a request could not be answered: %s", explain_error(error))
        except TimeoutError:
            if not answer.begun:
                late = self._error_page(scope, 503, "This took too long. Ask for less, or try again later.")
                await late(scope, receive, answer)
        except Exception as error:  # noqa: BLE001 - the edge: whatever it is, a visitor sees none of it
            logger.error("a request could not be answered: %s at %s", type(error).__name__, place_of(error))

    def _choose(self, scope: Scope, path: str, visitor: str, user: str) -> ASGIApp:
        if self._by_own_name and not _is_own_name(Headers(scope=scope).getlist("host"), here=is_loopback(visitor)):
            return self._error_page(scope, 421, "This is no name of it. CULTURE_BASE_URL sets its public address.")
        if not is_loopback(visitor) and not self._visits.allows(network_of(visitor)):
            return self._error_page(scope, 429, "You have asked for many pages. Wait a minute, then go on.")
        if self._login and not user and not path.startswith(WITHOUT_LOGIN):
            return self._error_page(scope, 403, "Sign in through the address that your organisation gives you.")
        if len(path) + len(scope["query_string"]) > MAX_ADDRESS:
            return self._error_page(scope, 414, "This address is too long.")
        if "\0" in path:  # which no database takes
            return self._error_page(scope, 404, "")
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADERS:
            return self._error_page(scope, 431, "Your browser sends too much with its request.")
        return self._app

    def _who(self, scope: Scope) -> tuple[str, str]:
        """The visitor's address, and who the proxy says they are; what others say of either does not count."""
        peer = scope["client"][0] if scope.get("client") else ""
        if plain_address(peer) not in self._proxies:
            return peer, ""
        headers = Headers(scope=scope)
        # The last word is the proxy's: what a visitor sends stands before it, within the header or as one of their own.
        forwarded = next(reversed(headers.getlist("x-forwarded-for")), "").rpartition(",")[2].strip()
        users = headers.getlist(self._login) if self._login else []
        return plain_address(forwarded) or peer, users[0] if len(users) == 1 else ""


class Answer:
    """Sends an answer on, with the headers that each bears."""

    def __init__(self, send: Send, *, by_token: bool) -> None:
        self._send = send
        self._caching = "no-store" if by_token else "private, no-cache"
        # An address with a token goes nowhere. No other site learns any; but with "no-referrer" a form of ours would come
        # with "Origin: null", as those of other sites may.
        self._referrer = "no-referrer" if by_token else "same-origin"
        self.begun = False

    async def __call__(self, message: Message) -> None:
        """One message of it."""
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            headers["Referrer-Policy"] = self._referrer
            headers.setdefault("Cache-Control", self._caching)
        await self._send(message)


def is_loopback(address: str) -> bool:
    """Whether it is this machine's own."""
    return bool(plain_address(address)) and ip_address(address).is_loopback


def _is_own_name(hosts: list[str], *, here: bool) -> bool:
    """Whether a Host header, if there is one, is no name that another site may have made to lead to this machine.

    Asked from elsewhere that is an address, or a name without a dot: what a container publishes on its machine alone is asked
    from the container's gateway.
    """
    host = ",".join(hosts) if hosts else "localhost"
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    if "@" in host or not name:
        return False
    return name == "localhost" or (is_loopback(name) if here else bool(plain_address(name)) or "." not in name)


def plain_address(address: str) -> str:
    """An address in its one form, IPv4 within IPv6 as IPv4; empty where it is none."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    return str(getattr(found, "ipv4_mapped", None) or found)


def network_of(address: str) -> str:
    """Whom visits are counted of: an address, or of IPv6 the network of 64 bits, all of which one visitor may use."""
    plain = plain_address(address)
    return str(ip_network((plain, 64), strict=False)) if ":" in plain and "%" not in plain else plain or address


def place_of(error: BaseException) -> str:
    """Where in our code an error came up, without any value."""
    frames: Iterable[Any] = traceback.extract_tb(error.__traceback__)
    return " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(list(frames)[-4:]))
