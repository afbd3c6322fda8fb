"""Worker processes for what may hang or crash: each call has a time limit, and a lost worker costs one call.

A signal does not interrupt libxml2, so a worker that is late is killed and another started in its place. Workers
are spawned, not forked (the parent has threads), one at a time when there is work, and replaced after a number of
calls, which bounds what a leaking library can hold. Calls and answers go over a socket that the event loop serves
itself: a thread a call cost as much as the call's own copying.
"""

import asyncio
import contextlib
import multiprocessing
import os
import pickle
import signal
import socket
import struct
import sys
from collections.abc import Callable, Coroutine, Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType, TracebackType
from typing import Any, Self, TypeVar

RECYCLE_AFTER = 1000  # calls; libxml2's arenas grow by a megabyte or two in as many pages
START_SECONDS = 60.0  # a cold start imports trafilatura and feedparser: 1 to 2 s, far more on a starved machine
MEMORY_BYTES = 2 * 1024**3  # address space of one worker; an ordinary one uses a fifth
_GOODBYE_SECONDS = 2.0
# The parent kills a late worker; one whose parent has died itself ends by an alarm so much later.
_ALARM_SLACK_SECONDS = 10.0
_LENGTH = struct.Struct("!i")  # before each message, as `multiprocessing.Connection` reads and writes it

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
        for worker in workers:  # all at once, before any is waited for
            worker.kill()
        for worker in workers:
            worker.bury()

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
                self._discard(worker)
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
        worker.bury()


class _Worker:
    """One process and the socket to it; what goes over it is framed as `multiprocessing.Connection` does."""

    def __init__(self, context: SpawnContext, prepare: Callable[[], None]) -> None:
        self.calls = 0
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        # It answers nothing that it holds for others, so it may be killed whenever nobody waits for it.
        self._process: SpawnProcess = context.Process(target=_serve, args=(theirs, prepare), daemon=True)
        with theirs, _main_unknown():
            self._process.start()

    async def ready(self) -> None:
        """Wait until it has imported what it needs."""
        await self._within(START_SECONDS, self._receive())

    async def run(self, function: Callable[..., Any], arguments: tuple[Any, ...], limit: float) -> tuple[bool, Any]:
        """Whether the function returned, and its result or exception."""
        self.calls += 1
        answer: tuple[bool, Any] = await self._within(limit, self._ask((function, arguments, limit)))
        return answer

    def kill(self) -> None:
        """End it at once, whatever it does."""
        self._process.kill()

    def bury(self) -> None:
        """Wait for its end, and let go of what it had."""
        self._process.join(_GOODBYE_SECONDS)
        self._socket.close()

    async def _ask(self, job: tuple[Any, ...]) -> Any:
        words = pickle.dumps(job, pickle.HIGHEST_PROTOCOL)
        loop = asyncio.get_running_loop()
        # Apart: put together, a page would be copied once more.
        await loop.sock_sendall(self._socket, _LENGTH.pack(len(words)))
        await loop.sock_sendall(self._socket, words)
        return await self._receive()

    async def _receive(self) -> Any:
        (length,) = _LENGTH.unpack(await self._receive_bytes(_LENGTH.size))
        return pickle.loads(await self._receive_bytes(length))  # noqa: S301 - from our own process

    async def _receive_bytes(self, length: int) -> bytearray:
        loop = asyncio.get_running_loop()
        found = bytearray(length)
        rest = memoryview(found)
        while rest:
            got = await loop.sock_recv_into(self._socket, rest)
            if not got:
                raise EOFError
            rest = rest[got:]
        return found

    @staticmethod
    async def _within(limit: float, talk: Coroutine[Any, Any, Any]) -> Any:
        try:
            async with asyncio.timeout(limit):
                return await talk
        except TimeoutError:
            raise WorkerTimeout(f"took longer than {limit:g} seconds") from None
        except (EOFError, OSError) as error:
            raise WorkerDied("the worker process ended") from error


@contextlib.contextmanager
def _main_unknown() -> Iterator[None]:
    """Keep a spawned process from importing this program's main module, and with it all that the program imports.

    The command's main module brings the classifier and the database: seconds of CPU and 150 MB in every worker.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _serve(ours: socket.socket, prepare: Callable[[], None]) -> None:
    """The worker's life: import, say so, answer calls until it is killed or its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    pipe = Connection(ours.detach())
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
        function, arguments, limit = job
        _set_alarm(limit + _ALARM_SLACK_SECONDS)
        try:
            answer: tuple[bool, Any] = (True, function(*arguments))
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
