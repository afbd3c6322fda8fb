"""Worker processes for what may hang or crash: each call has a time limit, and a lost worker costs one call.

A signal does not interrupt libxml2, so a worker that is late is killed and another started in its place. Workers
are spawned, not forked (the parent has threads), one at a time when there is work, and replaced after a number of
calls, which bounds what a leaking library can hold.
"""

import asyncio
import contextlib
import math
import multiprocessing
import os
import socket
import sys
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType, TracebackType
from typing import Any, Self, TypeVar

from flows.web.worker_life import serve

RECYCLE_AFTER = 1000  # calls; libxml2's arenas grow by a megabyte or two in as many pages
START_SECONDS = 60.0  # a cold start imports trafilatura and feedparser: 1 to 2 s, far more on a starved machine
WIDE_PIPE_BYTES = 1 << 20  # asked for; Linux gives anyone two fifths of it, and news pages have 100 to 400 kB
_JOB_BYTES = 4096  # of a job beside its texts
_GOODBYE_SECONDS = 2.0

T = TypeVar("T")


class WorkerError(Exception):
    """The call was lost with its worker."""


class WorkerTimeout(WorkerError):  # noqa: N818 - it says what happened
    """The call took longer than its limit; its worker was killed."""


class WorkerDied(WorkerError):  # noqa: N818
    """The worker ended during the call: out of memory, or a crash in native code."""


def ready_to_read() -> None:
    """Import what reading pages and feeds needs, so that no call pays for it."""
    import feedparser  # noqa: F401
    import trafilatura  # noqa: F401

    import flows.web.readers  # noqa: F401


class Workers:
    """A handful of worker processes; use as `async with`. Calls beyond their number wait in turn.

    Each runs `prepare` once, at its start, within the limit on memory; it stands at the top of a module.
    """

    def __init__(
        self,
        processes: int = 2,
        recycle_after: int = RECYCLE_AFTER,
        prepare: Callable[[], None] = ready_to_read,
    ) -> None:
        self._recycle_after = recycle_after
        self._prepare = prepare
        self._context: SpawnContext = multiprocessing.get_context("spawn")
        self._room = asyncio.Semaphore(processes)
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        workers, self._all, self._idle = list(self._all), set(), []
        await asyncio.gather(*(asyncio.to_thread(worker.end) for worker in workers))

    @property
    def started(self) -> int:
        """How many processes run now."""
        return len(self._all)

    async def call(self, function: Callable[..., T], *arguments: Any, timeout_seconds: float) -> T:
        """`function(*arguments)` in a worker; the function stands at the top of a module.

        Raises:
            WorkerTimeout, WorkerDied: the call is lost, the next ones are not.
            Exception: whatever the function raised.
        """
        async with self._room:
            worker = await self._take()
            try:
                done, result = await worker.run(function, arguments, timeout_seconds)
            except BaseException:  # cancelled as well: the worker is busy with what nobody wants
                self._discard(worker)
                raise
            if worker.calls >= self._recycle_after:
                self._all.discard(worker)
                await asyncio.to_thread(worker.end)
            else:
                self._idle.append(worker)
        if done:
            return result  # type: ignore[no-any-return]
        raise result

    async def _take(self) -> "_Worker":
        if self._idle:
            return self._idle.pop()
        worker = _Worker(self._context, self._prepare)
        self._all.add(worker)
        try:
            await worker.ready()
        except BaseException:
            self._discard(worker)
            raise
        return worker

    def _discard(self, worker: "_Worker") -> None:
        self._all.discard(worker)
        worker.kill()


class _Worker:
    """One process and the pipe to it."""

    def __init__(self, context: SpawnContext, prepare: Callable[[], None]) -> None:
        self.calls = 0
        self._pipe, theirs = context.Pipe()
        self._fits = _widen(self._pipe)
        self._process: SpawnProcess = context.Process(target=serve, args=(theirs, prepare), daemon=True)
        with main_unknown():
            self._process.start()
        theirs.close()

    async def ready(self) -> None:
        """Wait until it has imported what it needs."""
        await self._receive(START_SECONDS)

    async def run(self, function: Callable[..., Any], arguments: tuple[Any, ...], limit: float) -> tuple[bool, Any]:
        """Whether the function returned, and its result or exception."""
        self.calls += 1
        job = (function, arguments, limit)
        try:
            # The pipe is empty: the worker has answered all that it was asked. What it can't hold is sent by a thread, which
            # costs a fifth of what fetching a page does, since the loop must not wait for the worker to read.
            if _bytes_at_most(arguments) <= self._fits:
                self._pipe.send(job)
            else:
                await asyncio.to_thread(self._pipe.send, job)
        except OSError as error:
            raise WorkerDied("the worker process ended") from error
        answer: tuple[bool, Any] = await self._receive(limit)
        return answer

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.join(_GOODBYE_SECONDS)
        with contextlib.suppress(OSError):  # a call that was cut short may have closed it at the same moment
            self._pipe.close()

    def end(self) -> None:
        """Let it finish, then end it."""
        with contextlib.suppress(OSError):
            self._pipe.send(None)
        self._process.join(_GOODBYE_SECONDS)
        self.kill()

    async def _receive(self, limit: float) -> Any:
        loop = asyncio.get_running_loop()
        arrived = asyncio.Event()
        number = self._pipe.fileno()
        loop.add_reader(number, arrived.set)
        try:
            async with asyncio.timeout(limit):
                await arrived.wait()
        except TimeoutError:
            raise WorkerTimeout(f"took longer than {limit:g} seconds") from None
        finally:
            loop.remove_reader(number)
        try:
            return self._pipe.recv()
        except (EOFError, OSError) as error:
            raise WorkerDied("the worker process ended") from error


@contextlib.contextmanager
def main_unknown() -> Iterator[None]:
    """Keep a spawned process from importing this program's main module, and with it all that the program imports.

    The command's main module brings the classifier and the database: seconds of CPU and 150 MB in every worker.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _widen(pipe: Connection) -> int:
    """Have a pipe hold as much as the system lets it; the bytes of a job that surely fit, its names and numbers aside."""
    try:
        with socket.socket(fileno=os.dup(pipe.fileno())) as end:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, WIDE_PIPE_BYTES)
            given = end.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
            return given // 2 - _JOB_BYTES  # the other half is for the system's own accounts
    except OSError:  # not a socket: Windows
        return 0


def _bytes_at_most(arguments: tuple[Any, ...]) -> float:
    """The most that a job's arguments take in a pipe; infinite where that is not plain to see."""
    return sum(
        len(one) * (1 if isinstance(one, bytes) else 4) if isinstance(one, bytes | str) else math.inf
        for one in arguments
    )
