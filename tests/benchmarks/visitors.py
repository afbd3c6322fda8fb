"""Fifty visitors of the web edition while a run writes: `python -m tests.benchmarks.visitors --database ADDRESS --models DIR`.

The database is filled before by `tests.benchmarks.search`; a first run tags of it what a new model would tag again. The web
edition runs in its own process on a loopback port, the run in another; a visitor opens a page, reads for five seconds on
average, and opens the next. Prints one line of JSON: milliseconds for a page without a run and with one, and every status.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx

from tests.benchmarks.end_to_end import Site, site, trained
from tests.benchmarks.processes import measure
from tests.benchmarks.search import PAGES

VISITORS = 50
READING_SECONDS = 5.0
ALONE_SECONDS = 40.0
START_SECONDS = 60.0
STORY = 99  # of the synthetic store: in scope


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--articles", type=int, default=1000, help="of the run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "models").symlink_to(trained(options.models, "tfidf") / "models")
        environment = {"CULTURE_DATABASE_URL": options.database, "CULTURE_DATA": name, "CULTURE_WEB_PORT": "8190"}
        with site(100) as news:
            job(news, name, environment)
        with served(folder, environment) as address, site(options.articles) as news:
            alone = Visits(address)
            alone.go_on(lambda: time.sleep(ALONE_SECONDS))
            beside = Visits(address)
            runs: list[dict[str, Any]] = []
            beside.go_on(lambda: runs.append(job(news, name, environment)))
    run = {key: runs[0][key] for key in ("seconds", "entries", "judged")}
    print(json.dumps({"visitors": VISITORS, "alone": alone.told(), "beside_a_run": beside.told(), "run": run}))


def job(news: Site, folder: str, environment: dict[str, str]) -> Any:
    """One run in a process of its own: what it tells of itself."""
    arguments = ["--registry", str(news.registry), "--data", folder]
    return measure("tests.benchmarks.job", *arguments, environment=environment).answer


@contextmanager
def served(folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """The web edition in a process of its own; its address."""
    ready = folder / "web.ready"
    command = [sys.executable, "-m", "deployments.web", "--ready", str(ready)]
    process = subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + START_SECONDS
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the web edition did not start")
            time.sleep(0.1)
        yield ready.read_text(encoding="utf-8")
    finally:
        process.terminate()
        process.wait()


class Visits:
    """Fifty visitors, each at an address of their own, for as long as something else lasts."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._over = threading.Event()
        self.milliseconds: list[float] = []
        self.answers: Counter[str] = Counter()

    def go_on(self, while_it_lasts: Any) -> None:
        """Visit until `while_it_lasts` has returned."""
        visitors = [threading.Thread(target=self._visit, args=(number,)) for number in range(VISITORS)]
        for visitor in visitors:
            visitor.start()
        try:
            while_it_lasts()
        finally:
            self._over.set()
            for visitor in visitors:
                visitor.join()

    def _visit(self, number: int) -> None:
        chance = Random(number)
        # Each page on a connection of its own: one that is kept might be closed by the server in that very moment.
        alone = httpx.Limits(max_keepalive_connections=0)
        transport = httpx.HTTPTransport(local_address=f"127.0.1.{number + 1}", limits=alone)
        with httpx.Client(base_url=self._address, transport=transport, timeout=60, trust_env=False) as client:
            while not self._over.wait(READING_SECONDS * chance.uniform(0.5, 1.5)):
                begin = time.monotonic()
                answer = client.get(chance.choice(PAGES).format(story=STORY))
                self.milliseconds.append(1000 * (time.monotonic() - begin))
                self.answers[str(answer.status_code)] += 1

    def told(self) -> dict[str, Any]:
        """Milliseconds for a page, and how often each status was answered."""
        twentieths = statistics.quantiles(self.milliseconds, n=20)
        return {
            "pages": len(self.milliseconds),
            "median_ms": round(statistics.median(self.milliseconds), 1),
            "p95_ms": round(twentieths[-1], 1),
            "worst_ms": round(max(self.milliseconds), 1),
            **self.answers,
        }


if __name__ == "__main__":
    main()
