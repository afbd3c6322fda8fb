"""The steps of the jobs as Prefect tasks: the functions that the command calls as they are, with parameters of their own.

They are made here and not where the functions are: the rooms below know nothing of Prefect, and the command starts without it.
"""

from collections.abc import Awaitable, Callable, Sized
from typing import Any, ParamSpec, TypeVar, cast

from prefect import Task, task
from prefect.runtime import task_run
from prefect.utilities.annotations import quote

from flows.collecting.collector import Collector
from flows.collecting.source_polls import poll_source
from flows.past.backfilling import fold_copies, read_archives
from flows.past.sources import Past
from flows.running.prefect_steps import KEEP_NOTHING
from flows.running.steps import RunStep
from flows.tagging.waiting import tag_waiting
from models.settings import Settings

# A net below the limits that the steps keep themselves: of a run (CULTURE_RUN_MINUTES), of a request, of a page or a batch in a
# worker. A step that still hangs is ended, and its run fails; what was stored is whole.
SPARE_SECONDS = 600.0  # after the run's own limit
LONGEST_SECONDS = 12 * 3600.0  # where no run's limit holds; a first tagging of 100,000 stories takes some 25 minutes

T = TypeVar("T")
P = ParamSpec("P")


def _number(what: str) -> Callable[[], str]:
    """Names a task's run by how many it reads: the length of the list that it was given."""
    return lambda: next(
        f"read {len(given)} {what}" for given in task_run.parameters.values() if isinstance(given, Sized)
    )


poll = task(name="poll", task_run_name="poll {source.label}", tags=["poll"], **KEEP_NOTHING)(poll_source)
read = task(name="read", task_run_name=_number("pages"), tags=["read"], **KEEP_NOTHING)(Collector.read_pages)
# Without a limit: there may be any number of archives. Each has its own (`flows.past.task_runner.JOB_SECONDS`).
read_files = task(name="read", task_run_name=_number("archives"), tags=["read"], **KEEP_NOTHING)(read_archives)
# A backfill asks and reads for as long as it takes; what a batch of pages had read is lost with it, so that none is cut short.
ask = task(
    name="ask",
    task_run_name="ask {source.label} of {span.since:%d %B %Y}",
    tags=["ask"],
    timeout_seconds=LONGEST_SECONDS,
    **KEEP_NOTHING,
)(Past.ask)
read_past = task(
    name="read", task_run_name=_number("pages"), tags=["read"], timeout_seconds=LONGEST_SECONDS, **KEEP_NOTHING
)(Past.read_pages)
tag = task(name="tag", task_run_name="tag new articles", tags=["tag"], timeout_seconds=LONGEST_SECONDS, **KEEP_NOTHING)(
    tag_waiting
)
fold = task(
    name="fold",
    task_run_name="fold copies into stories",
    tags=["fold"],
    timeout_seconds=LONGEST_SECONDS,
    **KEEP_NOTHING,
)(fold_copies)

_OF_A_RUN: tuple[Task[..., Any], ...] = (poll, read)
_ALL: tuple[Task[..., Any], ...] = (*_OF_A_RUN, read_files, ask, read_past, tag, fold)
_TASKS: dict[Callable[..., Any], Task[..., Any]] = {one.fn: one for one in _ALL}


def as_tasks(settings: Settings) -> RunStep:
    """Runs each step of a job as the task of its function; one that a run's limit bounds within that and some minutes.

    Its arguments are quoted: Prefect would look into each page of a list for results of other tasks, of which there are none.
    """
    limit = settings.run_minutes * 60 + SPARE_SECONDS
    tasks = _TASKS | {one.fn: one.with_options(timeout_seconds=limit) for one in _OF_A_RUN}

    async def as_task(step: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        quoted = (quote(one) for one in args)
        result = await tasks[step](*quoted, **{name: quote(one) for name, one in kwargs.items()})
        return cast(T, result)

    return as_task
