"""A small news site on the loopback interface, for `culture-monitor demo`, the tests and benchmarks.

Eight invented outlets, served over real HTTP: nothing that reads them can tell that they are a demo.
Run alone with `python -m deployments.demo_site [--copies N] [--registry FILE]`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, cast

from deployments.demo_articles import Article, Outlet, load_articles, load_outlets
from deployments.demo_pages import OutletSite

HOST = "127.0.0.1"
STOP_WITHIN_SECONDS = 0.02  # how often a server looks whether it should stop
IDLE_SECONDS = 30.0  # a connection kept alive and unused is closed after this

Answer = tuple[int, str, str, datetime]  # status, content type, body, last modified


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    answer: Callable[[str], Answer]
    log: list[tuple[str, str, int]]
    delay_seconds: float

    def handle_error(self, request: object, client_address: object) -> None:
        """A reader that hangs up is no news; anything else is shown as usual."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "nginx"
    sys_version = ""
    timeout = IDLE_SECONDS
    wbufsize = -1  # one packet for head and body
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        server = cast(_Server, self.server)
        if server.delay_seconds:
            time.sleep(server.delay_seconds)
        status, content_type, text, modified = server.answer(self.path)
        body = text.encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        if status == 200 and self._unchanged(etag, modified):
            status, body = 304, b""
        server.log.append((self.command, self.path, status))
        self.send_response(status)
        if status != 404:
            self.send_header("ETag", etag)
            self.send_header("Last-Modified", format_datetime(modified.astimezone(UTC), usegmt=True))
            self.send_header("Cache-Control", "max-age=0, must-revalidate")
        if status != 304:
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815

    def _unchanged(self, etag: str, modified: datetime) -> bool:
        if known := self.headers.get("If-None-Match"):
            return known.strip() == "*" or etag in [tag.strip().removeprefix("W/") for tag in known.split(",")]
        try:
            since = parsedate_to_datetime(self.headers.get("If-Modified-Since", ""))
        except ValueError:
            return False
        return modified <= (since if since.tzinfo else since.replace(tzinfo=UTC))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Requests are kept in `DemoSite.requests`, not written to the terminal."""


class DemoSite:
    """The eight outlets, served while the context is open; `copies` multiplies the articles for benchmarks.

    With `ports="many"` each outlet has its own port of 127.0.0.1; with "one" all share a port, each below
    /its-id. Ports are free ones unless `first_port` is given.
    """

    def __init__(
        self,
        now: datetime,
        copies: int = 1,
        delay_seconds: float = 0,
        ports: Literal["many", "one"] = "many",
        first_port: int = 0,
    ) -> None:
        if now.tzinfo is None:
            raise ValueError("DemoSite needs a `now` with a time zone")
        self.now = now
        self.delay_seconds = delay_seconds
        self.ports = ports
        self.first_port = first_port
        self.outlets: list[Outlet] = load_outlets()
        self.articles: list[Article] = load_articles(self.outlets, now, copies)
        self.sites: dict[str, OutletSite] = {}  # by outlet, once started
        self.requests: list[tuple[str, str, int]] = []  # method, path, status
        self._servers: list[_Server] = []

    def __enter__(self) -> Self:
        if self.ports == "one":
            server = self._listen(0)
            for outlet in self.outlets:
                base = f"http://{HOST}:{server.server_port}/{outlet.id}"
                self.sites[outlet.id] = OutletSite(outlet, self.articles, base)
            server.answer = self._answer_by_prefix
        else:
            for n, outlet in enumerate(self.outlets):
                server = self._listen(n)
                site = OutletSite(outlet, self.articles, f"http://{HOST}:{server.server_port}")
                self.sites[outlet.id] = site
                server.answer = site.body_of
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(STOP_WITHIN_SECONDS,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._servers.clear()

    def url_of(self, article_id: str) -> str:
        """Where an article, named as its file in seeds/demo/articles, is served."""
        article = next(a for a in self.articles if a.id == article_id)
        return self.sites[article.outlet].url_of(article)

    def sources_toml(self) -> str:
        """The registry of the eight outlets, in the form of seeds/sources.toml."""
        tables = []
        for outlet in self.outlets:
            row: dict[str, str | bool] = {
                "id": outlet.id,
                "name": outlet.name,
                "url": self.sites[outlet.id].feed_url,
                "kind": "sitemap" if outlet.feed == "news-sitemap" else "feed",
                "sector": outlet.sector,
                "nation": outlet.nation,
                "rights": outlet.rights,
                "enabled": True,
            }
            lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in row.items()]
            tables.append("\n".join(["[[source]]", *lines]))
        return "\n\n".join(tables) + "\n"

    def _listen(self, n: int) -> _Server:
        server = _Server((HOST, self.first_port + n if self.first_port else 0), _Handler)
        server.log = self.requests
        server.delay_seconds = self.delay_seconds
        self._servers.append(server)
        return server

    def _answer_by_prefix(self, path: str) -> Answer:
        if path == "/robots.txt":
            rules = "".join(f"Disallow: /{id_}/members/\nDisallow: /{id_}/search\n" for id_ in self.sites)
            return 200, "text/plain; charset=utf-8", f"User-agent: *\n{rules}", self.now
        prefix, _, rest = path.removeprefix("/").partition("/")
        site = self.sites.get(prefix)
        if site is None:
            return 404, "text/plain; charset=utf-8", "Not found\n", self.now
        return site.body_of(f"/{rest}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deployments.demo_site", description=__doc__)
    parser.add_argument("--copies", type=int, default=1, help="multiply the articles (default: 1)")
    parser.add_argument("--delay", type=float, default=0, help="seconds to wait before each answer (default: 0)")
    parser.add_argument("--ports", choices=["many", "one"], default="many", help="a port for each outlet, or one")
    parser.add_argument("--first-port", type=int, default=0, help="first port to use (default: free ones)")
    parser.add_argument("--registry", type=Path, help="write the registry of sources to this file")
    options = parser.parse_args()
    site = DemoSite(datetime.now(UTC), options.copies, options.delay, options.ports, options.first_port)
    with site:
        if options.registry:
            options.registry.write_text(site.sources_toml(), encoding="utf-8")
        for outlet in site.outlets:
            sys.stdout.write(f"{outlet.name:50} {site.sites[outlet.id].feed_url}\n")
        sys.stdout.write(f"{len(site.articles)} articles. Ctrl-C stops.\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            sys.stdout.write("\n")


if __name__ == "__main__":
    main()
