"""Worker processes: a call that hangs, dies or hoards costs itself and nothing else."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from flows.web.workers import WorkerDied, Workers, WorkerTimeout


def hang(seconds: float) -> None:
    """Sleep as native code does: deaf to everything but SIGKILL."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGALRM})
    time.sleep(seconds)


def die() -> None:
    """End as a crash in native code does."""
    os.kill(os.getpid(), signal.SIGKILL)


def hoard() -> int:
    """Ask for more memory than a worker may have."""
    return len(bytearray(8 * 1024**3))


def fail(words: str) -> None:
    """Raise."""
    raise ValueError(words)


def unsendable() -> Callable[[], int]:
    """A result that can't cross to another process."""
    return lambda: 1


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


def test_whatever_a_call_does_the_next_one_works() -> None:
    async def job(workers: Workers) -> list[str]:
        ended = []
        for function, arguments in ((hang, (60,)), (die, ()), (hoard, ()), (fail, ("no",)), (unsendable, ())):
            try:
                await workers.call(function, *arguments, timeout_seconds=0.5)
            except Exception as error:  # noqa: BLE001 - its kind is what is tested
                ended.append(type(error).__name__)
            assert await workers.call(abs, -3, timeout_seconds=5) == 3
        return ended

    begin = time.monotonic()
    assert run(job, processes=1) == ["WorkerTimeout", "WorkerDied", "MemoryError", "ValueError", "TypeError"]
    assert time.monotonic() - begin < 30


def test_calls_wait_in_turn_and_their_time_starts_when_they_do() -> None:
    async def job(workers: Workers) -> set[int]:
        calls = [workers.call(os.getpid, timeout_seconds=5) for _ in range(50)]
        calls += [workers.call(abs, -1, timeout_seconds=5)]
        return set(await asyncio.gather(*calls))

    assert len(run(job, processes=2) - {1}) <= 2


def test_a_worker_is_replaced_after_its_number_of_calls() -> None:
    async def job(workers: Workers) -> list[int]:
        return [await workers.call(os.getpid, timeout_seconds=5) for _ in range(4)]

    first, second, third, fourth = run(job, processes=1, recycle_after=2)
    assert first == second != third == fourth
    assert not is_alive(first)


def test_no_worker_is_left_behind() -> None:
    async def job(workers: Workers) -> int:
        number = await workers.call(os.getpid, timeout_seconds=5)
        with pytest.raises(WorkerTimeout):
            await workers.call(hang, 60, timeout_seconds=0.2)
        assert not is_alive(number)
        last = await workers.call(os.getpid, timeout_seconds=5)
        return int(last)

    assert not is_alive(run(job, processes=1))


def test_a_call_that_is_cancelled_takes_its_worker_with_it() -> None:
    async def job(workers: Workers) -> int:
        number = await workers.call(os.getpid, timeout_seconds=5)
        call = asyncio.ensure_future(workers.call(hang, 60, timeout_seconds=60))
        await asyncio.sleep(0.2)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert not is_alive(number)
        return await workers.call(abs, -1, timeout_seconds=5)

    assert run(job, processes=1) == 1


def test_no_worker_starts_before_there_is_work() -> None:
    async def job(workers: Workers) -> None:
        assert workers.started == 0

    run(job)


def test_errors_of_workers_are_of_one_family() -> None:
    assert issubclass(WorkerDied, WorkerTimeout.__mro__[1])


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
        calls = [workers.call(len, b"x" * size, timeout_seconds=30) for _ in range(3)]
        found = list(await asyncio.gather(*calls))
        ticking.cancel()
        return found, turns

    found, turns = run(job, processes=2)
    assert found == [size] * 3
    assert turns > 10


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="stops a process")
def test_a_worker_that_does_not_read_does_not_hold_the_loop() -> None:
    async def job(workers: Workers) -> float:
        stopped = await workers.call(os.getpid, timeout_seconds=30)
        os.kill(stopped, signal.SIGSTOP)
        begin = time.monotonic()
        with pytest.raises(WorkerTimeout):  # what fits the pipe is sent at once, and the answer does not come
            await workers.call(len, b"x" * 10_000, timeout_seconds=0.5)
        return time.monotonic() - begin

    assert run(job, processes=1) < 10
