"""Tagging beside the reading: the same rows as after it, nothing lost with the worker or the run, no worker where none is wanted."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from deployments.demo_site import DemoSite
from flows import jobs, tagging_pool, tagging_run
from flows.jobs import MonitorSummary
from flows.tagging_pool import TaggingPool
from flows.web import collector
from flows.web.page_visits import PageVisits
from models.admission import Candidate, ReadEntry
from models.settings import Settings, load_settings
from models.sources import Registry, load_registry
from models.store.database import Database, open_database
from models.store.tables import Article, Tag
from models.tagging import apply
from tests.test_tagging_on_all_cores import no_tagger, tag_or_die

SMALL_BATCH = 8  # the demo's articles are few


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "BATCH", SMALL_BATCH)
    monkeypatch.setattr(collector, "PAGES_A_BATCH", SMALL_BATCH)


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(datetime.fromisoformat("2026-11-20T09:30:00+00:00")) as running:
        yield running


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of a monitor that has run before, without articles."""
    folder = tmp_path_factory.mktemp("trained")
    with open_database(f"sqlite:///{folder / 'culture.db'}") as database:
        settings = load_settings(data=folder, encoder="tfidf")
        jobs.open_tagger(database, settings, now=datetime.fromisoformat("2026-11-20T09:30:00+00:00"))
    return folder


@pytest.fixture
def registry(site: DemoSite, tmp_path: Path) -> Registry:
    file = tmp_path / "demo.toml"
    file.write_text(site.sources_toml(), encoding="utf-8")
    return load_registry(file)


@pytest.fixture
def monitor(
    trained: Path, registry: Registry, now: datetime, tmp_path: Path
) -> Callable[[int], tuple[MonitorSummary, Any]]:
    """The main job on the demo site with so many workers; its summary and what stands in the database."""

    def run(workers: int) -> tuple[MonitorSummary, Any]:
        data = shutil.copytree(trained, tmp_path / f"data-{workers}")
        with open_database(settings_of(data, workers).database_address) as database:
            summary = asyncio.run(jobs.monitor(database, registry, settings_of(data, workers), now=now, all_due=True))
            return summary, rows(database)

    return run


def settings_of(data: Path, workers: int) -> Settings:
    return load_settings(data=data, encoder="tfidf", workers=workers, allow_hosts="127.0.0.1", max_age_days=80)


@pytest.fixture
def slow_site(monkeypatch: pytest.MonkeyPatch) -> None:
    """No page comes in before the worker has loaded the tagger, which on real sites takes less time than the first few."""
    ready = asyncio.Event()
    is_ready, read = TaggingPool.is_ready, PageVisits.read

    async def told(self: TaggingPool, processes: int) -> bool:
        found = await is_ready(self, processes)
        ready.set()
        return found

    async def wait_and_read(self: PageVisits, candidate: Candidate) -> ReadEntry:
        await ready.wait()
        return await read(self, candidate)

    monkeypatch.setattr(TaggingPool, "is_ready", told)
    monkeypatch.setattr(PageVisits, "read", wait_and_read)


def rows(database: Database) -> Any:
    """By address: in which order pages come in differs from run to run."""
    with database.read() as session:
        articles = session.exec(select(Article)).all()
        urls = {article.id: article.url for article in articles}
        return (
            {
                a.url: (a.scope_state, round(a.in_scope or 0, 6), a.model_version)
                for a in articles
                if a.outcome != "copy"
            },
            sorted((urls[t.article_id], t.theme, t.state, t.evidence) for t in session.exec(select(Tag))),
            sum(article.model_version is None for article in articles),
        )


def test_what_is_tagged_beside_the_reading_is_tagged_as_after_it(
    monitor: Callable[[int], tuple[MonitorSummary, Any]],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    summary, found = monitor(1)
    assert found[2] == 0
    request.getfixturevalue("slow_site")
    beside: list[int] = []
    whole = apply.Backlog.whole_batches

    def noted(self: apply.Backlog) -> Iterator[apply.Batch]:
        for batch in whole(self):
            beside.append(len(batch.articles))
            yield batch

    monkeypatch.setattr(apply.Backlog, "whole_batches", noted)
    monkeypatch.setattr(tagging_run, "open_tagger", no_tagger)  # the worker's is enough
    again, other = monitor(2)
    assert sum(beside) > 0
    assert other[2] == 0
    assert again.tagged.judged == summary.tagged.judged
    assert again.tagged.by_theme == summary.tagged.by_theme
    assert other == found


def test_a_worker_that_is_killed_beside_the_reading_costs_no_article(
    monitor: Callable[[int], tuple[MonitorSummary, Any]],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, undisturbed = monitor(1)
    request.getfixturevalue("slow_site")
    monkeypatch.setattr(tagging_pool, "tag_documents", tag_or_die)
    assert monitor(2)[1] == undisturbed


def test_a_run_that_finds_nothing_new_starts_no_worker(
    trained: Path, registry: Registry, now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = shutil.copytree(trained, tmp_path / "data")
    with open_database(settings_of(data, 2).database_address) as database:
        asyncio.run(jobs.monitor(database, registry, settings_of(data, 2), now=now, all_due=True))
        monkeypatch.setattr(tagging_run, "TaggingPool", no_tagger)
        monkeypatch.setattr(tagging_run, "open_tagger", no_tagger)
        again = asyncio.run(jobs.monitor(database, registry, settings_of(data, 2), now=now, all_due=True))
    assert again.tagged.judged == 0
    assert again.collected.outcomes.total() == again.collected.entries


@pytest.mark.usefixtures("slow_site")
def test_a_run_that_breaks_off_while_it_reads_ends_its_tagging_and_the_next_does_the_rest(
    trained: Path, registry: Registry, now: datetime, tmp_path: Path
) -> None:
    data = shutil.copytree(trained, tmp_path / "data")
    settings = settings_of(data, 2)

    def stop_halfway(stage: str, done: int, total: int) -> None:
        if stage == "read" and done > total / 2:
            raise KeyError("the disk is on fire")

    with open_database(settings.database_address) as database:
        with pytest.raises(KeyError, match="on fire"):
            asyncio.run(jobs.monitor(database, registry, settings, now=now, all_due=True, report=stop_halfway))
        asyncio.run(jobs.monitor(database, registry, settings, now=now, all_due=True))
        assert rows(database)[2] == 0
