"""One request and its answer, within limits of time and bytes; every way that it can fail is a `Reply`.

And what an answer means: outcome, Retry-After, block pages, text-mining reservations, where it sends its reader on.
"""

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from urllib.parse import urldefrag, urljoin

import httpcore
import httpx

from flows.fetching.addresses import AddressRefused
from flows.fetching.decoding import ACCEPTED, EncodingError, TooManyBytesError, decode, is_packed
from flows.fetching.short_pages import is_challenge, moved_address, refresh_address, refused_by_headers
from models.entries import Fetched, Reply
from models.urls import same_site, without_user

_MAX_DETAIL = 200
# What a server does to a connection that it wants to close, or to a request that it did not look at (HTTP/2).
_GIVEN_UP = re.compile("disconnected without sending|ConnectionTerminated|StreamReset")
# A connection that is refused has words for it; one that is broken off while its encryption is agreed on has none.
_NO_HANDSHAKE = "the server broke off before a secure connection stood (TLS 1.2 or later is needed)"
_MAX_COOKIES = 30  # in one chain of redirects
_THREAD_BYTES = 32 * 1024  # from so many on, a packed body is unpacked in a thread, so that the others can go on
_MAX_HEADER = 2000  # of one header's text; no header that is read here is longer

MAX_RETRY_AFTER = timedelta(days=1)
RETRY_UNSTATED = timedelta(minutes=10)  # a 429 without Retry-After: leave the host alone for this run at least
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FEED = re.compile(rb"(?i)<(?:rss|feed|rdf:rdf|urlset|sitemapindex)\b")  # which small sites send as text/html
_BLOCKED = frozenset({401, 402, 403, 407, 429, 451})
_GONE = frozenset({404, 410})
_FOR_GOOD = frozenset({301, 308})


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request, in seconds, and of its redirects."""

    connect: float = 10.0
    read: float = 20.0
    total: float = 60.0
    redirects: int = 5


@dataclass(frozen=True, slots=True)
class Ask:
    """One request as it is to be sent."""

    url: str
    accept: str
    max_bytes: int
    etag: str | None = None
    last_modified: str | None = None
    keep_cut: bool = False  # whether the first `max_bytes` of a longer body are wanted (robots.txt)
    # What redirects set and get back, until the page is had: some sites answer nobody without. Nothing is kept after.
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies, compare=False)


async def send(client: httpx.AsyncClient, ask: Ask, limits: Limits, now: datetime) -> Reply:
    """Send `ask`; no redirect is followed. Raises nothing but cancellation."""
    begin = monotonic()

    def ended(outcome: Fetched, detail: str) -> Reply:
        return Reply(ask.url, outcome, now, monotonic() - begin, detail=detail[:_MAX_DETAIL], final_url=ask.url)

    try:
        async with asyncio.timeout(limits.total):
            return await _exchange(client, ask, limits, now, begin)
    except TimeoutError:
        return ended(Fetched.FAILED, f"took longer than {limits.total:.0f} seconds")
    except AddressRefused as error:
        return ended(Fetched.REFUSED, str(error))
    except (httpcore.ConnectTimeout, httpcore.PoolTimeout):
        return ended(Fetched.UNREACHABLE, f"no connection within {limits.connect:.0f} seconds")
    except httpcore.ConnectError as error:
        broke_off = _NO_HANDSHAKE if ask.url.startswith("https:") else "no connection"
        return ended(Fetched.UNREACHABLE, str(error) or broke_off)
    except httpcore.TimeoutException:
        return ended(Fetched.FAILED, f"silent for {limits.read:.0f} seconds")
    except httpcore.ProxyError as error:
        return ended(Fetched.UNREACHABLE, f"the proxy (CULTURE_PROXY) says: {error}")
    except (httpcore.NetworkError, httpcore.ProtocolError, httpx.HTTPError, httpx.StreamError) as error:
        return ended(Fetched.FAILED, f"broken transfer: {error or type(error).__name__}")
    except (httpx.InvalidURL, httpcore.UnsupportedProtocol, UnicodeError) as error:
        # Of a redirect, for all that is known: no reason to ask nothing more of the host.
        return ended(Fetched.FAILED, f"malformed address: {error}")
    except OSError as error:  # TLS and socket errors that httpcore lets through
        return ended(Fetched.UNREACHABLE, str(error))


def outcome_of(status: int) -> Fetched:
    """What a status code means, redirects apart (they are followed or fail)."""
    if status == 304:
        return Fetched.NOT_MODIFIED
    if 200 <= status < 300:
        return Fetched.OK
    if status in _BLOCKED:
        return Fetched.BLOCKED
    if status in _GONE:
        return Fetched.GONE
    return Fetched.FAILED


def retry_after(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """The moment that a Retry-After header names, in either form, at most a day away; None where there is none."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        if value.isascii() and value.isdigit():
            moment = now + timedelta(seconds=int(value[:9]))
        else:
            moment = parsedate_to_datetime(value)
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return min(max(moment, now), now + MAX_RETRY_AFTER)
    except (ValueError, TypeError, OverflowError):
        return None


def is_block_page(status: int, headers: Mapping[str, str], body: bytes, url: str = "") -> bool:
    """Whether the answer is a challenge or a waiting page, whatever its status says."""
    if status in REDIRECTS or status in {204, 304}:
        return False
    if refused_by_headers(headers):
        return True
    if "html" not in headers.get("content-type", "html").lower() or _FEED.search(body[:1000]):
        return False
    if 200 <= status < 300:
        onward = _onward(headers, body, url)
        if onward is None and moved_address(body):
            return True  # of another site's, by a script or a link: not followed, and no text of its own
        return is_challenge(status, body, url, onward)
    return status >= 400 and is_challenge(status, body)


def mining_reserved(headers: Mapping[str, str]) -> bool:
    """Whether the answer reserves the right to text and data mining (TDM reservation protocol)."""
    return headers.get("tdm-reservation", "").strip() == "1"


def redirect_target(reply: Reply) -> str | None:
    """Where a redirect points to; None where the reply is none."""
    if reply.status not in REDIRECTS or not reply.headers.get("location"):
        return None
    return _joined(reply.final_url, reply.headers["location"].strip())


def refresh_target(reply: Reply) -> str | None:
    """Where a page without a text of its own refreshes to; None where it stays, or comes back to itself."""
    if reply.outcome is not Fetched.OK or "html" not in reply.headers.get("content-type", "html").lower():
        return None
    target = _onward(reply.headers, reply.body, reply.final_url)
    return None if target == urldefrag(reply.final_url).url else target


def _onward(headers: Mapping[str, str], body: bytes, url: str) -> str | None:
    """Where a signpost points to: by a refresh, or within the site by a script or its one link."""
    if place := refresh_address(headers, body):
        return _joined(url, place)
    target = _joined(url, place) if (place := moved_address(body)) else None
    return target if target and same_site(target, url) else None


def is_for_good(reply: Reply) -> bool:
    """Whether a redirect says that the old address is to be given up."""
    return reply.status in _FOR_GOOD


async def _exchange(client: httpx.AsyncClient, ask: Ask, limits: Limits, now: datetime, begin: float) -> Reply:
    kept = {"If-None-Match": ask.etag, "If-Modified-Since": ask.last_modified}
    known = {name: value for name, value in kept.items() if value and value.isascii()}  # no header can carry others
    headers = {"Accept": ask.accept, "Accept-Encoding": ACCEPTED, **known}
    timeout = httpx.Timeout(limits.read, connect=limits.connect, pool=limits.connect)
    request = client.build_request("GET", ask.url, headers=headers, timeout=timeout)
    with suppress(UnicodeEncodeError):  # no header can carry it
        ask.cookies.set_cookie_header(request)
    response = await _answered(client, request)
    try:
        found = {name.lower(): value[:_MAX_HEADER] for name, value in response.headers.items()}
        body, cut = await _read(response, ask.max_bytes)
    finally:
        await response.aclose()
    status = response.status_code
    if status in REDIRECTS and len(ask.cookies) < _MAX_COOKIES:
        ask.cookies.extract_cookies(response)
    outcome, detail = outcome_of(status), "" if status in {200, 304} else f"answered {status}"
    if status == 304 and not known:
        outcome, detail = Fetched.FAILED, "answered 304, not modified, though it was asked for the first time"
    encoding = found.get("content-encoding", "")
    unpacked = b""
    if outcome in {Fetched.OK, Fetched.BLOCKED, Fetched.FAILED} and status not in REDIRECTS:
        try:
            if cut and (encoding or not ask.keep_cut):
                raise TooManyBytesError(f"more than {ask.max_bytes} bytes")
            unpacked = await _unpacked(body, encoding, ask.max_bytes)
        except TooManyBytesError as error:
            outcome, detail = (Fetched.TOO_LARGE, str(error)) if outcome is Fetched.OK else (outcome, detail)
        except EncodingError as error:
            outcome, detail = (Fetched.FAILED, str(error)) if outcome is Fetched.OK else (outcome, detail)
    if is_block_page(status, found, unpacked, ask.url):
        outcome, detail = Fetched.BLOCKED, f"answered {status} with a page that keeps automatic visitors out"
    elif outcome is Fetched.OK and mining_reserved(found):
        outcome, detail, unpacked = Fetched.DISALLOWED, "its tdm-reservation header forbids text mining", b""
    return Reply(
        url=ask.url,
        outcome=outcome,
        started_at=now,
        seconds=monotonic() - begin,
        status=status,
        final_url=ask.url,
        headers=found,
        body=unpacked if outcome is Fetched.OK else b"",
        transferred=len(body),
        detail=detail,
        retry_after=retry_after(found, now) if status in {429, 503} else None,
    )


async def _answered(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """The answer; asked for once more where the connection, kept from an earlier page, had been given up meanwhile."""
    try:
        return await client.send(request, stream=True)
    except httpcore.RemoteProtocolError as error:
        if not _GIVEN_UP.search(str(error)):
            raise
        return await client.send(request, stream=True)


async def _unpacked(body: bytes, encoding: str, limit: int) -> bytes:
    if not encoding and is_packed(body) is None:
        return body
    if len(body) < _THREAD_BYTES:
        return decode(body, encoding, limit)
    return await asyncio.to_thread(decode, body, encoding, limit)


async def _read(response: httpx.Response, limit: int) -> tuple[bytes, bool]:
    """The packed body, and whether it was longer than `limit`; the connection is dropped where it was."""
    if response.headers.get("content-length", "").isdigit() and int(response.headers["content-length"]) > limit:
        return b"", True
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_raw():
        parts.append(part)
        size += len(part)
        if size > limit:
            return b"".join(parts)[:limit], True
    return b"".join(parts), False


def _joined(base: str, place: str) -> str | None:
    try:
        return without_user(urldefrag(urljoin(base, place)).url)
    except ValueError:
        return None
