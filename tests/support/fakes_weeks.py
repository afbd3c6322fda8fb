"""Four weeks, each with a story that is older than the test."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from models.store.database import Database
from tests.support import fakes_edition as fakes
from tests.support.fakes_composing import add
from tests.support.fakes_weekly import Weekly, weekly_monitor

W47 = fakes.WEEK
W46, W48, W49 = W47.plus(-1), W47.plus(1), W47.plus(2)
SUNDAY = W47.end - timedelta(hours=6)
TUESDAY = W48.start + timedelta(days=1, hours=10)


@pytest.fixture(name="weekly")
def weekly_with_news(database: Database, tmp_path: Path) -> Iterator[Weekly]:
    """A monitor with an older story, so that no week is without one."""
    with weekly_monitor(database, tmp_path) as running:
        with database.write() as session:
            for week in (W46, W47, W48, W49):
                add(session, f"Of {week}", week.start + timedelta(days=2))
        yield running
