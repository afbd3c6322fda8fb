"""News sitemaps and plain ones, by date; an index leads to its newest children."""

import codecs
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from flows.reading.parsing import language_code
from flows.reading.sources.feed import read_feed
from flows.reading.sources.listing import (
    ACCEPT_XML,
    MAX_ENTRIES,
    MAX_REQUESTS_A_POLL,
    MAX_TITLE,
    Listing,
    RequestSpec,
    Window,
    plain,
    repair_xml,
)
from models.dates import parse_date
from models.entries import Entry, Reply
from models.foreign_xml import parse_xml
from models.urls import normalise_url

if TYPE_CHECKING:
    from lxml import etree

    from models.sources import Source

MAX_SITEMAP_BYTES = 10 * 1024 * 1024  # a plain one of 50,000 addresses, the protocol's limit
_PART_DATE = re.compile(r"(?<!\d)(20\d{2})(?:(0[1-9]|1[0-2])([0-2]\d|3[01])?)?(?!\d)")
_MONTH = re.compile(r"(?<![a-z])(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(?:[a-z]{0,7})(?![a-z])")
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_ORDER = {"y": 0, "m": 1, "d": 2}  # of parameters, by their first letters: year, month, day; before all others
_NO_NEWS = re.compile(
    r"(?i)categor|tag|author|user|image|video|product|taxonom|attachment|page-sitemap|posts-page|static"
)
_OLDEST = datetime.min.replace(tzinfo=UTC)
_ADDRESS_LINE = re.compile(r"\A\s{0,100}https?://\S{1,4000}[^\S\n]{0,100}(?:\n|\Z)")


def request_for(source: "Source", window: Window) -> RequestSpec:
    """The sitemap itself; it knows no window, the entries are cut to it."""
    return RequestSpec(source.url, ACCEPT_XML, MAX_SITEMAP_BYTES)


def read(reply: Reply, window: Window) -> Listing:
    """The addresses of a sitemap that are dated within the window or not at all; titles where it is a news one."""
    body, url = reply.body, reply.final_url or reply.url
    text = _plain_text(body)
    if _ADDRESS_LINE.match(text[:4000]):
        return _cut([_plain_entry(line, url) for line in text.split()], 0)
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


def _plain_text(body: bytes) -> str:
    """A sitemap of bare addresses as text, whichever mark its editor put before it; "" for what is not text."""
    for mark, name in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if body.startswith(mark):
            return body.decode(name, "replace").lstrip("\ufeff")
    return "" if body[:64].lstrip().startswith(b"<") else body.decode("utf-8", "replace")


def _root(body: bytes) -> "etree._Element | None":
    try:
        return parse_xml(repair_xml(body))
    except ValueError:
        return None


def _index(root: "etree._Element", base: str, window: Window) -> Listing:
    """The parts that may hold news, as many as one poll may ask for; what is left out is told."""
    dated: list[tuple[datetime, str]] = []
    undated: list[str] = []
    for child in root:
        url = normalise_url(_text(child, "loc"), base) if _name(child) == "sitemap" else None
        if url is None:
            continue
        changed = parse_date(_text(child, "lastmod"))
        if changed is None:
            undated.append(url)
        elif changed >= window.since:
            dated.append((changed, url))
    dated.sort(key=lambda part: part[0], reverse=True)
    parts = list(dict.fromkeys([*(url for _, url in dated), *_newest_first(undated)]))
    wanted = parts[: MAX_REQUESTS_A_POLL - 1]
    left = len(parts) - len(wanted)
    return Listing(
        more=tuple(RequestSpec(url, ACCEPT_XML, MAX_SITEMAP_BYTES) for url in wanted),
        truncated=left > 0,
        cacheable=False,
        note=f"is in {len(parts):,} parts, of which {left:,} were not read" if left else "",
    )


def _newest_first(urls: list[str]) -> list[str]:
    """Parts without dates in the order in which news is to be looked for.

    By the dates in their names, the latest first; then by their numbers from both ends, since some programs begin with the
    oldest page and some with the newest, and more of them with the oldest; those of menus and pictures last.
    """
    by_date = sorted(filter(_date_in_name, urls), key=_date_in_name, reverse=True)
    others = [url for url in urls if not _date_in_name(url)]
    rising = sorted(others, key=_number_in_name)  # stable: as they stand where they have no numbers
    from_both_ends: list[str] = []
    while rising:
        from_both_ends += [rising.pop() for _ in range(2) if rising]
        from_both_ends += [rising.pop(0)] if rising else []
    return by_date + sorted(from_both_ends, key=lambda url: _NO_NEWS.search(url) is not None)


def _date_in_name(url: str) -> tuple[int, ...]:
    """The year in the path or the parameters, and what is numbered within it: months, days, weeks or parts."""
    parts = urlsplit(url.lower())
    chosen = sorted(parse_qsl(parts.query), key=lambda pair: _ORDER.get(pair[0][:1], len(_ORDER)))
    place = "&".join([parts.path, *(value for _, value in chosen)])
    found = _PART_DATE.search(place)
    if found is None:
        return ()
    month = _MONTH.search(place)
    numbers = [*filter(None, found.groups()), *([_MONTHS.index(month[1]) + 1] if month else [])]
    return tuple(map(int, [*numbers, *re.findall(r"\d{1,9}", place[found.end() :])[:3]]))


def _number_in_name(url: str) -> int:
    numbers = re.findall(r"\d{1,9}", url.rpartition("/")[2])
    return int(numbers[-1]) if numbers else 0


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
    access, changed = _text(news, "access").lower(), parse_date(_text(item, "lastmod"))
    return Entry(
        url=url,
        title=plain(_text(news, "title"), MAX_TITLE),
        published_at=parse_date(_text(news, "publication_date")) or changed,
        updated_at=changed,
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
        note=f"lists {len(found):,} addresses; {MAX_ENTRIES:,} were read" if truncated else "",
    )


def _name(element: "etree._Element") -> str:
    """The element's name without its namespace, in lower case; "" for comments and the like."""
    return element.tag.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(element.tag, str) else ""


def _text(element: "etree._Element", name: str) -> str:
    for child in element:
        if _name(child) == name:
            return "".join(child.itertext()).strip()
    return ""
