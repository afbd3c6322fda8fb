"""Worker processes: a call that hangs, dies or hoards costs itself and nothing else; nothing outlives the run."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from flows.reading.workers import WorkerError, Workers

PATIENCE = 60.0  # for calls that are not to be late, on a busy machine


class OddError(Exception):
    """An exception that pickle can write and not read."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__("odd")


def hang() -> None:
    """Wait as native code does: deaf to everything but SIGKILL."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGALRM})
    time.sleep(600)


def die() -> None:
    """End as a crash in native code does."""
    os.kill(os.getpid(), signal.SIGSEGV)


def hoard() -> int:
    """Ask for more memory than a worker may have."""
    return len(bytearray(8 * 1024**3))


def fail(words: str) -> None:
    raise ValueError(words)


def fail_oddly() -> None:
    raise OddError(1, 2)


def leave() -> None:
    sys.exit(3)


def give_what_cannot_be_sent() -> Callable[[], int]:
    return lambda: 1


def main_module() -> str | None:
    return getattr(sys.modules["__main__"], "__file__", None)


def run(job: Callable[[Workers], Coroutine[Any, Any, Any]], **given: Any) -> Any:
    async def inside() -> Any:
        async with Workers(**given) as workers:
            return await job(workers)

    return asyncio.run(inside())


def is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("function", "arguments", "said"),
    [
        (hang, (), "took longer than 0.5 seconds"),
        (die, (), "ended with code -11"),
        (hoard, (), "MemoryError"),
        (fail, ("no",), "ValueError: no"),
        (fail_oddly, (), "OddError: odd"),
        (leave, (), "SystemExit: 3"),
        (give_what_cannot_be_sent, (), "the worker process ended"),
    ],
)
def test_a_call_that_goes_wrong_costs_itself_alone(
    function: Callable[..., Any], arguments: tuple[Any, ...], said: str
) -> None:
    async def job(workers: Workers) -> tuple[BaseException | int, ...]:
        await workers.call(abs, -1, timeout_seconds=PATIENCE)  # started
        beside = [workers.call(abs, -number, timeout_seconds=PATIENCE) for number in range(20)]
        wrong = workers.call(function, *arguments, timeout_seconds=0.5)
        return tuple(await asyncio.gather(wrong, *beside, return_exceptions=True))

    wrong, *beside = run(job, processes=2)
    assert isinstance(wrong, WorkerError)
    assert said in str(wrong)
    assert beside == list(range(20))


def test_an_idle_worker_that_is_killed_costs_no_call() -> None:
    async def job(workers: Workers) -> list[int]:
        idle = await workers.call(os.getpid, timeout_seconds=PATIENCE)
        os.kill(idle, signal.SIGKILL)
        await asyncio.sleep(0.5)  # until the pool has seen it
        return [await workers.call(abs, -number, timeout_seconds=PATIENCE) for number in range(5)]

    assert run(job, processes=1) == list(range(5))


def test_more_calls_than_workers_wait_and_their_time_starts_when_they_do() -> None:
    async def job(workers: Workers) -> list[Any]:
        return await asyncio.gather(*(workers.call(time.sleep, 0.1, timeout_seconds=1.5) for _ in range(30)))

    assert run(job, processes=1) == [None] * 30  # three seconds in all


def test_a_worker_is_replaced_after_its_number_of_calls() -> None:
    async def job(workers: Workers) -> list[int]:
        return [await workers.call(os.getpid, timeout_seconds=PATIENCE) for _ in range(4)]

    first, second, third, fourth = run(job, processes=1, recycle_after=2)
    assert first == second != third == fourth
    assert not is_alive(first)


def test_no_worker_is_left_behind() -> None:
    async def job(workers: Workers) -> set[int]:
        calls = [workers.call(os.getpid, timeout_seconds=PATIENCE) for _ in range(20)]
        return set(await asyncio.gather(*calls))

    assert not any(is_alive(number) for number in run(job, processes=2))


def test_a_call_that_is_cancelled_takes_its_worker_with_it() -> None:
    async def job(workers: Workers) -> tuple[int, int]:
        number = await workers.call(os.getpid, timeout_seconds=PATIENCE)
        call = asyncio.ensure_future(workers.call(hang, timeout_seconds=PATIENCE))
        await asyncio.sleep(0.5)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        return number, await workers.call(os.getpid, timeout_seconds=PATIENCE)

    first, second = run(job, processes=1)
    assert first != second
    assert not is_alive(first)


def test_no_process_starts_before_there_is_work() -> None:
    async def job(workers: Workers) -> str:
        return Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text()

    before = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text()
    assert run(job) == before


def test_a_worker_does_not_import_the_main_module() -> None:
    async def job(workers: Workers) -> str | None:
        return await workers.call(main_module, timeout_seconds=PATIENCE)

    assert run(job) is None
    assert sys.modules["__main__"].__name__ == "__main__"


@pytest.mark.parametrize("size", [0, 1_000, 100_000, 1_000_000, 20_000_000])
def test_a_job_of_any_size_gets_across_while_the_loop_goes_on(size: int) -> None:
    async def job(workers: Workers) -> tuple[list[int], int]:
        turns = 0

        async def tick() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        ticking = asyncio.create_task(tick())
        calls = [workers.call(len, b"x" * size, timeout_seconds=PATIENCE) for _ in range(3)]
        found = list(await asyncio.gather(*calls))
        ticking.cancel()
        return found, turns

    found, turns = run(job, processes=2)
    assert found == [size] * 3
    assert turns > 10


PROGRAM = """
import asyncio, os, time
from flows.reading.workers import Workers
async def main():
    async with Workers(2) as workers:
        await workers.call(abs, -1, timeout_seconds=60)
        print("ready", flush=True)
        await asyncio.gather(*(workers.call(time.sleep, 2, timeout_seconds=60) for _ in range(20)))
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_program_that_is_ended_leaves_no_worker(how: signal.Signals) -> None:
    command = [sys.executable, "-c", PROGRAM]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, text=True, **pipes) as parent:  # type: ignore[call-overload]
        assert parent.stdout.readline() == "ready\n"
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        assert len(children) >= 2
        parent.send_signal(how)
        parent.wait(timeout=PATIENCE)
    deadline = time.monotonic() + PATIENCE
    while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [child for child in children if Path(f"/proc/{child}").exists()] == []
