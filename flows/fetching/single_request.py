"""One request and its answer, within limits of time and bytes; every way that it can fail is a `Reply`."""

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

import httpcore
import httpx

from flows.fetching.addresses import AddressRefused
from flows.fetching.decoding import ACCEPTED, EncodingError, TooManyBytesError, decode, is_packed
from flows.fetching.replies import REDIRECTS, is_block_page, mining_reserved, outcome_of, retry_after
from models.entries import Fetched, Reply

_MAX_DETAIL = 200
# What a server does to a connection that it wants to close, or to a request that it did not look at (HTTP/2).
_GIVEN_UP = re.compile("disconnected without sending|ConnectionTerminated|StreamReset")
# A connection that is refused has words for it; one that is broken off while its encryption is agreed on has none.
_NO_HANDSHAKE = "the server broke off before a secure connection stood (TLS 1.2 or later is needed)"
_MAX_COOKIES = 30  # in one chain of redirects
_THREAD_BYTES = 32 * 1024  # from so many on, a packed body is unpacked in a thread, so that the others can go on
_MAX_HEADER = 2000  # of one header's text; no header that is read here is longer


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
