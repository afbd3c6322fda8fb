"""What a server's answer means: outcome, Retry-After, block pages, text-mining reservations, where it sends its reader on. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urldefrag, urljoin

from flows.fetching.short_pages import is_challenge, moved_address, refresh_address, refused_by_headers
from models.entries import Fetched, Reply
from models.urls import same_site, without_user

MAX_RETRY_AFTER = timedelta(days=1)
RETRY_UNSTATED = timedelta(minutes=10)  # a 429 without Retry-After: leave the host alone for this run at least
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FEED = re.compile(rb"(?i)<(?:rss|feed|rdf:rdf|urlset|sitemapindex)\b")  # which small sites send as text/html
_BLOCKED = frozenset({401, 402, 403, 407, 429, 451})
_GONE = frozenset({404, 410})


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


_FOR_GOOD = frozenset({301, 308})


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


def _joined(base: str, place: str) -> str | None:
    try:
        return without_user(urldefrag(urljoin(base, place)).url)
    except ValueError:
        return None
