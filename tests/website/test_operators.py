"""`/healthz` fails when the monitor is blind, `/metrics` counts as the database does, and neither holds a secret."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from models.settings import Settings
from models.store import recipients
from models.store.database import Database
from models.store.tables import Edition, Run, SourceState
from tests.support import fakes_edition as fakes
from tests.support.fakes_website import Visitor, filled, visitor

NOW = fakes.MONDAY_7 + timedelta(days=1, hours=2)  # Tuesday morning: the digest should have gone out


@pytest.fixture
def monitor(sqlite: Database, tmp_path: Path) -> Visitor:
    """One that is well: a run an hour ago, and a reader who got the edition of the week before."""
    settings = filled(sqlite, tmp_path, weeks=1)
    with sqlite.write() as session:
        run(session, NOW - timedelta(hours=1))
        recipients.add("ann@example.org", fakes.WEEK.start, session=session)
        edition = session.exec(select(Edition)).one()
        edition.sealed, edition.sealed_at = True, fakes.MONDAY_7
    return visitor(sqlite, settings, now=NOW)


def run(session: object, at: datetime) -> None:
    outcomes = {"vale-gazette": {"new": 3, "known": 4}, "open-page": {"new": 2}}
    session.add(Run(flow="collect", started_at=at, finished_at=at + timedelta(seconds=90), outcomes=outcomes))  # type: ignore[attr-defined]


def failing(monitor: Visitor) -> set[str]:
    answer = monitor.get("/healthz")
    checks = answer.json()["checks"]
    bad = {name for name, one in checks.items() if not one["ok"]}
    assert answer.status_code == (503 if bad else 200)
    return bad


def test_it_is_well(monitor: Visitor) -> None:
    assert failing(monitor) == set()


def test_it_fails_when_no_run_has_finished_for_a_day(monitor: Visitor, sqlite: Database) -> None:
    with sqlite.write() as session:
        one = session.exec(select(Run)).one()
        one.started_at = one.finished_at = NOW - timedelta(hours=27)
    assert failing(monitor) == {"last_run"}


def test_it_fails_when_a_digest_did_not_go_out(monitor: Visitor, sqlite: Database) -> None:
    with sqlite.write() as session:
        session.exec(select(Edition)).one().sealed = False
    assert failing(monitor) == {"last_digest"}


def test_it_fails_when_most_sources_do(monitor: Visitor, sqlite: Database) -> None:
    with sqlite.write() as session:
        for state in session.exec(select(SourceState).where(col(SourceState.failing_since).is_(None)).limit(7)):
            state.failing_since = NOW
    assert failing(monitor) == {"sources"}


def test_a_monitor_that_has_never_run_is_blind(sqlite: Database, tmp_path: Path) -> None:
    assert failing(visitor(sqlite, Settings(data=tmp_path), now=NOW)) == {"last_run", "sources"}


def test_the_numbers_are_the_databases(monitor: Visitor) -> None:
    text = monitor.get("/metrics").text
    found = dict(re.findall(r"^culture_(\S+) (\S+)$", text, re.MULTILINE))
    assert found['runs_last_day{flow="collect"}'] == "1"
    assert found['entries_last_day{outcome="new"}'] == "5"
    assert found["last_run_seconds"] == "90"
    assert found['sources{state="watched"}'] == "12"
    assert found['sources{state="failing"}'] == "2"
    assert len(re.findall(r"stories_this_week_by_theme\{", text)) == 15
    assert "example.org" not in text
    for name in re.findall(r"^(culture_[a-z_]+)", text, re.MULTILINE):
        assert f"# TYPE {name} gauge" in text
