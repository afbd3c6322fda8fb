"""A whole run beside hostile sources: the good ones all arrive, each bad one has its outcome, memory stays in bounds."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest
from sqlmodel import select

from flows.collecting import page_visits, source_polls
from flows.fetching import client as polite_client
from flows.fetching.single_request import Limits
from flows.reading.sources import read_entry_page
from flows.running.jobs import collect
from models.entries import Page
from models.kinds import Kind
from models.outcomes import Outcome, PollOutcome
from models.settings import load_settings
from models.sources import load_registry
from models.store.database import Database
from models.store.tables import Article
from tests.support.fakes_web import (
    Answer,
    Behaviour,
    FakeWeb,
    cut_short,
    endless,
    not_http,
    redirect,
    reset,
    silence,
    slow_loris,
)

pytestmark = pytest.mark.long

GOOD = 20
DATE = "Thu, 19 Nov 2026 09:00:00 GMT"
BAD_SOURCES: dict[str, tuple[Answer | Behaviour, PollOutcome]] = {
    "slow-loris": (slow_loris, PollOutcome.FAILED),
    "silence": (silence, PollOutcome.FAILED),
    "endless": (endless, PollOutcome.TOO_LARGE),
    "reset": (reset, PollOutcome.FAILED),
    "cut-short": (cut_short, PollOutcome.FAILED),
    "not-http": (not_http, PollOutcome.FAILED),
    "loop": (redirect("/feed"), PollOutcome.FAILED),
    "metadata": (redirect("http://169.254.169.254/latest/meta-data/"), PollOutcome.REFUSED),
    "loopback-6": (redirect("http://[::1]/"), PollOutcome.REFUSED),
    "by-name": (redirect("http://localhost/"), PollOutcome.REFUSED),
    "busy": (Answer(b"", 429, headers={"Retry-After": "3600"}), PollOutcome.BLOCKED),
    "unavailable": (Answer(b"", 503), PollOutcome.FAILED),
    "forbidden": (Answer(b"", 403), PollOutcome.BLOCKED),
    "gone": (Answer(b"", 410), PollOutcome.GONE),
    "a-page": (Answer(b"<!DOCTYPE html><html><body>hello</body></html>"), PollOutcome.NOT_A_FEED),
}
BAD_PAGES: dict[str, tuple[Answer | Behaviour, Outcome]] = {
    "/loris": (slow_loris, Outcome.FAILED),
    "/private": (redirect("http://169.254.169.254/"), Outcome.REFUSED),
    "/base": (Answer(b"never asked"), Outcome.REFUSED),
    "/large": (Answer(b"x" * 10_000_000), Outcome.TOO_LARGE),
    "/pdf": (Answer(b"%PDF-1.7", kind="application/pdf"), Outcome.NOT_HTML),
    "/empty": (Answer(b""), Outcome.NO_TEXT),
    "/thicket": (Answer(b"<html><body>" + b"<div>" * 200_000), Outcome.NO_TEXT),
    "/gone": (Answer(b"", 404), Outcome.GONE),
    "/hang": (Answer(b"<html><body>HANG</body></html>"), Outcome.FAILED),
    "/crash": (Answer(b"<html><body>CRASH</body></html>"), Outcome.FAILED),
}


BASES = {"/base": 'xml:base="http://169.254.169.254/"'}


def read_or_hang(kind: Kind, body: bytes, url: str, content_type: str) -> Page:
    """The reader, with a fault in native code for the pages that ask for one."""
    if b"HANG" in body:
        time.sleep(60)
    if b"CRASH" in body:
        os.kill(os.getpid(), signal.SIGKILL)
    return read_entry_page(kind, body, url, content_type)


def page(number: int) -> bytes:
    """A report of its own words for each number."""
    words = [f"{word}{number}" for word in ("board", "trust", "nurse", "review", "concern", "leader", "plan")]
    lines = "".join(f"<p>The {' and the '.join(words)} met on day {day} of the month in town.</p>" for day in range(9))
    return f"<html><head><title>Report {number}</title></head><body><article>{lines}</article></body></html>".encode()


def feed(paths: list[str]) -> Answer:
    items = "".join(
        f"<item {BASES.get(path, '')}><title>Report at {path}</title><link>{path}</link><pubDate>{DATE}</pubDate></item>"
        for path in paths
    )
    return Answer(f"<rss version='2.0'><channel><title>N</title>{items}</channel></rss>".encode(), kind="text/xml")


@pytest.fixture
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds of a second or two where a run has a minute."""
    monkeypatch.setattr(polite_client, "Limits", lambda: Limits(connect=2, read=1.5, total=3))
    monkeypatch.setattr(page_visits, "READ_SECONDS", 8.0)
    monkeypatch.setattr(page_visits, "read_entry_page", read_or_hang)
    monkeypatch.setattr(source_polls, "READ_SECONDS", 10.0)


@pytest.fixture
def registry_file(tmp_path: Path) -> Iterator[Path]:
    """Sources good and bad, each on a host of its own, and good feeds that lead to bad pages."""
    with ExitStack() as stack:
        rows = []
        for number in range(GOOD):
            pages: dict[str, Answer | Behaviour] = {"/feed": feed([f"/{number}"]), f"/{number}": Answer(page(number))}
            rows.append((f"good-{number}", stack.enter_context(FakeWeb(pages)).url("/feed")))
        for name, (behaviour, _) in BAD_SOURCES.items():
            rows.append((name, stack.enter_context(FakeWeb({"/feed": behaviour})).url("/feed")))
        for path, (behaviour, _) in BAD_PAGES.items():
            web = stack.enter_context(FakeWeb({"/feed": feed([path]), path: behaviour}))
            rows.append((f"page-{path[1:]}", web.url("/feed")))
        file = tmp_path / "sources.toml"
        tables = [f'[[source]]\nid = "{name}"\nurl = "{url}"\nrights = "open"\n' for name, url in rows]
        file.write_text("\n".join(tables), encoding="utf-8")
        yield file


@pytest.mark.usefixtures("in_a_hurry")
def test_bad_sources_and_pages_cost_themselves_alone(sqlite: Database, registry_file: Path, now: datetime) -> None:
    settings = load_settings(allow_hosts="127.0.0.1", workers=1)
    before = forget_memory_peak()
    summary = asyncio.run(collect(sqlite, load_registry(registry_file), settings, now=now, all_due=True))
    polls = {result.source.id: result.poll for result in summary.results}
    assert {name: polls[name] for name in BAD_SOURCES} == {name: poll for name, (_, poll) in BAD_SOURCES.items()}
    assert {polls[f"good-{number}"] for number in range(GOOD)} == {PollOutcome.ENTRIES}
    outcomes = {result.source.id: result.outcomes for result in summary.results}
    for path, (_, expected) in BAD_PAGES.items():
        assert outcomes[f"page-{path[1:]}"] == {expected: 1}, path
    with sqlite.read() as session:
        sources = [article.source for article in session.exec(select(Article))]
    assert sum(source.startswith("good") for source in sources) == GOOD
    assert summary.entries == sum(summary.outcomes.values())
    assert memory_megabytes("VmHWM") - before < 300


def forget_memory_peak() -> float:
    """Start the peak anew: what other tests of this process took is not this run's (Linux; proc(5), clear_refs). Megabytes now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return memory_megabytes("VmRSS")


def memory_megabytes(which: str) -> float:
    (line,) = [row for row in Path("/proc/self/status").read_text(encoding="ascii").splitlines() if which in row]
    return int(line.split()[1]) / 1024
