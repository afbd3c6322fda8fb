"""Web archive files for tests and benchmarks, written record by record as the standard (ISO 28500) says."""

import gzip
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deployments.demo_articles import Article, load_articles, load_outlets
from deployments.demo_pages import OutletSite

CAPTURED = datetime(2022, 6, 8, 11, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Captured:
    """One page as a crawler kept it."""

    url: str
    body: bytes
    at: datetime = CAPTURED
    status: str = "200 OK"
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "text/html; charset=utf-8"})


def write_archive(path: Path, pages: Iterable[Captured], *, packed: bool = True, level: int = 6) -> Path:
    """A WARC file: its own description, then a request and a response for each page, each record a gzip member."""
    with path.open("wb") as file:
        for record in _records(path.name, pages):
            file.write(gzip.compress(record, level) if packed else record)
    return path


def article_html(title: str, paragraphs: Iterable[str], *, published: str = "", language: str = "en-GB") -> bytes:
    """A small news page."""
    stated = f'<meta property="article:published_time" content="{published}">' if published else ""
    text = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return (
        f'<!doctype html><html lang="{language}"><head><title>{title}</title>{stated}'
        f'<meta property="og:type" content="article"></head>'
        f"<body><nav><a href='/'>Home</a></nav><article><h1>{title}</h1>{text}</article></body></html>"
    ).encode()


def _records(name: str, pages: Iterable[Captured]) -> Iterable[bytes]:
    yield _record(
        "warcinfo", "", CAPTURED, "application/warc-fields", f"software: tests\r\nfilename: {name}\r\n".encode()
    )
    for page in pages:
        head = f"GET {page.url} HTTP/1.1\r\nUser-Agent: crawler\r\n\r\n".encode()
        yield _record("request", page.url, page.at, "application/http; msgtype=request", head)
        lines = [f"HTTP/1.1 {page.status}", *(f"{name}: {value}" for name, value in page.headers.items())]
        reply = "\r\n".join([*lines, f"Content-Length: {len(page.body)}", "", ""]).encode() + page.body
        yield _record("response", page.url, page.at, "application/http; msgtype=response", reply)


def _record(kind: str, url: str, at: datetime, content_type: str, block: bytes) -> bytes:
    lines = [
        "WARC/1.0",
        f"WARC-Type: {kind}",
        f"WARC-Record-ID: <urn:uuid:{uuid.uuid4()}>",
        f"WARC-Date: {at:%Y-%m-%dT%H:%M:%SZ}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(block)}",
        *([f"WARC-Target-URI: {url}"] if url else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + block + b"\r\n\r\n"


def demo_captures(now: datetime, copies: int = 1) -> list[Captured]:
    """The demo site's pages as a crawler would have kept them, each two hours after it came out."""
    return [
        Captured(site.url_of(article), site.body_of(article.path)[2].encode(), captured_at(article))
        for site in demo_sites(now, copies)
        for article in site.articles
        if article.kind in {"news", "feature", "comment"}
    ]


def demo_sites(now: datetime, copies: int = 1) -> list[OutletSite]:
    """The demo's outlets, each at an address of its own."""
    outlets = load_outlets()
    articles = load_articles(outlets, now, copies)
    return [OutletSite(outlet, articles, f"https://{outlet.id}.example") for outlet in outlets]


def captured_at(article: Article) -> datetime:
    """When a crawler came by."""
    return (article.published + timedelta(hours=2)).astimezone(UTC).replace(second=0, microsecond=0)


def demo_registry(now: datetime) -> str:
    """The registry of those outlets."""
    tables = [
        f'[[source]]\nid = "{site.outlet.id}"\nname = "{site.outlet.name}"\nurl = "{site.feed_url}"\n'
        f'rights = "{site.outlet.rights}"\n'
        for site in demo_sites(now)
    ]
    return "\n".join(tables)
