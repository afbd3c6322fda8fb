"""No input makes a reader raise: bytes, broken documents and wrong shapes end as listings, pages and verdicts.

A few hundred cases run with the tests; `CASES=10000 pytest tests/reading/test_fuzz_readers.py` runs the whole number.
"""

import contextlib
import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.fetching.decoding import EncodingError, TooManyBytesError, decode
from flows.fetching.robots import HostFacts, RobotsRules
from flows.fetching.single_request import is_block_page, retry_after
from flows.reading.page import is_html, read_page
from flows.reading.page_dates import choose_published
from flows.reading.sources import Window, read_entry_page, read_listing
from flows.reading.sources.listing import Listing
from models.date_lists import settle_dates
from models.dates import first_date, parse_date, readings
from models.entries import Fetched, Page, Reply
from models.kinds import Kind
from models.page_identity import alike, names_this_page
from models.polling import max_age
from models.urls import normalise_url

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
WINDOW = Window(since=NOW - timedelta(days=14), until=NOW)
# The share of the cases that each of the tests here runs; together they make up the number.
CASES = int(os.environ.get("CASES", "560")) // 7
fuzzed = settings(
    max_examples=CASES,
    deadline=None,
    derandomize=CASES < 1000,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

PIECES = st.sampled_from(
    [
        "<rss version='2.0'>", "<channel>", "<item>", "</item>", "<title>", "</title>", "<link>", "</link>", "<entry>",
        "<feed xmlns='http://www.w3.org/2005/Atom'>", "<link href='", "'/>", "<![CDATA[", "]]>", "<!DOCTYPE x [", "]>",
        "<!ENTITY a '&a;&a;'>", "&a;", "&amp;", "&", "&#0;", "&#xD800;", "&#99999999;", "&nbsp;", "<!--", "-->", "<?xml",
        " version='1.0' encoding='", "utf-16", "utf-7", "x-none", "?>", "<pubDate>", "Mon, 99 Foo 2026 25:61:61 +9999",
        "2026-13-45T99:99:99", "</pubDate>", "http://[::1", "//", "http://a:99999999/", "<urlset>", "<url>", "<loc>",
        "<sitemapindex>", "<sitemap>", "<news:news>", "<html>", "<head>", "<body>", "<p>", "<div ", "class=", "<script",
        " type='application/ld+json'>", "</script>", '{"@type":"NewsArticle","author":', '{"@graph":[', "null", "[", "]",
        "{", "}", ",", ":", '"', "'", ">", "<", "<meta charset=", "<meta property='article:published_time' content='",
        "<title", "<time datetime=", "<h1>", "<table><tr><td>", "<svg>", "<math>", "<template>", "<base href='", "\x00",
        "\x0b", "\ud800", "\ufeff", "\u202e", "\U0010ffff", "é", "word ", "The board of the trust said so. " * 20,
        "<sy:updatePeriod>", "<ttl>", "-1", "9" * 40, "<media:content url='", "xml:base='http://[' ", "xmlns:a='b' ",
    ]
)  # fmt: skip
DOCUMENTS = st.lists(PIECES | st.text(max_size=12), max_size=40).map(
    lambda pieces: "".join(pieces).encode("utf-8", "surrogatepass")
) | st.binary(max_size=300)

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
NAMES = st.sampled_from(
    [
        "items", "results", "Results", "response", "articles", "value", "url", "id", "title", "link", "webUrl", "webTitle",
        "fields", "uin", "dateTabled", "heading", "total", "TotalResultCount", "DebateSectionExtId", "SittingDate", "House",
        "DebateSection", "details", "body", "parts", "links", "organisations", "base_path", "authors", "author", "language",
        "date_published", "public_timestamp", "description", "name", "questionText", "askingMember", "locale",
    ]
)  # fmt: skip
VALUES = st.recursive(
    SCALARS | st.sampled_from(["https://example.org/a", "/a", "2026-11-20T09:00:00Z", "<p>x</p>"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=6),
    max_leaves=25,
)


def listing(kind: Kind, body: bytes) -> Listing:
    url = "https://news.example.org/feed"
    reply = Reply(url, Fetched.OK, NOW, 0.1, 200, final_url=url, headers={"content-type": "text/xml"}, body=body)
    return read_listing(kind, reply, WINDOW)


def check(found: Listing) -> None:
    """What every listing holds to, so that the store can take it."""
    for entry in found.entries:
        assert entry.url.startswith(("http://", "https://"))
        assert entry.published_at is None or entry.published_at.tzinfo is not None
        for text in (entry.title, entry.summary, entry.author or "", entry.outlet, entry.text or ""):
            text.encode("utf-8")
            assert "\x00" not in text


@fuzzed
@given(body=DOCUMENTS, kind=st.sampled_from([Kind.FEED, Kind.SITEMAP, Kind.GOOGLE_NEWS]))
def test_feeds_and_sitemaps(body: bytes, kind: Kind) -> None:
    check(listing(kind, body))


@fuzzed
@given(value=VALUES, kind=st.sampled_from(list(Kind)))
def test_answers_of_apis(value: Any, kind: Kind) -> None:
    body = json.dumps(value).encode()
    check(listing(kind, body))
    for page_kind in (Kind.GOVUK, Kind.PARLIAMENT):
        assert isinstance(
            read_entry_page(page_kind, body, "https://www.gov.uk/api/content/a", "application/json"), Page
        )


@fuzzed
@given(body=DOCUMENTS, kind=st.sampled_from(["text/html", "text/html; charset=utf-7", "text/html; charset=\x00", ""]))
def test_pages(body: bytes, kind: str) -> None:
    found = read_page(body, url="https://news.example.org/2026/99/99/a", content_type=kind)
    is_html(kind, body)
    for text in (found.text, found.title, found.author or "", found.site_name or "", found.canonical_url or ""):
        text.encode("utf-8")
        assert "\x00" not in text
    assert found.published_at is None or found.published_at.tzinfo is not None


@fuzzed
@given(
    text=st.text(max_size=300) | DOCUMENTS.map(lambda body: body.decode("utf-8", "replace")), path=st.text(max_size=30)
)
def test_robots(text: str, path: str) -> None:
    rules = [f"User-agent: *\nDisallow: {text}", f"user-agent: {text}\nallow: *{path}*\ncrawl-delay: {path}", text]
    for robots in rules:
        found = RobotsRules(HostFacts(robots=robots, robots_status=200), "nhs-culture-monitor")
        found.verdict(f"https://example.org/{path}")
        assert 0 <= found.delay_seconds <= 30


@fuzzed
@given(
    body=st.binary(max_size=200),
    encoding=st.sampled_from(["gzip", "deflate", "br", "zstd", "gzip, br", "x, y", ""]),
    header=st.text(max_size=60) | st.integers().map(str),
)
def test_bodies_and_headers(body: bytes, encoding: str, header: str) -> None:
    with contextlib.suppress(EncodingError, TooManyBytesError):
        assert len(decode(body, encoding, 1000)) <= 1000
    names = ("retry-after", "cache-control", "expires", "cf-mitigated", "content-type")
    headers = dict.fromkeys(names, header)
    retry_after(headers, NOW)
    max_age(headers, NOW)
    is_block_page(200, headers, body)
    parse_date(header)


DATE_PIECES = st.sampled_from(
    [
        "2026", "26", "11", "5", "31", "19th", "Nov", "November", "Tachwedd", "Thu", "Thursday,", "10:00", "10.00", "25:61", "24:00",
        "pm", "GMT", "GMT+7", "UTC-05:00", "+0530", "Z", "EST", "(CET)", "Europe/London", "Mars/Base", "T", " - ", "/", "-", ".", ",",
        "of", "at", "<time datetime='", "'>", "</time>", "&lt;", "&nbsp;", "1795600800", "1795600800000", "99999999999999",
        "published", "updated", "'", "\u2009", "\u0661\u0669", "\u00b2", "\x00", "0000-00-00", "\u2212",
    ]
)  # fmt: skip
WRITTEN = st.lists(DATE_PIECES | st.text(max_size=4), max_size=12).map(" ".join) | st.lists(
    DATE_PIECES, max_size=9
).map("".join)
EARLIEST, LATEST = datetime(1995, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@fuzzed
@given(written=st.lists(WRITTEN, max_size=8), number=st.integers() | st.floats(), page=WRITTEN)
def test_dates(written: list[str], number: float, page: str) -> None:
    options = [readings(text) for text in [*written, number]]
    for readable in options:
        assert all(EARLIEST <= reading.moment <= LATEST and reading.moment.tzinfo is UTC for reading in readable)
        assert len({reading.form for reading in readable}) == len(readable)
    settled = settle_dates(options, NOW)
    for moment, readable in zip(settled, options, strict=True):
        assert moment is None or moment in {reading.moment for reading in readable}  # no date that nobody wrote
    chosen = choose_published(parse_date(page), next(iter(settled)), NOW)
    assert chosen is None or EARLIEST <= chosen <= NOW
    assert first_date(written) in {None, *(reading.moment for readable in options for reading in readable)}


PATHS = st.lists(
    st.sampled_from(
        ["news", "board-quits-after-review", "amp", "page", "2", "1234", "..", "", "%2F", "é", "?a=1", "#b", "//"]
    ),
    max_size=5,
)
TITLES = st.lists(
    st.sampled_from(["Board", "quits", "after", "review", "1", "2", "Ward", "é", "\u202e", ""]), max_size=6
).map(" ".join)
LISTED = st.tuples(PATHS.map("/".join), st.text(max_size=6) | st.sampled_from(["g1", "g2", ""]), TITLES)


@fuzzed
@given(items=st.lists(LISTED, max_size=8), canonical=PATHS.map("/".join))
def test_identity(items: list[tuple[str, str, str]], canonical: str) -> None:
    fields = [{"url": f"https://e.example/{path}", "id": guid, "title": title} for path, guid, title in items]
    body = json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": fields}).encode()
    found = listing(Kind.FEED, body)
    check(found)
    assert len(found.entries) + found.invalid == len(items)
    for entry in found.entries:
        assert normalise_url(entry.url.partition("#")[0]) == entry.url.partition("#")[0]
    for path, _, title in items:
        own, named = f"https://e.example/{path}", normalise_url(f"https://e.example/{canonical}")
        if named is not None:
            names_this_page(named, own, title)
            assert names_this_page(normalise_url(own) or own, own, title)
        assert alike(title, title)
