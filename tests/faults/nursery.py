"""Starts jobs fast and kills them: has everything imported, forks one process group a job, ends it at the given time.

Reads jobs as lines of JSON, answers each with a line: how it ended, after how long, and whether any process was left.
`python -m tests.faults.nursery`
"""

import json
import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from tests.faults.job import Job, run

_LOOK_SECONDS = 0.002


def serve() -> None:
    """Answer jobs until standard input ends."""
    for name in ("flows.reading.page", "flows.reading.sources", "models.tagging.training"):
        import_module(name)  # here once, so that no run pays for it

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_nurse(Job.from_json(line))) + "\n")
        sys.stdout.flush()


def _nurse(job: Job) -> dict[str, object]:
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        _live(job)
    with suppress(ProcessLookupError, PermissionError):
        os.setpgid(child, child)  # here and there: whoever is first, the group is there when it is killed
    killed = False
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        if job.kill_after is not None and not killed and time.monotonic() - began >= job.kill_after:
            os.killpg(child, signal.SIGKILL)
            killed = True
        time.sleep(_LOOK_SECONDS)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    return {
        "killed": killed,
        "code": None if killed else os.waitstatus_to_exitcode(status),
        "seconds": round(time.monotonic() - began, 3),
        "left": _left_of(child),
    }


def _live(job: Job) -> None:
    """The forked process: a group of its own, the job, an end without going back."""
    os.setpgid(0, 0)
    code = 0
    try:
        os.chdir(job.data)
        log = os.open("run.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        run(job)
    except BaseException:  # noqa: BLE001 - told in the log and by the exit code
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    os._exit(code)


def _left_of(group: int) -> int:
    """Processes of the group that are still there half a second after its end."""
    left = 0
    for _ in range(50):
        left = sum(_group_of(entry) == group for entry in Path("/proc").iterdir() if entry.name.isdecimal())
        if not left:
            return 0
        time.sleep(0.01)
    return left


def _group_of(process: Path) -> int | None:
    try:
        state, _parent, group = (process / "stat").read_text().rpartition(")")[2].split()[:3]
    except OSError:
        return None
    return None if state == "Z" else int(group)


if __name__ == "__main__":
    serve()
