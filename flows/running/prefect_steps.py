"""Runs a job's steps as Prefect tasks, shows its progress in the UI, and opens what every flow works with.

The jobs themselves know nothing of this: the command runs the same steps without Prefect.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from prefect import Task, get_run_logger, runtime, task
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact
from prefect.cache_policies import NO_CACHE
from sqlalchemy.engine import make_url

from flows.running.steps import Report
from flows.tagging.opening import check_framework
from models.private_files import keep_private
from models.settings import Settings, SettingsError, load_settings
from models.sources import Registry, load_registry
from models.store.database import Database, open_database
from models.weeks import LONDON, utc_now

PROGRESS_EVERY_SECONDS = 3.0  # each report is a call of the API and some 20 ms of the server's CPU

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a flow works with, opened inside the run and closed at its end."""

    settings: Settings
    registry: Registry
    database: Database
    now: datetime


@contextmanager
def run_context() -> Iterator[RunContext]:
    """Settings, registry and database of this run.

    Raises:
        SettingsError, DataFileError, DatabaseError: what is wrong and how to mend it; the run fails with that message.
    """
    keep_private()
    settings = load_settings()
    refuse_passing_place(settings)
    registry = load_registry(settings.sources)
    check_framework(settings)
    with open_database(settings.database_address) as database:
        yield RunContext(settings, registry, database, utc_now())


def refuse_passing_place(settings: Settings) -> None:
    """Where a deployment's run would write below the folder in which it happens to start: a worker's is deleted after it.

    Raises:
        SettingsError: the data folder, or a SQLite database, is not named in full.
    """
    if runtime.deployment.id is None:
        return
    named = {"CULTURE_DATA": settings.data}
    database = make_url(settings.database_address)
    if settings.database_url is not None and database.get_backend_name() == "sqlite":
        named["CULTURE_DATABASE_URL"] = Path(database.database or "")
    for setting, place in named.items():
        if not place.is_absolute():
            raise SettingsError(
                f"{setting}: {place} is not an absolute path, and the folder in which a deployment's run starts may be a "
                "temporary one that is deleted after it; set an absolute path where the worker starts. Nothing was done"
            )


def run_name(flow: str) -> Callable[[], str]:
    """Names runs by flow and London time: "monitor 2026-11-22 06:00"."""
    return lambda: f"{flow} {utc_now().astimezone(LONDON):%Y-%m-%d %H:%M}"


async def as_task(name: str, step: Callable[[], Awaitable[T]]) -> T:
    """Run a step of a job as a task of this name, tagged with its first word ("poll", "read", "tag")."""
    results: list[T] = []

    async def keep_result() -> None:
        results.append(await step())

    # The result goes past Prefect, which would hold each one until the end of the run.
    await _task_of(name.split()[0])(name, keep_result)
    return results.pop()


@cache
def _task_of(kind: str) -> "Task[Any, Any]":
    # No retries here: the polite client retries within its own rules, and a stored batch must not be stored again.
    named = task(name=kind, task_run_name="{name}", tags=[kind], cache_policy=NO_CACHE, persist_result=False)
    return named(_run)


async def _run(name: str, step: Callable[[], Awaitable[None]]) -> None:
    await step()


@contextmanager
def progress(flow: str) -> Iterator[Report]:
    """A progress bar in the run's artifacts, brought up to date every few seconds from a thread of its own.

    A thread, since tagging holds the event loop for as long as it lasts.
    """
    board = _Board(flow)
    ended = threading.Event()

    def keep_showing() -> None:
        while not ended.wait(PROGRESS_EVERY_SECONDS):
            board.show()
        board.finish()

    thread = threading.Thread(target=copy_context().run, args=(keep_showing,), daemon=True)
    thread.start()
    try:
        yield board.note
    finally:
        ended.set()
        thread.join()


class _Board:
    """The progress artifact of one run; a run with nothing to do has none."""

    def __init__(self, flow: str) -> None:
        self._flow = flow
        self._stage, self._done, self._total = "", 0, 0
        self._shown: tuple[str, int, int] | None = None
        self._artifact: Any = None
        self._logger = get_run_logger()

    def note(self, stage: str, done: int, total: int) -> None:
        """A stage's progress; cheap, called as often as one likes."""
        if stage != self._stage:
            self._logger.info("%s: %d to do", stage, total)
        self._stage, self._done, self._total = stage, done, total

    def show(self) -> None:
        """Bring the artifact up to date."""
        state = (self._stage, self._done, self._total)
        if not self._stage or state == self._shown:
            return
        self._shown = state
        percent = 100.0 * self._done / max(self._total, 1)
        words = f"{self._stage}: {self._done} of {self._total}"
        try:
            # In a loop of this thread's own: called from within an async flow, Prefect's other form gives a coroutine.
            asyncio.run(self._send(min(percent, 100.0), words))
        except Exception as error:  # noqa: BLE001  a progress bar must never break the run that it shows
            self._logger.debug("progress not shown: %s", error)

    def finish(self) -> None:
        """Leave a full bar behind, also of a run that ended before the first look at it."""
        if self._artifact is not None or self._total:
            self._stage, self._done, self._total = "done", 1, 1
            self.show()

    async def _send(self, percent: float, words: str) -> None:
        if self._artifact is None:
            self._artifact = await acreate_progress_artifact(percent, key=f"{self._flow}-progress", description=words)
        else:
            await aupdate_progress_artifact(self._artifact, percent, description=words)
