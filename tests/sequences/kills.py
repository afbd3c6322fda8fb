"""Kills of this very process's work: an exception that nothing catches, at a statement of the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event


class Killed(BaseException):
    """The work ended here, in the middle; no handler of ordinary errors sees it."""


@contextmanager
def killed_after(engine: Engine, statements: int) -> Iterator[None]:
    """Ends what is done inside before that statement or commit, and everything that it still tries to do in the database."""
    left = statements

    def count(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed

    for name in ("before_cursor_execute", "commit"):
        event.listen(engine, name, count)
    try:
        yield
    finally:
        for name in ("before_cursor_execute", "commit"):
            event.remove(engine, name, count)
