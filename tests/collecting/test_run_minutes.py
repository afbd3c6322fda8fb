"""A run has its time: slow sites can't stretch it, what is left is owed, the next run goes on, and the summary says so."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from flows.collecting.collector import POLLS_SHARE
from flows.collecting.summary import CollectSummary
from flows.running import jobs
from models.outcomes import Outcome, PollOutcome
from models.settings import SettingsError, load_settings
from models.sources import Registry, load_registry
from models.store.database import Database
from models.store.tables import Article
from tests.support.fakes_feeds import rss
from tests.support.fakes_pages import page
from tests.support.fakes_web import Answer, FakeWeb, Handler

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
MINUTES = 0.25  # fifteen seconds, half of them for polling; shorter than any other time limit of a request
PAGES = 12


class Loop(asyncio.SelectorEventLoop):
    """A loop whose clock a site may put forward, so that no test waits for a slow one."""

    ahead = 0.0

    def time(self) -> float:
        """Seconds, as asyncio's timers count them."""
        return super().time() + self.ahead

    def put_forward(self, seconds: float) -> None:
        """From any thread."""
        self.ahead += seconds
        self.call_soon_threadsafe(lambda: None)  # so that it looks at its timers


def feed(web: FakeWeb, name: str, pages: int) -> Answer:
    items = "".join(
        f"<item><title>News {n} of {name}</title><link>{web.url(f'/{name}/{n}')}</link></item>" for n in range(pages)
    )
    return Answer(rss(items).encode(), kind="application/rss+xml")


def article(number: int) -> bytes:
    words = " ".join(f"The board of trust {number} heard of case {number} {step}." for step in range(60))
    return page(body=f"<article><h1>News {number}</h1><p>{words}</p></article>").encode()


def registry_of(folder: Path, **urls: str) -> Registry:
    file = folder / "sources.toml"
    file.write_text(
        "".join(f'[[source]]\nid = "{i}"\nname = "{i}"\nurl = "{u}"\n' for i, u in urls.items()), encoding="utf-8"
    )
    return load_registry(file)


def run(
    database: Database, registry: Registry, minutes: float, *, loop: Loop | None = None, later: timedelta = timedelta()
) -> CollectSummary:
    settings = load_settings(run_minutes=minutes, allow_hosts="127.0.0.1", host_gap_seconds=0, workers=1)
    with asyncio.Runner(loop_factory=lambda: loop or Loop()) as runner:
        return runner.run(jobs.collect(database, registry, settings, now=NOW + later))


def test_slow_pages_are_left_to_the_next_run_and_the_summary_says_so(sqlite: Database, tmp_path: Path) -> None:
    loop = Loop()

    def slowly(handler: Handler) -> None:
        loop.put_forward(4)  # the third page is the last that there is time for
        handler.give(Answer(article(int(handler.path.rpartition("/")[2]))))

    with FakeWeb() as web:
        web.pages["/feed"] = feed(web, "slow", PAGES)
        for number in range(PAGES):
            web.pages[f"/slow/{number}"] = slowly
        registry = registry_of(tmp_path, slow=web.url("/feed"))
        first = run(sqlite, registry, MINUTES, loop=loop)
        asked = len([seen for seen in web.seen if "/slow/" in seen.path])
        assert asked < PAGES - 4
        left = first.outcomes[Outcome.DEFERRED]
        assert left == first.pages_out_of_time == first.owed > 0
        assert left + first.outcomes[Outcome.NEW] + first.outcomes[Outcome.COPY] == PAGES
        assert f"{left} pages and 0 sources were left for the next one" in first.earlier_words
        with sqlite.read() as session:
            assert len(session.exec(select(Article)).all()) == PAGES  # nothing that was seen is lost
        for number in range(PAGES):
            web.pages[f"/slow/{number}"] = Answer(article(number))
        second = run(sqlite, registry, 60, later=timedelta(minutes=10))
    assert second.earlier_outcomes.total() == left
    assert second.owed == second.pages_out_of_time == 0


def test_a_slow_source_leaves_time_for_the_pages_of_others_and_is_asked_first_by_the_next_run(
    sqlite: Database, tmp_path: Path
) -> None:
    loop = Loop()

    def stored() -> int:
        with sqlite.read() as session:
            return len(session.exec(select(Article)).all())

    def never(_: Handler) -> None:
        while stored() < 3:
            time.sleep(0.05)
        loop.put_forward(MINUTES * 60 * POLLS_SHARE)

    with FakeWeb() as slow, FakeWeb() as quick:
        slow.pages["/robots.txt"] = never
        quick.pages["/feed"] = feed(quick, "quick", 3)
        for number in range(3):
            quick.pages[f"/quick/{number}"] = Answer(article(number))
        registry = registry_of(tmp_path, slow=slow.url("/feed"), quick=quick.url("/feed"))
        first = run(sqlite, registry, MINUTES, loop=loop)
        polls = {result.source.id: result.poll for result in first.results}
        assert polls == {"slow": PollOutcome.DEFERRED, "quick": PollOutcome.ENTRIES}
        assert first.outcomes[Outcome.DEFERRED] == 0
        assert first.sources_out_of_time == 1
        slow.pages["/robots.txt"] = Answer(b"", 404)
        slow.pages["/feed"] = feed(slow, "slow", 0)
        second = run(sqlite, registry, 60, later=timedelta(minutes=10))
    assert [result.source.id for result in second.results] == ["slow"]  # due still, and the other not yet


@pytest.mark.parametrize("wrong", [0, -1, 100_000])
def test_the_setting_is_checked(wrong: float) -> None:
    with pytest.raises(SettingsError, match="CULTURE_RUN_MINUTES"):
        load_settings(run_minutes=wrong)
