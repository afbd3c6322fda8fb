"""Reading web archives: only the wanted pages come out, whatever is in the file; memory and time stay small."""

import gzip
import tracemalloc
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.reading.sources import Window
from flows.reading.warc import ArchiveDamaged, Capture, Wanted, captures, site_of
from models.entries import MAX_PAGE_BYTES
from tests.support.archives import CAPTURED, Captured, article_html, write_archive

ENGLISH = [
    "The trust said that it had listened to its staff and would act on what they had told it about their work."
] * 3
WELSH = [
    "Mae'r bwrdd iechyd wedi dweud ei fod yn gwrando ar y staff ac y bydd yn gweithredu ar yr hyn a ddywedwyd."
] * 3
BODY = article_html("A headline", ENGLISH)
WANTED = Wanted(frozenset({"news.example"}), Window(CAPTURED - timedelta(days=1), CAPTURED + timedelta(days=1)))


def page(
    url: str = "https://www.news.example/a", body: bytes = article_html("A headline", ENGLISH), **more: object
) -> Captured:
    return Captured(url, body, **more)  # type: ignore[arg-type]


def read(path: Path, wanted: Wanted = WANTED) -> tuple[list[Capture], Counter[str]]:
    passed_over: Counter[str] = Counter()
    return list(captures(path, wanted, passed_over)), passed_over


@pytest.mark.parametrize("packed", [True, False])
def test_a_wanted_page_comes_out_as_the_site_sent_it(tmp_path: Path, packed: bool) -> None:
    kept = page("https://www.news.example/story?id=7&utm_source=feed")
    (found,), passed_over = read(write_archive(tmp_path / ("a.warc.gz" if packed else "a.warc"), [kept], packed=packed))
    assert found.body == kept.body
    assert found.url == "https://www.news.example/story?id=7"
    assert found.captured_at == CAPTURED
    assert found.content_type == "text/html; charset=utf-8"
    assert not passed_over


def test_each_page_that_is_not_wanted_is_counted_by_its_reason(tmp_path: Path) -> None:
    pages = [
        page(),
        page("https://elsewhere.example/a"),
        page(at=CAPTURED - timedelta(days=30)),
        page(status="404 Not Found"),
        page(headers={"Content-Type": "application/pdf"}, body=b"%PDF-1.7"),
        page(body=article_html("Pennawd", WELSH, language="cy")),
        page(body=b"x" * (MAX_PAGE_BYTES + 1)),
    ]
    found, passed_over = read(write_archive(tmp_path / "a.warc.gz", pages))
    assert len(found) == 1
    assert passed_over == {
        "other-host": 1,
        "other-day": 1,
        "not-a-page": 1,
        "not-html": 1,
        "other-language": 1,
        "too-large": 1,
    }


def test_the_language_is_told_by_the_words_not_by_what_the_page_declares(tmp_path: Path) -> None:
    pages = [
        page(body=article_html("Pennawd", WELSH, language="en")),
        page(body=article_html("A headline", ENGLISH, language="cy")),
    ]
    (found,), passed_over = read(write_archive(tmp_path / "a.warc.gz", pages))
    assert b"A headline" in found.body
    assert passed_over == {"other-language": 1}


def test_packed_bodies_are_unpacked_and_a_broken_one_costs_its_own_page_alone(tmp_path: Path) -> None:
    body = article_html("A headline", ENGLISH)
    packed = {"Content-Type": "text/html", "Content-Encoding": "gzip"}
    pages = [
        page(body=gzip.compress(body, mtime=0), headers=packed),
        page(body=b"\x1f\x8bjunk", headers=packed),
        page(),
    ]
    found, passed_over = read(write_archive(tmp_path / "a.warc.gz", pages))
    assert [capture.body for capture in found] == [body, body]
    assert passed_over.total() == 1


def test_a_body_in_chunks_is_joined(tmp_path: Path) -> None:
    body = article_html("A headline", ENGLISH)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:100], body[100:])) + b"0\r\n\r\n"
    headers = {"Content-Type": "text/html", "Transfer-Encoding": "chunked"}
    pages = [page(body=chunks, headers=headers), page(body=body, headers=headers)]  # some crawlers join them
    found, _ = read(write_archive(tmp_path / "a.warc.gz", pages))
    assert [capture.body for capture in found] == [body, body]


def test_a_body_that_unpacks_without_end_is_passed_over(tmp_path: Path) -> None:
    bomb = gzip.compress(b"<html>" + b" " * 200_000_000, 9, mtime=0)
    path = write_archive(tmp_path / "a.warc.gz", [page(body=bomb, headers={"Content-Encoding": "gzip"}), page()])
    found, passed_over = read(path)
    assert len(found) == 1
    assert passed_over == {"too-large": 1}


def test_an_archive_that_was_not_copied_whole_is_named_after_its_whole_pages_were_read(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "a.warc.gz", [page(f"https://news.example/{n}") for n in range(20)])
    path.write_bytes(path.read_bytes()[:-60])
    found: list[Capture] = []
    with pytest.raises(ArchiveDamaged, match="middle of a record"):
        found.extend(captures(path, WANTED, Counter()))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] + b"\0" * 500)
    with pytest.raises(ArchiveDamaged):
        list(captures(path, WANTED, Counter()))


@pytest.mark.parametrize("content", [b"", b"hello there\n" * 50, gzip.compress(b"hello", mtime=0)])
def test_a_file_that_is_no_archive_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(content)
    with pytest.raises(ArchiveDamaged, match=r"a\.warc\.gz"):
        read(path)


def test_memory_is_bounded_by_the_page_not_by_the_file(tmp_path: Path) -> None:
    filler = b"<!-- " + bytes(range(97, 123)) * 8000 + b" -->"
    body = article_html("A headline", ENGLISH) + filler
    path = write_archive(tmp_path / "a.warc.gz", (page(f"https://news.example/{n}", body=body) for n in range(300)))
    tracemalloc.start()
    try:
        count = sum(1 for _ in captures(path, WANTED, Counter()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 300
    assert peak < 4_000_000  # of 62 MB


@pytest.mark.parametrize("tail", [b"", b"more than its length says" * 4_000_000])
def test_memory_is_bounded_however_small_the_last_record_is_packed(tmp_path: Path, tail: bytes) -> None:
    path = write_archive(tmp_path / "a.warc.gz", [page(), page(body=b"<html>" + b" " * 100_000_000)])
    with path.open("ab") as file:
        file.write(gzip.compress(tail, 1))
    passed_over: Counter[str] = Counter()
    tracemalloc.start()
    try:
        count = sum(1 for _ in captures(path, WANTED, passed_over))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (count, passed_over) == (1, {"too-large": 1})
    assert peak < 2 * MAX_PAGE_BYTES + 1_000_000


@pytest.mark.parametrize(
    ("host", "site"),
    [("www.bbc.co.uk", "bbc.co.uk"), ("feeds.site.example", "site.example"), ("m.org", "m.org"), ("nhs.uk", "nhs.uk")],
)
def test_the_hosts_of_one_site_have_one_name(host: str, site: str) -> None:
    assert site_of(host) == site


def test_a_capture_without_a_usable_day_is_passed_over(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "a.warc", [page()], packed=False)
    path.write_bytes(path.read_bytes().replace(b"WARC-Date: 2022-06-08T11:00:00Z", b"WARC-Date: the 8th of June 22"))
    found, passed_over = read(path)
    assert not found
    assert passed_over == {"other-day": 1}


def test_the_window_holds_its_first_moment_and_not_its_last(tmp_path: Path) -> None:
    day = datetime(2022, 6, 8, tzinfo=UTC)
    pages = [page("https://news.example/1", at=day), page("https://news.example/2", at=day + timedelta(days=1))]
    found, _ = read(
        write_archive(tmp_path / "a.warc.gz", pages), Wanted(WANTED.hosts, Window(day, day + timedelta(days=1)))
    )
    assert [capture.url for capture in found] == ["https://news.example/1"]
