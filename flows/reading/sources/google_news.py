"""Google News search feeds, for discovery alone: headline, outlet and link, which is never resolved or fetched."""

from typing import TYPE_CHECKING, Any

from flows.reading.parsing import PARSER_FAULTS
from flows.reading.sources.feed import entry_dates, read_feed
from flows.reading.sources.feed_parser import parse
from flows.reading.sources.listing import (
    ACCEPT_FEED,
    MAX_ENTRIES,
    MAX_TITLE,
    Listed,
    Listing,
    RequestSpec,
    Window,
    plain,
    settled,
    with_parameters,
)
from models.entries import Entry, Reply
from models.urls import host_of, normalise_url

if TYPE_CHECKING:
    from models.sources import Source


def request_for(source: "Source", window: Window) -> RequestSpec:
    """The search, in its British edition."""
    url = with_parameters(source.url, defaults={"hl": "en-GB", "gl": "GB", "ceid": "GB:en"})
    return RequestSpec(url, ACCEPT_FEED)


def read(reply: Reply, window: Window) -> Listing:
    """The headlines with the outlets that published them."""
    content_type = reply.headers.get("content-type", "")
    listing = read_feed(reply.body, url=reply.url, now=window.until, content_type=content_type)
    if not listing.entries:
        return listing
    try:
        parsed = parse(reply.body, reply.url, content_type)
    except PARSER_FAULTS as error:
        return Listing(problem=f"the feed can't be read: {error}")
    entries = [_entry(item, reply.url) for item in parsed.entries[:MAX_ENTRIES]]
    found = [entry for entry in entries if entry is not None]
    return Listing(
        entries=settled(found, window.until),
        ttl_seconds=listing.ttl_seconds,
        invalid=len(entries) - len(found),
        problem=listing.problem,
        note=listing.note,
    )


def _entry(item: Any, base: str) -> Listed | None:
    link = item.get("link")
    url = normalise_url(link, base) if isinstance(link, str) else None
    title = plain(item.get("title"), MAX_TITLE)
    source = item.get("source") or {}
    outlet = plain(source.get("title"), 200) or host_of(str(source.get("href", "")))
    if outlet and title.endswith(f" - {outlet}"):  # "Headline - Outlet"
        title = title.removesuffix(f" - {outlet}")
    elif not outlet and " - " in title:
        title, _, outlet = title.rpartition(" - ")
    if url is None or not title:
        return None
    return Listed(Entry(url=url, title=title, outlet=outlet), entry_dates(item))
