"""Child processes that end when they should: each in a group of its own, told to stop, then killed with all it started."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_LOG_BYTES = 5_000_000  # a log that grew beyond is begun anew at the next start; the one before stays beside it
_TAIL_LINES = 12
_PR_SET_PDEATHSIG = 1
_OURS = ("prefect", "deployments.")  # in the command line of everything that is started here
_LEFTOVER_SECONDS = 10.0  # for what a killed parent left behind to stop by itself


class Child:
    """One child process with its log."""

    def __init__(self, name: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_suffix(".old.log"))
        self.name = name
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                arguments,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                # Its own group: Ctrl-C reaches the parent alone, which stops its children in order, and a group can
                # be killed with everything in it.
                start_new_session=True,
                preexec_fn=_die_with_parent() if sys.platform == "linux" else None,
            )

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def has_ended(self) -> bool:
        """Whether it is gone."""
        return self._process.poll() is not None

    def last_words(self) -> str:
        """The end of its log, for a message."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return "\n".join(lines[-_TAIL_LINES:])

    def stop(self, how: signal.Signals, seconds: float, *, hurry: Callable[[], bool] = lambda: False) -> None:
        """Ask it to stop; after so many seconds, or in a `hurry`, kill it. Whatever it started is gone afterwards."""
        if not self.has_ended():
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(how)
            until = time.monotonic() + seconds
            while time.monotonic() < until and not self.has_ended() and not hurry():
                time.sleep(0.1)
        self.kill_group()
        self._process.wait()

    def kill_group(self) -> None:
        """Kill it and everything that it started and that is still there."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()


def note_children(file: Path, children: Sequence[Child]) -> None:
    """Write down which groups run, for the next start to end where this one is killed."""
    file.write_text(json.dumps([child.pid for child in children]), encoding="utf-8")


def end_leftovers(file: Path) -> bool:
    """End what a killed parent left running, so that nothing of it works beside what is started now; whether there was any.

    On Linux the children are told when their parent dies, but not the runs that they started, nor at once.
    """
    try:
        groups = {int(pid) for pid in json.loads(file.read_text(encoding="utf-8"))}
    except (OSError, ValueError, TypeError):
        return False
    found = bool(left := _still_there(groups))
    for how, seconds in ((signal.SIGTERM, _LEFTOVER_SECONDS), (signal.SIGKILL, _LEFTOVER_SECONDS)):
        for group in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, how)
        until = time.monotonic() + seconds
        while left and time.monotonic() < until:
            time.sleep(0.1)
            left = _still_there(groups)
    file.unlink(missing_ok=True)
    return found


def _still_there(groups: set[int]) -> set[int]:
    """Those groups in which a program of ours runs: a number may have gone to another program since."""
    if not groups or not hasattr(os, "killpg"):
        return set()
    words = ["ps", "-A", "-ww", "-o", "pgid=,stat=,command="]  # however wide the terminal is
    try:
        listed = subprocess.run(words, capture_output=True, text=True, check=False, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return set()
    found = set()
    for line in listed.splitlines():
        group, _, rest = line.strip().partition(" ")
        state, _, command = rest.strip().partition(" ")
        if group.isdecimal() and not state.startswith("Z") and any(word in command for word in _OURS):
            found.add(int(group))
    return found & groups


def _die_with_parent() -> Callable[[], None]:
    """In the child, before it becomes another program: be told to stop when the parent is killed (Linux)."""
    library = ctypes.CDLL(None)

    def ask() -> None:
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return ask
