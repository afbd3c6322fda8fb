"""Tagging what a large run has stored while it still collects: collecting waits for pages and readers, and a core is free.

It only does early what tagging does at the end: a story that is stored is folded already, and a copy that comes later takes
over what was said of its lead. So whatever is not tagged here, because the run is small or ends, is tagged then.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from flows.steps import RunStep
from flows.tagging_run import Progress
from models.tagging.apply import TagSummary

BESIDE_FROM = 100  # articles stored since it last began; two batches, and ordinary runs store fewer


class _Unwanted(Exception):  # noqa: N818 - it says what happened
    """The run has ended, by an error or a person, and tagging with it."""


class TaggingBeside:
    """Has `tag_waiting` called in a thread whenever enough articles have been stored; use as `async with`."""

    def __init__(self, tag_waiting: Callable[[Progress], TagSummary], run_step: RunStep) -> None:
        self._tag_waiting = tag_waiting
        self._run_step = run_step
        self._stored = 0
        self._unwanted = False
        self._task: asyncio.Task[None] | None = None
        self.tagged: list[TagSummary] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the thread: nothing may go on when the run has ended, and its error is the run's."""
        self._unwanted = kind is not None
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=kind is not None)

    def note_stored(self, articles: int) -> None:
        """So many more articles are stored."""
        self._stored += articles
        if self._stored >= BESIDE_FROM and (self._task is None or self._task.done()):
            if self._task is not None:
                self._task.result()  # raises what tagging raised, at once rather than after the last page
            self._stored = 0
            self._task = asyncio.create_task(self._run_step("tag beside collecting", self._step))

    async def _step(self) -> None:
        self.tagged.append(await asyncio.to_thread(self._tag_waiting, self._ask))

    def _ask(self, done: int, total: int) -> None:
        """Called after each batch, which is stored by then."""
        if self._unwanted:
            raise _Unwanted
