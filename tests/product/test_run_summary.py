"""A run's summary and the review queue name the same number of uncertain articles, whatever brought them."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from deployments.commands.run import Report, show
from flows.collecting.summary import CollectSummary, SourceResult
from flows.publishing.edition import DigestResult
from flows.running import jobs
from flows.running.artifacts import run_summary
from flows.running.run_summary import sections
from models.outcomes import Outcome, PollOutcome
from models.reviews import QUEUE_DAYS, queue
from models.settings import Settings
from models.sources import Source
from models.store import reviews
from models.store.database import Database
from models.store.tables import Tag
from models.tagging.apply import TagSummary
from tests.conftest import NOW
from tests.support import fakes_edition as fakes
from tests.support.fakes_composing import add


def test_the_summary_counts_what_the_queue_asks_about(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        session.add(fakes.model_version())
        add(session, "Of unsure scope", NOW, scope="uncertain")
        for number in range(4):  # their scope is sure, a theme of theirs is not
            story = add(session, f"Of unsure theme {number}", NOW - timedelta(days=number))
            tag = Tag(article_id=story.id or 0, theme="appraisal", score=0.4, state="uncertain", model_version="v1")
            session.add(tag)
        add(session, "Of unsure scope, long ago", NOW - timedelta(days=QUEUE_DAYS + 1), scope="uncertain")
    tagged, _ = asyncio.run(jobs.tag(database, Settings(data=tmp_path), now=NOW))  # nothing waits: it only counts
    with database.read() as session:
        asked = queue(reviews.doubts(NOW - timedelta(days=QUEUE_DAYS), 100, session=session), {}, 100)
    assert tagged.judged == 0
    assert tagged.uncertain == len(asked) == 5
    assert "5 stories wait for a person’s answer" in run_summary(CollectSummary(1), tagged)


def test_the_command_and_the_artifact_show_the_same(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")  # so that no cell is wrapped
    source = Source.model_validate({"id": "gazette", "name": "Vale Gazette", "url": "https://vale.example/feed"})
    results = [
        SourceResult(source, PollOutcome.FAILED, "it answers 503", {}),
        SourceResult(source, PollOutcome.ENTRIES, "it has moved for good", {Outcome.NEW: 1}),
        SourceResult(source, PollOutcome.ENTRIES, "", {Outcome.COPY: 1}, left_out="3 parts of its sitemap"),
    ]
    collected = CollectSummary(1, results=results, entries=2, not_due=4, owed=7)
    tagged = TagSummary(2, 1, 0, {"appraisal": 1}, "v1", 3)
    markdown = run_summary(collected, tagged).replace("\\", "")
    show(Report(jobs.MonitorSummary(collected, tagged), cast("DigestResult", None)))
    told = capsys.readouterr().out
    for section in sections(collected, tagged):
        for words in (section.heading, *section.lines, *(str(cell) for row in section.rows for cell in row)):
            assert words in markdown
            assert words in told
    for words in (
        "it answers 503",
        "it has moved for good",
        "3 parts of its sitemap",
        "4 sources were not due",
        "7 pages are owed",
    ):
        assert words in told


def test_a_run_that_found_nothing_says_so_without_a_model() -> None:
    told = run_summary(CollectSummary(1, owed=1), TagSummary(0, 0, 0, {}, "", 0))
    assert "No story was there for the model to read." in told
    assert "1 page is owed: a later run reads it." in told
    assert "by model" not in told
