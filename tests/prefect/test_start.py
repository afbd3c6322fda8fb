"""`culture-monitor start`: one command, everything up, nothing left behind, and what people changed in the UI stays."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deployments.prefect_api import free_port, is_of
from deployments.prefect_environment import prefect_folder
from deployments.schedules import POOL, SCHEDULE_SLUG, catalogue
from deployments.serve import MISSED
from models.settings import Settings, load_settings
from tests.support.fakes_web import Answer, FakeWeb
from tests.support.prefect_server import UP_SECONDS, Product, processes_of, until

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc (Linux)"),
]


def runner_of(product: Product) -> int:
    return next(number for number, words in processes_of(product.data).items() if "deployments.serve" in words)


def test_it_greets_with_the_address_of_the_current_ui(product: Product) -> None:
    said = product.log.read_text(encoding="utf-8")
    assert f"Open {product.ui}/" in said
    settings = product.call("GET", "/admin/settings")
    assert settings["server"]["analytics_enabled"] is False
    import httpx

    ui_settings = httpx.get(f"http://127.0.0.1:{product.port}/ui-settings").json()
    assert ui_settings["api_url"].startswith(f"http://127.0.0.1:{product.port}/")


def test_everything_is_deployed_with_its_schedule_in_london_time(product: Product) -> None:
    expected = {
        "monitor": "0 6-22/2 * * *", "digest": "0 7 * * 1", "daily": "30 7 * * 1-5", "upkeep": "0 4 * * *",
        "digest-check": "0 12 * * 1",
    }  # fmt: skip
    for name, cron in expected.items():
        schedule = product.deployment(name)["schedules"][0]
        assert schedule["active"] is True
        assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"]) == (cron, "Europe/London")
    until(lambda: any(run["state_type"] == "SCHEDULED" for run in product.runs("digest")), 60)
    for name in ("review", "review-queue", "recipients", "collect", "tag", "alert"):
        assert product.deployment(name)["schedules"] == []


def test_nothing_of_the_users_own_prefect_is_touched(product: Product) -> None:
    assert not (product.folder / "home" / ".prefect").exists()
    assert (product.data / "prefect" / "prefect.db").exists()


def test_started_twice_the_second_says_so_and_ends(product: Product) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "deployments.cli", "start"],
        cwd=product.folder,
        env=product.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1
    assert "it runs already" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_two_that_start_at_one_moment_take_a_port_each(tmp_path: Path, product: Product) -> None:
    """Both look for a free port before either server has one."""
    folders = [tmp_path / name for name in ("one", "two")]
    port = free_port("127.0.0.1", 4370)
    started = []
    for folder in folders:
        (folder / "home").mkdir(parents=True)
        environment = {
            **product.environment,
            "HOME": str(folder / "home"),
            "CULTURE_DATA": str(folder / "data"),
            "CULTURE_PREFECT_PORT": str(port),
        }
        words = [sys.executable, "-m", "deployments.cli", "start"]
        with (folder / "log").open("wb") as log:
            started.append(subprocess.Popen(words, cwd=folder, env=environment, stdout=log, stderr=log))
    try:
        until(lambda: all("Ctrl-C stops it all" in (folder / "log").read_text() for folder in folders), UP_SECONDS)
    finally:
        for one in started:
            one.send_signal(signal.SIGINT)
    assert [one.wait(60) for one in started] == [0, 0]
    greetings = [re.findall(r"Open http://127.0.0.1:(\d+)/", (folder / "log").read_text())[-1] for folder in folders]
    assert len(set(greetings)) == 2


@dataclass(frozen=True, slots=True)
class Killed:
    """What was under way and what was missed when the runner was killed."""

    run: str
    missed: tuple[str, ...]
    asked_for: str  # by a person, meanwhile


@pytest.fixture(scope="module")
def killed(product: Product) -> Killed:
    """The runner was stopped in the middle of a run, runs of nine days were missed, it was killed, and `start` started again."""
    product.forget_news()
    run = product.start_run("monitor", {"all_due": True})
    product.in_state(run, ("RUNNING",))
    runner = runner_of(product)
    os.killpg(runner, signal.SIGSTOP)
    days = {"start_time": str(datetime.now(UTC) - timedelta(days=9)), "end_time": str(datetime.now(UTC)), "min_runs": 9}
    product.call("POST", f"/deployments/{product.deployment('upkeep')['id']}/schedule", days)
    missed = [one for one in product.runs("upkeep") if one["auto_scheduled"] and is_past(one)]
    asked_for = product.start_run("review-queue")
    os.killpg(runner, signal.SIGKILL)
    assert product.process is not None
    assert product.process.wait(60) == 1  # with one child gone it ends, and takes the others along
    until(lambda: processes_of(product.data) == {}, 30)
    product.start()
    return Killed(run, tuple(one["id"] for one in missed), asked_for)


def is_past(run: dict[str, Any]) -> bool:
    return datetime.fromisoformat(run["expected_start_time"].replace("Z", "+00:00")) < datetime.now(UTC)


def test_a_killed_runner_ends_start_its_run_is_crashed_and_the_next_completes(product: Product, killed: Killed) -> None:
    assert "the runner ended; " in product.log.read_text(encoding="utf-8")
    assert product.ended(killed.run, 120)["state_type"] == "CRASHED"
    assert product.ended(killed.asked_for)["state_type"] == "COMPLETED"


def test_runs_that_were_missed_while_it_was_down_collapse_into_one(product: Product, killed: Killed) -> None:
    assert len(killed.missed) >= 8
    ends = [product.ended(run) for run in killed.missed]
    done = [end for end in ends if end["state_type"] == "COMPLETED"]
    assert [end["id"] for end in done] == [max(ends, key=lambda end: str(end["expected_start_time"]))["id"]]
    assert {end["state_type"] for end in ends} == {"COMPLETED", "CANCELLED"}
    assert {end["state"]["message"] for end in ends if end not in done} == {MISSED}


def nothing_lost_or_doubled(product: Product) -> bool:
    with closing(sqlite3.connect(product.data / "culture.db")) as database:
        articles, addresses = database.execute("SELECT count(*), count(DISTINCT url) FROM article").fetchone()
        assert articles == addresses > 60
        assert database.execute("SELECT count(*) FROM article WHERE model_version IS NULL").fetchone()[0] == 0
        assert database.execute("SELECT count(*) FROM article WHERE story_id IS NULL").fetchone()[0] == 0
    return True


def test_two_runs_at_once_the_newer_is_cancelled(product: Product) -> None:
    product.forget_news()
    first = product.start_run("monitor", {"all_due": True})
    second = product.start_run("monitor", {"all_due": True})
    ends = sorted(product.ended(run)["state_type"] for run in (first, second))
    assert ends == ["CANCELLED", "COMPLETED"]
    # Who holds a place stands on disk: forgotten with the server's memory, a healthy run would be ended after minutes.
    assert list((product.data / "prefect" / "concurrency_leases").iterdir())


CHANGED = {"sources": [], "all_due": True, "max_pages": 7}


@dataclass(frozen=True, slots=True)
class Restarted:
    """`start` was killed itself, in the middle of a run, and started again."""

    run: str
    before: frozenset[int]  # processes
    port: int


@pytest.fixture(scope="module")
def restarted(product: Product) -> Restarted:
    """People changed a deployment, everything was registered again as for workers, `start` was killed and started again."""
    monitor = product.deployment("monitor")
    ours = next(one for one in monitor["schedules"] if one["slug"] == SCHEDULE_SLUG)
    product.call("PATCH", f"/deployments/{monitor['id']}/schedules/{ours['id']}", {"active": False})
    added = {"schedule": {"cron": "30 23 * * *", "timezone": "Europe/London"}, "active": True}
    product.call("POST", f"/deployments/{monitor['id']}/schedules", [added])
    # As the first release had a flow's parameters: all within one, under a schema of its own.
    old = {"parameters": {"options": CHANGED}, "enforce_parameter_schema": False}
    product.call("PATCH", f"/deployments/{monitor['id']}", old)
    register(product)
    assert is_kept(product)

    product.forget_news()
    run = product.start_run("monitor", {"all_due": True})
    product.in_state(run, ("RUNNING",))
    running, port = processes_of(product.data), product.port
    assert product.stop(signal.SIGKILL) == -signal.SIGKILL
    until(lambda: processes_of(product.data) == {}, 60)  # the others are told by the system that their parent died
    product.start()
    return Restarted(run, frozenset(running), port)


def test_what_people_change_survives_a_restart_and_registering_again(product: Product, restarted: Restarted) -> None:
    assert is_kept(product)
    product.call("PATCH", f"/deployments/{product.deployment('monitor')['id']}", {"parameters": {}})


def test_the_greeting_says_what_people_have_changed(product: Product, restarted: Restarted) -> None:
    greeting = product.log.read_text(encoding="utf-8").rpartition("Open ")[2]
    assert "monitor      30 23 * * * (cron, Europe/London); change it in the UI" in greeting
    assert "digest       0 7 * * 1 (cron, Europe/London)" in greeting
    assert "0 6-22/2" not in greeting


def test_killed_itself_it_leaves_nothing_running_and_the_next_start_takes_over(
    product: Product, restarted: Restarted
) -> None:
    assert restarted.before & processes_of(product.data).keys() == set()
    # Its own again, or the one that is set, where another program had that one before and has left it since.
    assert product.port in {restarted.port, int(product.environment["CULTURE_PREFECT_PORT"])}
    assert product.ended(restarted.run, 60)["state_type"] == "CRASHED"
    again = product.ended(product.start_run("monitor", {"all_due": True}))
    assert again["state_type"] == "COMPLETED", again["state"]["message"]
    assert nothing_lost_or_doubled(product)


def is_kept(product: Product) -> bool:
    found = product.deployment("monitor")
    assert {one["schedule"]["cron"]: one["active"] for one in found["schedules"]} == {
        "0 6-22/2 * * *": False,
        "30 23 * * *": True,
    }
    assert found["parameters"] == CHANGED
    return True


def register(product: Product) -> None:
    """Register all deployments for workers, then give them back to the process that `start` runs."""
    words = [sys.executable, "-m", "deployments.registering"]
    subprocess.run(
        words, cwd=product.folder, env=product.client_environment, check=True, capture_output=True, timeout=120
    )
    for one in catalogue(Settings()):
        product.call("PATCH", f"/deployments/{product.deployment(one.name)['id']}", {"work_pool_name": None})
    product.call("DELETE", f"/work_pools/{POOL}")


@pytest.mark.parametrize(
    ("answer", "ours"),
    [
        (Answer(b'{"home": "HOME"}'), True),
        (Answer(b'{"home": "/somewhere/else"}'), False),
        (Answer(b"no JSON"), False),
        (Answer(b"[" * 100_000), False),
        (Answer(b"who are you?", 401), True),
    ],
)
def test_a_server_that_took_the_port_is_not_taken_for_ours(tmp_path: Path, answer: Answer, ours: bool) -> None:
    settings = load_settings(data=tmp_path)
    body = answer.body.replace(b"HOME", str(prefect_folder(settings)).encode())
    with FakeWeb() as web:
        web.pages["/api/admin/settings"] = replace(answer, body=body)
        assert is_of(web.url("/api"), settings) is ours
    assert is_of(web.url("/api"), settings) is False
