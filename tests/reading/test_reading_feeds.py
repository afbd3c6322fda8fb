"""Feeds of every kind and age, read into entries: titles, links, dates, authors."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from models.kinds import Kind
from tests.support.fakes_feeds import ATOM, DC, ITEM, JSON_FEED, NINE, RDF, RSS_091, RSS_2, WHOLE, only, read, rss


@pytest.mark.parametrize(
    "body", [RSS_2, RSS_091, RDF, ATOM, JSON_FEED], ids=["rss 2.0", "rss 0.91", "rdf", "atom", "json feed"]
)
def test_every_kind_of_feed_yields_the_same_entry(body: object) -> None:
    listing = read(Kind.FEED, body)
    assert replace(only(listing), updated_at=None) == WHOLE
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


@pytest.mark.parametrize("where", ["feed", "entry", "link"])
@pytest.mark.parametrize(
    ("base", "expected"),
    [
        (
            "https://other.example/x/",
            "https://other.example/x/a",
        ),  # as a whole address there, which a feed may give too
        ("//other.example/", "https://other.example/a"),
        ("/deep/", "https://news.example.org/deep/a"),
        ("http://user:word@127.0.0.1/", "http://127.0.0.1/a"),  # refused where it is asked for
        ("javascript:alert(1)//", "https://news.example.org/feed/a"),
        ("data:text/html,", "https://news.example.org/feed/a"),
        ("http://[", "https://news.example.org/feed/a"),
        ("file:///etc/", None),
    ],
)
def test_an_xml_base_leads_where_every_feed_reader_goes_and_to_the_web_alone(
    where: str, base: str, expected: str | None
) -> None:
    at = {name: f"xml:base='{base}'" if name == where else "" for name in ("feed", "entry", "link")}
    feed = (
        f'<feed xmlns="http://www.w3.org/2005/Atom" {at["feed"]}><entry {at["entry"]}><title>T</title>'
        f'<link href="a" {at["link"]}/></entry></feed>'
    )
    assert [entry.url for entry in read(Kind.FEED, feed).entries] == ([expected] if expected else [])


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
