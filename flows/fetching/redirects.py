"""Where an answer sends its reader on: redirects, Refresh headers, pages that are but a signpost. Pure."""

from urllib.parse import urldefrag, urljoin

from flows.fetching.replies import REDIRECTS
from flows.fetching.short_pages import refresh_address
from models.entries import Fetched, Reply
from models.urls import without_user

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
    place = refresh_address(reply.headers, reply.body)
    target = _joined(reply.final_url, place) if place else None
    return None if target == urldefrag(reply.final_url).url else target


def is_for_good(reply: Reply) -> bool:
    """Whether a redirect says that the old address is to be given up."""
    return reply.status in _FOR_GOOD


def _joined(base: str, place: str) -> str | None:
    try:
        return without_user(urldefrag(urljoin(base, place)).url)
    except ValueError:
        return None
