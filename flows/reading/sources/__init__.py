"""Readers of sources, one module a kind: each turns a source into a request, and an answer into entries.

Adding a kind: a module with `request_for` and `read`, a row in `_READERS`, a member of `models.kinds.Kind`.
Everything here is pure and at top level, so that it can run in a worker process.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.reading.page import read_page
from flows.reading.sources import feed, gdelt, google_news, govuk, guardian, parliament, sitemap
from flows.reading.sources.listing import (
    ACCEPT_PAGE,
    MAX_FEED_BYTES,
    MAX_REQUESTS_A_POLL,
    Listing,
    MissingKey,
    RequestSpec,
    Window,
)
from models.entries import MAX_PAGE_BYTES, Page, Reply
from models.kinds import Kind

if TYPE_CHECKING:
    from models.sources import Source

__all__ = [
    "MAX_FEED_BYTES",
    "MAX_REQUESTS_A_POLL",
    "Listing",
    "MissingKey",
    "RequestSpec",
    "Window",
    "page_request",
    "read_entry_page",
    "read_listing",
    "request_for",
    "with_key",
]


@dataclass(frozen=True, slots=True)
class Reader:
    """What a kind of source does its own way."""

    request_for: Callable[["Source", Window], RequestSpec]
    read: Callable[[Reply, Window], Listing]


_READERS = {
    Kind.FEED: Reader(feed.request_for, feed.read),
    Kind.SITEMAP: Reader(sitemap.request_for, sitemap.read),
    Kind.GOVUK: Reader(govuk.request_for, govuk.read),
    Kind.PARLIAMENT: Reader(parliament.request_for, parliament.read),
    Kind.GOOGLE_NEWS: Reader(google_news.request_for, google_news.read),
    Kind.GDELT: Reader(gdelt.request_for, gdelt.read),
}


def request_for(source: "Source", window: Window, *, guardian_key: str | None = None) -> RequestSpec:
    """The first request of a poll.

    Raises:
        MissingKey: the source needs a key that is not set.
    """
    if source.kind is Kind.GUARDIAN:
        return guardian.request_for(source, window, key=guardian_key)
    return _READERS[source.kind].request_for(source, window)


def with_key(kind: Kind, spec: RequestSpec, key: str | None) -> RequestSpec:
    """A request as it is sent: readers see answers without the key, so the further requests that they name lack it."""
    return guardian.with_key(spec, key) if kind is Kind.GUARDIAN and key else spec


def read_listing(kind: Kind, reply: Reply, window: Window) -> Listing:
    """The entries of an answer whose outcome is OK."""
    return guardian.read(reply, window) if kind is Kind.GUARDIAN else _READERS[kind].read(reply, window)


def page_request(source: "Source", entry_url: str) -> RequestSpec:
    """What to get for the page of an entry."""
    if source.kind is Kind.GOVUK:
        return govuk.page_request(entry_url)
    if source.kind is Kind.PARLIAMENT:
        return parliament.page_request(source, entry_url)
    return RequestSpec(entry_url, ACCEPT_PAGE, MAX_PAGE_BYTES)


def read_entry_page(kind: Kind, body: bytes, url: str, content_type: str) -> Page:
    """The page of an entry, as `page_request` got it."""
    if kind is Kind.GOVUK and govuk.is_content_item(body):
        return govuk.read_content(body, url)
    if kind is Kind.PARLIAMENT and govuk.is_content_item(body):
        return parliament.read_question(body)
    return read_page(body, url=url, content_type=content_type)
