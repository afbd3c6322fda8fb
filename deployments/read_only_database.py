"""What commands that only read open: the database as it is, or an empty one where nothing was ever stored."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.pool import StaticPool
from sqlmodel import SQLModel, create_engine

import models.store.tables  # noqa: F401  the tables register themselves
from deployments import console
from models.settings import Settings
from models.store.database import Database, DatabaseMissingError, open_to_read


@contextmanager
def stored(settings: Settings) -> Iterator[Database]:
    """The database, to be read and not written; where there is none yet, that is said, and what is read is empty.

    Raises:
        DatabaseError: it can't be read; an older schema is named with the command that brings it up to date.
    """
    try:
        database = open_to_read(settings.database_address)
    except DatabaseMissingError as error:
        console.note(str(error))
        database = _nothing()
    with database:
        yield database


def _nothing() -> Database:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    SQLModel.metadata.create_all(engine)
    return Database(engine)
