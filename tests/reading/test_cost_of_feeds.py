"""A feed costs CPU in proportion to its length, whatever its shape; what no feed that is meant to be read holds is refused."""

from collections.abc import Callable

import pytest

from models.kinds import Kind
from tests.reading.test_cost_of_foreign_text import fill, in_proportion
from tests.support.fakes_feeds import read, rss

MEDIA, ITUNES = "http://search.yahoo.com/mrss/", "http://www.itunes.com/DTDs/PodCast-1.0.dtd"
TITLED = "<title>Trust board quits</title><link>/a</link>"


def item(inner: str) -> str:
    return rss(f"<item>{TITLED}{inner}</item>")


def atom(inner: str, root: str = "") -> str:
    entry = f"<title>Trust board quits</title><link href='/a'/>{inner}"
    return f"<feed xmlns='http://www.w3.org/2005/Atom' {root}><title>News</title><entry>{entry}</entry></feed>"


def numbered(piece: str, length: int) -> str:
    return "".join(piece.replace("0", str(number)) for number in range(10_000, 10_000 + length // (len(piece) + 4)))


def nested(start: str, end: str, length: int) -> str:
    times = length // (len(start) + len(end))
    return start * times + end * times


def whole(piece: str, length: int) -> str:
    return piece * (length // len(piece))


SHAPES: dict[str, Callable[[int], str]] = {
    "bases within bases": lambda length: item(nested("<b xml:base='a/'>", "</b>", length)),
    "a long base": lambda length: atom(whole("<link href='b'/>", length), f"xml:base='http://a.example/{fill('a/', length)}'"),
    "a long language": lambda length: atom(whole("<title>a</title>", length), f"xml:lang='{fill('a_', 8 * length)}'"),
    "blanks": lambda length: atom(f"<content type='xhtml'>{chr(10) * 2 * length}<div>a</div></content>"),
    "blanks as numbers": lambda length: atom(f"<content type='xhtml'>{whole('&#32;', 4 * length)}<div>a</div></content>"),
    "attributes": lambda length: item("<b " + numbered("a0='' ", length) + "/>"),
    "attributes of the root": lambda length: rss("").replace("<rss", "<rss " + numbered("a0='' ", length)),
    "namespaces": lambda length: item(
        "<b " + numbered("xmlns:a0='u' ", length) + f" xmlns:z='z'>{whole('<z:c/>', length)}</b>"
    ),
    "a namespace for each": lambda length: item(numbered("<a0:c xmlns:a0='u0'/>", 4 * length)),
    "a long namespace": lambda length: item(f"<q xmlns:a='{fill('u', length)}'>{whole('<a:c/>', length)}</q>"),
    "categories": lambda length: item(numbered("<category>0</category>", 3 * length)),
    "categories of the feed": lambda length: rss("", numbered("<category>0</category>", 3 * length)),
    "keywords": lambda length: item(f"<k:keywords xmlns:k='{MEDIA}'>{numbered('0,', length)}</k:keywords>"),
    "iTunes keywords": lambda length: item(f"<k:keywords xmlns:k='{ITUNES}'>{numbered('0,', length)}</k:keywords>"),
    "tags": lambda length: item(f"<tags>{numbered('0,', length)}</tags>"),
    "an author": lambda length: item(f"<author>{fill('a', length // 4)}</author>"),
    "an author with dots": lambda length: item(f"<author>{fill('a.', length // 4)}</author>"),
    "an author's host": lambda length: item(f"<author>a@{fill('b.', length // 4)}</author>"),
    "an editor": lambda length: rss("", f"<managingEditor>{fill('a', length // 4)}</managingEditor>"),
    "a webmaster": lambda length: rss("", f"<webMaster>{fill('a', length // 4)}</webMaster>"),
    "a long entity": lambda length: entity(fill("x", length), whole("&a;", length)),
    "entities": lambda length: "<!DOCTYPE r>" + numbered("\n<!ENTITY a0 'x'>", 8 * length) + bare(item("")),
    "blanks before it": lambda length: f"<?xml version='1.0'?>{whole(chr(10), length)}{bare(item(''))}",
}  # fmt: skip


def bare(feed: str) -> str:
    return feed.partition("?>")[2]


def entity(value: str, uses: str) -> str:
    feed = bare(item(f"<description>{uses}</description>"))
    return f'<?xml version="1.0"?>\n<!DOCTYPE r>\n<!ENTITY a "{value}">\n{feed}'


@pytest.mark.parametrize("end", ["", "<"], ids=["well-formed", "ill-formed"])
@pytest.mark.parametrize("shape", SHAPES)
def test_no_shape_of_a_feed_is_dear(shape: str, end: str) -> None:
    kind = Kind.GOOGLE_NEWS if shape == "keywords" else Kind.FEED
    assert in_proportion(lambda length: read(kind, SHAPES[shape](length) + end))


def test_the_people_of_a_json_feed_are_not_read_for_each_entry() -> None:
    def work(length: int) -> object:
        people = [{"name": f"Person {number}"} for number in range(length // 30)]
        items = [{"url": f"/{number}", "title": "Trust board quits"} for number in range(length // 30)]
        return read(Kind.FEED, {"version": "https://jsonfeed.org/version/1.1", "authors": people, "items": items})

    assert in_proportion(work)


def test_a_sitemap_under_a_long_namespace_is_not_dear() -> None:
    def work(length: int) -> object:
        return read(Kind.SITEMAP, f"<urlset xmlns='{'u' * 8 * length}'>{'<url/>' * length}</urlset>")

    assert in_proportion(work)


@pytest.mark.parametrize("encoding", ["ascii", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp037"])
@pytest.mark.parametrize("start", ["<?xml ", "<?xml?>"])
def test_no_declaration_is_dear(start: str, encoding: str) -> None:
    """Of a declaration feedparser takes the cube."""

    def work(length: int) -> object:
        return read(Kind.FEED, (start + fill("encoding='", length // 10)).encode(encoding))

    assert in_proportion(work)


@pytest.mark.parametrize(
    ("shape", "named"),
    [
        ("bases within bases", "it has more than 2,000 letters in the base of its links"),
        ("attributes", "it has more than 100 attributes in one tag"),
        ("namespaces", "it has more than 100 namespaces"),
        ("a long namespace", "it has more than 2,000 letters in the name of a namespace"),
        ("entities", "it has more than 10,000 bytes before its first element"),
    ],
)
def test_what_is_refused_is_named(shape: str, named: str) -> None:
    for end in ("", "<"):
        assert read(Kind.FEED, SHAPES[shape](60_000) + end).problem == f"the feed is refused: {named}"


def test_an_entity_may_not_make_a_feed_long() -> None:
    for end in ("", "<"):
        listing = read(Kind.FEED, entity("x" * 9000, "&a;" * 2000) + end)
        assert listing.problem == "the feed is refused: it has more than 10,485,760 letters"


def test_a_declaration_without_end_is_named() -> None:
    listing = read(Kind.FEED, f"<?xml {'a' * 300}?>{bare(rss(''))}")
    assert listing.problem == "the feed is refused: its declaration has no end"


@pytest.mark.parametrize(
    "shape", ["a long language", "blanks", "categories", "keywords", "an author", "blanks before it"]
)
def test_a_feed_with_much_of_what_is_not_used_is_read(shape: str) -> None:
    (entry,) = read(Kind.FEED, SHAPES[shape](60_000)).entries
    assert entry.title == "Trust board quits"
