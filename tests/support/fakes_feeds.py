"""One entry in every form of feed, and short ways to read one."""

import json
from datetime import UTC, datetime, timedelta

from flows.reading.sources import Window, read_listing
from flows.reading.sources.listing import Listing
from models.entries import Entry, Fetched, Reply
from models.kinds import Kind
from models.sources import Source

BASE = "https://news.example.org/feed/"
NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)


def source(kind: Kind, url: str = BASE) -> Source:
    return Source(id="one", url=url, kind=kind)


def read(kind: Kind, body: bytes | str | object, url: str = BASE, content_type: str = "") -> Listing:
    """The listing in an answer; an object is sent as JSON."""
    data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    reply = Reply(url, Fetched.OK, NINE, 0.1, 200, final_url=url, headers={"content-type": content_type}, body=data)
    window = Window(since=NINE - timedelta(days=14), until=NINE)
    return read_listing(kind, reply, window)


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
