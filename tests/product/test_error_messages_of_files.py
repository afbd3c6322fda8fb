"""What a person is told of a data folder or a database that is damaged, of another program, not to be written, or full."""

import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError, OperationalError

from models.store.database import Database, explain_error, open_database
from tests.product.test_commands import command
from tests.product.test_error_messages import check


def test_a_data_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("x")
    check(command(tmp_path, "export", "--data", "taken"), "taken", "name another --data folder")
    check(command(tmp_path, "export", "--data", "taken/deeper"), "taken", "name another --data folder")


def test_databases_that_are_damaged_foreign_or_newer_are_left_as_they_are(tmp_path: Path) -> None:
    for name, content in (("damaged", b"no database" * 500), ("foreign", None), ("newer", None)):
        file = tmp_path / name / "culture.db"
        file.parent.mkdir()
        if content:
            file.write_bytes(content)
        elif name == "foreign":
            link = sqlite3.connect(file)
            link.execute("CREATE TABLE invoice (id INTEGER)")
            link.close()
        else:
            with open_database(f"sqlite:///{file}"):
                pass
            link = sqlite3.connect(file)
            link.execute("UPDATE alembic_version SET version_num = '9999'")
            link.commit()
            link.close()
        before = tables(file)
        words = {"damaged": "restore a backup", "foreign": "something else", "newer": "install that version"}[name]
        check(command(tmp_path, "export", "--data", name), "culture.db", words)
        assert tables(file) == before


def tables(file: Path) -> object:
    link = sqlite3.connect(file)
    try:
        return link.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    except sqlite3.DatabaseError:
        return file.read_bytes()
    finally:
        link.close()


@contextmanager
def unwritable_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with open_database(f"sqlite:///{folder / 'culture.db'}"):
            pass
        for file in folder.iterdir():
            file.chmod(0o444)
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX systems")
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    with unwritable_folder() as folder:
        check(command(tmp_path, "export", "--data", str(folder)), "culture.db", "check the folder's permissions")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="the test above does it where one is not root")
def test_a_read_only_folder_as_somebody_else() -> None:
    """Root may write everywhere, so a process that gave that up looks."""
    with unwritable_folder() as folder:
        script = (
            "import os; os.environ['HOME'] = '/'; from models.store.database import open_database\n"
            "from models.store.database_address import DatabaseError\n"
            "import sqlalchemy.dialects.sqlite, alembic.runtime.migration, models.store.migrations\n"
            "os.setuid(65534)\n"
            f"try: open_database('sqlite:///{folder}/culture.db')\n"
            "except DatabaseError as error: print(error)\n"
        )
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        ran = subprocess.run(
            [sys.executable, "-c", script.replace(", models.store.migrations", "")],
            capture_output=True, text=True, env=environment, check=False, timeout=60,
        )  # fmt: skip
    assert re.search(r"culture\.db: can't be written \(.*check the folder's permissions", ran.stdout), ran.stderr


def test_a_disk_that_fills_up_while_it_works(sqlite: Database) -> None:
    @event.listens_for(sqlite.engine, "connect")
    def little_room(connection: sqlite3.Connection, record: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")

    sqlite.engine.dispose()
    with pytest.raises(OperationalError) as caught, sqlite.write() as session:
        session.connection().exec_driver_sql("CREATE TABLE much AS SELECT randomblob(100000)")
    assert "the disk is full" in explain_error(caught.value)
    assert "make room and run again, nothing is lost" in explain_error(caught.value)


def test_a_row_that_is_there_already_is_not_laid_to_the_server(database: Database) -> None:
    with database.write() as session:
        session.connection().exec_driver_sql("CREATE TABLE once (id INTEGER PRIMARY KEY)")
        session.connection().exec_driver_sql("INSERT INTO once VALUES (1)")
    with pytest.raises(IntegrityError) as caught, database.write() as session:
        session.connection().exec_driver_sql("INSERT INTO once VALUES (1)")
    said = explain_error(caught.value)
    assert ("refused a row" in said, "run again" in said, "server runs" in said) == (True, True, False)
