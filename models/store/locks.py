"""A lock that dies with its holder: for work of which only one may be under way, such as sending."""

import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from models.private_files import open_to_append
from models.store.database import Database

if sys.platform != "win32":
    import fcntl


def lock_writers(name: str, *, session: Session) -> None:
    """Have transactions that store what others may store too follow one another; ends with the transaction.

    SQLite's writers do so anyway. With PostgreSQL two runs at once would both find a page missing, and the second fail.
    """
    if session.get_bind().dialect.name == "postgresql":
        key = {"key": zlib.crc32(f"culture turn {name}".encode())}
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), key)


class Lock:
    """A lock that is held; what is written through it is written only while that is so."""

    def __init__(self, database: Database, connection: Connection | None = None) -> None:
        self._database = database
        self._connection = connection

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction; with PostgreSQL on the very connection that holds the lock.

        Raises:
            LockLostError: that connection is gone, and the lock with it; nothing was written.
        """
        if self._connection is None:
            with self._database.write() as session:
                yield session
            return
        try:
            with Session(self._connection, expire_on_commit=False) as session:
                yield session
                session.commit()
        except DBAPIError as error:
            if error.connection_invalidated:
                raise LockLostError("the connection to the database broke, and another run may send now") from error
            raise


class LockLostError(RuntimeError):
    """The lock is no longer held."""


@contextmanager
def try_lock(database: Database, name: str) -> Iterator[Lock | None]:
    """The lock `name` of a database, or None where another process holds it; released at the end, or by our death.

    PostgreSQL keeps it for all machines (a session's advisory lock). With SQLite, which one machine has, it is a file lock.
    """
    with _hold(database, name, wait=False) as lock:
        yield lock


@contextmanager
def wait_for_lock(database: Database, name: str) -> Iterator[None]:
    """Hold the lock `name` of a database, as `try_lock` does, once the process that holds it now is done."""
    with _hold(database, name, wait=True):
        yield


@contextmanager
def lock_file(file: Path, *, wait: bool) -> Iterator[bool]:
    """Hold a file as a lock of this machine, or give False where another process has it and we do not `wait`."""
    if sys.platform == "win32":  # the flow's concurrency limit of one has to do
        yield True
        return
    with open_to_append(file) as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            mine = True
        except BlockingIOError:
            mine = False
        yield mine


@contextmanager
def _hold(database: Database, name: str, *, wait: bool) -> Iterator[Lock | None]:
    engine = database.engine
    if engine.dialect.name == "postgresql":
        key = {"key": zlib.crc32(f"culture {name}".encode())}
        with engine.connect() as connection:
            take = "pg_advisory_lock(:key) IS NOT NULL" if wait else "pg_try_advisory_lock(:key)"
            mine = bool(connection.execute(text(f"SELECT {take}"), key).scalar())
            connection.commit()  # the lock belongs to the session, so no transaction need stay open
            try:
                yield Lock(database, connection) if mine else None
            finally:
                if mine and not connection.invalidated:
                    with suppress(DBAPIError):  # a connection that broke has released it
                        connection.rollback()
                        connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)
                        connection.commit()
        return
    if not engine.url.database:
        yield Lock(database)  # in memory: nobody else can see it
        return
    path = Path(engine.url.database)
    with lock_file(path.with_name(f"{path.name}.{name}.lock"), wait=wait) as mine:
        yield Lock(database) if mine else None
