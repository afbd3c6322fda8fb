"""A run's summary and the review queue name the same number of uncertain articles, whatever brought them."""

import asyncio
from datetime import timedelta
from pathlib import Path

from flows import jobs
from flows.artifacts import run_summary
from flows.web.collect_summary import CollectSummary
from models.reviews import QUEUE_DAYS, queue
from models.settings import Settings
from models.store import reviews
from models.store.database import Database
from models.store.tables import Tag
from tests import fakes_edition as fakes
from tests.conftest import NOW
from tests.fakes_composing import add


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
