"""A digest that awaits a person's approval: sent with it, held back without it, and what is set happens when nobody answers."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flows.approval import Approval, decision
from models.store import recipients
from models.store.database import open_database
from models.weeks import utc_now
from tests.support.fakes_mail import Mailboxes, smtp_server
from tests.support.fakes_webhook import Hook, webhook
from tests.support.prefect_server import Product, until

pytestmark = pytest.mark.long

READER = "reader@example.org"
# One process for all: a start of Python with Prefect and the tagger costs seconds.
RUNS = """
import asyncio, os, sys
from flows.digest import digest

async def main():
    for week, hours, default in (words.split("|") for words in sys.argv[1:]):
        os.environ["CULTURE_APPROVAL_HOURS"], os.environ["CULTURE_APPROVAL_DEFAULT"] = hours, default
        state = await digest(week=week, return_state=True)
        print(state.name, state.message, sep=": ", flush=True)

asyncio.run(main())
"""
SOON = "0.0003"  # hours
NO = {"send": False, "answered_by": "Ada"}
YES = {"send": True, "answered_by": "Grace"}


@pytest.mark.parametrize(
    ("answer", "default", "send", "why"),
    [
        (Approval(send=True, answered_by=" Ada "), "hold", True, "approved by Ada"),
        (Approval(send=True, answered_by="A\0d\u202ea\n" + "x" * 500), "hold", True, "approved by Ada xxx"),
        (Approval(send=True, answered_by="\u200b\n"), "hold", True, "approved by a person"),
        (Approval(send=False), "send", False, "held back by a person; run digest again to send it"),
        ("nobody", "hold", False, "nobody answered within 4 hours, so it was held back"),
        ("nobody", "send", True, "nobody answered within 4 hours, so it was sent"),
        ("cancelled", "send", False, "held back, since the question was cancelled"),
    ],
)
def test_what_an_answer_or_none_means(answer: Any, default: str, send: bool, why: str) -> None:
    found = decision(answer, "4 hours", default)
    assert found.send is send
    assert found.why.startswith(why)
    assert len(found.why) < 200
    assert found.why.isprintable()


def test_it_is_sent_with_a_yes_held_with_a_no_and_without_an_answer_what_is_set_happens(
    product: Product, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with open_database(f"sqlite:///{data / 'culture.db'}") as database, database.write() as session:
        recipients.add(READER, utc_now(), send_empty=True, session=session)
    mailboxes = Mailboxes()
    with (
        smtp_server(mailboxes) as port,
        webhook(Hook()) as hook,
        product.settings(ALERT_WEBHOOK=hook.address),
    ):
        environment = {
            **product.client_environment,
            "CULTURE_DATA": str(data),
            "CULTURE_SMTP_URL": f"smtp://127.0.0.1:{port}",
            "CULTURE_APPROVAL": "true",
        }
        asked = [
            "two weeks ago|1|send",
            "three weeks ago|1|hold",
            f"four weeks ago|{SOON}|hold",
            f"four weeks ago|{SOON}|send",
        ]
        words = [sys.executable, "-c", RUNS, *asked]
        with subprocess.Popen(
            words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as running:
            try:
                first = product.paused("approval")
                product.answer(first, NO)
                second = product.paused("approval", but_not=first)
                assert mailboxes.counts() == {}
                product.answer(second, YES)
                said, _ = running.communicate(timeout=120)
                until(lambda: bool(hook.about(second)), 60)
            finally:
                running.kill()
    ends = [line for line in said.splitlines() if line.startswith(("Completed: ", "Failed: ", "Crashed: "))]
    assert len(ends) == len(asked), said
    assert ends[0].endswith("held back by Ada; run digest again to send it")
    assert "1 sent (approved by Grace" in ends[1]
    assert ends[2].endswith("so it was held back, as CULTURE_APPROVAL_DEFAULT says; run digest again")
    assert "1 sent (nobody answered within 0.0003 hours, so it was sent" in ends[3]
    assert mailboxes.counts() == {READER: 2}
    told = hook.about(second)[0]
    assert told["subject"] == "NHS Culture Monitor: digest awaits your approval"
    assert re.search(r"approve \d{4}-W\d\d: look at the artifact edition, then choose Resume", told["text"])
    assert f"{product.ui}/runs/flow-run/{second}" in told["text"]
    questions = product.call("POST", "/flow_runs/filter", {"flows": {"name": {"any_": ["approval"]}}, "limit": 4})
    assert {run["state_type"] for run in questions} == {"COMPLETED"}
