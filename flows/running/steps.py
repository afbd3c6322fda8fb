"""How a job runs its steps: at once (the command), or each as a Prefect task (the flows). The steps are the same functions."""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, Protocol, TypeVar

from sqlalchemy.exc import DBAPIError

from models.errors import UserError
from models.store.database import explain_error

T = TypeVar("T")
P = ParamSpec("P")

# Told of progress: stage, done, total.
Report = Callable[[str, int, int], None]


class RunStep(Protocol):
    """Runs one step of a job, a function of a module, and gives its result."""

    async def __call__(self, step: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run it with these arguments."""
        ...


async def at_once(step: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run the step as it is."""
    return await step(*args, **kwargs)


def unreported(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


def in_one_sentence(error: Exception) -> str | None:
    """What a person can cause and fix, in their words; None: a fault of ours, to be seen whole."""
    if isinstance(error, DBAPIError):  # the disk is full, the server went away
        return explain_error(error)
    return str(error) if isinstance(error, UserError) else None
