"""The whole job is killed (SIGKILL to its process group) and restarted until it completes: nothing is lost or doubled.

A few kills here; `python -m tests.faults --kills 100 --database sqlite|postgresql` makes a hundred and prints the table.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.harness import Harness
from tests.faults.points import KillPoint
from tests.faults.snapshot import differences

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform == "win32", reason="process groups and SIGKILL are of POSIX systems"),
]

KILLS = 6
SEED = 5


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    with Harness(tmp_path_factory.mktemp("faults")) as started:
        yield started


def test_killed_at_random_moments_and_restarted_it_leaves_what_an_undisturbed_run_leaves(harness: Harness) -> None:
    findings = harness.kill_often(KILLS, SEED)
    assert findings.broken == {}
    assert findings.processes_left == 0
    assert findings.failed_runs == 0
    assert findings.total == KILLS


def test_killed_while_it_makes_the_database_it_makes_it_again(harness: Harness) -> None:
    with harness.fresh("empty") as (data, address):
        for point in (KillPoint("statement", 2), KillPoint("statement", 25), KillPoint("committed", 1)):
            assert harness.run_once(data, address, point=point)["killed"]
        assert harness.run_once(data, address)["code"] == 0
        assert differences(harness.reference, harness.look(data, address)) == {}
        # A second run sends nothing and changes nothing.
        assert harness.run_once(data, address)["code"] == 0
        assert differences(harness.reference, harness.look(data, address)) == {}


def test_no_message_is_lost_wherever_in_the_conversation_the_sender_dies(harness: Harness, tmp_path: Path) -> None:
    """Every line of the conversation about the first message; second copies only where SMTP leaves it open."""
    with harness.fresh("mail") as (data, address):
        killed = 0
        for number in (1, 9, 11, 12):
            killed += harness.run_once(data, address, point=KillPoint("mail", number))["killed"]
        assert killed >= 3
        assert harness.run_once(data, address)["code"] == 0
        found = harness.look(data, address)
        assert found["deliveries"] == harness.reference["deliveries"]
        assert found["mailboxes"].keys() == harness.reference["mailboxes"].keys()
