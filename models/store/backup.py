"""One file that holds the whole database, made while others read and write, and put back whole or not at all.

SQLite copies itself page by page within one snapshot; PostgreSQL has `pg_dump` and `pg_restore`, to be installed.
A file is looked at before it is let in: its kind, that it is whole, that it is ours and not from a newer version.
"""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy import inspect
from sqlalchemy.engine import make_url
from sqlalchemy.engine.url import URL

from models.private_files import open_new
from models.store.database import BUSY_SECONDS, Database, DatabaseError, known_revisions, open_database

_SQLITE_MARK = b"SQLite format 3\0"
_POSTGRES_MARK = b"PGDMP"
_PAGES_A_STEP = 2000  # 8 MB: between two steps of a backup, writers get their turn
_HELPER_SECONDS = 3600.0  # for pg_dump and pg_restore; a million articles take minutes


class BackupError(DatabaseError):
    """A backup can't be made or put back; the message says why. Nothing was changed."""


def back_up(database: Database, file: Path) -> int:
    """Write the database to `file`, which appears whole or not at all; its size in bytes.

    Raises:
        BackupError: the folder can't be written, `file` is something else than an earlier backup, `pg_dump` is missing.
    """
    _check_target(database, file)
    part = file.with_name(f".{file.name}.part")
    try:
        open_new(part).close()  # it holds the addresses of the recipients
        if database.engine.dialect.name == "sqlite":
            _copy_sqlite(database, part)
        else:
            _dump_postgresql(database.engine.url, part)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(file)
    except OSError as error:
        raise BackupError(f"{file}: can't be written ({error.strerror}); name another file") from error
    except sqlite3.Error as error:
        raise BackupError(f"{file}: can't be written ({error}); make room or name another file") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return file.stat().st_size


def restore(address: str, file: Path, *, replace: bool = False) -> None:
    """Put a backup in place of what is in the database at `address`, in one transaction; the schema is then brought up.

    Raises:
        BackupError: `file` is no whole backup of this kind of database, or there are articles or recipients already and
            not `replace`.
        DatabaseError: the database can't be opened.
    """
    kind = _kind_of(file)
    url = make_url(address)
    wanted = url.get_backend_name()
    if kind != wanted:
        raise BackupError(
            f"{file}: is a backup of {_NAMES[kind]}, and the database here is {_NAMES[wanted]}; "
            "set CULTURE_DATABASE_URL (or leave it out) to name a database of the same kind"
        )
    if kind == "sqlite":
        _check_sqlite(file)
    else:
        _check_postgresql(file)
    try:
        with open_database(address) as database:
            if not replace and _has_content(database):
                raise BackupError(f"{_place(url)}: holds articles or recipients; --replace puts the backup there")
    except DatabaseError:
        if not replace:
            raise
        if kind == "sqlite":
            _set_aside(Path(url.database or ""))
    if kind == "sqlite":
        _restore_sqlite(Path(url.database or ""), file)
    else:
        _restore_postgresql(url, file)
    open_database(address).close()  # an older backup's schema is brought up to date


def _place(url: URL) -> str:
    return url.database or "" if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)


_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def _check_target(database: Database, file: Path) -> None:
    if file.is_dir():
        raise BackupError(f"{file}: is a folder; name a file")
    if not file.parent.is_dir():
        raise BackupError(f"{file.parent}: no such folder; make it, or name another file")
    if not file.exists():
        return
    own = database.engine.url.database
    if database.engine.dialect.name == "sqlite" and own and file.samefile(own):
        raise BackupError(f"{file}: is the database itself; name another file")
    if file.stat().st_size and _mark_of(file) is None:
        raise BackupError(f"{file}: is there already and is not a backup; name another file")


def _copy_sqlite(database: Database, part: Path) -> None:
    source = Path(database.engine.url.database or "")
    with closing(_open_sqlite(source)) as live, closing(sqlite3.connect(part)) as copy:
        live.execute("BEGIN")  # one snapshot: the copy does not start over when others write meanwhile
        live.execute("SELECT count(*) FROM sqlite_master").fetchone()
        live.backup(copy, pages=_PAGES_A_STEP)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without companions
        found = copy.execute("PRAGMA integrity_check").fetchone()[0]
    if found != "ok":
        raise BackupError(f"{source}: is damaged ({found}); restore an earlier backup")


def _check_sqlite(file: Path) -> None:
    try:
        with closing(_open_finished(file)) as backup:
            found = backup.execute("PRAGMA integrity_check").fetchone()[0]
            revision = backup.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        reason = "is not a backup of the monitor" if "no such table" in str(error) else "is damaged"
        raise BackupError(f"{file}: {reason} ({error}); nothing was changed") from error
    if found != "ok":
        raise BackupError(f"{file}: is damaged ({found}); nothing was changed")
    _check_revision(file, revision[0] if revision else "")


def _check_revision(file: Path, revision: str) -> None:
    if revision not in known_revisions():
        raise BackupError(
            f"{file}: was written by a newer version of the monitor (schema {revision}); install that version"
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


def _restore_sqlite(target: Path, file: Path) -> None:
    try:
        with closing(_open_finished(file)) as backup, closing(_open_sqlite(target)) as live:
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


def _open_sqlite(file: Path) -> sqlite3.Connection:
    link = sqlite3.connect(file, timeout=BUSY_SECONDS)
    link.isolation_level = None
    return link


def _dump_postgresql(url: URL, part: Path) -> None:
    _help("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={part}")


def _check_postgresql(file: Path) -> None:
    contents = _run([_program("pg_restore"), "--list", str(file)], {}).stdout
    if " alembic_version " not in contents:
        raise BackupError(f"{file}: is not a backup of the monitor; nothing was changed")
    listed = _run(
        [_program("pg_restore"), "--data-only", "--table=alembic_version", "--file=-", str(file)], {}
    ).stdout.splitlines()
    starts = [place for place, line in enumerate(listed) if line.startswith("COPY ")]
    _check_revision(file, listed[starts[0] + 1].strip() if starts else "")


def _restore_postgresql(url: URL, file: Path) -> None:
    _help(
        "pg_restore", url,
        "--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", str(file),
    )  # fmt: skip


def _help(name: str, url: URL, *arguments: str) -> None:
    """Run one of PostgreSQL's programs; the password goes by the environment, where no one can list it."""
    place: dict[str, object] = {
        "PGHOST": url.host,
        "PGPORT": url.port,
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
    }
    place |= {f"PG{key.upper()}": value for key, value in url.query.items() if key.startswith("ssl")}
    environment = {key: str(value) for key, value in place.items() if value is not None}
    _run([_program(name), "--no-password", f"--dbname={url.database}", *arguments], environment)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise BackupError(f"{name} is not installed; it comes with PostgreSQL's client programs (postgresql-client)")
    return found


def _run(words: list[str], environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            words,
            env={**os.environ, **environment},
            check=True,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_HELPER_SECONDS,
        )
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.strip().splitlines() if line] or ["no words"]
        raise BackupError(f"{Path(words[0]).name}: {lines[0][:300]}; nothing was changed") from None
    except subprocess.TimeoutExpired:
        raise BackupError(f"{Path(words[0]).name}: took over {_HELPER_SECONDS:.0f} s; nothing was changed") from None


def _kind_of(file: Path) -> str:
    try:
        kind = _mark_of(file)
    except OSError as error:
        raise BackupError(f"{file}: can't be read ({error.strerror}); name a file made by `backup`") from error
    if kind is None:
        raise BackupError(f"{file}: is not a backup; name a file made by `culture-monitor backup`")
    return kind


def _mark_of(file: Path) -> str | None:
    with file.open("rb") as opened:
        start = opened.read(len(_SQLITE_MARK))
    if start == _SQLITE_MARK:
        return "sqlite"
    return "postgresql" if start.startswith(_POSTGRES_MARK) else None


def _has_content(database: Database) -> bool:
    assert inspect(database.engine).has_table("article")  # opened, so migrated
    with database.engine.connect() as connection:
        for table in ("article", "recipient", "edition"):
            if connection.exec_driver_sql(f"SELECT 1 FROM {table} LIMIT 1").first() is not None:  # noqa: S608 - our names
                return True
    return False
