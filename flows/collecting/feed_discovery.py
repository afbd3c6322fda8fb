"""Finding the feeds of a site: those that its page names, else those at the addresses where sites have them."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import lxml.html

from flows.fetching.client import PoliteClient
from flows.reading.page import decode_html, is_html, parse_html
from flows.reading.sources import MAX_FEED_BYTES, Window, read_listing
from flows.reading.sources.listing import ACCEPT_FEED, plain
from models.entries import Fetched, Reply
from models.kinds import Kind
from models.urls import absolute_url, host_of, normalise_url, origin_of, same_outlet

MAX_TRIED = 12  # addresses asked of one site
MAX_NAMED = 8  # of those that a page names
TRY_SECONDS = 60.0  # for all addresses of one list: somebody waits
MAX_NAME = 120  # letters
ENTRY_DAYS = 30
_FEED_TYPES = {"application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml"}
_FEED_ENDS = (
    ".rss",
    ".atom",
    "/rss",
    "/rss/",
    "/feed",
    "/feed/",
    "/atom",
    "rss.xml",
    "atom.xml",
    "feed.xml",
    "feed.json",
)
_WELL_KNOWN = ("feed/", "rss.xml", "rss", "feed.xml", "atom.xml", "index.xml", "news/feed/", "news/rss")


@dataclass(frozen=True, slots=True)
class FoundFeed:
    """A feed or sitemap that answered with entries."""

    url: str  # where it is, moves for good followed
    kind: Kind
    title: str  # what it calls itself; may be empty
    entries: int
    newest: datetime | None


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found at an address; where nothing was, `problem` says in one line what was there instead."""

    feeds: tuple[FoundFeed, ...] = ()
    problem: str = ""
    site: str = ""  # the name of the site, where a page says it


async def discover(url: str, client: PoliteClient, now: datetime) -> Discovery:
    """The feeds at `url`, which may be one itself, or a page of the site that has them; the most likely one first."""
    reply = await client.get(url, accept=f"{ACCEPT_FEED}, text/html;q=0.8", max_bytes=MAX_FEED_BYTES)
    if reply.outcome is not Fetched.OK:
        return Discovery(problem=reply.detail or f"ended as {reply.outcome}")
    if (feed := read_feed(url, reply, now)) is not None:
        return Discovery((feed,))
    page = _page(reply)
    if page is None:
        return Discovery(problem="neither a feed nor a web page")
    base = reply.final_url or url
    if named := await _try(_named(page, base), client, now):
        return Discovery(named, site=_site_name(page))
    guessed = await _try(_guesses(base), client, now, first=True)
    problem = "" if guessed else "the page names no feed, and none is at the addresses where sites have them"
    return Discovery(guessed, problem, _site_name(page))


async def replacements(url: str, client: PoliteClient, now: datetime) -> tuple[FoundFeed, ...]:
    """The feeds of the publisher whose feed at `url` is no more, by the pages above it and the site's first page."""
    path = urlsplit(url).path.strip("/").split("/")
    above = [f"{origin_of(url)}/{'/'.join(path[:depth])}/" for depth in range(len(path) - 1, 0, -1)]
    for page in [*above[:2], f"{origin_of(url)}/"]:
        reply = await client.get(page, accept="text/html, */*;q=0.5")
        document = _page(reply) if reply.outcome is Fetched.OK else None
        if document is None:
            continue
        candidates = [one for one in _named(document, reply.final_url or page) if not _same(one, url)]
        if found := await _try(candidates, client, now):
            return found
    return await _try([one for one in _guesses(f"{origin_of(url)}/") if not _same(one, url)], client, now, first=True)


def read_feed(url: str, reply: Reply, now: datetime) -> FoundFeed | None:
    """The feed or sitemap in the answer to a request for `url`, though it may list nothing just now; None where it is none."""
    window = Window(since=now - timedelta(days=ENTRY_DAYS), until=now)
    for kind in (Kind.FEED, Kind.SITEMAP):
        listing = read_listing(kind, reply, window)
        if listing.entries or not listing.problem:
            dates = [entry.published_at for entry in listing.entries if entry.published_at is not None]
            return FoundFeed(
                url=reply.moved_to if reply.moved_to and "***" not in reply.moved_to else url,
                kind=kind,
                title=listing.title[:MAX_NAME],
                entries=len(listing.entries),
                newest=max(dates, default=None),
            )
    return None


async def _try(urls: list[str], client: PoliteClient, now: datetime, *, first: bool = False) -> tuple[FoundFeed, ...]:
    """Those of the addresses where there is a feed; with `first`, no more is asked once there is one."""
    found: dict[str, FoundFeed] = {}
    with suppress(TimeoutError):  # what was found until then is found
        async with asyncio.timeout(TRY_SECONDS):
            for url in urls[:MAX_TRIED]:
                reply = await client.get(url, accept=ACCEPT_FEED, max_bytes=MAX_FEED_BYTES)
                feed = read_feed(url, reply, now) if reply.outcome is Fetched.OK else None
                if feed is not None and feed.entries:
                    found.setdefault(feed.url, feed)
                    if first:
                        break
    return tuple(found.values())


def _page(reply: Reply) -> "lxml.html.HtmlElement | None":
    content_type = reply.headers.get("content-type", "")
    return parse_html(decode_html(reply.body, content_type)) if is_html(content_type, reply.body) else None


def _named(page: "lxml.html.HtmlElement", base: str) -> list[str]:
    """The addresses of feeds that a page names: as alternates of itself, else as links; comments last, each once."""
    for element in page.iter("base"):
        base = absolute_url(element.get("href") or "", base) or base
        break
    alternates, links = list[str](), list[str]()
    for link in page.iter("link"):
        rels = (link.get("rel") or "").lower().split()
        kind = (link.get("type") or "").partition(";")[0].strip().lower()
        if ("alternate" in rels and kind in _FEED_TYPES) or "feed" in rels:
            alternates.append(link.get("href") or "")
    for anchor in page.iter("a"):
        place = anchor.get("href") or ""
        if place.partition("?")[0].lower().endswith(_FEED_ENDS) or "service=rss" in place.lower():
            links.append(place)
    whole = [address for place in alternates or links if (address := absolute_url(place, base))]
    unlike = {
        normalise_url(address): address for address in reversed(whole) if same_outlet(address, base) or alternates
    }
    found = [unlike[key] for key in reversed(unlike)]
    return sorted(found, key=lambda address: "comment" in address.lower())[:MAX_NAMED]


def _guesses(page: str) -> list[str]:
    """Where sites have their feeds: below the page, then below the site's first page."""
    root = f"{origin_of(page)}/"
    here = page.partition("?")[0].rstrip("/") + "/"
    places = [f"{here}feed/", f"{here}rss.xml"] if here != root else []
    return [*places, *(f"{root}{place}" for place in _WELL_KNOWN)]


def _site_name(page: "lxml.html.HtmlElement") -> str:
    for meta in page.iter("meta"):
        if (meta.get("property") or meta.get("name") or "").lower() == "og:site_name":
            return plain(meta.get("content") or "", MAX_NAME)
    return plain(page.findtext(".//title") or "", MAX_NAME)


def _same(one: str, other: str) -> bool:
    return host_of(one) == host_of(other) and normalise_url(one) == normalise_url(other)
