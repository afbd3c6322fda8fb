"""One file that holds the whole SQLite database, made while others read and write, and put back whole or not at all.

A file is looked at when it is made and before it is let in: that it is whole, that it is ours and not from a newer version.
PostgreSQL has `pg_dump` and `pg_restore`: for it, the lines to run are told.
"""

import os
import shlex
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

from models.given_files import is_device, open_given
from models.private_files import in_turn, open_new
from models.store.database import (
    BUSY_SECONDS,
    Database,
    DatabaseMissingError,
    alembic_config,
    known_revisions,
    open_database,
    open_to_read,
)
from models.store.database_address import DatabaseError, file_of, libpq_address, read_address
from models.text_safety import plain_line, storable

_SQLITE_MARK = b"SQLite format 3\0"
# All that acts by itself, by its words. SQLite rewrites those of a table where a column is added: of tables, how often they
# check something, and their columns with what these compute.
_OBJECTS = (
    "SELECT type, name, CASE WHEN type = 'table' THEN length(sql) - length(replace(upper(sql), 'CHECK', '')) ELSE sql END "
    "FROM sqlite_master WHERE NOT (type = 'table' AND name LIKE 'sqlite\\_%' ESCAPE '\\')",
    "SELECT 'table', t.name, c.cid, c.name, c.type, c.\"notnull\", c.dflt_value, c.pk, c.hidden "
    "FROM sqlite_master AS t, pragma_table_xinfo(t.name) AS c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
)
_TURN_SECONDS = 600.0  # for which another backup into the same folder is waited for
_STORED = [("version_num", 0)]  # the columns of alembic_version: one, and it computes nothing
_CONTENT = ("article", "recipient", "edition")  # tables: where one has a row, there is something to lose


class BackupError(DatabaseError):
    """A backup can't be made or put back; the message says why. Nothing was changed."""


def back_up(address: str, file: Path) -> int:
    """Write the database at `address` to `file`, which appears whole or not at all; its size in bytes.

    The database is read only: one of an earlier version keeps its schema, and so does its backup.

    Raises:
        BackupError: the folder can't be written, `file` is something else than an earlier backup, the database is damaged
            or PostgreSQL's.
        DatabaseError: the database can't be opened, or there is none.
    """
    own = _sqlite_file(address, dump_lines(address, file))
    _check_target(own, file)
    part = file.with_name(f".{file.name}.part")
    try:
        with in_turn(file.parent, _TURN_SECONDS):  # two backups to one file would both write its half
            try:
                with open_to_read(address, any_schema=True) as database:
                    open_new(part).close()  # it holds the addresses of the recipients
                    _copy(database, part)
                _check(part, f"{own}: can't be backed up: the copy")
                with part.open("rb") as written:
                    os.fsync(written.fileno())
                part.replace(file)
            finally:
                with suppress(OSError):
                    part.unlink(missing_ok=True)
    except OSError as error:
        raise BackupError(f"{file}: can't be written ({error.strerror}); name another file") from error
    return file.stat().st_size


def restore(address: str, file: Path, *, replace: bool = False) -> None:
    """Put a backup in place of the database at `address`, in one transaction; its schema is then brought up to date.

    A database that can't be opened is kept beside it under another name.

    Raises:
        BackupError: `file` is no whole backup of ours, the database is PostgreSQL's, or it holds articles, recipients or
            editions and not `replace`.
        DatabaseError: the database can't be opened, and not `replace`.
    """
    own = _sqlite_file(address, restore_lines(address, file))
    if not _starts_as_sqlite(file):
        raise BackupError(f"{file}: is not a backup; name a file made by `culture-monitor backup`")
    _check(file, f"{file}:", is_given=True)
    try:
        with open_to_read(address, any_schema=True) as database:
            if not replace and _has_content(database):
                raise BackupError(f"{own}: holds articles or recipients; --replace puts the backup there")
    except DatabaseMissingError:
        own.parent.mkdir(parents=True, exist_ok=True)
    except DatabaseError:
        if not replace:
            raise
        _set_aside(own)
    _put_back(own, file)
    open_database(address).close()


def dump_lines(address: str, file: Path) -> str:
    """The line that writes a PostgreSQL database to a file, to be run in a shell; it bears no password."""
    words = (
        "pg_dump",
        "--format=custom",
        "--no-owner",
        "--no-privileges",
        f"--file={file}",
        _dbname(address),
    )
    return shlex.join(words)


def restore_lines(address: str, file: Path) -> str:
    """The lines that put such a file in place of the database, whole or not at all, and bring its schema up to date."""
    how = ("--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error")
    return (
        f"{shlex.join(('pg_restore', *how, f'--dbname={libpq_address(address)}', str(file)))}\n  culture-monitor upkeep"
    )


def _dbname(address: str) -> str:
    return f"--dbname={libpq_address(address)}"


def _sqlite_file(address: str, lines: str) -> Path:
    url = read_address(address)
    if url.get_backend_name() != "sqlite":
        raise BackupError(
            "the database is PostgreSQL's, whose own programs do this while the monitor runs. Run what follows, with the "
            f"password in PGPASSWORD or ~/.pgpass:\n  {lines}"
        )
    return file_of(url)


def _check_target(own: Path, file: Path) -> None:
    if file.is_dir():
        raise BackupError(f"{file}: is a folder; name a file")
    if is_device(file):
        raise BackupError(f"{file}: is a pipe or a device; name a file")
    if storable(str(file)) != str(file):  # SQLite takes no other name
        raise BackupError(f"{storable(str(file))}: is no name in UTF-8; name another file")
    if not file.parent.is_dir():
        raise BackupError(f"{file.parent}: no such folder; make it, or name another file")
    if not file.exists():
        return
    if own.exists() and file.samefile(own):
        raise BackupError(f"{file}: is the database itself; name another file")
    if file.stat().st_size and not _starts_as_sqlite(file):
        raise BackupError(f"{file}: is there already and is not a backup; name another file")


def _starts_as_sqlite(file: Path) -> bool:
    try:
        with open_given(file) as opened:
            return opened.read(len(_SQLITE_MARK)) == _SQLITE_MARK
    except OSError as error:
        raise BackupError(f"{file}: can't be read ({error.strerror}); name a file made by `backup`") from error


def _copy(database: Database, part: Path) -> None:
    """One moment of the database, without what was deleted from it."""
    try:
        with database.engine.connect() as connection:
            connection.exec_driver_sql(
                "PRAGMA query_only = OFF"
            )  # counts the new file too; the database is open to read
            connection.exec_driver_sql("VACUUM INTO ?", (str(part),))
    except DBAPIError as error:
        raise BackupError(
            f"{part.parent}: the backup can't be written ({error.orig}); make room or name another"
        ) from error


def _check(file: Path, shown: str, *, is_given: bool = False) -> None:
    """That a file is whole, ours, and of a schema that this version knows; one that is given holds nothing else."""
    try:
        revision = _revision(file, shown)
        if is_given:
            _check_objects(file, revision)  # first: to see whether it is whole, all that its indexes hold is computed
        with closing(_open_finished(file)) as backup:
            found = backup.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.Error as error:
        raise BackupError(f"{shown} is damaged ({plain_line(str(error), 200)}); nothing was changed") from error
    if found != "ok":
        raise BackupError(f"{shown} is damaged ({plain_line(found, 200)}); nothing was changed")


def _revision(file: Path, shown: str) -> str:
    """The schema of a file that has our tables; nothing that merely bears their names, such as an endless view, is asked."""
    needed = {"alembic_version", *_CONTENT}
    with closing(_open_finished(file)) as backup:
        tables = {row[0] for row in backup.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if missing := sorted(needed - tables):
            raise BackupError(
                f"{shown} is not a backup of the monitor (no such table: {missing[0]}); nothing was changed"
            )
        columns = backup.execute("SELECT name, hidden FROM pragma_table_xinfo('alembic_version')").fetchall()
        row = (
            backup.execute("SELECT substr(version_num, 1, 20) FROM alembic_version").fetchone()
            if columns == _STORED
            else None
        )
    if row is None or row[0] not in known_revisions():
        schema = plain_line(str(row[0])) if row else "none"
        raise BackupError(
            f"{shown} was written by a newer version of the monitor (schema {schema}); install that version"
        )
    return str(row[0])


def _check_objects(file: Path, revision: str) -> None:
    """That it holds what its schema has and nothing else: a trigger or an index would act in our name for ever."""
    from alembic import command  # here: to import it takes a fifth of a second

    engine = create_engine("sqlite://")
    with closing(_open_finished(file)) as backup, engine.connect() as connection:
        found = {tuple(row) for query in _OBJECTS for row in backup.execute(query)}
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        ours = {tuple(row) for query in _OBJECTS for row in connection.exec_driver_sql(query)}
    engine.dispose()
    for kind, name, *_ in sorted(found ^ ours, key=str):
        raise BackupError(
            f"{file}: its {kind} {plain_line(str(name), 100)!r} is not as the monitor makes it; nothing was changed"
        )


def _set_aside(target: Path) -> None:
    """A database that can't be opened makes room, under another name: nothing that someone may need is thrown away."""
    taken = 1
    while (aside := target.with_name(f"{target.name}.damaged-{taken}")).exists():
        taken += 1
    try:
        target.replace(aside)
        for companion in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                target.with_name(target.name + companion).replace(aside.with_name(aside.name + companion))
    except OSError as error:
        raise BackupError(
            f"{target}: can't be moved aside ({error.strerror}); check the folder's permissions"
        ) from error


def _put_back(target: Path, file: Path) -> None:
    try:
        with (
            closing(_open_finished(file)) as backup,
            closing(sqlite3.connect(target, timeout=BUSY_SECONDS, isolation_level=None)) as live,
        ):
            live.execute("BEGIN IMMEDIATE")  # wait for a writer's end here; `backup` itself would give up at once
            live.execute("ROLLBACK")
            backup.backup(live)
    except sqlite3.Error as error:
        raise BackupError(
            f"{target}: can't be replaced ({error}); end the programs that use it, then try again"
        ) from error


def _open_finished(file: Path) -> sqlite3.Connection:
    """A file that nobody writes any more: opened so that nothing appears beside it, in a read-only folder too."""
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


def _has_content(database: Database) -> bool:
    with database.engine.connect() as connection:
        for table in _CONTENT:
            if connection.exec_driver_sql(f"SELECT 1 FROM {table} LIMIT 1").first() is not None:  # noqa: S608 - our names
                return True
    return False
