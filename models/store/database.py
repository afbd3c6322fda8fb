"""Opening the database: SQLite in the data folder by default, PostgreSQL by setting.

What writes opens it with `open_database`, which brings the schema up to date; what only reads with `open_to_read`, which
changes nothing. Either way a schema behind the code never meets it.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, event, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import Session, create_engine

from models.store.database_address import DatabaseError, read_address, shown_address

if TYPE_CHECKING:
    from alembic.config import Config

# The migrations, oldest first; a test compares them with the files. To import alembic and let it look takes a fifth of a second.
REVISIONS = (
    "0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0011", "0012", "0013", "0014", "0015",
)  # fmt: skip
BUSY_SECONDS = 30  # how long a write waits for another process's write; a busy disk needs more than the usual 5
_LOOK_AGAIN_SECONDS = 0.05
_ADVISORY_LOCK = 2022_06_08  # any fixed number: two processes starting at once migrate one after the other


class DatabaseMissingError(DatabaseError):
    """Nothing was ever stored; the message says what makes the database."""


class Database:
    """Sessions on one database. `write` sessions commit at their end, or roll back where an exception leaves them."""

    def __init__(self, engine: Engine, tidy: Callable[[], None] = lambda: None) -> None:
        self.engine = engine
        self._tidy = tidy

    @property
    def label(self) -> str:
        """The address without its password, for people."""
        return shown_address(self.engine.url)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that changes nothing; what it loaded stays readable after its end."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session in one transaction, which takes the write lock at its start (so it can't fail half-way on SQLite)."""
        with (
            self.engine.connect().execution_options(culture_write=True) as connection,
            Session(connection, expire_on_commit=False) as session,
        ):
            yield session
            session.commit()

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()
        self._tidy()

    def __enter__(self) -> "Database":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_database(address: str) -> Database:
    """The database at a SQLAlchemy address, made if it is missing, its schema brought up to date.

    Raises:
        DatabaseError: it can't be reached, is not ours, is damaged, or was written by a newer version.
    """
    engine = _engine(address)
    try:
        migrate(engine)
    except BaseException as error:
        engine.dispose()
        if isinstance(error, DBAPIError):
            raise DatabaseError(f"{shown_address(engine.url)}: {_reason(error)}") from error
        raise
    return Database(engine)


def open_to_read(address: str, *, any_schema: bool = False) -> Database:
    """The database at a SQLAlchemy address for reading alone (`any_schema`: an earlier one too): nothing is made or written.

    Raises:
        DatabaseMissingError: there is none yet, or an empty one.
        DatabaseError: it can't be reached, is not ours, is damaged, or its schema is not that of this version.
    """
    url = read_address(address)
    tidy: Callable[[], None] = lambda: None  # noqa: E731
    if url.get_backend_name() == "sqlite":
        file = Path(url.database or "")
        nearest = next(path for path in file.absolute().parents if path.exists())
        if not nearest.is_dir():
            raise DatabaseError(f"{nearest}: is not a folder; name another --data folder")
        if not file.is_file():
            raise DatabaseMissingError(
                f"{file}: nothing is stored yet; `culture-monitor run` does, or name another --data folder"
            )
        if not file.with_name(f"{file.name}-wal").exists() and os.access(file.parent, os.W_OK):
            tidy = lambda: _take_companions_away(file)  # noqa: E731
        engine = create_engine(url, creator=lambda: _connect_read_only(file))
    else:
        engine = create_engine(url, pool_pre_ping=True, connect_args={"options": "-c default_transaction_read_only=on"})
    database = Database(engine, tidy)
    try:
        with engine.connect() as connection:
            current = _revision(connection, shown_address(engine.url))
        _check_readable(current, shown_address(engine.url), any_schema)
    except DBAPIError as error:
        database.close()
        raise DatabaseError(f"{shown_address(engine.url)}: {_reason(error)}") from error
    except BaseException:
        database.close()
        raise
    return database


def _check_readable(current: str | None, label: str, any_schema: bool) -> None:
    if current is None:
        raise DatabaseMissingError(
            f"{label}: nothing is stored yet; `culture-monitor run` does, or name another --data folder"
        )
    if current not in known_revisions():
        raise _newer(current, label)
    if current != REVISIONS[-1] and not any_schema:
        raise DatabaseError(
            f"{label}: was written by an earlier version of the monitor (schema {current}); "
            "`culture-monitor upkeep` brings it up to date"
        )


def _newer(current: str, label: str) -> DatabaseError:
    return DatabaseError(
        f"{label}: was written by a newer version of the monitor (schema {current}); "
        "install that version, or name another data folder with --data"
    )


def migrate(engine: Engine) -> None:
    """Bring the schema to the newest revision; nothing is done where it is there already."""
    with engine.connect().execution_options(culture_write=True) as connection:
        current = _revision(connection, shown_address(engine.url))
        if current == REVISIONS[-1]:
            return
        if current is not None and current not in known_revisions():
            raise _newer(current, shown_address(engine.url))
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        from alembic import command

        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


def explain_error(error: DBAPIError) -> str:
    """One line for people about an error of the database that came while it was used; never holds its address."""
    return f"the database {_reason(error)}"


def known_revisions() -> frozenset[str]:
    """Every schema that this version can read or bring up to date."""
    return frozenset(REVISIONS)


def alembic_config() -> "Config":
    """Where the migrations are; `attributes["connection"]` is the database that they are to change."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    return config


def _engine(address: str) -> Engine:
    url = read_address(address)
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    try:
        if url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseError(
            f"{Path(url.database or '').parent}: can't be made ({error.strerror}); name another --data folder"
        ) from error
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _connect_read_only(file: Path) -> sqlite3.Connection:
    # Where nothing may be written the log's companions can't be made; and then nobody is writing either.
    frozen = not os.access(file.parent, os.W_OK) and not file.with_name(f"{file.name}-wal").exists()
    address = f"{file.absolute().as_uri()}?mode=ro{'&immutable=1' if frozen else ''}"
    connection = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _take_companions_away(file: Path) -> None:
    """Leave the folder as it was: a reader makes the write-ahead log's files and, unlike a writer, leaves them behind."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)) as last:
        last.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # we begin transactions ourselves, see below
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA foreign_keys = ON")
    _log_ahead(cursor)
    cursor.execute("PRAGMA synchronous = FULL")  # NORMAL may forget, in a power cut, that an email was sent
    cursor.execute("PRAGMA secure_delete = ON")  # an erased address is gone from the file too
    cursor.close()


def _log_ahead(cursor: sqlite3.Cursor) -> None:
    """Switch to the write-ahead log. For that SQLite itself does not wait where another makes the same database."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(_LOOK_AGAIN_SECONDS)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that starts as a reader and then writes fails at once, without waiting, if another process wrote
    # in between. So writers take the lock at their beginning.
    writes = connection.get_execution_options().get("culture_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _revision(connection: Connection, label: str) -> str | None:
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" in tables:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if "article" in tables or "source_state" in tables or (tables and connection.dialect.name == "sqlite"):
        raise DatabaseError(f"{label}: is a database of something else; name another --data folder or database")
    return None


def _reason(error: DBAPIError) -> str:
    text_of_error = next(iter(str(error.orig).strip().splitlines()), type(error.orig).__name__)
    lower = text_of_error.lower()
    if isinstance(error, IntegrityError):
        return f"refused a row, as where another program wrote the same at that moment ({text_of_error}); run again"
    if "not a database" in lower or "malformed" in lower:
        return f"is damaged or not a database ({text_of_error}); restore a backup or name another --data folder"
    if "readonly" in lower or "unable to open" in lower or "read-only" in lower:
        return f"can't be written ({text_of_error}); check the folder's permissions or name another --data folder"
    if "locked" in lower:
        return f"is locked by another program for over {BUSY_SECONDS} s; try again when that has ended"
    if "full" in lower:
        return f"the disk is full ({text_of_error}); make room and run again, nothing is lost"
    return f"can't be used ({text_of_error}); check that the server runs and the address is right"
