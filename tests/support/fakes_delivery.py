"""Two weeks of news, readers, and one call that sends: what the tests of delivery share."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlmodel import select

from flows.publishing.delivery import DeliverySummary
from flows.publishing.edition import DigestResult
from flows.publishing.weekly import send_pending, weekly_digest
from models.settings import Settings
from models.store import recipients
from models.store.database import Database
from models.store.tables import Delivery
from tests.support import fakes_edition as fakes

NO_PAUSES = (0.0,) * 12


@pytest.fixture(name="database")
def edition_database(sqlite: Database) -> Database:
    fakes.fill(sqlite, weeks=2)
    return sqlite


@pytest.fixture(name="settings")
def edition_settings(tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path, mail_from="NHS Culture Monitor <monitor@example.org>", base_url="https://monitor.example.org"
    )


def join(database: Database, count: int, **choices: object) -> list[str]:
    addresses = [f"reader{number}@trust{number % 7}.example.org" for number in range(count)]
    with database.write() as session:
        for address in addresses:
            recipients.add(address, fakes.MONDAY_7 - timedelta(days=30), session=session, **choices)  # type: ignore[arg-type]
    return addresses


def send(database: Database, settings: Settings, port: int | None = None, **how: object) -> DigestResult:
    if port is not None:
        settings = settings.model_copy(update={"smtp_url": SecretStr(f"smtp://127.0.0.1:{port}")})
    given: dict[str, object] = {
        "week": fakes.WEEK,
        "now": fakes.MONDAY_7,
        "themes": fakes.THEMES,
        "sleep": lambda seconds: None,
        "pauses": NO_PAUSES,
    }
    return weekly_digest(database, fakes.REGISTRY, settings, **(given | how))  # type: ignore[arg-type]


def send_left(database: Database, settings: Settings, port: int | None = None, **how: object) -> DeliverySummary:
    """What the scheduled runs do between two digests; by default a day after it."""
    if port is not None:
        settings = settings.model_copy(update={"smtp_url": SecretStr(f"smtp://127.0.0.1:{port}")})
    given: dict[str, object] = {"now": fakes.MONDAY_7 + timedelta(days=1), "themes": fakes.THEMES}
    return send_pending(database, fakes.REGISTRY, settings, **(given | how))  # type: ignore[arg-type]


def states(database: Database) -> Counter[str]:
    with database.read() as session:
        return Counter(session.exec(select(Delivery.state)))
