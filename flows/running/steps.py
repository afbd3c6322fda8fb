"""How a job runs its steps: at once (the command), or each as a Prefect task (the flows). The steps are the same."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


def in_one_sentence(error: Exception) -> str | None:
    """What a person can cause and fix, in their words; None: a fault of ours, to be seen whole."""
    # Here, not above: together they take longer than most commands, and are needed when one fails.
    from sqlalchemy.exc import DBAPIError

    from flows.past.backfilling import BackfillError
    from models.reviews import ReviewError
    from models.seeds import DataFileError
    from models.settings import SettingsError
    from models.sources import UnknownSourceError
    from models.store.database import DatabaseError, explain_error
    from models.store.model_versions import ModelError
    from models.store.recipient_choices import RecipientError
    from models.weeks import WeekError

    of_settings = (SettingsError, DataFileError, DatabaseError, ModelError, UnknownSourceError)
    of_a_form = (BackfillError, RecipientError, ReviewError, WeekError)
    if isinstance(error, (*of_settings, *of_a_form)):
        return str(error)
    return explain_error(error) if isinstance(error, DBAPIError) else None  # the disk is full, the server went away


# Told of progress: stage, done, total.
Report = Callable[[str, int, int], None]


class RunStep(Protocol):
    """Runs one named step of a job and gives its result."""

    async def __call__(self, name: str, step: Callable[[], Awaitable[T]]) -> T:
        """Run it; `name` is what people see ("poll BBC Health")."""
        ...


async def at_once(name: str, step: Callable[[], Awaitable[T]]) -> T:
    """Run the step as it is."""
    return await step()


def unreported(stage: str, done: int, total: int) -> None:
    """Tell nobody."""
