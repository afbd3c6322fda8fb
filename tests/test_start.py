"""`culture-monitor start`: one command, everything up, nothing left behind, and what people changed in the UI stays."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from deployments.schedules import SCHEDULE_SLUG
from tests.prefect_server import Product, processes_of, until

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc (Linux)")


def runner_of(product: Product) -> int:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
            mine = f"CULTURE_DATA={product.data}".encode() in (process / "environ").read_bytes()
        except OSError:
            continue
        if mine and b"deployments.serve" in words:
            return int(process.name)
    raise AssertionError("no runner")


def test_it_greets_with_the_address_of_the_current_ui(product: Product) -> None:
    said = product.log.read_text(encoding="utf-8")
    assert f"Open {product.ui}/" in said
    settings = product.call("GET", "/admin/settings")
    assert settings["server"]["analytics_enabled"] is False
    import httpx

    ui_settings = httpx.get(f"http://127.0.0.1:{product.port}/ui-settings").json()
    assert ui_settings["api_url"].startswith(f"http://127.0.0.1:{product.port}/")


def test_everything_is_deployed_with_its_schedule_in_london_time(product: Product) -> None:
    expected = {"monitor": "0 6-22/2 * * *", "digest": "0 7 * * 1", "upkeep": "0 4 * * *", "digest-check": "0 12 * * 1"}
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


def test_a_killed_runner_comes_back_its_run_is_crashed_and_no_article_is_lost_or_doubled(product: Product) -> None:
    first = product.start_run("monitor", {"options": {"all_due": True}})
    product.in_state(first, ("RUNNING",))
    os.killpg(runner_of(product), signal.SIGKILL)
    assert product.ended(first, 120)["state_type"] == "CRASHED"
    again = product.run("monitor", {"options": {"all_due": True}})
    assert again["state_type"] == "COMPLETED", again["state"]["message"]
    assert "is started again" in product.log.read_text(encoding="utf-8")
    with sqlite3.connect(product.data / "culture.db") as database:
        articles, addresses = database.execute("SELECT count(*), count(DISTINCT url) FROM article").fetchone()
        assert articles == addresses > 60
        assert database.execute("SELECT count(*) FROM article WHERE model_version IS NULL").fetchone()[0] == 0
        assert database.execute("SELECT count(*) FROM article WHERE story_id IS NULL").fetchone()[0] == 0


def test_two_runs_at_once_the_newer_is_cancelled(product: Product) -> None:
    first = product.start_run("monitor", {"options": {"all_due": True}})
    second = product.start_run("monitor", {"options": {"all_due": True}})
    ends = sorted(product.ended(run)["state_type"] for run in (first, second))
    assert ends == ["CANCELLED", "COMPLETED"]


def test_what_people_change_survives_a_restart_which_leaves_no_process_behind(product: Product) -> None:
    monitor = product.deployment("monitor")
    ours = next(one for one in monitor["schedules"] if one["slug"] == SCHEDULE_SLUG)
    product.call("PATCH", f"/deployments/{monitor['id']}/schedules/{ours['id']}", {"active": False})
    added = {"schedule": {"cron": "30 23 * * *", "timezone": "Europe/London"}, "active": True}
    product.call("POST", f"/deployments/{monitor['id']}/schedules", [added])
    changed = {"options": {"sources": [], "all_due": True, "max_pages": 7}}
    product.call("PATCH", f"/deployments/{monitor['id']}", {"parameters": changed})

    assert product.stop(signal.SIGINT) == 0
    assert processes_of(product.data) == []
    product.start()

    found = product.deployment("monitor")
    kept = {one["schedule"]["cron"]: one["active"] for one in found["schedules"]}
    assert kept == {"0 6-22/2 * * *": False, "30 23 * * *": True}
    assert found["parameters"] == changed
    product.call("PATCH", f"/deployments/{monitor['id']}", {"parameters": {}})
