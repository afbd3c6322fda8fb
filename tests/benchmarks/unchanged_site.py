"""A hundred hosts that have nothing new: `python -m tests.benchmarks.unchanged_site --sources 100 --registry FILE`."""

import argparse
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FEED = b"""<rss version="2.0"><channel><title>Quiet</title><item><title>One old story of this paper</title>
<link>%b/story</link><pubDate>Mon, 06 Jun 2005 10:00:00 GMT</pubDate></item></channel></rss>"""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if self.path == "/robots.txt":
            self._answer(404, b"")
        elif self.headers.get("If-None-Match") == '"v1"':
            self._answer(304, b"")
        else:
            self._answer(200, FEED % f"http://{self.headers['Host']}".encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("ETag", '"v1"')
        if status != 304:
            self.send_header("Content-Type", "application/rss+xml")
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sources", type=int, default=100)
    parser.add_argument("--registry", type=Path, required=True)
    options = parser.parse_args()
    tables = []
    for number in range(options.sources):
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        tables.append(f'[[source]]\nid = "quiet-{number}"\nurl = "http://127.0.0.1:{server.server_port}/feed"\n')
    options.registry.write_text("\n".join(tables), encoding="utf-8")
    sys.stdout.write(f"{options.sources} sources\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    main()
