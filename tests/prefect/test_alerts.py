"""Someone is told when a run fails or no digest went out, and a run is called dead only where it is.

The runs for the last test start with the first: they last a minute, through which they need nobody.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deployments.automations import CRASH_SILENT, TELL_FAILED
from deployments.demo_site import DemoSite
from deployments.prefect_environment import HEARTBEAT_SECONDS
from flows.alert import TOLD_ALREADY
from models.store import recipients
from models.weeks import Week, utc_now
from tests.support.fakes_mail import Mailboxes, smtp_server
from tests.support.fakes_webhook import Hook, webhook
from tests.support.prefect_server import Product, until

pytestmark = pytest.mark.long

CHIEF = "chief@example.org"
SILENT_SECONDS = (
    HEARTBEAT_SECONDS + 15
)  # shorter than as shipped, in the automation itself, as a person would in the UI
SLOW_SECONDS = 0.4  # each answer of the slow site, which is asked some 140 times


class Long:
    """Two runs by the command, outside the runner: one is killed, with nobody to notice; one is just slow."""

    def __init__(self, product: Product, folder: Path, stack: ExitStack) -> None:
        self._product = product
        site = stack.enter_context(DemoSite(datetime.now(UTC), delay_seconds=SLOW_SECONDS, ports="one"))
        registry = folder / "slow.toml"
        registry.write_text(site.sources_toml(), encoding="utf-8")
        before = self._ids()
        self.healthy = self._start(registry, folder / "healthy", stack)
        until(lambda: len(self._ids() - before) == 1, 60)
        (self.healthy_id,) = self._ids() - before
        self.killed = self._start(registry, folder / "killed", stack)
        until(lambda: len(self._ids() - before) == 2, 60)
        (self.killed_id,) = self._ids() - before - {self.healthy_id}
        beats = {"filter": {"event": {"name": ["prefect.flow-run.heartbeat"]}}}
        mine = f"prefect.flow-run.{self.killed_id}"
        until(lambda: mine in json.dumps(product.call("POST", "/events/filter", beats)), 30)
        os.killpg(self.killed.pid, signal.SIGKILL)

    def _ids(self) -> set[str]:
        body = {"flows": {"name": {"any_": ["monitor"]}}, "flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}}}
        return {run["id"] for run in self._product.call("POST", "/flow_runs/filter", body)}

    def _start(self, registry: Path, data: Path, stack: ExitStack) -> "subprocess.Popen[str]":
        words = [sys.executable, "-m", "deployments.cli", "run", "--sources", str(registry), "--data", str(data)]
        process = stack.enter_context(
            subprocess.Popen(
                words,
                cwd=registry.parent,
                env=self._product.client_environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        )
        stack.callback(process.kill)
        return process


@pytest.fixture(scope="module")
def long(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Long]:
    """Runs that last a minute, with the time of silence shortened."""
    found = product.call("POST", "/automations/filter", {"automations": {"name": {"any_": [CRASH_SILENT]}}})[0]
    known = {key: found[key] for key in ("name", "description", "enabled", "trigger", "actions")}
    path = f"/automations/{found['id']}"
    product.call("PUT", path, {**known, "trigger": {**known["trigger"], "within": SILENT_SECONDS}})
    with ExitStack() as stack:
        yield Long(product, tmp_path_factory.mktemp("long"), stack)
    product.call("PUT", path, known)


@pytest.fixture
def unsent(product: Product) -> Iterator[None]:
    """Someone is on the list, and last week's digest has not gone out."""
    week = str(Week.of(utc_now()).plus(-1))
    with product.database() as database:
        with database.write() as session:
            recipients.add("waiting@example.org", utc_now(), session=session)
            session.connection().exec_driver_sql("UPDATE edition SET sealed = 0 WHERE week = ?", (week,))
        yield
        with database.write() as session:
            recipients.remove("waiting@example.org", utc_now(), session=session)


@pytest.mark.usefixtures("long", "unsent")
def test_each_failed_run_leads_to_one_mail_and_one_post_and_a_failed_alert_to_none(product: Product) -> None:
    mailboxes = Mailboxes()
    refused: list[str] = []
    hook = Hook(lambda post: 500 if any(run in json.dumps(post) for run in refused) else 200)
    with smtp_server(mailboxes) as port, webhook(hook):
        given = {"SMTP_URL": f"smtp://127.0.0.1:{port}", "ALERT_TO": CHIEF, "ALERT_WEBHOOK": hook.address}
        with product.settings(**given):
            # At one moment: an alert that comes while another is at work waits for its turn.
            digest = product.start_run("digest", {"week": "named below", "named_week": "2026-W99"})
            check = product.start_run("digest-check")
            refused.append(digest)
            assert product.ended(digest)["state_type"] == "FAILED"
            assert product.ended(check)["state"]["message"].endswith("or see why its last run ended")
            until(lambda: len(ended_alerts(product, {digest, check})) == 2, 120)
            once_more = {"name": "digest-check", "state": "Failed", "message": "once more", "run_id": check}
            assert product.run("alert", once_more)["state"]["message"] == TOLD_ALREADY
    alerts = ended_alerts(product, {digest, check})
    assert (alerts[digest]["state_type"], alerts[digest]["state"]["message"]) == ("FAILED", "the webhook answered 500")
    assert alerts[check]["state_type"] == "COMPLETED"
    for run, name in ((digest, "digest"), (check, "digest-check")):
        assert [post["subject"] for post in hook.about(run)] == [f"NHS Culture Monitor: {name} Failed"]
        mails = [mail for mail in mailboxes.received()[CHIEF] if run in mail.get_content()]
        assert [mail["Subject"] for mail in mails] == [f"NHS Culture Monitor: {name} Failed"]
        assert f"{product.ui}/runs/flow-run/{run}" in mails[0].get_content()
    assert "no digest went out" in hook.about(check)[0]["text"]
    assert "alert" not in told_of(product)
    assert not [one for one in product.runs("alert") if one["parameters"].get("run_id") == alerts[digest]["id"]]


def ended_alerts(product: Product, about: set[str]) -> dict[str, dict[str, Any]]:
    """The alerts about these runs that have ended, by what they are about."""
    found = [run for run in product.runs("alert") if run["parameters"].get("run_id") in about]
    ended = [run for run in found if run["state_type"] in {"COMPLETED", "FAILED"}]
    return {run["parameters"]["run_id"]: run for run in ended if run["state"]["message"] != TOLD_ALREADY}


def told_of(product: Product) -> list[str]:
    """The flows of whose failures someone is told."""
    found = product.call("POST", "/automations/filter", {"automations": {"name": {"any_": [TELL_FAILED]}}})[0]
    names: list[str] = found["trigger"]["match_related"]["prefect.resource.name"]
    return names


def test_a_killed_run_is_crashed_after_its_silence_and_a_healthy_one_that_lasts_longer_is_not(
    product: Product, long: Long
) -> None:
    assert product.call("GET", f"/flow_runs/{long.killed_id}")["state_type"] in {"RUNNING", "CRASHED"}
    killed = product.ended(long.killed_id, 2 * SILENT_SECONDS)
    assert killed["state_type"] == "CRASHED"
    assert "its process has gone" in killed["state"]["message"]
    said, _ = long.healthy.communicate(timeout=120)
    assert long.healthy.returncode == 0, said
    healthy = product.ended(long.healthy_id, 10)
    assert healthy["total_run_time"] > SILENT_SECONDS + 5
    states = product.call("GET", f"/flow_run_states/?flow_run_id={long.healthy_id}")
    assert [state["type"] for state in states][-1] == "COMPLETED"
    assert "CRASHED" not in {state["type"] for state in states}
