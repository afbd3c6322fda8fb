"""`python -m tests.faults --kills 100 --database sqlite|postgresql`: kill the whole job, print what held."""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.faults.harness import Findings, Harness, sqlite_database
from tests.support.postgres import start_postgres

WHAT = ("articles", "stories", "addresses", "tags", "editions", "deliveries", "mailboxes", "files", "models", "sources")


def main() -> int:
    """The number of things that did not hold, at most 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quiet", action="store_true", help="print the table only")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers and folders are cleared away
    began = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="culture-faults-")))
        new_database = sqlite_database
        if options.database == "postgresql":
            server = stack.enter_context(start_postgres())

            @contextmanager
            def new_database(data: Path) -> Iterator[str]:
                with server.new_database() as address:
                    yield address

        harness = stack.enter_context(Harness(folder, new_database))
        findings = harness.kill_often(options.kills, options.seed, lambda line: None if options.quiet else _say(line))
        _show(harness, findings, options.database, time.monotonic() - began)
    return 1 if findings.broken or findings.processes_left else 0


def _show(harness: Harness, findings: Findings, database: str, seconds: float) -> None:
    kinds = ", ".join(f"{count} at a {kind}" for kind, count in sorted(findings.kills.items()))
    _say("")
    _say(f"| {database}: killed and restarted | |")
    _say("|---|---|")
    _say(f"| kills (SIGKILL to the process group) | {findings.total} in {findings.trials} trials: {kinds} |")
    _say(f"| an undisturbed run | {sum(harness.seconds[1:]):.1f} s and {harness.seconds[0]:.1f} s to train, " + ", ".join(
        f"{count} moments of kind {kind}" for kind, count in sorted(harness.events.items())) + " |")  # fmt: skip
    _say(f"| trials that completed | {findings.completed} of {findings.trials} |")
    _say(f"| runs that ended with an error | {findings.failed_runs} |")
    _say(f"| processes left behind | {findings.processes_left} |")
    for what in WHAT:
        wrong = findings.broken.get(what, [])
        _say(f"| {what}: {len(harness.reference[what])} rows | {f'{len(wrong)} differ' if wrong else 'the same'} |")
    boxes = findings.broken.get("mailboxes", [])
    lost = sum(line.startswith("missing") for line in boxes)
    _say(f"| in a mailbox: messages lost, doubled or altered | {lost}, {len(boxes) - lost} |")
    _say(f"| kills while a message was with the server (a delivery was `sending`) | {findings.in_the_gap} |")
    _say(f"| copies handed over again after those, suppressed by Message-ID and Date | {findings.second_copies} |")
    _say(f"| time | {seconds:.0f} s |")
    for what, lines in findings.broken.items():
        for line in lines[:20]:
            _say(f"{what}: {line}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
