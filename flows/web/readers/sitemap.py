"""News sitemaps and plain ones, by date; an index leads to its newest children."""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lxml import etree

from flows.web.decoding import EncodingError, TooManyBytesError, decode
from flows.web.language_code import language_code
from flows.web.readers.feed import read_feed
from flows.web.readers.listing import (
    ACCEPT_XML,
    MAX_ENTRIES,
    MAX_REQUESTS_A_POLL,
    MAX_TITLE,
    Listing,
    RequestSpec,
    Window,
    plain,
)
from flows.web.readers.xml_repair import repair_xml
from models.dates import parse_date
from models.entries import Entry, Reply
from models.urls import normalise_url

if TYPE_CHECKING:
    from models.sources import Source

MAX_SITEMAP_BYTES = 10 * 1024 * 1024  # a plain one of 50,000 addresses, the protocol's limit
_GZIP = b"\x1f\x8b"
_OLDEST = datetime.min.replace(tzinfo=UTC)
_ADDRESS_LINE = re.compile(rb"\A\s*https?://\S+\s*(?:\n|\Z)")


def request_for(source: "Source", window: Window) -> RequestSpec:
    """The sitemap itself; it knows no window, the entries are cut to it."""
    return RequestSpec(source.url, ACCEPT_XML, MAX_SITEMAP_BYTES)


def read(reply: Reply, window: Window) -> Listing:
    """The addresses of a sitemap that are dated within the window or not at all; titles where it is a news one."""
    body, url = reply.body, reply.final_url or reply.url
    if body.startswith(_GZIP):  # a .xml.gz file, sent as it is
        try:
            body = decode(body, "gzip", MAX_SITEMAP_BYTES)
        except (EncodingError, TooManyBytesError) as error:
            return Listing(problem=f"the sitemap's file {error}")
    if _ADDRESS_LINE.match(body[:4000]):
        return _cut([_plain_entry(line, url) for line in body.decode("utf-8", "replace").split()], 0)
    root = _root(body)
    if root is None:
        return Listing(problem="the answer is not XML")
    name = _name(root)
    if name == "sitemapindex":
        return _index(root, url, window)
    if name == "urlset":
        return _addresses(root, url, window)
    if name in {"rss", "feed", "rdf"}:
        return read_feed(body, url=url, now=window.until, content_type=reply.headers.get("content-type", ""))
    return Listing(problem=f"the answer is not a sitemap but <{name[:40]}>")


def _root(body: bytes) -> "etree._Element | None":
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True, huge_tree=False, load_dtd=False)
    try:
        return etree.fromstring(repair_xml(body), parser)
    except (etree.XMLSyntaxError, ValueError, LookupError):
        return None


def _index(root: "etree._Element", base: str, window: Window) -> Listing:
    children: list[tuple[datetime, str]] = []
    for child in root:
        url = normalise_url(_text(child, "loc"), base) if _name(child) == "sitemap" else None
        changed = parse_date(_text(child, "lastmod"))
        if url is not None and (changed is None or changed >= window.since):
            children.append((changed or _OLDEST, url))
    children.sort(key=lambda child: child[0], reverse=True)
    wanted = children[: MAX_REQUESTS_A_POLL - 1]
    return Listing(
        more=tuple(RequestSpec(url, ACCEPT_XML, MAX_SITEMAP_BYTES) for _, url in wanted),
        truncated=len(children) > len(wanted),
        cacheable=False,
    )


def _addresses(root: "etree._Element", base: str, window: Window) -> Listing:
    entries: list[Entry | None] = []
    for item in root:
        if _name(item) != "url":
            continue
        entry = _entry(item, base)
        if entry is None or entry.published_at is None or window.since <= entry.published_at:
            entries.append(entry)
    found = [entry for entry in entries if entry is not None]
    found.sort(key=lambda entry: entry.published_at or _OLDEST, reverse=True)
    return _cut(found, len(entries) - len(found))


def _entry(item: "etree._Element", base: str) -> Entry | None:
    url = normalise_url(_text(item, "loc"), base)
    if url is None:
        return None
    news = next((child for child in item if _name(child) == "news"), None)
    if news is None:
        return Entry(url=url, title="", published_at=parse_date(_text(item, "lastmod")))
    publication = next((child for child in news if _name(child) == "publication"), None)
    access = _text(news, "access").lower()
    return Entry(
        url=url,
        title=plain(_text(news, "title"), MAX_TITLE),
        published_at=parse_date(_text(news, "publication_date")) or parse_date(_text(item, "lastmod")),
        language=language_code(_text(publication, "language")) if publication is not None else None,
        paywalled=access in {"subscription", "registration"},
    )


def _plain_entry(line: str, base: str) -> Entry | None:
    url = normalise_url(line, base)
    return Entry(url=url, title="") if url else None


def _cut(entries: "list[Entry] | list[Entry | None]", invalid: int) -> Listing:
    found = [entry for entry in entries if entry is not None]
    truncated = len(found) > MAX_ENTRIES
    return Listing(
        entries=tuple(found[:MAX_ENTRIES]),
        truncated=truncated,
        invalid=invalid + len(entries) - len(found),
        problem=f"lists {len(found):,} addresses; {MAX_ENTRIES:,} were read" if truncated else "",
    )


def _name(element: "etree._Element") -> str:
    """The element's name without its namespace, in lower case; "" for comments and the like."""
    return element.tag.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(element.tag, str) else ""


def _text(element: "etree._Element", name: str) -> str:
    for child in element:
        if _name(child) == name:
            return "".join(child.itertext()).strip()
    return ""
