"""What happens around a run: a full disk, a locked database, a server that restarts, a clock that changes."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlmodel import select

from deployments.demo_site import DemoSite
from flows.running import jobs
from flows.running.steps import Report, unreported
from models.settings import Settings, load_settings
from models.sources import Registry, load_registry
from models.store import collecting
from models.store.database import BUSY_SECONDS, Database, explain_error, open_database
from models.store.editions import gather_week
from models.store.tables import Article, Story
from models.weeks import LONDON, Week
from tests.support.fakes_store import add_lead
from tests.support.prefect_server import Product, processes_of, until

pytestmark = pytest.mark.long

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(NOW) as running:
        yield running


@pytest.fixture(scope="module")
def registry(site: DemoSite, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("sources") / "sources.toml"
    file.write_text(site.sources_toml())
    return load_registry(file)


def collect(
    database: Database,
    registry: Registry,
    *,
    now: datetime = NOW,
    report: Report = unreported,
    all_due: bool = False,
) -> int:
    """One collecting run; how many sources it asked."""
    settings: Settings = load_settings(allow_hosts="127.0.0.1", host_gap_seconds=0, max_age_days=80, workers=1)
    summary = asyncio.run(jobs.collect(database, registry, settings, now=now, report=report, all_due=all_due))
    return len(summary.results)


def stored(database: Database) -> dict[str, str | None]:
    """Every article with the address of its story's lead."""
    with database.read() as session:
        articles = session.exec(select(Article)).all()
        leads = {story.id: story.lead_article_id for story in session.exec(select(Story))}
    url_of = {article.id: article.url for article in articles}
    return {article.url: url_of.get(leads.get(article.story_id)) for article in articles}


@pytest.fixture(scope="module")
def undisturbed(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    with open_database(f"sqlite:///{tmp_path_factory.mktemp('calm') / 'culture.db'}") as database:
        collect(database, registry)
        return stored(database)


def test_a_full_disk_stops_the_run_with_its_reason_and_the_next_run_makes_good(
    sqlite: Database, registry: Registry, undisturbed: dict[str, str | None]
) -> None:
    pages: list[int] = []

    def little_room(connection: sqlite3.Connection, record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages[0]}")

    with sqlite.engine.connect() as connection:
        pages.append(int(connection.execute(text("PRAGMA page_count")).scalar_one()) + 15)
    event.listen(sqlite.engine, "connect", little_room)
    sqlite.engine.dispose()
    with pytest.raises(OperationalError) as caught:
        collect(sqlite, registry)
    assert "the disk is full" in explain_error(caught.value)
    event.remove(sqlite.engine, "connect", little_room)
    sqlite.engine.dispose()
    collect(sqlite, registry)
    assert stored(sqlite) == undisturbed


def test_a_small_filesystem_that_fills_up(
    tmp_path: Path, registry: Registry, undisturbed: dict[str, str | None]
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=640k", "tmpfs", small], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small filesystem needs root; the test above limits the file instead")
    try:
        with open_database(f"sqlite:///{small / 'culture.db'}") as database, pytest.raises(OperationalError) as caught:
            collect(database, registry)
        assert "full" in explain_error(caught.value)
        subprocess.run(["mount", "-o", "remount,size=64m", small], check=True)
        with open_database(f"sqlite:///{small / 'culture.db'}") as database:
            collect(database, registry)
            assert stored(database) == undisturbed
    finally:
        subprocess.run(["umount", small], check=True)


LOCKED_SECONDS = 3  # in the suite; the README's table has 20


def test_a_database_that_another_program_holds_is_waited_for(
    sqlite: Database, registry: Registry, undisturbed: dict[str, str | None]
) -> None:
    assert BUSY_SECONDS > 20
    script = (
        "import sqlite3, sys, time; link = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "link.execute('BEGIN IMMEDIATE'); print('held', flush=True); time.sleep(float(sys.argv[2]))\n"
        "link.execute('COMMIT')"
    )
    holder: list[subprocess.Popen[str]] = []

    def hold(stage: str, done: int, total: int) -> None:
        if stage == "read" and not holder:
            words = [sys.executable, "-c", script, sqlite.engine.url.database or "", str(LOCKED_SECONDS)]
            holder.append(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
            assert holder[0].stdout is not None
            holder[0].stdout.readline()

    collect(sqlite, registry, report=hold)
    assert holder[0].communicate(timeout=30)[0] == ""
    assert stored(sqlite) == undisturbed


@pytest.mark.parametrize("stage", ["poll", "read"])
def test_postgresql_restarts_in_the_middle_of_a_run(
    stage: str, request: pytest.FixtureRequest, registry: Registry, undisturbed: dict[str, str | None]
) -> None:
    """Between two transactions a run goes on; within one it fails, and the next run makes good."""
    server = request.getfixturevalue("postgres")
    restarted: list[str] = []
    reasons: list[str] = []

    def restart(now_at: str, done: int, total: int) -> None:
        if now_at == stage and done > 3 and not restarted:
            restarted.append(now_at)
            server.restart()

    with server.new_database() as address:
        with open_database(address) as database:
            try:
                collect(database, registry, report=restart)
            except DBAPIError as error:
                reasons.append(explain_error(error))
        with open_database(address) as database:
            collect(database, registry)
            assert stored(database) == undisturbed
    assert restarted == [stage]
    assert all("the database can't be used" in reason for reason in reasons)


def test_postgresql_restarts_within_a_transaction(request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue("postgres")
    with server.new_database() as address, open_database(address) as database:
        with pytest.raises(DBAPIError), database.write() as session:  # noqa: PT012 - the error may come at its end
            collecting.start_run("collect", NOW, session=session)
            server.restart()
            collecting.start_run("collect", NOW, session=session)
        with database.write() as session:  # the same object: its dead connections are replaced
            assert session.execute(text("SELECT count(*) FROM run")).scalar() == 0


def test_a_clock_that_ran_ahead_does_not_silence_the_sources(sqlite: Database, registry: Registry) -> None:
    ahead = NOW + timedelta(days=3650)
    with DemoSite(NOW):
        collect(sqlite, registry, now=ahead)
    assert collect(sqlite, registry, now=NOW) > 0
    assert collect(sqlite, registry, now=NOW + timedelta(seconds=1)) == 0  # and then the plan holds again


def test_a_clock_that_is_set_back_an_hour_loses_and_doubles_nothing(
    sqlite: Database, registry: Registry, undisturbed: dict[str, str | None]
) -> None:
    for hours in (0, 12, -1, 11):
        collect(sqlite, registry, now=NOW + timedelta(hours=hours), all_due=True)
    assert stored(sqlite) == undisturbed


# The nights on which London's clocks change, as UTC, and the hours of the week that holds each.
CHANGES = [(datetime(2026, 3, 29, 1, tzinfo=UTC), 167), (datetime(2026, 10, 25, 1, tzinfo=UTC), 169)]


@pytest.mark.parametrize(("change", "hours"), CHANGES)
def test_the_weeks_around_a_change_of_the_clocks_hold_every_minute_once(change: datetime, hours: int) -> None:
    week = Week.of(change)
    assert week.end - week.start == timedelta(hours=hours)
    for one in (week.plus(-1), week, week.plus(1)):
        assert one.end == one.plus(1).start
        assert one.start.astimezone(LONDON).hour == 0
        assert one.start.astimezone(LONDON).weekday() == 0
    for minutes in range(-4 * 24 * 60, 4 * 24 * 60, 7):
        moment = change + timedelta(minutes=minutes)
        holders = [one for one in (week.plus(-1), week, week.plus(1)) if one.start <= moment < one.end]
        assert holders == [Week.of(moment)]


@pytest.mark.parametrize(("change", "hours"), CHANGES)
def test_the_digest_of_such_a_week_tells_each_story_once(sqlite: Database, change: datetime, hours: int) -> None:
    week = Week.of(change)
    edges = [week.start, week.end, change]
    moments = [edge + timedelta(seconds=offset) for edge in edges for offset in (-3601, -1, 0, 1, 3601)]
    with sqlite.write() as session:
        for number, moment in enumerate(moments):
            article = Article(
                url=f"https://s.example/{number}", source="s", title=f"Story number {number}", first_seen_at=moment,
                published_at=moment, text_status="full", outcome="new", scope_state="yes", in_scope=0.9,
                model_version="m",
            )  # fmt: skip
            add_lead(article, session=session)
    told: list[str] = []
    for one in (week.plus(-1), week, week.plus(1)):
        with sqlite.read() as session:
            told += [story.shown.title for story in gather_week(one, session=session).stories]
    assert sorted(told) == sorted(f"Story number {number}" for number in range(len(moments)))


def test_two_runs_at_once_store_each_article_once(
    database_address: str, registry: Registry, undisturbed: dict[str, str | None]
) -> None:
    errors: list[BaseException] = []

    def run() -> None:
        try:
            with open_database(database_address) as database:
                collect(database, registry)
        except BaseException as error:  # noqa: BLE001 - shown below
            errors.append(error)

    threads: list[threading.Thread] = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with open_database(database_address) as database:
        assert stored(database).keys() == undisturbed.keys()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc (Linux)")
def test_the_prefect_server_is_killed_in_the_middle_of_a_run(product: Product) -> None:
    """`start` ends and is started again, no run is shown as running for ever, and the next one makes good."""
    first = product.start_run("monitor", {"all_due": True})
    product.in_state(first, ("RUNNING",))
    record = json.loads(next(product.data.rglob("server.json")).read_text())
    os.killpg(record["pid"], signal.SIGKILL)
    assert product.process is not None
    assert product.process.wait(60) == 1
    until(lambda: processes_of(product.data) == {}, 30)  # its runs too
    product.start()
    ended = product.ended(first, 300)
    assert ended["state_type"] in {"COMPLETED", "CRASHED", "FAILED"}
    again = product.ended(product.start_run("monitor", {"all_due": True}))
    assert again["state_type"] == "COMPLETED", again["state"]["message"]
    with closing(sqlite3.connect(product.data / "culture.db")) as link:
        articles, addresses = link.execute("SELECT count(*), count(DISTINCT url) FROM article").fetchone()
        told = [(run["name"], run["state"]["message"], run["start_time"]) for run in product.runs("monitor")]
        assert articles == addresses > 60
        assert link.execute("SELECT count(*) FROM article WHERE model_version IS NULL").fetchone()[0] == 0, told
