"""Opens what every flow works with, shows a job's progress in the UI, and links into it.

Prefect's own links still lead to the UI before the current one.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypedDict
from uuid import UUID

from prefect import get_run_logger, runtime
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact
from prefect.cache_policies import NO_CACHE, CachePolicy
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_UI_URL
from prefect.states import Failed

from flows.running.steps import Report, in_one_sentence
from flows.tagging.waiting import check_framework
from models.kinds import Kind
from models.private_files import keep_private
from models.settings import BLOCK, PREFIX, Settings, SettingsError, load_settings
from models.sources import Registry, load_registry
from models.store.database import Database, open_database
from models.store.database_address import file_of, read_address
from models.weeks import LONDON, utc_now

CURRENT_UI = "/v2"


class _Kept(TypedDict):
    retries: int
    cache_policy: CachePolicy
    persist_result: bool


PROGRESS_EVERY_SECONDS = 3.0  # each report is a call of the API and some 20 ms of the server's CPU

# For every task. No retries: the polite client retries within its own rules, a stored batch must not be stored again, nor an
# email sent again. No results kept: they hold texts and addresses.
KEEP_NOTHING: _Kept = {"retries": 0, "cache_policy": NO_CACHE, "persist_result": False}

# What flows alone need; the rest is read before Prefect is there.
FROM_BLOCKS = ("smtp_url", "alert_webhook", *(kind.traits.key for kind in Kind if kind.traits.key))

P = ParamSpec("P")


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
    settings = settings_of_run()
    refuse_passing_place(settings)
    registry = load_registry(settings.sources)
    check_framework(settings)
    with open_database(settings.database_address) as database:
        yield RunContext(settings, registry, database, utc_now())


def settings_of_run() -> Settings:
    """The settings; one that names a Prefect Secret block (`secret:smtp-url`) has what that block holds.

    Raises:
        SettingsError: as `load_settings`, or there is no such block.
    """
    settings = load_settings()
    held: dict[str, str] = {}
    for name in FROM_BLOCKS:
        value = getattr(settings, name)
        block = value.get_secret_value().removeprefix(BLOCK) if value is not None else ""
        if value is None or block == value.get_secret_value():
            continue
        with get_client(sync_client=True) as client:
            try:
                document = client.read_block_document_by_name(block, "secret", include_secrets=True)
            except ObjectNotFound:
                raise SettingsError(
                    f"{PREFIX}{name.upper()}: there is no Secret block {block!r}; make it in the Prefect UI under Blocks"
                ) from None
        held[name] = str(document.data["value"])
    return load_settings(**held) if held else settings


def refuse_passing_place(settings: Settings) -> None:
    """Where a deployment's run would write below the folder in which it happens to start: a worker's is deleted after it.

    Raises:
        SettingsError: the data folder, or a SQLite database, is not named in full.
    """
    if runtime.deployment.id is None:
        return
    named = {"CULTURE_DATA": settings.data}
    database = read_address(settings.database_address)
    if settings.database_url is not None and database.get_backend_name() == "sqlite":
        named["CULTURE_DATABASE_URL"] = file_of(database)
    for setting, place in named.items():
        if not place.is_absolute():
            raise SettingsError(
                f"{setting}: {place} is not an absolute path, and the folder in which a deployment's run starts may be a "
                "temporary one that is deleted after it; set an absolute path where the worker starts. Nothing was done"
            )


def told_in_one_sentence(
    run: Callable[P, Coroutine[Any, Any, State[None]]],
) -> Callable[P, Coroutine[Any, Any, State[None]]]:
    """A flow's function that fails in one sentence, not with a traceback, where its form or a setting is wrong."""

    @wraps(run)
    async def told(*args: P.args, **kwargs: P.kwargs) -> State[None]:
        try:
            return await run(*args, **kwargs)
        except Exception as error:
            words = in_one_sentence(error)
            if words is None:
                raise
            return Failed(message=words)

    return told


def run_name(flow: str) -> Callable[[], str]:
    """Names runs by flow and London time: "monitor 2026-11-22 06:00"."""
    return lambda: f"{flow} {utc_now().astimezone(LONDON):%Y-%m-%d %H:%M}"


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


def ui_address() -> str:
    """Where the current UI is, without a slash at its end; empty where this run knows of none."""
    address = PREFECT_UI_URL.value()
    return f"{address.rstrip('/')}{CURRENT_UI}" if address else ""


def run_address(run_id: UUID | str) -> str:
    """The page of a run; empty where there is no UI."""
    ui = ui_address()
    return f"{ui}/runs/flow-run/{run_id}" if ui else ""


async def form_address(deployment: str) -> str:
    """The form that starts a deployment ("review/review"); empty where it is not deployed or there is no UI."""
    ui = ui_address()
    if not ui:
        return ""
    async with get_client() as client:
        try:
            found = await client.read_deployment_by_name(deployment)
        except ObjectNotFound:
            return ""
    return f"{ui}/deployments/deployment/{found.id}/run"


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
