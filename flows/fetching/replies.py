"""What a server's answer means: outcome, Retry-After, block pages, text-mining reservations. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from flows.fetching.short_pages import is_challenge, refused_by_headers
from models.entries import Fetched

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


def is_block_page(status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the answer is a challenge or a waiting page, whatever its status says."""
    if status in REDIRECTS or status in {204, 304}:
        return False
    if refused_by_headers(headers):
        return True
    if "html" not in headers.get("content-type", "html").lower() or _FEED.search(body[:1000]):
        return False
    return (200 <= status < 300 or status >= 400) and is_challenge(status, body)


def mining_reserved(headers: Mapping[str, str]) -> bool:
    """Whether the answer reserves the right to text and data mining (TDM reservation protocol)."""
    return headers.get("tdm-reservation", "").strip() == "1"
