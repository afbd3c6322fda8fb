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
from flows.tagging.waiting import tag_waiting

T = TypeVar("T")
P = ParamSpec("P")


def _number(what: str) -> Callable[[], str]:
    """Names a task's run by how many it reads: the length of the list that it was given."""
    return lambda: next(
        f"read {len(given)} {what}" for given in task_run.parameters.values() if isinstance(given, Sized)
    )


poll = task(name="poll", task_run_name="poll {source.label}", tags=["poll"], **KEEP_NOTHING)(poll_source)
read = task(name="read", task_run_name=_number("pages"), tags=["read"], **KEEP_NOTHING)(Collector.read_pages)
tag = task(name="tag", task_run_name="tag new articles", tags=["tag"], **KEEP_NOTHING)(tag_waiting)
ask = task(name="ask", task_run_name="ask {source.label} of {span.since:%d %B %Y}", tags=["ask"], **KEEP_NOTHING)(
    Past.ask
)
read_past = task(name="read", task_run_name=_number("pages"), tags=["read"], **KEEP_NOTHING)(Past.read_pages)
read_files = task(name="read", task_run_name=_number("archives"), tags=["read"], **KEEP_NOTHING)(read_archives)
fold = task(name="fold", task_run_name="fold copies into stories", tags=["fold"], **KEEP_NOTHING)(fold_copies)

_TASKS: dict[Callable[..., Any], Task[..., Any]] = {
    one.fn: one for one in (poll, read, tag, ask, read_past, read_files, fold)
}


async def as_task(step: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a step of a job as the task of that function.

    Its arguments are quoted: Prefect would look into each page of a list for results of other tasks, of which there are none.
    """
    quoted = (quote(one) for one in args)
    result = await _TASKS[step](*quoted, **{name: quote(one) for name, one in kwargs.items()})
    return cast(T, result)
