"""What the parts of a backfill run on, by setting alone: threads or processes of this machine, or a Dask cluster.

The command uses `fan_out`, without a server; the flow gives Prefect a task runner of the same kind. Both run the same jobs.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import get_context
from typing import Any, TypeVar
from urllib.parse import urlsplit

from models.settings import Settings, SettingsError

IN_FLIGHT = 512  # jobs that are handed over and not done: keeps many cores busy, and the memory of a scheduler small
ROUNDS = 3  # a job whose worker died is given to another; one that kills three is the cause

Job = TypeVar("Job")
Result = TypeVar("Result")


def fan_out(
    function: Callable[[Job], Result], jobs: Sequence[Job], settings: Settings
) -> Iterator[tuple[Job, Result | BaseException]]:
    """`function` of each job, in the order in which they end; what one of them raised stands in place of its result.

    Raises:
        SettingsError: the setting names Dask, and Dask is not installed or its scheduler not reached.
    """
    left = list(jobs)
    for attempt in range(1, ROUNDS + 1):
        lost: list[Job] = []
        with engine(settings) as executor:
            for job, result in _as_completed(executor, function, left):
                if isinstance(result, BrokenProcessPool) and attempt < ROUNDS:
                    lost.append(job)
                else:
                    yield job, result
        if not lost:
            return
        left = lost


@contextmanager
def engine(settings: Settings) -> Iterator[Executor]:
    """The executor that the settings name."""
    if settings.task_runner == "threads":
        with ThreadPoolExecutor(settings.workers) as threads:
            yield threads
    elif settings.task_runner == "processes":
        # Spawned, since a fork of a process with threads may hang.
        with ProcessPoolExecutor(settings.workers, mp_context=get_context("spawn")) as processes:
            yield processes
    else:
        with _dask(settings) as client:
            yield client.get_executor(pure=False)


def check_database(settings: Settings) -> None:
    """Refuse what would write to as many databases as there are machines.

    Raises:
        SettingsError: workers of other machines, and no database server.
    """
    host = urlsplit(settings.dask_address).hostname or "localhost"
    if settings.database_url is None and host not in {"localhost", "127.0.0.1", "::1"}:
        raise SettingsError(
            f"CULTURE_DASK_ADDRESS names another machine ({host}), and SQLite is a file of this one: set "
            "CULTURE_DATABASE_URL to a PostgreSQL server, here and on every worker"
        )


@contextmanager
def _dask(settings: Settings) -> Iterator[Any]:
    check_database(settings)
    distributed = import_extra("distributed")
    if settings.dask_address:
        try:
            client = distributed.Client(settings.dask_address)
        except (OSError, TimeoutError, ValueError) as error:
            raise SettingsError(f"CULTURE_DASK_ADDRESS: {settings.dask_address} is not reached ({error})") from error
        with client:
            yield client
        return
    with distributed.LocalCluster(**local_cluster(settings)) as cluster, distributed.Client(cluster) as client:
        yield client


def import_extra(module: str) -> Any:
    """A module of Dask, which is an extra.

    Raises:
        SettingsError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise SettingsError("CULTURE_TASK_RUNNER=dask needs Dask: pip install 'nhs-culture-monitor[dask]'") from error


def local_cluster(settings: Settings) -> dict[str, Any]:
    """The options of a Dask cluster on this machine."""
    # One thread a process: extraction holds Python's lock for most of its time.
    return {
        "n_workers": settings.workers,
        "threads_per_worker": 1,
        "processes": True,
        "host": "127.0.0.1",
        "dashboard_address": None,
    }


def _as_completed(
    executor: Executor, function: Callable[[Job], Result], jobs: Sequence[Job]
) -> Iterator[tuple[Job, Result | BaseException]]:
    """Submit a bounded number at a time."""
    waiting = list(reversed(jobs))
    running: dict[Future[Result], Job] = {}
    while waiting or running:
        while waiting and len(running) < IN_FLIGHT:
            job = waiting.pop()
            try:
                running[executor.submit(function, job)] = job
            except BrokenProcessPool as broken:  # it broke under an earlier job
                yield job, broken
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            job = running.pop(future)
            error = future.exception()
            yield job, error if error is not None else future.result()
