"""Feeds, sitemaps and APIs as entries: each class of them, well-formed and not, yields what a reader would expect."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from flows.web.readers import MissingKey, Window, page_request, read_entry_page, read_listing, request_for
from flows.web.readers.feed import read_feed
from flows.web.readers.listing import MAX_ENTRIES, MAX_TITLE, Listing
from models.entries import Entry, Fetched, Reply
from models.outcomes import TextStatus
from models.sources import Kind, Source

BASE = "https://news.example.org/feed/"
NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)


def source(kind: Kind, url: str = BASE) -> Source:
    return Source(id="one", url=url, kind=kind)


def read(kind: Kind, body: bytes | str | object, url: str = BASE, content_type: str = "") -> Listing:
    """The listing in an answer; an object is sent as JSON."""
    data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    reply = Reply(url, Fetched.OK, NINE, 0.1, 200, final_url=url, headers={"content-type": content_type}, body=data)
    window = Window(since=NINE - timedelta(days=14), until=NINE)
    return read_listing(source(kind, url), reply, window)


def rss(items: str, channel: str = "") -> str:
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>{channel}{items}</channel></rss>'


def only(listing: Listing) -> Entry:
    assert len(listing.entries) == 1, listing
    return listing.entries[0]


DC = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'
ITEM = "<title>Trust board quits</title><link>https://news.example.org/a</link>"
WHOLE = Entry(
    url="https://news.example.org/a",
    title="Trust board quits",
    summary="All of it.",
    published_at=NINE,
    author="Jane Smith",
    language="en",
)
RSS_2 = rss(
    f"<item>{ITEM}<description>All of it.</description><author>jane@example.org (Jane Smith)</author>"
    "<pubDate>Fri, 20 Nov 2026 09:00:00 GMT</pubDate><guid isPermaLink='false'>7</guid></item>",
    "<language>en-GB</language>",
)
RSS_091 = (
    '<rss version="0.91"><channel><title>N</title><language>en-gb</language><item><title>Trust board quits</title>'
    "<link>https://news.example.org/a</link><description>All of it.</description><author>Jane Smith</author>"
    "<pubDate>20 Nov 2026 09:00:00 +0000</pubDate></item></channel></rss>"
)
RDF = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="x"><title>N</title></channel>'
    '<item rdf:about="https://news.example.org/a"><title>Trust board quits</title><link>https://news.example.org/a</link>'
    "<description>All of it.</description><dc:creator>Jane Smith</dc:creator><dc:language>en</dc:language>"
    "<dc:date>2026-11-20T09:00:00+00:00</dc:date></item></rdf:RDF>"
)
ATOM = (
    '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en"><title>N</title><id>x</id>'
    "<updated>2026-11-20T10:00:00Z</updated><entry><title>Trust board quits</title><id>tag:7</id>"
    "<link href='/a' rel='alternate'/><link href='/a.mp3' rel='enclosure'/>"
    "<summary>All of it.</summary><author><name>Jane Smith</name></author>"
    "<published>2026-11-20T09:00:00Z</published><updated>2026-11-21T09:00:00Z</updated></entry></feed>"
)
JSON_FEED = {
    "version": "https://jsonfeed.org/version/1.1",
    "title": "N",
    "language": "en-GB",
    "items": [
        {
            "id": "7",
            "url": "/a",
            "title": "Trust board quits",
            "content_html": "<p>All <em>of</em> it.</p>",
            "date_published": "2026-11-20T09:00:00Z",
            "authors": [{"name": "Jane Smith"}],
        }
    ],
}


@pytest.mark.parametrize(
    "body", [RSS_2, RSS_091, RDF, ATOM, JSON_FEED], ids=["rss 2.0", "rss 0.91", "rdf", "atom", "json feed"]
)
def test_every_kind_of_feed_yields_the_same_entry(body: object) -> None:
    listing = read(Kind.FEED, body)
    assert only(listing) == WHOLE
    assert (listing.problem, listing.invalid) == ("", 0)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Marks &amp; Spencer", "Marks & Spencer"),
        ("M&S bosses &nbsp;go", "M&S bosses go"),
        ("A&E waits &T; &copy; &amp;pound;5", "A&E waits &T; © £5"),
        ("<![CDATA[A&E Q&amp;A]]>", "A&E Q&A"),
        ("<![CDATA[Why <em>culture</em> matters]]>", "Why culture matters"),
        ("&lt;b&gt;Bold&lt;/b&gt; claim", "Bold claim"),
        ("Pay &amp;amp; conditions", "Pay & conditions"),
        ("5 < 6 and 7 > 2", "5 < 6 and 7 > 2"),
        ("It&#8217;s &#x201c;over&#x201d;", "It’s “over”"),
        ("  two\n lines  ", "two lines"),
        ("<![CDATA[<script>alert(1)</script>Nurses strike]]>", "Nurses strike"),
        ("bell\x07 &#0; \u202eevil", "bell evil"),
    ],
)
def test_titles_are_plain_text(title: str, expected: str) -> None:
    body = rss(f"<item><title>{title}</title><link>https://news.example.org/a</link></item>")
    assert only(read(Kind.FEED, body)).title == expected


ATOM_03 = (
    '<feed version="0.3" xmlns="http://purl.org/atom/ns#"><entry><title mode="escaped">Trust board quits</title>'
    '<link rel="alternate" href="http://news.example.org/a"/><issued>2026-11-20T09:00:00Z</issued>'
    "<modified>2026-11-21T09:00:00Z</modified></entry></feed>"
)
XML_BASE = (
    '<feed xmlns="http://www.w3.org/2005/Atom" xml:base="http://news.example.org/x/"><entry><title type="xhtml">'
    '<div xmlns="http://www.w3.org/1999/xhtml">Trust <em>board</em> quits</div></title><link href="../a"/></entry></feed>'
)
RSS_090 = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://my.netscape.com/rdf/simple/0.9/">'
    "<item><title>Trust board quits</title><link>http://news.example.org/a</link></item></rdf:RDF>"
)
RSS_092 = (
    '<rss version="0.92"><channel><title>N</title></channel><item><title>Trust board quits</title>'
    "<link>http://news.example.org/a</link></item></rss>"
)
DUBLIN_CORE = (
    f'<rss version="2.0" {DC}><channel><item><dc:title>Trust board quits</dc:title>'
    "<link><![CDATA[http://news.example.org/a]]></link></item></channel></rss>"
)
BASE_64 = (
    '<feed version="0.3" xmlns="http://purl.org/atom/ns#"><entry><title mode="base64" type="text/html">'
    'VHJ1c3QgPGI+Ym9hcmQ8L2I+IHF1aXRz</title><link href="http://news.example.org/a"/></entry></feed>'
)
PHP_WARNING = "<br />\n<b>Warning</b>: x in y on line 3<br />\n" + RSS_092


@pytest.mark.parametrize(
    "body",
    [ATOM_03, XML_BASE, RSS_090, RSS_092, DUBLIN_CORE, BASE_64, PHP_WARNING],
    ids=["atom 0.3", "xml:base", "rss 0.90", "rss 0.92", "dublin core", "base 64", "after a warning"],
)
def test_old_and_odd_feeds_yield_their_entry(body: str) -> None:
    entry = only(read(Kind.FEED, body))
    assert (entry.url, entry.title) == ("http://news.example.org/a", "Trust board quits")


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("<link>/a?utm_source=rss&amp;id=3#top</link>", "https://news.example.org/a?id=3"),
        ("<link>a</link>", "https://news.example.org/feed/a"),
        ("<link>\n https://news.example.org/a \n</link>", "https://news.example.org/a"),
        ("<link/><guid>https://news.example.org/g</guid>", "https://news.example.org/g"),
        ("<guid isPermaLink='true'>https://news.example.org/g</guid>", "https://news.example.org/g"),
        ("<link>https://u:p@news.example.org:443/a</link>", "https://news.example.org/a"),
    ],
)
def test_links_are_whole_and_clean(link: str, expected: str) -> None:
    assert only(read(Kind.FEED, rss(f"<item><title>T</title>{link}</item>"))).url == expected


@pytest.mark.parametrize(
    "item",
    [
        "<title>No link at all</title>",
        "<title>T</title><link>javascript:alert(1)</link>",
        "<title>T</title><link>mailto:a@example.org</link><guid isPermaLink='false'>7</guid>",
        "<link>https://news.example.org/a</link>",
        "",
    ],
)
def test_an_item_without_link_or_words_is_counted_as_invalid(item: str) -> None:
    listing = read(Kind.FEED, rss(f"<item>{item}</item><item>{ITEM}</item>"))
    assert (len(listing.entries), listing.invalid) == (1, 1)


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Fri, 20 Nov 2026 09:00:00 +0000", NINE),
        ("Fri, 20 Nov 2026 04:00:00 EST", NINE),
        ("20 November 2026 09:00", NINE),
        ("2026-11-20T09:00:00", NINE),
        ("Wed, 01 Jul 2026 10:00:00 BST", datetime(2026, 7, 1, 9, tzinfo=UTC)),
        ("2026-07-01 10:00", datetime(2026, 7, 1, 9, tzinfo=UTC)),  # London's summer time
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates_in_their_many_forms(date: str, expected: datetime | None) -> None:
    assert only(read(Kind.FEED, rss(f"<item>{ITEM}<pubDate>{date}</pubDate></item>"))).published_at == expected


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        ("<author>Jane Smith</author>", "Jane Smith"),
        ("<author>jane@example.org (Jane Smith)</author>", "Jane Smith"),
        ("<author>jane@example.org</author>", None),
        (f"<dc:creator {DC}>Jane Smith</dc:creator>", "Jane Smith"),
        (f"<dc:creator {DC}>Jane Smith</dc:creator><dc:creator {DC}>Sam Jones</dc:creator>", "Jane Smith, Sam Jones"),
        (f"<dc:creator {DC}><![CDATA[Jane <b>Smith</b>]]></dc:creator>", "Jane Smith"),
        ("<author></author>", None),
    ],
)
def test_authors_are_names(author: str, expected: str | None) -> None:
    assert only(read(Kind.FEED, rss(f"<item>{ITEM}{author}</item>"))).author == expected


def test_an_edited_entry_keeps_its_first_date() -> None:
    assert only(read(Kind.FEED, ATOM)).published_at == NINE


def test_an_entry_that_is_only_dated_by_its_edits_has_that_date() -> None:
    body = ATOM.replace("<published>2026-11-20T09:00:00Z</published>", "")
    assert only(read(Kind.FEED, body)).published_at == NINE + timedelta(days=1)


def test_a_title_is_made_of_the_summary_where_there_is_none() -> None:
    body = rss("<item><link>/a</link><description>" + "word " * 30 + "</description></item>")
    assert only(read(Kind.FEED, body)).title == "word " * 14 + "…"


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8", "utf-8"),
        ("iso-8859-1", "iso-8859-1"),
        ("utf-16", "utf-16"),
        ("cp1252", "utf-8"),
        ("utf-8", "iso-8859-1"),
    ],
)
def test_letters_survive_wrong_declarations(encoding: str, declared: str) -> None:
    text = rss("<item><title>Café £5m – naïve</title><link>/a</link></item>").replace(
        '"1.0"?>', f'"1.0" encoding="{declared}"?>'
    )
    found = only(read(Kind.FEED, text.encode(encoding, "replace"))).title
    if (encoding, declared) == ("utf-8", "iso-8859-1"):
        assert "Caf" in found  # its own declaration is believed, as the standard demands
    else:
        assert found.startswith("Café £5m")
        assert found.endswith("naïve")


BROKEN = {
    "an undeclared entity": rss(f"<item>{ITEM}<description>a&nbsp;b &hellip;</description></item>"),
    "a bare ampersand": rss(f"<item>{ITEM}<description>R&D; Q&A & more</description></item>"),
    "an undeclared namespace": rss(f"<item>{ITEM}<media:thumbnail url='x'/></item>"),
    "cut off": rss(f"<item>{ITEM}</item><item><title>Second</title><link>https://x.example.org/b</li")[:-20],
    "a tag that is not closed": rss(f"<item>{ITEM}<description><p>one<br>two</description></item>"),
    "text before the declaration": "\n\n  " + rss(f"<item>{ITEM}</item>"),
    "rubbish after the end": rss(f"<item>{ITEM}</item>") + "<!-- cached --><script>x()</script>",
    "control characters": rss(f"<item>{ITEM}<description>a\x0bb\x1fc</description></item>"),
    "null bytes": rss(f"<item>{ITEM}<description>a\x00b</description></item>"),
    "upper-case tags": rss(f"<item>{ITEM}</item>").replace("item>", "ITEM>"),
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_ill_formed_feeds_still_yield_their_entries(body: str) -> None:
    listing = read(Kind.FEED, body)
    assert (listing.entries[0].url, listing.entries[0].title) == ("https://news.example.org/a", "Trust board quits")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"<!DOCTYPE html><html><body>Not found</body></html>", "web page"),
        (b"\xef\xbb\xbf<!-- x --><html><head>", "web page"),
        (b"just words", "not a feed"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "not a feed"),
        (b"{}", "not a JSON Feed"),
        (b"{" * 100_000, "not a JSON Feed"),
        (b"[" * 100_000, "not a feed"),
        (b'{"items": 3}', "not a JSON Feed"),
        (b"<opml><body/></opml>", "not a feed"),
        (bytes(range(256)) * 10, "not a feed"),
    ],
)
def test_what_is_no_feed_is_said_to_be_none(body: bytes, said: str) -> None:
    listing = read(Kind.FEED, body)
    assert (listing.entries, said in listing.problem) == ((), True), listing.problem


def test_an_empty_feed_is_no_problem() -> None:
    assert read(Kind.FEED, rss("")) == Listing()


def test_an_entity_bomb_does_not_go_off() -> None:
    names = "abcdefghij"
    entities = '<!ENTITY a "boom">' + "".join(
        f'<!ENTITY {name} "{("&" + before + ";") * 10}">' for before, name in pairwise(names)
    )
    body = (
        f'<?xml version="1.0"?><!DOCTYPE rss [{entities}]>'
        + rss(f"<item>{ITEM}<description>&j;</description></item>").partition("?>")[2]
    )
    listing = read(Kind.FEED, body)
    assert all(len(entry.summary) < 5000 for entry in listing.entries)


@pytest.mark.parametrize("kind", [Kind.FEED, Kind.SITEMAP])
def test_an_external_entity_is_not_read(kind: Kind, tmp_path: Any) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("hunter2", encoding="utf-8")
    body = (
        f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY s SYSTEM "file://{secret}">]>'
        + rss(f"<item>{ITEM}<description>&s;</description></item>").partition("?>")[2]
    )
    assert "hunter2" not in repr(read(kind, body))


def test_a_feed_of_many_entries_is_read_from_both_ends() -> None:
    items = "".join(f"<item><title>T{n}</title><link>/{n}</link></item>" for n in range(50_000))
    listing = read(Kind.FEED, rss(items))
    titles = [entry.title for entry in listing.entries]
    assert (len(titles), titles[0], titles[-1]) == (MAX_ENTRIES, "T0", "T49999")
    assert listing.truncated


def test_a_title_of_a_megabyte_is_cut() -> None:
    body = rss(f"<item><title>{'long ' * 200_000}</title><link>/a</link></item>")
    assert len(only(read(Kind.FEED, body)).title) <= MAX_TITLE


SY = 'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'


@pytest.mark.parametrize(
    ("channel", "seconds"),
    [
        ("<ttl>60</ttl>", 3600),
        ("<ttl>99999999</ttl>", 86400),
        ("<ttl>soon</ttl>", None),
        (f"<sy:updatePeriod {SY}>hourly</sy:updatePeriod><sy:updateFrequency {SY}>2</sy:updateFrequency>", 1800),
    ],
)
def test_how_long_a_feed_says_it_stays(channel: str, seconds: int | None) -> None:
    assert read(Kind.FEED, rss(f"<item>{ITEM}</item>", channel)).ttl_seconds == seconds


NEWS_MAP = """<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
 xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">
<url><loc>https://news.example.org/a</loc><news:news><news:publication><news:name>N</news:name>
<news:language>en</news:language></news:publication><news:publication_date>2026-11-20T09:00:00Z</news:publication_date>
<news:title>Trust board quits</news:title></news:news></url>
<url><loc>https://news.example.org/old</loc><lastmod>2026-01-01</lastmod></url>
<url><loc>https://news.example.org/plain</loc><lastmod>2026-11-19</lastmod></url>
<url><loc>/relative?a=1&b=2</loc></url><url></url></urlset>"""


@pytest.mark.parametrize("packed", [False, True])
def test_a_sitemap_gives_the_addresses_of_its_window_the_newest_first(packed: bool) -> None:
    listing = read(Kind.SITEMAP, gzip.compress(NEWS_MAP.encode()) if packed else NEWS_MAP)
    assert [(entry.url, entry.title) for entry in listing.entries] == [
        ("https://news.example.org/a", "Trust board quits"),
        ("https://news.example.org/plain", ""),
        ("https://news.example.org/relative?a=1&b=2", ""),
    ]
    assert (listing.entries[0].published_at, listing.entries[0].language, listing.invalid) == (NINE, "en", 1)


def test_an_index_leads_to_its_newest_children() -> None:
    children = "".join(
        f"<sitemap><loc>/map-{n}.xml</loc><lastmod>2026-11-{n:02d}</lastmod></sitemap>" for n in range(1, 20)
    )
    listing = read(Kind.SITEMAP, f"<sitemapindex>{children}</sitemapindex>")
    assert [spec.url for spec in listing.more] == [f"https://news.example.org/map-{n}.xml" for n in range(19, 12, -1)]
    assert not listing.cacheable


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"words", b"\x1f\x8bnot gzip", b"<a/>" * 10])
def test_what_is_no_sitemap_is_said_to_be_none(body: bytes) -> None:
    listing = read(Kind.SITEMAP, body)
    assert (listing.entries, bool(listing.problem)) == ((), True)


GOVUK = "https://www.gov.uk/api/search.json?filter_organisations=nhs-england"
WINDOW = Window(since=datetime(2026, 11, 15, tzinfo=UTC), until=datetime(2026, 11, 22, tzinfo=UTC))


def test_gov_uk_is_asked_for_exactly_the_window_and_answers_with_entries() -> None:
    spec = request_for(source(Kind.GOVUK, GOVUK), WINDOW)
    assert "filter_public_timestamp=from%3A2026-11-15%2Cto%3A2026-11-22" in spec.url
    assert "filter_organisations=nhs-england" in spec.url
    result = {
        "title": "New framework",
        "link": "/government/news/new-framework",
        "description": "What it says.",
        "public_timestamp": "2026-11-20T09:00:00Z",
    }
    listing = read(Kind.GOVUK, {"results": [result, {"title": "no link"}], "total": 5, "start": 0}, spec.url)
    assert only(listing).url == "https://www.gov.uk/government/news/new-framework"
    assert (listing.invalid, "start=2" in listing.more[0].url) == (1, True)
    last = read(Kind.GOVUK, {"results": [result], "total": 3}, listing.more[0].url)
    assert last.more == ()


def test_the_text_of_gov_uk_comes_from_its_content_api() -> None:
    spec = page_request(source(Kind.GOVUK, GOVUK), "https://www.gov.uk/government/news/new-framework")
    assert spec.url == "https://www.gov.uk/api/content/government/news/new-framework"
    item = {
        "title": "New framework",
        "description": "What it says.",
        "base_path": "/government/news/new-framework",
        "locale": "en",
        "first_published_at": "2026-11-20T09:00:00Z",
        "public_updated_at": "2026-11-21T09:00:00Z",
        "details": {
            "body": "<div class='govspeak'><p>First&nbsp;part.</p><ul><li>One</li></ul><script>x</script></div>"
        },
        "links": {"organisations": [{"title": "NHS England"}]},
    }
    page = read_entry_page(Kind.GOVUK, json.dumps(item).encode(), spec.url, "application/json")
    assert page.text == "What it says.\nFirst part.\nOne"
    assert (page.text_status, page.author, page.published_at) == (TextStatus.FULL, "NHS England", NINE)
    assert page.canonical_url == "https://www.gov.uk/government/news/new-framework"


GUARDIAN = "https://content.guardianapis.com/search?tag=society/nhs"


def test_the_guardian_needs_a_key_which_is_never_shown() -> None:
    with pytest.raises(MissingKey, match="CULTURE_GUARDIAN_API_KEY"):
        request_for(source(Kind.GUARDIAN, GUARDIAN), WINDOW)
    spec = request_for(source(Kind.GUARDIAN, GUARDIAN), WINDOW, guardian_key="s3cret")
    assert "s3cret" in spec.url
    assert "s3cret" not in spec.shown
    result = {
        "webUrl": "https://www.theguardian.com/society/2026/nov/20/a",
        "webTitle": "Trust board quits",
        "webPublicationDate": "2026-11-20T09:00:00Z",
        "fields": {"trailText": "<p>All of it.</p>", "byline": "Jane Smith"},
    }
    entry = only(read(Kind.GUARDIAN, {"response": {"status": "ok", "results": [result, 3]}}, GUARDIAN))
    assert (entry.title, entry.summary, entry.author) == ("Trust board quits", "All of it.", "Jane Smith")
    assert entry.text is None


def test_written_questions_and_their_answers() -> None:
    address = "https://questions-statements-api.parliament.uk/api/writtenquestions/questions?searchTerm=NHS"
    assert "tabledWhenFrom=2026-11-15" in request_for(source(Kind.PARLIAMENT, address), WINDOW).url
    value = {
        "uin": "8024",
        "dateTabled": "2026-11-18T00:00:00",
        "dateAnswered": "2026-11-20T00:00:00",
        "heading": "NHS: Leadership",
        "questionText": "To ask what steps are being taken.",
        "answerText": "<p>Many steps...</p>",
        "askingMember": {"name": "Jane Smith"},
    }
    listing = read(Kind.PARLIAMENT, {"totalResults": 1, "results": [{"value": value}, {"value": {}}, 7]}, address)
    entry = only(listing)
    assert entry.url == "https://questions-statements.parliament.uk/written-questions/detail/2026-11-18/8024"
    assert (entry.title, entry.author, listing.invalid) == ("Written question: NHS: Leadership", "Jane Smith", 1)
    spec = page_request(source(Kind.PARLIAMENT, address), entry.url)
    assert spec.url.endswith("/api/writtenquestions/questions/2026-11-18/8024")
    page = read_entry_page(Kind.PARLIAMENT, json.dumps({"value": value}).encode(), spec.url, "application/json")
    assert page.text == "To ask what steps are being taken.\nMany steps..."


def test_contributions_to_one_debate_are_one_entry_with_their_words() -> None:
    address = "https://hansard-api.parliament.uk/search/contributions/Spoken.json?queryParameters.searchTerm=NHS"
    assert "queryParameters.startDate=2026-11-15" in request_for(source(Kind.PARLIAMENT, address), WINDOW).url
    spoken = [
        {
            "DebateSection": "NHS Leadership",
            "DebateSectionExtId": "A1B2",
            "SittingDate": "2026-11-18T00:00:00",
            "House": "Commons",
            "AttributedTo": name,
            "ContributionTextFull": f"<p>{words}</p>",
        }
        for name, words in (("Jane Smith", "I ask."), ("The Minister", "I answer."))
    ]
    entry = only(read(Kind.PARLIAMENT, {"Results": [*spoken, {}], "TotalResultCount": 2}, address))
    assert entry.url == "https://hansard.parliament.uk/Commons/2026-11-18/debates/A1B2/NhsLeadership"
    assert entry.text == "Jane Smith: I ask.\nThe Minister: I answer."


def test_google_news_tells_headline_and_outlet_apart() -> None:
    address = "https://news.google.com/rss/search?q=NHS"
    assert "ceid=GB%3Aen" in request_for(source(Kind.GOOGLE_NEWS, address), WINDOW).url
    item = (
        "<item><title>Trust board - all of it - quits - Daily News</title><link>https://news.google.com/rss/articles/x"
        "</link><pubDate>Fri, 20 Nov 2026 09:00:00 GMT</pubDate><description>&lt;a&gt;links&lt;/a&gt;</description>"
        '<source url="https://daily.example.org">Daily News</source></item>'
    )
    entry = only(read(Kind.GOOGLE_NEWS, rss(item), address))
    assert (entry.title, entry.outlet, entry.summary) == ("Trust board - all of it - quits", "Daily News", "")


def test_gdelt_gives_titles_and_outlets() -> None:
    address = "https://api.gdeltproject.org/api/v2/doc/doc?query=NHS"
    assert "startdatetime=20261115000000" in request_for(source(Kind.GDELT, address), WINDOW).url
    article = {
        "url": "https://daily.example.org/a",
        "title": "Trust board quits , says report",
        "seendate": "20261120T090000Z",
        "domain": "daily.example.org",
        "language": "English",
    }
    entry = only(read(Kind.GDELT, {"articles": [article, {"url": ""}]}, address))
    assert (entry.title, entry.outlet, entry.language) == ("Trust board quits, says report", "daily.example.org", "en")
    assert (entry.published_at, read(Kind.GDELT, {}, address)) == (NINE, Listing())
    assert "Please limit" in read(Kind.GDELT, b"Please limit requests to one every 5 seconds", address).problem


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"3", b'{"results": [null, 1, {"value": 3}], "response": []}'])
def test_an_answer_of_the_wrong_shape_is_no_entry(kind: Kind, body: bytes) -> None:
    assert read(kind, body).entries == ()


def test_a_feed_is_never_taken_for_an_address_or_a_file_name() -> None:
    assert read_feed(b"/etc/passwd", url=BASE).entries == ()
    assert read_feed(b"https://news.example.org/feed", url=BASE).entries == ()
