"""What a server's answer means: outcome, Retry-After, block pages, text-mining reservations. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from models.entries import Fetched

MAX_RETRY_AFTER = timedelta(days=1)
RETRY_UNSTATED = timedelta(minutes=10)  # a 429 without Retry-After: leave the host alone for this run at least
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BLOCKED = frozenset({401, 402, 403, 407, 429, 451})
_GONE = frozenset({404, 410})
# A challenge is short; a long page with these words is an article about the subject.
_CHALLENGE_BYTES = 60_000
_CHALLENGE = re.compile(
    rb"(?i)<title>\s*(?:just a moment|attention required!? \| cloudflare|access denied|access to this page has been"
    rb"|pardon our interruption|are you a robot|robot check|human verification|security check|please verify you are"
    rb"|you have been blocked|blocked|request rejected|bot verification|one more step|ddos-guard|checking your browser)"
    rb"|id=[\"'](?:challenge-form|px-captcha|cf-challenge|distilcaptchaform)[\"']|/_incapsula_resource\?"
    rb"|window\._cf_chl_opt|geo\.captcha-delivery\.com"
)


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
    """Whether the answer is a challenge for visitors that look automatic, whatever its status says."""
    if "challenge" in headers.get("cf-mitigated", "").lower():
        return True
    if "html" not in headers.get("content-type", "html").lower() or len(body) > _CHALLENGE_BYTES:
        return False
    return (status == 200 or status >= 400) and _CHALLENGE.search(body[:_CHALLENGE_BYTES]) is not None


def mining_reserved(headers: Mapping[str, str]) -> bool:
    """Whether the answer reserves the right to text and data mining (TDM reservation protocol)."""
    return headers.get("tdm-reservation", "").strip() == "1"
