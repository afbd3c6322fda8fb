"""Worker processes for what may hang, crash or hoard memory: each call has a time limit, and its loss costs nothing else.

The pool is pebble's: a worker that is late or dead is replaced, and so is one after a number of calls, which bounds what a
leaking library can hold. The standard library's pool knows no time limit for a call, and breaks with the first dead worker.
Workers are spawned, not forked: the parent has threads.
"""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType
from typing import Any, Self, TypeVar

from pebble import ProcessExpired, ProcessPool

if sys.platform != "win32":
    import resource

RECYCLE_AFTER = 1000  # calls; libxml2's arenas grow by a megabyte or two in as many pages
MEMORY_BYTES = 2 * 1024**3  # address space of one worker; an ordinary one uses a fifth
START_SECONDS = 60.0  # for a worker to start and import: a second, far more on a starved machine
CALLS_PER_WORKER = 2  # handed over at once: one that runs, and the next
TRIES = 3  # of a call whose pool broke under another one
_ALARM_SLACK_SECONDS = 10.0
_ERROR_LETTERS = 300
# Read by numpy's libraries when they are imported. On matrices as small as ours, more threads only burn CPU, and on a machine
# of many cores each takes address space.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

T = TypeVar("T")


class WorkerError(Exception):
    """The call is lost: it took too long, its worker ended, or it raised; the message says which."""


class WorkerLostError(WorkerError):
    """Its worker ended, by whatever hand: another may do what this one did not."""


class Workers:
    """A pool of worker processes; use as `async with`. They start with the first call; calls beyond their number wait."""

    def __init__(self, processes: int = 2, recycle_after: int = RECYCLE_AFTER) -> None:
        self._processes = processes
        self._recycle_after = recycle_after
        self._room = asyncio.Semaphore(CALLS_PER_WORKER * processes)
        self._pool: ProcessPool | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *reason: object) -> None:
        if self._pool is not None:
            await asyncio.to_thread(_end, self._pool)

    async def call(self, function: Callable[..., T], *arguments: Any, timeout_seconds: float) -> T:
        """`function(*arguments)` in a worker; the function stands at the top of a module.

        Raises:
            WorkerError: this call is lost, whatever it did; no other one is.
        """
        # The pool counts the time of a call from its start. A call that never starts must not hold up a run for ever.
        most = CALLS_PER_WORKER * timeout_seconds + START_SECONDS
        async with self._room:
            for _ in range(TRIES):
                pool = await self._running()
                try:
                    async with asyncio.timeout(most):
                        future = pool.schedule(_call, (function, arguments, timeout_seconds), timeout=timeout_seconds)
                        return await asyncio.wrap_future(future)
                except TimeoutError:
                    raise WorkerError(f"took longer than {timeout_seconds:g} seconds") from None
                except ProcessExpired as error:
                    raise WorkerLostError(f"the worker process ended with code {error.exitcode}") from error
                except RuntimeError:  # the pool broke, mostly by a worker that died between two calls
                    continue
        raise WorkerLostError(f"the pool of workers broke {TRIES} times")

    async def _running(self) -> ProcessPool:
        broken = None
        if self._pool is not None and not self._pool.active:
            broken, self._pool = self._pool, None
        if self._pool is None:
            self._pool = ProcessPool(self._processes, self._recycle_after, initializer=_begin, context=_Context())
        if broken is not None:
            await asyncio.to_thread(_end, broken)
        return self._pool


def _end(pool: ProcessPool) -> None:
    """End the pool and its workers.

    Several threads of it take ended workers off its list, and one may find that another was quicker (pebble 5.2): that is
    no error of the run, whose own it would hide. The channels are closed by then, at which every worker ends.
    """
    pool.stop()  # type: ignore[no-untyped-call]
    with contextlib.suppress(KeyError, OSError, EOFError):
        pool.join()


class _Process(SpawnProcess):
    """A process that does not import this program's main module, and with it all that the program imports.

    The command's main module brings the database and a run's brings Prefect: a second of CPU and 100 MB in every worker.
    """

    _one_at_a_time = threading.Lock()

    def start(self) -> None:
        with self._one_at_a_time:
            main = sys.modules["__main__"]
            sys.modules["__main__"] = ModuleType("__main__")
            try:
                super().start()
            finally:
                sys.modules["__main__"] = main


class _Context(SpawnContext):
    Process = _Process


def _begin() -> None:
    """In a new worker: what keeps it within its bounds."""
    # At once, even within native code, for which the pool's own handler would wait.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ.update(_ONE_THREAD)
    if sys.platform != "win32":
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def _call(function: Callable[..., T], arguments: tuple[Any, ...], seconds: float) -> T:
    """In a worker: one call. Should the parent be gone, which ends a late one, the system does so a little later."""
    _set_alarm(seconds + _ALARM_SLACK_SECONDS)
    try:
        return function(*arguments)
    except BaseException as error:
        # An exception of a kind that can't be rebuilt on the other side would break the pool there.
        raise WorkerError(f"{type(error).__name__}: {error}"[:_ERROR_LETTERS]) from error
    finally:
        _set_alarm(0)


def _set_alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)
