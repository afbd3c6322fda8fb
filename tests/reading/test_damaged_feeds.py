"""Feeds that are ill-formed, in the wrong letters, hostile, enormous or no feeds at all."""

from itertools import pairwise
from typing import Any

import pytest

from flows.reading.sources.feed import read_feed
from flows.reading.sources.listing import MAX_ENTRIES, MAX_TITLE, Listing
from models.kinds import Kind
from tests.support.fakes_feeds import BASE, ITEM, NINE, only, read, rss


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
    assert read(Kind.FEED, rss("")) == Listing(title="News")


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


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"3", b'{"results": [null, 1, {"value": 3}], "response": []}'])
def test_an_answer_of_the_wrong_shape_is_no_entry(kind: Kind, body: bytes) -> None:
    assert read(kind, body).entries == ()


def test_a_feed_is_never_taken_for_an_address_or_a_file_name() -> None:
    assert read_feed(b"/etc/passwd", url=BASE, now=NINE).entries == ()
    assert read_feed(b"https://news.example.org/feed", url=BASE, now=NINE).entries == ()
