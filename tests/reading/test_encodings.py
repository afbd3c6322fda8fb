"""What servers say of the bytes that they send, and what the bytes say themselves."""

import gzip
import time
import zlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
import zstandard

from flows.fetching.decoding import EncodingError, decode
from models.entries import Fetched
from models.store.database import Database
from tests.support.fakes_client import get
from tests.support.fakes_sites import collected, feed, item, story
from tests.support.fakes_web import Answer, FakeWeb

TITLE = "Board of the Fenwick trust resigns"
PAGE = story(TITLE)


@pytest.mark.parametrize(
    "coding", ["UTF-8", "utf8", "none", "binary", "ISO-8859-1", "text/html", "8bit", "identity, UTF-8", "klartext"]
)
def test_what_is_sent_plain_under_an_unknown_coding_is_read(
    coding: str, sqlite: Database, tmp_path: Path, now: datetime
) -> None:
    headers = {"Content-Encoding": coding}
    with FakeWeb({"/feed": feed(item("/a", TITLE), headers=headers), "/a": Answer(PAGE, headers=headers)}) as web:
        found = collected(web, sqlite, tmp_path, now)
    assert (found.outcomes, found.one.text_status) == ({"new": 1}, "full")


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", PAGE),  # promised, and not done
        ("br", PAGE),
        ("gzip, UTF-8", gzip.compress(PAGE, mtime=0)),
        ("x-gzip", gzip.compress(PAGE, mtime=0)),
        ("gzip", gzip.compress(gzip.compress(PAGE, mtime=0), mtime=0)),  # done twice, told once
        ("", gzip.compress(PAGE, mtime=0)),
        ("", zstandard.compress(PAGE)),
        ("deflate", zlib.compress(PAGE)),
        ("gzip", gzip.compress(PAGE[:500], mtime=0) + gzip.compress(PAGE[500:], mtime=0)),
    ],
)
def test_what_the_bytes_say_decides(coding: str, body: bytes) -> None:
    with FakeWeb({"/a": Answer(body, headers={"Content-Encoding": coding} if coding else {})}) as web:
        reply = get(web.url("/a"))
    assert (reply.outcome, reply.body) == (Fetched.OK, PAGE)


@pytest.mark.parametrize("coding", ["gzip", "zstd", "deflate", "compress"])
def test_what_is_neither_packed_nor_a_document_is_a_failure(coding: str) -> None:
    with FakeWeb({"/a": Answer(b"\x00\x01\x02 rubbish", headers={"Content-Encoding": coding})}) as web:
        assert get(web.url("/a")).outcome is Fetched.FAILED


@pytest.mark.parametrize("kind", ["application/x-gzip", "application/gzip", "application/octet-stream", "text/xml"])
def test_a_packed_file_is_read_as_what_is_in_it(kind: str, sqlite: Database, tmp_path: Path, now: datetime) -> None:
    listing = gzip.compress(feed(item("/a", TITLE)).body)
    sitemap = "<urlset><url><loc>/b</loc><lastmod>2026-11-19</lastmod></url></urlset>"
    with FakeWeb(
        {
            "/feed.xml.gz": Answer(listing, kind=kind),
            "/a": Answer(gzip.compress(PAGE, mtime=0)),
            "/b": Answer(story("B")),
        }
    ) as web:
        web.pages["/map.xml.gz"] = Answer(gzip.compress(sitemap.encode()), kind=kind)
        found = collected(web, sqlite, tmp_path, now, {"/feed.xml.gz": "feed", "/map.xml.gz": "sitemap"})
    assert found.outcomes == {"new": 2}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_sitemap_of_bare_addresses_is_read_behind_any_mark(
    encoding: str, end: str, sqlite: Database, tmp_path: Path, now: datetime
) -> None:
    with FakeWeb({"/a": Answer(PAGE), "/b": Answer(story("Chair of the Wrenbury trust quits"))}) as web:
        addresses = end.join(web.url(path) for path in ("/a", "/b"))
        web.pages["/map.txt"] = Answer(addresses.encode(encoding), kind="text/plain")
        found = collected(web, sqlite, tmp_path, now, {"/map.txt": "sitemap"})
        assert (found.outcomes, found.paths(web)) == ({"new": 2}, ["/a", "/b"])


@pytest.mark.parametrize("written", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
@pytest.mark.parametrize("declared", ["", "UTF-8", "UTF-16", "windows-1252"])
@pytest.mark.parametrize("charset", ["", "; charset=utf-8", "; charset=iso-8859-1", "; charset=utf-16"])
def test_the_mark_before_a_feed_decides_how_it_is_read(
    written: str, declared: str, charset: str, sqlite: Database, tmp_path: Path, now: datetime
) -> None:
    title = "Board of the Fenwick trust’s café resigns"
    plain = feed(item("/a", title)).body.decode().partition("?>")[2]
    text = (f'<?xml version="1.0" encoding="{declared}"?>' if declared else "") + plain
    body = text.encode(written) if written in {"utf-16", "utf-8-sig"} else f"\ufeff{text}".encode(written)
    with FakeWeb({"/feed": Answer(body, kind=f"application/rss+xml{charset}"), "/a": Answer(story("A"))}) as web:
        found = collected(web, sqlite, tmp_path, now)
    assert (found.polls, found.one.title) == (["entries"], title)


def cost(work: Callable[[], object]) -> float:
    """CPU seconds, the least of three."""
    spent = []
    for _ in range(3):
        begin = time.process_time()
        work()
        spent.append(time.process_time() - begin)
    return min(spent)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_body_of_empty_members_costs_next_to_nothing(layers: int) -> None:
    body = gzip.compress(b"", mtime=0) * 150_000  # 3 MB in 25 kB: 65 seconds when each was copied behind the last
    for _ in range(layers - 1):
        body = gzip.compress(body, mtime=0)

    def work() -> None:
        with pytest.raises(EncodingError, match="members"):
            decode(body, ", ".join(["gzip"] * layers), 10 * 1024 * 1024)

    assert cost(work) < 1.0
    with FakeWeb({"/a": Answer(body, headers={"Content-Encoding": ", ".join(["gzip"] * layers)})}) as web:
        assert get(web.url("/a"), max_bytes=4 * 1024 * 1024).outcome is Fetched.FAILED
