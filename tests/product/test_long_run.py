"""A day of the schedule, nine runs from 06:00 to 22:00, in one process: nothing grows that should not."""

import asyncio
import gc
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from flows.publishing.weekly import weekly_digest
from flows.running import jobs
from models.settings import load_settings
from models.sources import load_registry
from models.store.database import open_database
from models.tagging.apply import tag_stored
from models.tagging.decisions import Document, State, Tagging, ThemeTag
from models.weeks import Week
from tests.support.fakes_web import Answer, FakeWeb

pytestmark = pytest.mark.long

MORNING = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
RUNS = 9
NEWS_A_RUN = 20
SETTLED_AFTER = 4  # runs: allocators, caches and imports have found their size by then
GROWTH_BYTES = 12 * 1024**2  # from there to the last run; a leak of all texts and pages would be several times that
WORDS = "nurses said that managers on the ward had not listened when staff raised concerns about patient safety".split()


@dataclass(frozen=True, slots=True)
class Size:
    """What this process holds."""

    memory: int
    descriptors: int
    threads: int
    processes: int
    temporary: int


def size(folder: Path) -> Size:
    gc.collect()
    statm = Path("/proc/self/statm").read_text().split()
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return Size(
        memory=int(statm[1]) * os.sysconf("SC_PAGE_SIZE"),
        descriptors=len(list(Path("/proc/self/fd").iterdir())),
        threads=threading.active_count(),
        # multiprocessing's own helper stays, one in all
        processes=sum("resource_tracker" not in cmdline(child) for child in children),
        temporary=sum(1 for _ in folder.rglob("*")),
    )


def cmdline(process: str) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return "resource_tracker"  # gone meanwhile


class Keyword:
    """A tagger that costs nothing, so that what is measured is the machinery around it."""

    version = "keyword"

    def tag(self, documents: Sequence[Document]) -> list[Tagging]:
        tags = (ThemeTag("workforce", 0.9, State.YES, "Staff said so.", ()),)
        return [Tagging(0.9, State.YES, tags, self.version) for _ in documents]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    tempfile.tempdir = None


def publish(web: FakeWeb, run: int, now: datetime) -> None:
    """The feed of this hour: new articles, and those of the last hours once more."""
    items = []
    for number in range(max(0, run - 2) * NEWS_A_RUN, (run + 1) * NEWS_A_RUN):
        turned = WORDS[number % len(WORDS) :] + WORDS[: number % len(WORDS)]
        paragraphs = "".join(f"<p>{' '.join(turned)} in case {number} {part}.</p>" for part in range(12))
        page = f"<html lang=en><title>Report {number}</title><article><h1>Report {number}</h1>{paragraphs}</article>"
        web.pages[f"/news/{number}"] = Answer(page.encode())
        items.append(
            f"<item><title>Report {number}</title><link>{web.url(f'/news/{number}')}</link>"
            f"<pubDate>{format_datetime(now)}</pubDate></item>"
        )
    feed = f"<rss version='2.0'><channel><title>News</title>{''.join(items)}</channel></rss>"
    for source in range(6):
        web.pages[f"/feed{source}"] = Answer(feed.encode(), kind="application/rss+xml")
    web.pages["/feed9"] = Answer(b"broken", 500)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads what Linux tells of a process")
def test_nine_runs_of_a_day_hold_no_more_than_the_first_few(tmp_path: Path, temporary: Path) -> None:
    sizes: list[Size] = []
    with FakeWeb() as web:
        rows = [f'[[source]]\nid = "s{n}"\nurl = "{web.url(f"/feed{n}")}"\n' for n in (*range(6), 9)]
        (tmp_path / "my.toml").write_text("\n".join(rows))
        settings = load_settings(
            data=tmp_path / "data", allow_hosts="127.0.0.1", host_gap_seconds=0, workers=1, encoder="tfidf"
        )
        registry = load_registry(tmp_path / "my.toml")
        for run in range(RUNS):
            now = MORNING + timedelta(hours=2 * run)
            publish(web, run, now)
            with open_database(settings.database_address) as database:
                collected = asyncio.run(jobs.collect(database, registry, settings, now=now, all_due=True))
                tag_stored(database, Keyword(), now=now)
                weekly_digest(database, registry, settings, week=Week.of(now), now=now, send=False)
            assert sum(collected.outcomes.values()) == collected.entries
            sizes.append(size(temporary))
    settled, last = sizes[SETTLED_AFTER - 1], sizes[-1]
    for one in sizes[1:]:
        assert (one.descriptors, one.threads, one.processes) == (
            sizes[0].descriptors,
            sizes[0].threads,
            sizes[0].processes,
        ), sizes
    assert last.temporary == 0
    assert last.memory - settled.memory < GROWTH_BYTES, [one.memory // 1024 for one in sizes]
    with open_database(settings.database_address) as database, database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM article").scalar() == RUNS * NEWS_A_RUN
        assert connection.exec_driver_sql("SELECT count(*) FROM run WHERE finished_at IS NULL").scalar() == 0
    left = [file.name for file in (tmp_path / "data").rglob("*") if file.suffix == ".part"]
    assert left == []
