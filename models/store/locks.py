"""A lock that dies with its holder: for work of which only one may be under way, such as sending."""

import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text
from sqlmodel import Session

from models.store.database import Database

if sys.platform != "win32":
    import fcntl


def take_turns(name: str, *, session: Session) -> None:
    """Have transactions that store what others may store too follow one another; ends with the transaction.

    SQLite's writers do so anyway. With PostgreSQL two runs at once would both find a page missing, and the second fail.
    """
    if session.get_bind().dialect.name == "postgresql":
        key = {"key": zlib.crc32(f"culture turn {name}".encode())}
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), key)


@contextmanager
def only_one(database: Database, name: str) -> Iterator[bool]:
    """Whether this process alone holds the lock `name` of a database; released at the end, or by the process's death.

    PostgreSQL keeps it for all machines (a session's advisory lock). With SQLite, which one machine has, it is a file lock.
    """
    engine = database.engine
    if engine.dialect.name == "postgresql":
        key = {"key": zlib.crc32(f"culture {name}".encode())}
        with engine.connect() as connection:
            mine = bool(connection.execute(text("SELECT pg_try_advisory_lock(:key)"), key).scalar())
            connection.commit()  # the lock belongs to the session, so no transaction need stay open
            try:
                yield mine
            finally:
                if mine and not connection.invalidated:
                    connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)
                    connection.commit()
        return
    if not engine.url.database or sys.platform == "win32":
        yield True  # in memory: nobody else can see it; Windows: the flow's concurrency limit of one has to do
        return
    path = Path(engine.url.database)
    with path.with_name(f"{path.name}.{name}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mine = True
        except BlockingIOError:
            mine = False
        yield mine
