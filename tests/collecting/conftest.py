"""What tests of several runs in sequence share."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from models.store.database import Database
from tests.support.changing_sites import World


@pytest.fixture
def world(database: Database, tmp_path: Path, now: datetime) -> Iterator[World]:
    made = World(database, tmp_path, now)
    with made.web, made.other:
        yield made
