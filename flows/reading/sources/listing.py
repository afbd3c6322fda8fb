"""What passes between a reader and the collector: a request, a window of time, what an answer lists.

What one listing says of its entries is settled together: dates that are read alike, addresses that tell entries apart.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html.entities import html5
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from models.date_lists import settle_dates
from models.dates import Reading
from models.entries import Entry
from models.page_identity import alike
from models.text import clean_text
from models.urls import with_fragment

MAX_FEED_BYTES = 5 * 1024 * 1024  # feeds are 20 to 300 kB; a parser takes minutes over 50 MB
MAX_REQUESTS_A_POLL = 8  # a sitemap index with seven children, or eight pages of an API
MAX_ENTRIES = 2000  # of one answer; a source that lists more is read from both ends
MAX_TITLE = 400
MAX_SUMMARY = 4000
MAX_AUTHOR = 200

ACCEPT_FEED = "application/rss+xml, application/atom+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"
ACCEPT_XML = "application/xml, text/xml, */*;q=0.5"
ACCEPT_JSON = "application/json, */*;q=0.5"
ACCEPT_PAGE = "text/html, application/xhtml+xml, */*;q=0.5"

_SILENT_NAMES = ("script", "style", "noscript", "iframe", "svg")
_ENDS = {name: re.compile(rf"(?i)</{name}\b[^<>]*>?") for name in _SILENT_NAMES} | {"": re.compile("-->")}
_SILENT = re.compile(rf"(?i)<(?:({'|'.join(_SILENT_NAMES)})\b[^<>]*>|!--)")
_INLINE = re.compile(
    r"(?i)</?(?:a|abbr|b|bdi|big|cite|code|em|font|i|ins|mark|q|s|small|span|strong|sub|sup|time|u|wbr)\b[^<>]{0,2000}>"
)
_BLOCK = re.compile(
    r"(?i)</?(?:p|div|br|li|ul|ol|h[1-6]|blockquote|tr|table|section|article|hr|pre|dd|dt)\b[^<>]{0,2000}>"
)

_COMPARED = 50  # with so many of the same page an entry is compared; it bounds a hostile listing
_OLDEST = datetime.min.replace(tzinfo=UTC)


class MissingKey(ValueError):  # noqa: N818 - it says what is wrong
    """The source's API needs a key that is not set; the message says where to set it."""


@dataclass(frozen=True, slots=True)
class Window:
    """The time that is asked for: from `since` to before `until`, both aware."""

    since: datetime
    until: datetime

    def holds(self, moment: datetime) -> bool:
        """Whether a moment lies within."""
        return self.since <= moment < self.until


@dataclass(frozen=True, slots=True)
class RequestSpec:
    """One request to a source."""

    url: str
    accept: str = "*/*"
    max_bytes: int = MAX_FEED_BYTES
    secret: str = ""  # a key within `url`

    @property
    def shown(self) -> str:
        """The address for logs and tables: without the key."""
        return self.url.replace(self.secret, "***") if self.secret else self.url


@dataclass(frozen=True, slots=True)
class Listing:
    """What an answer lists. A problem without entries: not what the source should be."""

    entries: tuple[Entry, ...] = ()
    title: str = ""  # what a feed calls itself
    ttl_seconds: int | None = None  # for which the publisher says that it stays as it is
    truncated: bool = False  # whether it lists more than was read, or than can be asked for
    total: int | None = None  # entries, where the source says how many there are
    missed: tuple[str, ...] = ()  # why further parts could not be read, once all are put together
    invalid: int = 0  # items without a usable link, or with neither title nor text
    problem: str = ""  # one line for people
    note: str = ""  # the same, on what was left out of a listing that is as it should be
    more: tuple[RequestSpec, ...] = ()  # further requests that belong to this poll
    cacheable: bool = True  # False: "not modified" would say nothing of what it leads to


def plain(markup: object, limit: int) -> str:
    """Text or HTML as plain text of at most `limit` letters on one line; "" for what is no text."""
    if not isinstance(markup, str) or not markup:
        return ""
    text = markup[: 20 * limit]
    if "<" in text:
        text = _BLOCK.sub("\n", _INLINE.sub("", _without_the_silent(text)))
    text = " ".join(clean_text(text).split())
    if len(text) <= limit:
        return text
    return f"{text[: limit - 2].rsplit(' ', 1)[0]} …"


def _without_the_silent(text: str) -> str:
    """The markup without comments, scripts and the like; one step over it, whatever is open or closed in it.

    A tag that closes itself holds nothing, though a browser would take all that follows for its content. So does one
    that is never closed, but for a script or a style, which nobody is to read.
    """
    missing: set[str] = set()  # what has no end any more
    pieces: list[str] = []
    at = 0
    while found := _SILENT.search(text, at):
        pieces += [text[at : found.start()], " "]
        at = found.end()
        name = (found[1] or "").lower()
        if name and found[0].endswith("/>"):
            continue
        end = None if name in missing else _ENDS[name].search(text, at)
        if end is not None:
            at = end.end()
        elif name in {"script", "style", ""}:
            return "".join(pieces)
        else:
            missing.add(name)
    return "".join([*pieces, text[at:]])


_AMPERSAND = re.compile(rb"&(?:(#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)?")
_XML_ENTITIES = frozenset({b"amp", b"lt", b"gt", b"quot", b"apos"})
_CONTROLS = bytes(number for number in range(32) if number not in b"\t\n\r")


def repair_xml(body: bytes) -> bytes:
    """`body` without bare ampersands, entities of HTML, control characters and blanks before its start.

    feedparser forgives these as well, but its forgiving parser makes "A&E;" of "A&E", and takes ten times as long;
    lxml's loses what stands behind the ampersand.
    """
    if b"\x00" in body[:200] or b"<!ENTITY" in body[:20_000]:  # UTF-16, or a feed with entities of its own
        return body
    return _AMPERSAND.sub(_escaped, body.translate(None, _CONTROLS)).lstrip()


def _escaped(found: re.Match[bytes]) -> bytes:
    name = found[1]
    if name is None:
        return b"&amp;"
    if name.startswith(b"#") or name in _XML_ENTITIES:
        return found[0]
    letters = html5.get(f"{name.decode('ascii')};")
    return "".join(f"&#{ord(letter)};" for letter in letters).encode("ascii") if letters else b"&amp;" + found[0][1:]


def with_parameters(url: str, *, defaults: dict[str, str], required: dict[str, str] | None = None) -> str:
    """`url` with `defaults` where it lacks them, and with `required` in place of its own."""
    parts = urlsplit(url)
    required = required or {}
    pairs = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in required]
    given = {name for name, _ in pairs}
    pairs += [(name, value) for name, value in defaults.items() if name not in given]
    pairs += list(required.items())
    return urlunsplit(parts._replace(query=urlencode(pairs), fragment=""))


def parameter(url: str, name: str, default: str = "") -> str:
    """The value of one parameter of `url`."""
    return dict(parse_qsl(urlsplit(url).query)).get(name, default)


def whole(text: object, default: int) -> int:
    """`text` as a whole number; `default` where it is none."""
    if isinstance(text, bool) or not isinstance(text, int | str):
        return default
    digits = str(text)[:12]
    return int(digits) if digits.isascii() and digits.isdigit() else default


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry before its date and address are settled."""

    entry: Entry
    dates: tuple[Reading, ...] = ()  # ways to read its date
    fragment: str = ""  # of its link
    guid: str = ""  # its own identifier in the listing


def settled(listed: Sequence[Listed], now: datetime) -> tuple[Entry, ...]:
    """The entries in their order; `now` is when the listing was fetched."""
    dates = settle_dates([one.dates for one in listed], now)
    dated = [replace(one, entry=replace(one.entry, published_at=date)) for one, date in zip(listed, dates, strict=True)]
    return tuple(_told_apart(dated))


def _told_apart(listed: Sequence[Listed]) -> list[Entry]:
    """Entries of one page that are not one entry: each but the oldest gets a fragment of its own.

    The oldest keeps the page's address, so that an entry which is listed alone by now is known by it, whichever of
    them it was.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(listed):
        places[one.entry.url].append(place)
    entries = [one.entry for one in listed]
    for url, sharing in places.items():
        if len(sharing) == 1:
            continue
        # Newest first is the custom: of entries without a date the last is the oldest.
        oldest_first = sorted(sharing, key=lambda place: (entries[place].published_at or _OLDEST, -place))
        known: list[tuple[Listed, str]] = []
        addresses: dict[int, str] = {}
        for place in oldest_first:
            one = listed[place]
            address = next((given for other, given in known[-_COMPARED:] if _is_same(one, other)), None)
            if address is None:
                address = with_fragment(url, one.fragment or one.guid or one.entry.title) if known else url
                known.append((one, address))
            addresses[place] = address
        for place, address in addresses.items():
            entries[place] = replace(entries[place], url=address, shares_page=len(known) > 1)
    return entries


def _is_same(one: Listed, other: Listed) -> bool:
    """Whether two listings of one address are of one entry."""
    if one.guid and one.guid == other.guid:
        return True
    return one.fragment == other.fragment and alike(one.entry.title, other.entry.title)
