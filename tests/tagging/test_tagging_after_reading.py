"""Tagging what waits: the same rows whatever the number of workers, nothing lost with a worker or a run, nothing opened in vain."""

import asyncio
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from deployments.demo_site import DemoSite
from flows.running import jobs
from flows.tagging import open_tagger
from flows.tagging import waiting as tagging
from models.settings import Settings, load_settings
from models.sources import Registry, load_registry
from models.store.database import Database, open_database
from models.store.tables import Article, Story, Tag
from models.tagging import stored_tagger
from models.tagging.apply import TagSummary
from models.tagging.decisions import Document, Tagging
from models.tagging.stored_tagger import StoredTagger
from models.tagging.training import load_training_data

NOW = datetime.fromisoformat("2026-11-20T09:30:00+00:00")
STORIES = 100  # four batches, the last one not full
KILLED = "TEST_KILLED"  # names a file that is there once a worker was killed


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of a monitor that has run before, without articles."""
    folder = tmp_path_factory.mktemp("trained")
    with open_database(f"sqlite:///{folder / 'culture.db'}") as database:
        open_tagger.open_tagger(database, settings_of(folder, 1), now=NOW)
    return folder


@pytest.fixture(scope="module")
def waiting(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with stories that wait for tags."""
    folder = shutil.copytree(trained, tmp_path_factory.mktemp("waiting") / "data")
    passages = [one.document for one in load_training_data().passages]
    with open_database(f"sqlite:///{folder / 'culture.db'}") as database, database.write() as session:
        for number in range(STORIES):
            add(number, passages[number * 7 % len(passages)], session)
    return folder


def settings_of(data: Path, workers: int) -> Settings:
    return load_settings(data=data, encoder="tfidf", workers=workers, allow_hosts="127.0.0.1", max_age_days=80)


def add(number: int, document: Document, session: Any) -> None:
    story = Story(first_seen_at=NOW)
    session.add(story)
    session.flush()
    for copy in range(2 if number % 10 == 0 else 1):
        article = Article(
            url=f"https://example.org/{number}-{copy}", source="s", title=document.title, text=document.body,
            first_seen_at=NOW - timedelta(minutes=number % 7), text_status="full", outcome="copy" if copy else "new",
            language="cy" if number % 25 == 3 else "en", story_id=story.id,
            # A fifth was judged by an older model, and is to be looked at again.
            model_version="older" if number % 5 == 0 else None,
        )  # fmt: skip
        session.add(article)
        session.flush()
        if not copy:
            story.lead_article_id = article.id


@pytest.fixture
def tag(waiting: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], tuple[TagSummary, Any]]:
    """Tag what waits with so many workers, for however few stories; the summary and the rows."""
    monkeypatch.setattr(tagging, "STORIES_PER_WORKER", 1)

    def run(workers: int) -> tuple[TagSummary, Any]:
        settings = settings_of(shutil.copytree(waiting, tmp_path / f"data-{workers}"), workers)
        with open_database(settings.database_address) as database:
            summary, _ = asyncio.run(jobs.tag(database, settings, now=NOW))
            return summary, rows(database)

    return run


def rows(database: Database) -> Any:
    with database.read() as session:
        articles = session.exec(select(Article).order_by(col(Article.id))).all()
        tags = session.exec(select(Tag).order_by(col(Tag.id))).all()
        return (
            [(a.id, a.in_scope, a.scope_state, a.model_version) for a in articles],
            [(t.id, t.article_id, t.theme, t.score, t.state, t.evidence, t.terms, t.model_version) for t in tags],
        )


def tag_or_die(stored: StoredTagger, documents: Sequence[Document]) -> list[Tagging]:
    """Tag, in a worker that is killed with every other batch."""
    if len(documents[0].title) % 2:
        Path(os.environ[KILLED]).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return stored_tagger.tag_documents(stored, documents)


def test_the_rows_are_the_same_whatever_the_number_of_workers(tag: Callable[[int], Any]) -> None:
    summary, found = tag(1)
    assert summary.judged == STORIES
    assert summary.in_scope > 0
    assert summary.other_language > 0
    assert len({article[3] for article in found[0]}) == 1  # all by this model, copies and those of an older one too
    assert tag(2) == (summary, found)


def test_a_worker_that_is_killed_costs_no_article(
    tag: Callable[[int], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = tag(1)
    monkeypatch.setenv(KILLED, str(tmp_path / "killed"))
    monkeypatch.setattr(tagging, "tag_documents", tag_or_die)
    assert tag(2) == undisturbed
    assert (tmp_path / "killed").exists()


def test_where_nothing_waits_no_tagger_is_trained(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, 2)
    with open_database(settings.database_address) as database:
        summary, notes = asyncio.run(jobs.tag(database, settings, now=NOW))
    assert (summary.judged, summary.version, notes) == (0, "", [])
    assert not settings.models_folder.exists()


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(NOW) as running:
        yield running


@pytest.fixture
def registry(site: DemoSite, tmp_path: Path) -> Registry:
    file = tmp_path / "demo.toml"
    file.write_text(site.sources_toml(), encoding="utf-8")
    return load_registry(file)


@pytest.mark.parametrize("stage", ["read", "tag"])
def test_what_a_run_leaves_when_it_breaks_off_the_next_one_tags(
    trained: Path, registry: Registry, tmp_path: Path, stage: str
) -> None:
    settings = settings_of(shutil.copytree(trained, tmp_path / "data"), 2)

    def stop_halfway(now_at: str, done: int, total: int) -> None:
        if now_at == stage and done > total / 2:
            raise KeyError("the disk is on fire")

    with open_database(settings.database_address) as database:
        with pytest.raises(KeyError, match="on fire"):
            asyncio.run(jobs.monitor(database, registry, settings, now=NOW, all_due=True, report=stop_halfway))
        summary = asyncio.run(jobs.monitor(database, registry, settings, now=NOW, all_due=True))
        assert summary.collected.outcomes.total() == summary.collected.entries
        assert {version for _, _, _, version in rows(database)[0]} == {summary.tagged.version}
