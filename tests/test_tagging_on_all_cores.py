"""Tagging in worker processes: the same rows whatever their number, nothing lost with a worker, none started for a few stories."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from flows import jobs, tagging_pool, tagging_run
from flows.tagging_pool import TaggingPool
from flows.tagging_worker import KeptTagger, tag_documents
from models.settings import Settings, load_settings
from models.store.database import Database, open_database
from models.store.tables import Article, Story, Tag
from models.tagging.apply import Backlog, TagSummary
from models.tagging.decisions import Document, State, Tagging
from models.tagging.training import load_training_data

NOW = datetime.fromisoformat("2026-11-20T09:30:00+00:00")
STORIES = 100  # four batches, the last one not full
POISON = "poison"  # in the title of an article that ends its worker


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of a monitor that waits for news: the tagger trained and recorded."""
    folder = tmp_path_factory.mktemp("trained")
    with open_database(f"sqlite:///{folder / 'culture.db'}") as database:
        jobs.open_tagger(database, load_settings(data=folder, encoder="tfidf"), now=NOW)
        passages = [one.document for one in load_training_data().passages]
        with database.write() as session:
            for number in range(STORIES):
                add(number, passages[number * 7 % len(passages)], session)
    return folder


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
def on_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any number of stories is worth workers."""
    monkeypatch.setattr(tagging_run, "WORTH_A_WORKER", 1)


@pytest.fixture
def tag(trained: Path, tmp_path: Path) -> Callable[..., tuple[TagSummary, Any]]:
    def run(workers: int) -> tuple[TagSummary, Any]:
        data = shutil.copytree(trained, tmp_path / f"data-{workers}")
        settings: Settings = load_settings(data=data, encoder="tfidf", workers=workers)
        with open_database(settings.database_address) as database:
            summary, _ = asyncio.run(jobs.tag(database, settings, now=NOW))
            return summary, rows(database)

    return run


def rows(database: Database) -> Any:
    with database.read() as session:
        articles = session.exec(select(Article).order_by(Article.id)).all()  # type: ignore[arg-type]
        tags = session.exec(select(Tag).order_by(Tag.id)).all()  # type: ignore[arg-type]
        return (
            [(a.id, a.in_scope, a.scope_state, a.model_version) for a in articles],
            [(t.id, t.article_id, t.theme, t.score, t.state, t.evidence, t.terms, t.model_version) for t in tags],
        )


def tag_or_die(kept: KeptTagger, documents: Sequence[Document]) -> list[Tagging]:
    """Tag, in a worker that is killed with every other batch."""
    if len(documents[0].title) % 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return tag_documents(kept, documents)


def tag_slowly(kept: KeptTagger, documents: Sequence[Document]) -> list[Tagging]:
    """As long as a batch takes with the encoder."""
    time.sleep(1)
    return []


def no_tagger() -> Any:
    """Opening the tagger here, where that must not be needed."""
    raise AssertionError("the tagger was opened in the parent")


@pytest.mark.usefixtures("on_workers")
def test_the_rows_are_the_same_whatever_the_number_of_workers(tag: Callable[..., Any]) -> None:
    summary, found = tag(1)
    assert summary.judged == STORIES
    assert summary.in_scope > 0
    assert summary.other_language > 0
    assert len({article[3] for article in found[0]}) == 1  # all by this model, copies and those of an older one too
    assert tag(2) == (summary, found)


@pytest.mark.usefixtures("on_workers")
def test_a_worker_that_is_killed_costs_no_article(tag: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    undisturbed = tag(1)
    monkeypatch.setattr(tagging_pool, "tag_documents", tag_or_die)
    assert tag(2) == undisturbed


@pytest.mark.usefixtures("on_workers")
def test_workers_that_cannot_load_the_tagger_leave_it_to_the_parent(
    tag: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = tag(1)
    monkeypatch.setattr(tagging_run, "encoder_folder", lambda *_: None)
    monkeypatch.setattr(tagging_pool, "LOAD_SECONDS", 0.001)
    assert tag(2) == undisturbed


def test_a_few_stories_start_no_worker(tag: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tagging_run, "TaggingPool", no_tagger)
    assert tag(2)[0].judged == STORIES < tagging_run.WORTH_A_WORKER


@pytest.mark.parametrize("workers", [1, 2])
def test_where_nothing_waits_no_tagger_is_opened_or_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setattr(tagging_run, "open_tagger", no_tagger)
    settings = load_settings(data=tmp_path, encoder="tfidf", workers=workers)
    with open_database(settings.database_address) as database:
        summary, notes = asyncio.run(jobs.tag(database, settings, now=NOW))
    assert (summary.judged, summary.version, notes) == (0, "", [])


def test_a_tagger_that_is_gone_is_not_ready(tmp_path: Path) -> None:
    async def ready() -> bool:
        kept = KeptTagger(tmp_path, "none", "", "tfidf", None)
        async with TaggingPool(kept, 1, tag_here=no_tagger) as pool:
            return await pool.is_ready(1)

    assert not asyncio.run(ready())


def test_reading_ahead_gives_every_story_once(trained: Path, tmp_path: Path) -> None:
    data = shutil.copytree(trained, tmp_path / "ahead")
    with open_database(f"sqlite:///{data / 'culture.db'}") as database:
        backlog = Backlog(database, "new", now=NOW)
        batches = list(backlog.batches())  # all read before the first is stored
        numbers = [article.id for batch in batches for article in batch.articles]
        assert len(numbers) == len(set(numbers)) == backlog.total == STORIES
        for batch in batches:
            backlog.keep(batch, [Tagging(0.0, State.NO, (), "new") for _ in batch.documents])
        assert backlog.finish().judged == STORIES
        assert list(Backlog(database, "new", now=NOW).batches()) == []


def test_what_waits_behind_the_place_reached_is_given_at_the_end(trained: Path, tmp_path: Path) -> None:
    data = shutil.copytree(trained, tmp_path / "behind")
    with open_database(f"sqlite:///{data / 'culture.db'}") as database:
        backlog = Backlog(database, "new", now=NOW)
        passed = list(backlog.whole_batches())
        for batch in passed:
            backlog.keep(batch, [Tagging(0.0, State.NO, (), "new") for _ in batch.documents])
        first = passed[0].articles[0].id
        with database.write() as session:
            session.get_one(Article, first).model_version = None  # as of a page that was read again
        assert first in [article.id for batch in backlog.batches() for article in batch.articles]


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_parent_leaves_no_worker(trained: Path, tmp_path: Path, how: signal.Signals) -> None:
    data = shutil.copytree(trained, tmp_path / "data")
    program = (
        "import asyncio, pathlib\n"
        "from flows import jobs, tagging_pool, tagging_run\n"
        "from tests import test_tagging_on_all_cores as tests\n"
        "tagging_run.WORTH_A_WORKER, tagging_pool.tag_documents = 1, tests.tag_slowly\n"
        "ready = tagging_pool.TaggingPool.is_ready\n"
        "async def say(self, processes):\n    found = await ready(self, processes)\n    print('ready', flush=True)\n    return found\n"
        "tagging_pool.TaggingPool.is_ready = say\n"
        f"settings = tests.load_settings(data=pathlib.Path({str(data)!r}), encoder='tfidf', workers=2)\n"
        "with tests.open_database(settings.database_address) as database:\n"
        "    asyncio.run(jobs.tag(database, settings, now=tests.NOW))\n"
    )
    root = Path(__file__).parents[1]
    with subprocess.Popen([sys.executable, "-c", program], cwd=root, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        assert len(children) >= 2
        time.sleep(0.3)
        parent.send_signal(how)
        parent.wait(timeout=10)
    deadline = time.monotonic() + 15
    while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [child for child in children if Path(f"/proc/{child}").exists()] == []
