"""What comes from outside costs CPU in proportion to its length: twice the input, about twice the work, whatever its shape."""

import gzip
import time
from collections.abc import Callable

import pytest

from flows.fetching.decoding import EncodingError, decode
from flows.fetching.robots import mining_rules
from flows.fetching.short_pages import MAX_BYTES, refresh_address
from flows.fetching.single_request import is_block_page, mining_reserved, retry_after
from flows.reading.parsing import paragraphs_of
from flows.reading.sources.listing import plain
from models.copies import coverage, fingerprint
from models.dates import parse_date
from models.kinds import Kind
from models.text import clean_text, looks_english, split_sentences, split_words
from models.urls import normalise_url
from tests.support.fakes_feeds import NINE, read, rss
from tests.support.fakes_pages import page
from tests.support.fakes_pages import read as read_page

SMALL, LARGE = 30_000, 60_000
ENOUGH_TO_MEASURE = 0.02  # seconds; what takes less is quick enough whatever its shape
RATIO = 2.5
SLACK = 0.05  # seconds, for what else the machine does


def fill(piece: str, length: int) -> str:
    return (piece * (length // len(piece) + 1))[:length]


PIECES = (
    ".", ". ", "…", '."', ".)", ". (", "a.", "Mr. ", " \n", "\t", "-", "a-", "'", "&", "&amp;", "&#", "<", "<a", "<p>", "</p>",
    "<!--", "-->", "<script", "<script>", "</script", "<svg/>", "<iframe>", "<style ", "<meta ", "<meta content=", "<title", "<h1>",
    "<?", "]]>", "@", "a@", "a@b.", "(a@b", ",", ", ", "{", "[", "[[", '"', "\\", ";", "; ", "//", "/*", "*/", "http://", "%", "%41",
    "#", "?a=1&", "../", "0", "1/", "2026-", "Nov ", "19 Nov ", "10:00 ", "GMT+", "the ", "captcha ", "verify your ", "you are ",
    "checking your ", "url=", "content=' ", "é", "\u200b", "😀",
)  # fmt: skip
WORK: dict[str, Callable[[str], object]] = {
    "cleaning": clean_text,
    "sentences": split_sentences,
    "words": split_words,
    "language": looks_english,
    "dates": parse_date,
    "addresses": normalise_url,
    "summaries": lambda text: plain(text, 4000),
    "paragraphs": paragraphs_of,
    "challenges": lambda text: is_block_page(200, {}, text.encode()),
    "refreshes": lambda text: refresh_address({"refresh": text}, text.encode()),
    "copies": lambda text: (fingerprint(text), coverage(text, text + " end")),
    "reservations": lambda text: mining_rules(text.encode()),
    "headers": lambda text: (retry_after({"retry-after": text}, NINE), mining_reserved({"tdm-reservation": text})),
}


def seconds(work: Callable[[], object]) -> float:
    """CPU time, the least of two where the first is not quick enough already."""
    spent: list[float] = []
    while not spent or (len(spent) < 2 and spent[0] >= ENOUGH_TO_MEASURE):
        begin = time.process_time()
        work()
        spent.append(time.process_time() - begin)
    return min(spent)


def in_proportion(work: Callable[[int], object]) -> bool:
    """Whether twice the input costs about twice the work."""
    large = seconds(lambda: work(LARGE))
    return large < ENOUGH_TO_MEASURE or large <= RATIO * seconds(lambda: work(SMALL)) + SLACK


@pytest.mark.parametrize("name", WORK)
def test_no_run_of_letters_is_dear(name: str) -> None:
    def is_cheap(piece: str) -> bool:
        return in_proportion(lambda length: WORK[name](fill(piece, length)))

    assert [piece for piece in PIECES if not is_cheap(piece)] == []


@pytest.mark.parametrize("name", ["cleaning", "summaries", "paragraphs", "copies"])
def test_marks_out_of_their_order_are_not_dear(name: str) -> None:
    """Normalising sorts the marks on a letter, by insertion."""
    assert in_proportion(lambda length: WORK[name]("a" + "\u0301" * (length // 2) + "\u0316" * (length // 2)))


def test_a_host_of_many_different_letters_is_not_dear() -> None:
    """Punycode sorts them in, one by one; an address is cut before it would be long enough for the lengths above."""

    def work(length: int) -> object:
        letters = "".join(map(chr, range(0x4E00, 0x4E00 + length)))
        return normalise_url(f"https://{letters}.example/")

    large = seconds(lambda: work(6000))
    assert large < ENOUGH_TO_MEASURE or large <= RATIO * seconds(lambda: work(3000)) + SLACK


WRAPPERS: dict[str, Callable[[str], object]] = {
    "before a feed": lambda text: read(Kind.FEED, f"{text}{rss('')}"),
    "in a title": lambda text: read(Kind.FEED, rss(f"<item><title>{text}</title><link>/a</link></item>")),
    "in a summary": lambda text: read(
        Kind.FEED, rss(f"<item><title>A</title><link>/a</link><description><![CDATA[{text}]]></description></item>")
    ),
    "before a sitemap": lambda text: read(Kind.SITEMAP, f"{text}<urlset></urlset>"),
    "as structured data": lambda text: read_page(page(f"<script type='application/ld+json'>{text}</script>")),
    "in a meta tag": lambda text: read_page(
        page(f"<meta name='author' content='{text}'><meta name='date' content='{text}'>")
    ),
    "as a canonical link": lambda text: read_page(page(f"<base href='{text}'><link rel='canonical' href='{text}'>")),
}


@pytest.mark.parametrize("place", WRAPPERS)
@pytest.mark.parametrize("piece", ["<!-- -->", "<!--", " ", " ;", ". ", "a@b ", ",", "[", "%41"])
def test_no_run_of_letters_in_a_document_is_dear(place: str, piece: str) -> None:
    assert in_proportion(lambda length: WRAPPERS[place](fill(piece, length)))


@pytest.mark.parametrize(
    "piece", ["<b>a</b> ", "<a href=x>a</a> ", "<span>a </span>", "a<img src=x>", "<p><b>a</b></p>", "<h2>a</h2>"]
)
def test_no_number_of_elements_is_dear(piece: str) -> None:
    """Of so many that what is slow shows: ten times as many as a page of news has."""

    def cost(count: int) -> float:
        return seconds(lambda: read_page(page(body=f"<article><h1>Board quits</h1><p>{piece * count}</p></article>")))

    assert cost(14_000) <= RATIO * cost(7_000) + 10 * SLACK


def test_comments_before_a_feed_are_passed_over() -> None:
    for count in (27, 400):
        begin = time.process_time()
        assert read(Kind.FEED, "<!-- a -->" * count + rss("<item><title>A</title><link>/a</link></item>")).entries
        assert read(Kind.FEED, "<!-- a -->" * 27 + "<html><body>no feed</body></html>").entries == ()
        assert time.process_time() - begin < 1.0


@pytest.mark.parametrize("piece", [b"<p ", b"<script", b"<title", b"<style>"])
def test_a_page_of_any_size_is_looked_at_for_a_challenge_once(piece: bytes) -> None:
    small, large = (piece * (length // len(piece)) for length in (MAX_BYTES // 2, MAX_BYTES))
    spent = seconds(lambda: is_block_page(200, {}, large))
    assert spent < ENOUGH_TO_MEASURE or spent <= RATIO * seconds(lambda: is_block_page(200, {}, small)) + SLACK


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip"])
def test_members_of_a_packed_body_are_counted(encoding: str) -> None:
    def work(length: int) -> None:
        body = gzip.compress(b"", mtime=0) * (length // 4)
        packed = body if encoding == "gzip" else gzip.compress(body, mtime=0)
        with pytest.raises(EncodingError):
            decode(packed, encoding, 10_000_000)

    assert in_proportion(work)
