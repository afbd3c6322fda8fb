"""RSS 0.9x to 2.0, RDF and Atom, however broken, by feedparser; JSON Feed goes to its own reader."""

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import feedparser

from flows.reading.parsing import PARSER_FAULTS, language_code
from flows.reading.sources.feed_parser import TooMuchError, in_utf8, parse
from flows.reading.sources.json_feed import read_json_feed
from flows.reading.sources.listing import (
    ACCEPT_FEED,
    MAX_AUTHOR,
    MAX_ENTRIES,
    MAX_SUMMARY,
    MAX_TITLE,
    Listed,
    Listing,
    RequestSpec,
    Window,
    plain,
    repair_xml,
    settled,
)
from models.dates import Reading, parse_date, readings
from models.entries import Entry, Reply
from models.urls import fragment_of, normalise_url

if TYPE_CHECKING:
    from models.sources import Source

_HTML = re.compile(rb"(?i)<(?:!doctype\s+html|html|head|body)\b")
_ITEM_END = re.compile(rb"</(?:\w+:)?(item|entry)\s*>", re.IGNORECASE)
_AUTHOR_IN_BRACKETS = re.compile(r"^[^\s@]{1,100}@[^\s@]{1,100}\s*\((.+)\)$")
_ADDRESS = re.compile(r"\s?[(<]?[^\s@()<>]{1,100}@[^\s@()<>]{1,100}[)>]?\s?")
_PERIODS = {"hourly": 3600, "daily": 86400, "weekly": 7 * 86400, "monthly": 30 * 86400, "yearly": 365 * 86400}
_MAX_TTL = 86400
_TITLE_WORDS = 14  # of a summary that stands in for a missing title
_CUT = f"lists more than {MAX_ENTRIES:,} entries; the first and last {MAX_ENTRIES // 2:,} were read"


def request_for(source: "Source", window: Window) -> RequestSpec:
    """The feed itself; it knows no window."""
    return RequestSpec(source.url, ACCEPT_FEED)


def read(reply: Reply, window: Window) -> Listing:
    """The entries of a feed."""
    url = reply.final_url or reply.url
    return read_feed(reply.body, url=url, now=window.until, content_type=reply.headers.get("content-type", ""))


def read_feed(body: bytes, *, url: str, now: datetime, content_type: str = "") -> Listing:
    """The entries of the feed in `body`; `url` is the base of relative links, `now` the time by which dates are judged."""
    body, content_type = in_utf8(body, content_type)
    start = body[:1000].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        return Listing(problem="the answer is empty")
    if start.startswith(b"{"):
        return read_json_feed(body, url=url, now=now)
    if _HTML.match(_without_comments(body[:4000])):
        return Listing(problem="the answer is a web page, not a feed")
    shortened, truncated = _without_the_middle(repair_xml(body))
    try:
        parsed = parse(shortened, url, content_type)
    except TooMuchError as error:
        return Listing(problem=f"the feed is refused: {error}")
    except PARSER_FAULTS as error:
        return Listing(problem=f"the feed can't be read: {type(error).__name__}")
    entries = [_entry(item, parsed.get("feed", {}), url) for item in parsed.get("entries", [])]
    found = [entry for entry in entries if entry is not None]
    return Listing(
        entries=settled(found, now),
        title=plain(_text(parsed.get("feed", {}), "title"), MAX_TITLE),
        ttl_seconds=_ttl(parsed.get("feed", {})),
        truncated=truncated,
        invalid=len(entries) - len(found),
        problem="" if truncated else _problem(parsed),  # a feed without its middle may well be ill-formed
        note=_CUT if truncated else "",
    )


def entry_dates(item: Any) -> tuple[Reading, ...]:
    """The ways to read when an entry says that it was published; else when it was created or updated."""
    given = set(item.keys())  # asking for a name that is not there makes feedparser look for another, with a warning
    for name in ("published", "created", "issued", "updated"):
        if name in given and (found := readings(_text(item, name))):
            return found
    return ()


def _entry(item: Any, feed: Any, base: str) -> Listed | None:
    link = _link(item, base)
    summary = plain(_text(item, "summary") or _content(item), MAX_SUMMARY)
    title = plain(_text(item, "title"), MAX_TITLE) or _stand_in(summary)
    if link is None or not title:
        return None
    language = _text(item, "language") or (item.get("title_detail") or {}).get("language") or _text(feed, "language")
    url, place = link
    entry = Entry(
        url=url,
        title=title,
        summary="" if summary == title else summary,
        author=_author(item),
        language=language_code(language),
        updated_at=parse_date(_text(item, "updated")) if "updated" in set(item.keys()) else None,
    )
    return Listed(entry, entry_dates(item), fragment=fragment_of(place), guid=_text(item, "id").strip()[:MAX_TITLE])


def _link(item: Any, base: str) -> tuple[str, str] | None:
    """The address of an entry, normalised and as it is given."""
    places = [_text(item, "feedburner_origlink"), _text(item, "link")]
    places += [link.get("href") for link in item.get("links", []) if link.get("rel") in (None, "alternate")]
    guid = _text(item, "id")
    if guid.startswith(("http://", "https://")):
        places.append(guid)
    for place in places:
        if isinstance(place, str) and place.strip() and (url := normalise_url(place, base)):
            return url, place
    return None


def _without_comments(start: bytes) -> bytes:
    """What stands behind blanks, a byte order mark and comments."""
    start = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    while start.startswith(b"<!--") and (end := start.find(b"-->")) >= 0:
        start = start[end + 3 :].lstrip()
    return start


def _text(item: Any, name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""


def _content(item: Any) -> str:
    contents = item.get("content") or [{}]
    value = contents[0].get("value")
    return value if isinstance(value, str) else ""


def _stand_in(summary: str) -> str:
    words = summary.split()
    return " ".join(words[:_TITLE_WORDS]) + (" …" if len(words) > _TITLE_WORDS else "")


def _author(item: Any) -> str | None:
    people = item.get("authors")
    given = [_text(person, "name") for person in people if hasattr(person, "get")] if isinstance(people, list) else []
    names = [name for text in given if (name := _name(text))] or [_name(_text(item, "author"))]
    return plain(", ".join(dict.fromkeys(names)), MAX_AUTHOR) or None


def _name(text: str) -> str:
    """The name in "jane@example.org (Jane Smith)" and the like; "" for an address alone."""
    text = plain(text, MAX_AUTHOR)
    if found := _AUTHOR_IN_BRACKETS.match(text):
        text = found[1]
    return _ADDRESS.sub(" ", text).strip(" ,;()<>")


def _ttl(feed: Any) -> int | None:
    minutes = _text(feed, "ttl").strip()
    if minutes.isascii() and minutes.isdigit():
        return min(int(minutes[:6]) * 60, _MAX_TTL) or None
    period = _PERIODS.get(_text(feed, "sy_updateperiod").strip().lower())
    often = _text(feed, "sy_updatefrequency").strip()
    if period is None:
        return None
    times = int(often[:4]) if often.isascii() and often.isdigit() else 1
    return min(period // max(times, 1), _MAX_TTL)


def _without_the_middle(body: bytes) -> tuple[bytes, bool]:
    """A body with at most `MAX_ENTRIES` items: the first half and the last, since some feeds end with the newest."""
    ends = [found.end() for found in _ITEM_END.finditer(body)]
    if len(ends) <= MAX_ENTRIES:
        return body, False
    half = MAX_ENTRIES // 2
    return body[: ends[half - 1]] + body[ends[-half - 1] :], True


def _problem(parsed: Any) -> str:
    if parsed.get("bozo"):
        fault = parsed.get("bozo_exception")
        if isinstance(fault, feedparser.CharacterEncodingOverride | feedparser.NonXMLContentType):
            return "" if parsed.get("version") else "the answer is not a feed"
        if parsed.get("version") or parsed.get("entries"):
            return f"ill-formed feed: {' '.join(str(fault).split())[:120]}"
        return f"the answer is not a feed: {' '.join(str(fault).split())[:120]}"
    return "" if parsed.get("version") else "the answer is not a feed"
