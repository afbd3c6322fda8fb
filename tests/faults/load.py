"""A day with ten times the news in one run: 5,000 articles, 200 sources, a third of them failing. `python -m tests.faults.load`"""

import argparse
import asyncio
import json
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from deployments.demo_articles import load_articles, load_outlets
from flows.running import jobs
from models.outcomes import PollOutcome
from models.settings import load_settings
from models.sources import load_registry
from models.store.database import open_database
from models.text import split_sentences

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
GOOD, BAD = 133, 67
ARTICLES_A_SOURCE = 38  # 133 x 38 = 5,054
SENTENCES = 14
FAULTS = ("500", "drops", "page", "refused", "slow")
SLOW_SECONDS = 45.0  # longer than the client waits
SEED = 11


def address(number: int, port: int, path: str) -> str:
    """Every source is a host of its own: all of 127.0.0.0/8 leads to this machine (Linux)."""
    return f"http://127.0.{1 + number // 250}.{1 + number % 250}:{port}{path}"


def fault_of(number: int) -> str:
    """What is wrong with a source; nothing with the first `GOOD`."""
    return "" if number < GOOD else FAULTS[number % len(FAULTS)]


class _Site(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    sentences: list[str]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def do_GET(self) -> None:
        kind, _, rest = self.path.lstrip("/").partition("/")
        if kind == "feed":
            self._feed(int(rest))
        elif kind == "news":
            self._give(200, "text/html; charset=utf-8", self._page(rest))
        else:
            self._give(404, "text/plain", "none")

    def _feed(self, number: int) -> None:
        match fault_of(number):
            case "500":
                self._give(500, "text/plain", "broken")
            case "page":
                self._give(200, "text/html", "<!doctype html><html><body>We have moved</body></html>")
            case "drops":
                self.close_connection = True
            case "slow":
                time.sleep(SLOW_SECONDS)
                self.close_connection = True
            case _:
                host = self.headers["Host"]
                items = "".join(
                    f"<item><title>{self._title(f'{number}-{article}')}</title><link>http://{host}/news/{number}-{article}"
                    f"</link><pubDate>{format_datetime(NOW - timedelta(minutes=article))}</pubDate></item>"
                    for article in range(ARTICLES_A_SOURCE)
                )
                feed = f"<rss version='2.0'><channel><title>Source {number}</title>{items}</channel></rss>"
                self._give(200, "application/rss+xml", feed)

    def _title(self, name: str) -> str:
        return f"{' '.join(random.Random(name).choice(self.sentences).split()[:9])} ({name})".replace("&", "and")

    def _page(self, name: str) -> str:
        chosen = random.Random(f"{SEED} {name}").choices(self.sentences, k=SENTENCES)
        paragraphs = "".join(f"<p>{sentence}</p>" for sentence in chosen)
        title = self._title(name)
        return (
            f"<!doctype html><html lang=en><head><title>{title}</title></head><body><nav>Home News</nav>"
            f"<article><h1>{title}</h1>{paragraphs}</article></body></html>"
        )

    def _give(self, status: int, kind: str, content: str) -> None:
        body = content.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request: object, client_address: object) -> None:
        """A reader that hangs up is no news."""


def serve() -> None:
    """The sites, in a process of their own, until standard input ends; prints its port."""
    articles = load_articles(load_outlets(), NOW)
    _Site.sentences = sorted({s for article in articles for s in split_sentences(article.text) if len(s) > 40})
    server = _Server(("0.0.0.0", 0), _Site)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()


def measure(folder: Path, port: int) -> dict[str, object]:
    """One run of the main job over it all."""
    rows = []
    for number in range(GOOD + BAD):
        closed = 9 if fault_of(number) == "refused" else port
        rows.append(f'[[source]]\nid = "s{number:03}"\nurl = "{address(number, closed, f"/feed/{number}")}"\n')
    registry_file = folder / "sources.toml"
    registry_file.write_text("\n".join(rows), encoding="utf-8")
    hosts = {address(number, port, "").removeprefix("http://").partition(":")[0] for number in range(GOOD + BAD)}
    settings = load_settings(
        data=folder,
        sources=registry_file,
        allow_hosts=",".join(sorted(hosts)),
        host_gap_seconds=0,
        pages_per_run=6000,
        encoder="tfidf",
    )
    registry = load_registry(registry_file)
    stages: dict[str, float] = {}
    began = time.monotonic()

    def report(stage: str, done: int, total: int) -> None:
        stages[stage] = time.monotonic() - began

    with open_database(settings.database_address) as database:
        summary = asyncio.run(jobs.monitor(database, registry, settings, now=NOW, all_due=True, report=report))
        with database.engine.connect() as connection:
            stored = connection.exec_driver_sql("SELECT count(*), count(DISTINCT url) FROM article").one()
            waiting = connection.exec_driver_sql("SELECT count(*) FROM article WHERE model_version IS NULL").scalar()
    collected = summary.collected
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "sources": len(collected.results),
        "failing": len(collected.failures),
        "polls": dict(Counter(str(result.poll) for result in collected.results)),
        "entries": collected.entries,
        "outcomes": {str(outcome): count for outcome, count in collected.outcomes.items() if count},
        "sum of outcomes": sum(collected.outcomes.values()),
        "articles stored": stored[0],
        "different addresses": stored[1],
        "not tagged": waiting,
        "stories tagged": summary.tagged.judged,
        "seconds": round(time.monotonic() - began, 1),
        "last report of each stage, seconds": {stage: round(at, 1) for stage, at in stages.items()},
        "CPU seconds": round(own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime, 1),
        "peak memory of the main process, MB": own.ru_maxrss // 1024,
        "peak memory of a worker, MB": children.ru_maxrss // 1024,
        "as asked": (
            len(collected.failures) == BAD
            and collected.entries == GOOD * ARTICLES_A_SOURCE == sum(collected.outcomes.values()) == stored[0]
            and stored[0] == stored[1]
            and sum(result.poll is PollOutcome.ENTRIES for result in collected.results) == GOOD
        ),
    }


def main() -> int:
    """Print the figures; 1 where they are not as asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.load", description=__doc__)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    if parser.parse_args().serve:
        serve()
        return 0
    words = [sys.executable, "-m", "tests.faults.load", "--serve"]
    with (
        tempfile.TemporaryDirectory(prefix="culture-load-") as folder,
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server,
    ):
        assert server.stdout is not None
        found = measure(Path(folder), int(server.stdout.readline()))
        assert server.stdin is not None
        server.stdin.close()
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 0 if found["as asked"] else 1


if __name__ == "__main__":
    sys.exit(main())
