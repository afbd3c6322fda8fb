"""Readers of sources, one module a kind: each turns a source into a request, and an answer into entries.

Adding a kind: a module here, and its line in `models.kinds.Kind`. The module is named as the kind is (with `_` for `-`) and has
`request_for(source, window) -> RequestSpec` and `read(reply, window) -> Listing`. If its API needs a key: `with_key(spec, key)`,
which raises `MissingKey` without one, and the trait `key`, which names the setting that holds it. If its API gives pages, too:
`page_request(source, entry_url) -> RequestSpec` and `read_entry_page(body, url) -> Page | None`, None for what is no answer of
the API.
Everything here is pure and at top level, so that it can run in a worker process.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from flows.reading.page import read_page
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
    from models.settings import Settings
    from models.sources import Source

__all__ = [
    "MAX_FEED_BYTES",
    "MAX_REQUESTS_A_POLL",
    "Listing",
    "MissingKey",
    "RequestSpec",
    "Window",
    "has_page_api",
    "key_of",
    "page_request",
    "read_entry_page",
    "read_listing",
    "request_for",
    "with_key",
]


_READERS = {kind: import_module(f"{__name__}.{kind.value.replace('-', '_')}") for kind in Kind}


def request_for(source: "Source", window: Window, *, key: str | None = None) -> RequestSpec:
    """The first request of a poll.

    Raises:
        MissingKey: the source needs a key that is not set.
    """
    spec: RequestSpec = _READERS[source.kind].request_for(source, window)
    return with_key(source.kind, spec, key)


def with_key(kind: Kind, spec: RequestSpec, key: str | None) -> RequestSpec:
    """A request as it is sent: readers see answers without the key, so the further requests that they name lack it.

    Raises:
        MissingKey: the kind needs a key that is not set.
    """
    add = getattr(_READERS[kind], "with_key", None)
    return add(spec, key) if add else spec


def key_of(kind: Kind, settings: "Settings") -> str | None:
    """The key of the kind's API, as it is sent; None where it needs none, or none is set.

    Raises:
        SettingsError: the setting names a Prefect Secret block, and this is no run of Prefect.
    """
    return settings.in_clear(kind.traits.key) if kind.traits.key else None


def read_listing(kind: Kind, reply: Reply, window: Window) -> Listing:
    """The entries of an answer whose outcome is OK."""
    listing: Listing = _READERS[kind].read(reply, window)
    return listing


def has_page_api(kind: Kind) -> bool:
    """Whether pages come from an API, not as HTML."""
    return hasattr(_READERS[kind], "page_request")


def page_request(source: "Source", entry_url: str) -> RequestSpec:
    """What to get for the page of an entry."""
    if has_page_api(source.kind):
        spec: RequestSpec = _READERS[source.kind].page_request(source, entry_url)
        return spec
    return RequestSpec(entry_url, ACCEPT_PAGE, MAX_PAGE_BYTES)


def read_entry_page(kind: Kind, body: bytes, url: str, content_type: str) -> Page:
    """The page of an entry, as `page_request` got it."""
    page: Page | None = _READERS[kind].read_entry_page(body, url) if has_page_api(kind) else None
    return page or read_page(body, url=url, content_type=content_type)
