"""A child process that ends when it should: in a group of its own, told to stop, then killed with all it started.

And one `start` for each data folder, by a lock that the operating system gives back when its holder dies.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from models.private_files import open_to_append

_LOG_BYTES = 5_000_000  # a log that grew beyond is begun anew at the next start; the one before stays beside it
_TAIL_LINES = 12
if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_PR_SET_PDEATHSIG = 1


class Child:
    """One child process with its log."""

    def __init__(self, name: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_suffix(".old.log"))
        self.name = name
        self.log = log
        with open_to_append(log) as out:
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


@contextmanager
def only_instance(file: Path) -> Iterator[int | None]:
    """Hold the lock; gives None, or the process that holds it already (0 where that is not known)."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with open_to_append(file) as held:
        if not _lock(held.fileno()):
            held.seek(0)
            words = held.read(20).strip()
            yield int(words) if words.isdigit() else 0
            return
        held.seek(0)
        held.truncate()
        held.write(str(os.getpid()).encode())
        held.flush()
        yield None


def _die_with_parent() -> Callable[[], None]:
    """In the child, before it becomes another program: be told to stop when the parent is killed (Linux)."""
    library = ctypes.CDLL(None)

    def ask() -> None:
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return ask


def _lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, 0x7FFFFFF0, os.SEEK_SET)  # beyond the text, which others must be able to read
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
