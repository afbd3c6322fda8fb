"""The life of a worker process, from its own side: import, answer calls, end. `flows.web.workers` is the other side."""

import contextlib
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection

MEMORY_BYTES = 2 * 1024**3  # address space of one worker; an ordinary one uses a fifth
# The parent kills a late worker; one whose parent has died itself ends by an alarm so much later.
_ALARM_SLACK_SECONDS = 10.0


def serve(pipe: Connection, prepare: Callable[[], None]) -> None:
    """The worker's life: import, say so, answer calls until told to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    _limit_memory()
    prepare()
    pipe.send((True, os.getpid()))
    while True:
        try:
            job = pipe.recv()
        except (EOFError, OSError):
            return
        except Exception as error:  # noqa: BLE001 - a call that is unknown here, such as one of the main module's
            pipe.send((False, TypeError(f"the call can't be read in a worker: {error}")))
            continue
        if job is None:
            os._exit(0)  # nothing is left to put in order, and with scikit-learn the interpreter takes 0.2 s to do so
        function, arguments, limit = job
        _set_alarm(limit + _ALARM_SLACK_SECONDS)
        try:
            answer: tuple[bool, object] = (True, function(*arguments))
        except Exception as error:  # noqa: BLE001 - handed to the caller, who asked for it
            answer = (False, error)
        _set_alarm(0)
        try:
            pipe.send(answer)
        except OSError:
            return
        except Exception as error:  # noqa: BLE001 - a result or exception that can't be pickled
            pipe.send((False, TypeError(f"the answer can't be sent between processes: {error}")))


def _set_alarm(seconds: float) -> None:
    """Have the system end this process after so long, even within native code; 0 calls it off."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
