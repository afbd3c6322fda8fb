"""Lists of feeds from and for feed readers."""

import tomllib

import pytest

from models.kinds import Kind
from models.opml import read_opml, source_toml, write_opml
from models.seeds import DataFileError
from models.sources import Source

LIST = """<?xml version="1.0"?><opml version="2.0"><head><title>Mine</title></head><body>
<outline text="Health"><outline type="rss" text="Trust news &amp; views" xmlUrl="https://one.example.org/feed"/>
<outline type="rss" text="Trust news &amp; views" title="" xmlurl="https://two.example.org/feed"/></outline>
<outline text="again" xmlUrl="https://one.example.org/feed"/><outline text="bad" xmlUrl="javascript:x"/>
<outline xmlUrl="https://user:secret@three.example.org/feed"/></body></opml>"""


def test_feeds_of_a_list_become_sources_with_ids_of_their_own() -> None:
    found = read_opml(LIST.encode())
    assert [(source.id, source.url, source.rights) for source in found] == [
        ("trust-news-views", "https://one.example.org/feed", "headline"),
        ("trust-news-views-2", "https://two.example.org/feed", "headline"),
        ("three-example-org", "https://three.example.org/feed", "headline"),
    ]


def test_sources_survive_the_way_out_and_in_again() -> None:
    sources = (
        Source(id="one", name='Q&A "daily" news < 5', url="https://one.example.org/feed?a=1&b=2", sector="trade"),
        Source(id="two", url="https://two.example.org/feed"),
        Source(id="map", url="https://two.example.org/map.xml", kind=Kind.SITEMAP),
    )
    back = {source.url: source.name for source in read_opml(write_opml(sources).encode())}
    assert back == {sources[0].url: sources[0].name, sources[1].url: "two"}


def test_rows_of_a_registry_read_as_they_were() -> None:
    source = Source(id="one", name='A "name" \\ with \x7f', url="https://one.example.org/feed", enabled=False)
    row = tomllib.loads(source_toml([source]))["source"][0]
    assert Source.model_validate(row) == source


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><opml><body><outline text="&b;"/></body></opml>'


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not XML"),
        (b"words", "not OPML"),
        (b"<html></html>", "not OPML"),
        (b"<opml><body/></opml>", "no feed"),
        (BOMB.encode(), "no feed"),
        (b"x" * 6_000_000, "is it one?"),
    ],
    # A test's name stands in the environment of the programs that it starts.
    ids=["nothing", "words", "a page", "no outline", "an entity bomb", "6 MB"],
)
def test_what_is_no_list_is_said_to_be_none(data: bytes, said: str) -> None:
    with pytest.raises(DataFileError, match=said):
        read_opml(data)
