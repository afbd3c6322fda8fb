"""A large run tags while it collects: each story once, copies with their leads, and nothing goes on when the run has ended."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import pytest
from sqlmodel import select

from deployments.demo_site import DemoSite
from flows import jobs, tagging_beside, tagging_run
from flows.steps import at_once
from flows.tagging_beside import TaggingBeside
from models.settings import load_settings
from models.sources import load_registry
from models.store.database import Database
from models.store.tables import Article, Story
from models.tagging.apply import TagSummary
from models.tagging.decisions import Document, State, Tagging

T = TypeVar("T")
WAIT_SECONDS = 10.0


class FakeTagger:
    """Counts what it reads, and finds everything in scope."""

    version = "fake"

    def __init__(self) -> None:
        self.read: list[Document] = []

    def tag(self, documents: Sequence[Document]) -> list[Tagging]:
        self.read += documents
        return [Tagging(in_scope=0.9, scope_state=State.YES, tags=(), model_version=self.version) for _ in documents]


@pytest.fixture
def site(now: datetime) -> Iterator[DemoSite]:
    with DemoSite(now) as running:
        yield running


@pytest.mark.parametrize("beside_from", [50, 10_000], ids=["beside collecting", "afterwards"])
def test_each_story_is_tagged_once_and_copies_go_with_it(
    database: Database,
    site: DemoSite,
    now: datetime,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    beside_from: int,
) -> None:
    (tmp_path / "demo.toml").write_text(site.sources_toml(), encoding="utf-8")
    tagger = FakeTagger()
    monkeypatch.setattr(tagging_run, "open_tagger", lambda *_, **__: (tagger, ["a note"]))
    monkeypatch.setattr(tagging_beside, "BESIDE_FROM", beside_from)
    steps: list[str] = []

    async def noted(name: str, step: Callable[[], Awaitable[T]]) -> T:
        steps.append(name)
        return await step()

    summary = asyncio.run(
        jobs.monitor(
            database,
            load_registry(tmp_path / "demo.toml"),
            load_settings(allow_hosts="127.0.0.1", max_age_days=80, workers=1),
            now=now,
            all_due=True,
            run_step=noted,
        )
    )
    assert ("tag beside collecting" in steps) == (beside_from == 50)
    assert steps[-1] == "tag new articles"
    assert summary.notes == ("a note",)
    with database.read() as session:
        stored = session.exec(select(Article)).all()
        stories = session.exec(select(Story)).all()
    assert {article.model_version for article in stored} == {"fake"}
    assert summary.tagged.judged == len(stories) == len(tagger.read) + summary.tagged.other_language
    assert len({document.text or document.title for document in tagger.read}) == len(tagger.read)
    for story in stories:
        assert len({article.scope_state for article in stored if article.story_id == story.id}) == 1


def summary(judged: int) -> TagSummary:
    return TagSummary(judged, 0, 0, 0, {}, "fake")


def test_it_tags_in_one_thread_at_a_time_and_catches_up_with_what_was_stored_meanwhile() -> None:
    running = threading.Lock()

    def tag_waiting(_: Callable[[int, int], None]) -> TagSummary:
        assert running.acquire(blocking=False)
        assert threading.current_thread() is not threading.main_thread()
        running.release()
        return summary(1)

    async def collect() -> list[TagSummary]:
        async with TaggingBeside(tag_waiting, at_once) as beside:
            for _ in range(10):
                beside.note_stored(60)
                await asyncio.sleep(0.01)
        return beside.tagged

    assert 1 <= len(asyncio.run(collect())) <= 5


def test_when_the_run_fails_tagging_ends_after_its_batch() -> None:
    begun, ended = threading.Event(), threading.Event()

    def tag_waiting(progress: Callable[[int, int], None]) -> TagSummary:
        try:
            begun.set()
            while not ended.wait(0.01):
                progress(1, 2)
            return summary(1)
        finally:
            ended.set()

    async def collect() -> None:
        async with TaggingBeside(tag_waiting, at_once) as beside:
            beside.note_stored(1000)
            await asyncio.to_thread(begun.wait, WAIT_SECONDS)
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        asyncio.run(asyncio.wait_for(collect(), WAIT_SECONDS))
    assert ended.is_set()


@pytest.mark.parametrize("goes_on", [False, True])
def test_when_tagging_fails_so_does_the_run(goes_on: bool) -> None:
    def tag_waiting(_: Callable[[int, int], None]) -> TagSummary:
        raise ValueError("no such model")

    async def collect() -> None:
        async with TaggingBeside(tag_waiting, at_once) as beside:
            for _ in range(100 if goes_on else 1):
                beside.note_stored(1000)
                await asyncio.sleep(0.01)

    with pytest.raises(ValueError, match="no such model"):
        asyncio.run(collect())
