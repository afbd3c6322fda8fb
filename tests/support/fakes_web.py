"""A web server on a loopback port that answers as told, and misbehaves as told: a real one, over real sockets."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class Answer:
    """A well-behaved answer; a redirect where it has a location."""

    body: bytes = b""
    status: int = 200
    kind: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    etag: str = ""
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that arrived."""

    path: str
    headers: dict[str, str]  # names in lower case
    at: float  # monotonic


class Handler(BaseHTTPRequestHandler):
    """Looks up the answer of a path in the `FakeWeb` that it serves."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or every body waits 40 ms for its header to be acknowledged
    server: "_Server"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer as told; 404 for what nobody told of, unless `otherwise` says more."""
        web = self.server.web
        web.note(self)
        try:
            answer = web.pages.get(self.path, web.otherwise)
            if isinstance(answer, Answer):
                self.give(answer)
            else:
                answer(self)
        except OSError:
            self.close_connection = True  # the client had enough
        finally:
            web.done()

    def give(self, answer: Answer) -> None:
        """Send a whole answer, or 304 where the client has it already."""
        time.sleep(answer.delay)
        if answer.etag and self.headers.get("If-None-Match") == answer.etag:
            self.send_response(304)
            self.send_header("ETag", answer.etag)
            self.end_headers()
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        if answer.etag:
            self.send_header("ETag", answer.etag)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)


Behaviour = Callable[[Handler], None]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    web: "FakeWeb"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves early is no news."""


class FakeWeb:
    """Use as `with`; `pages` may be filled before and during use."""

    def __init__(self, pages: dict[str, Answer | Behaviour] | None = None) -> None:
        self.pages: dict[str, Answer | Behaviour] = pages or {}
        self.otherwise: Answer | Behaviour = Answer(b"no such page", 404)  # for every other path
        self.seen: list[Seen] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.web = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    @property
    def host(self) -> str:
        """As `host_of` names it."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/") -> str:
        """The address of a path."""
        return f"http://{self.host}{path}"

    def paths(self) -> list[str]:
        """What was asked for, robots.txt apart."""
        return [seen.path for seen in self.seen if seen.path != "/robots.txt"]

    def note(self, handler: Handler) -> None:
        """Remember a request."""
        with self._lock:
            headers = {name.lower(): value for name, value in handler.headers.items()}
            self.seen.append(Seen(handler.path, headers, time.monotonic()))
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)

    def done(self) -> None:
        """A request has been answered."""
        with self._lock:
            self._at_once -= 1


def redirect(location: str, status: int = 302) -> Answer:
    """An answer that points elsewhere."""
    return Answer(status=status, headers={"Location": location})


def slow_loris(handler: Handler) -> None:
    """Headers at once, then a byte now and then, for ever."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    while True:
        handler.wfile.write(b"x")
        time.sleep(0.05)


def silence(handler: Handler) -> None:
    """Take the request and never answer; ends when the client leaves."""
    handler.connection.settimeout(30)
    with contextlib.suppress(OSError):
        handler.connection.recv(1)


def endless(handler: Handler) -> None:
    """A body without length and without end, as fast as it goes."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.send_header("Connection", "close")
    handler.end_headers()
    while True:
        handler.wfile.write(b"<p>more and more</p>" * 1000)


def reset(handler: Handler) -> None:
    """Cut the connection with a reset in the middle of the body."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"half a")
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def cut_short(handler: Handler) -> None:
    """Promise more than is sent."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"half a")
    handler.close_connection = True


def not_http(handler: Handler) -> None:
    """Answer with what is no HTTP at all."""
    handler.wfile.write(b"\x00\x01SSH-2.0-OpenSSH_9.2\r\n" * 10)
    handler.close_connection = True


def many_headers(handler: Handler) -> None:
    """More headers than any server sends."""
    handler.send_response(200)
    for number in range(50_000):
        handler.send_header(f"X-Filler-{number}", "y" * 50)
    handler.end_headers()
    handler.close_connection = True
