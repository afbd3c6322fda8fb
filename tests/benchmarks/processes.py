"""Running one thing in a process of its own and measuring it: wall and CPU seconds, and the memory of its whole tree."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SAMPLE_SECONDS = 0.25
_PAGE = os.sysconf("SC_PAGE_SIZE")
# Matrices as small as ours are slower with more threads; the command sets the same.
ONE_BLAS_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Measured:
    """A process that has ended: what it printed as JSON on its last line, and what it cost, children included."""

    answer: Any
    wall_seconds: float
    cpu_seconds: float
    peak_mb: float  # resident memory of all its processes together; a page that several share counts once


def measure(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Measured:
    """Run `python -m module arguments`."""
    return measure_command([sys.executable, "-m", module, *arguments], environment)


def measure_command(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Measured:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed; with the end of what it said.
    """
    begin = time.monotonic()
    own = {**os.environ, **ONE_BLAS_THREAD, **(environment or {})}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=own)
    said: list[str] = []
    errors = threading.Thread(target=lambda: said.append(process.stderr.read() if process.stderr else ""))
    errors.start()
    memory = _Memory(process.pid)
    memory.start()
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - begin
    memory.ended.set()
    memory.join()
    errors.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{output[-2000:]}\n{said[-1][-4000:]}")
    lines = output.strip().splitlines()
    answer = json.loads(lines[-1]) if lines else None
    return Measured(answer, wall, usage.ru_utime + usage.ru_stime, memory.peak / 1e6)


class _Memory(threading.Thread):
    """Watches the resident memory of a process and its descendants."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.root, self.peak, self.ended = root, 0, threading.Event()

    def run(self) -> None:
        while not self.ended.wait(SAMPLE_SECONDS):
            pids = _tree(self.root)
            # Telling shared pages apart takes milliseconds, so only where it could be a peak.
            if sum(map(_resident, pids)) > self.peak:
                self.peak = max(self.peak, sum(map(_own_share, pids)))


def _tree(root: int) -> list[int]:
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        for task in _listed(Path(f"/proc/{pid}/task")):
            try:
                waiting += [int(child) for child in (task / "children").read_text().split()]
            except OSError:
                continue
    return found


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _own_share(pid: int) -> int:
    """Resident memory of a process, of pages that n processes share an nth (Linux)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has just ended, or the system does not tell
        return _resident(pid)
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
