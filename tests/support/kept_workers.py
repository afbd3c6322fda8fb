"""Worker processes that outlive the run that started them: the product's own, which this process's next run goes on with.

Each costs most of a second of CPU to start and import, and tests make hundreds of runs. How workers start and end is held
by tests of `flows.reading.workers` itself and by all that runs in a process of its own.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flows.collecting import open_web
from flows.reading.workers import RECYCLE_AFTER, Workers

_idle: dict[tuple[int, int], list[Workers]] = {}


class KeptWorkers(Workers):
    """Ended with the test session, or with a run that fails, whose calls may still be at work."""

    def __init__(self, processes: int = 2, recycle_after: int = RECYCLE_AFTER) -> None:
        super().__init__(processes, recycle_after)
        self._kind = (processes, recycle_after)
        if left := _idle.get(self._kind):
            self._pool = left.pop()._pool

    async def __aexit__(self, *reason: object) -> None:
        if any(reason):
            await super().__aexit__(*reason)
        elif self._pool is not None:
            _idle.setdefault(self._kind, []).append(self)


@contextmanager
def kept_workers() -> Iterator[None]:
    """While this lasts, runs in this process share their workers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(open_web, "Workers", KeptWorkers)
        yield
    for workers in (one for kind in _idle.values() for one in kind):
        asyncio.run(Workers.__aexit__(workers))
    _idle.clear()
