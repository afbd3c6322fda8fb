"""A real HTTP server on this machine that takes what alerts post."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Hook:
    """What was posted; `status` says with what each post is answered."""

    def __init__(self, status: Callable[[dict[str, Any]], int] = lambda post: 200) -> None:
        self.posts: list[dict[str, Any]] = []
        self.status = status
        self.address = ""

    def about(self, words: str) -> list[dict[str, Any]]:
        """The posts that hold these words."""
        return [post for post in self.posts if words in json.dumps(post)]


@contextmanager
def webhook(hook: Hook) -> Iterator[Hook]:
    """Serves it on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            post = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            hook.posts.append(post)
            self.send_response(hook.status(post))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        hook.address = f"http://127.0.0.1:{server.server_port}/hook"
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()
