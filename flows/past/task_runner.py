"""What archive files are read on, by setting alone: our pool of processes, threads, or a Dask cluster.

Each gives a future for a job; all the rest, the bounded number under way and a lost worker's job tried again, is the same.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flows.reading.workers import WorkerLostError, Workers
from models.settings import Settings, SettingsError

IN_FLIGHT = 512  # jobs that are handed over and not done: keeps many cores busy, and the memory of a scheduler small
TRIES = 3  # a job whose worker died is given to another; one that kills three is the cause. Dask does so itself
JOB_SECONDS = 6 * 3600.0  # for one archive file in our pool; a gigabyte takes minutes

Job = TypeVar("Job")
Result = TypeVar("Result")
Submit = Callable[[Callable[[Any], Any], Any], Awaitable[Any]]  # a function and its job: the result to come


async def run_jobs(
    function: Callable[[Job], Result],
    jobs: Sequence[Job],
    settings: Settings,
    ended: Callable[[Job, Result | BaseException], None],
) -> None:
    """`function` of each job; `ended` is told of each as it ends, with what it raised in place of a result.

    Raises:
        SettingsError: the setting names Dask, and Dask is not installed or its scheduler not reached.
    """
    room = asyncio.Semaphore(IN_FLIGHT)

    async def run(job: Job, submit: Submit) -> None:
        async with room:
            result: Result | BaseException = WorkerLostError("never tried")
            for _ in range(TRIES):
                try:
                    result = await submit(function, job)
                except Exception as error:  # noqa: BLE001 - whatever one job raises, the others go on
                    result = error
                if not isinstance(result, WorkerLostError):
                    break
        ended(job, result)

    async with _engine(settings) as submit:
        await asyncio.gather(*(run(job, submit) for job in jobs))


@asynccontextmanager
async def _engine(settings: Settings) -> AsyncIterator[Submit]:
    """What the settings name, as a function that submits a job."""
    if settings.task_runner == "processes":
        async with Workers(settings.workers) as workers:
            yield lambda function, job: workers.call(function, job, timeout_seconds=JOB_SECONDS)
    elif settings.task_runner == "threads":
        with ThreadPoolExecutor(settings.workers) as threads:
            yield lambda function, job: asyncio.wrap_future(threads.submit(function, job))
    else:
        with _dask(settings) as client:
            executor = client.get_executor(pure=False)
            yield lambda function, job: asyncio.wrap_future(executor.submit(function, job))


@contextmanager
def _dask(settings: Settings) -> Iterator[Any]:
    _check_database(settings)
    try:
        distributed = import_module("distributed")  # an extra
    except ImportError as error:
        raise SettingsError("CULTURE_TASK_RUNNER=dask needs Dask: pip install 'nhs-culture-monitor[dask]'") from error
    if settings.dask_address:
        try:
            client = distributed.Client(settings.dask_address)
        except (OSError, TimeoutError, ValueError) as error:
            raise SettingsError(f"CULTURE_DASK_ADDRESS: {settings.dask_address} is not reached ({error})") from error
        with client:
            yield client
        return
    # One thread per process: extraction holds Python's lock for most of its time.
    local = {"n_workers": settings.workers, "threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": None}
    with distributed.LocalCluster(processes=True, **local) as cluster, distributed.Client(cluster) as client:
        yield client


def _check_database(settings: Settings) -> None:
    """Refuse what would write to as many databases as there are machines.

    Raises:
        SettingsError: workers of other machines, and no database server.
    """
    try:
        host = urlsplit(settings.dask_address).hostname or "localhost"
    except ValueError as error:
        raise SettingsError(f"CULTURE_DASK_ADDRESS: {settings.dask_address} is not an address ({error})") from error
    if settings.database_url is None and host not in {"localhost", "127.0.0.1", "::1"}:
        raise SettingsError(
            f"CULTURE_DASK_ADDRESS names another machine ({host}), and SQLite is a file of this one: set "
            "CULTURE_DATABASE_URL to a PostgreSQL server, here and on every worker"
        )
