"""Backups: made while others write, whole or not at all; what is no backup is refused and nothing is touched."""

import os
import shlex
import sqlite3
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlmodel import select

from models.store import recipients
from models.store.backup import BackupError, back_up, restore
from models.store.database import REVISIONS, Database, open_database
from models.store.database_address import DatabaseError
from models.store.tables import Article, Story
from tests.product.test_commands import command
from tests.store.test_migrations import upgrade
from tests.support.postgres import Postgres


def add_articles(database: Database, now: datetime, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        with database.write() as session:
            story = Story(first_seen_at=now, outlets=1)
            session.add(story)
            session.flush()
            url = f"https://example.org/{number}"
            session.add(
                Article(
                    url=url, source="s", title="T" * 500, first_seen_at=now, text_status="full", outcome="new",
                    story_id=story.id,
                )
            )  # fmt: skip


def urls(address: str) -> set[str]:
    with open_database(address) as database, database.read() as session:
        return set(session.exec(select(Article.url)))


def address_of(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


def test_a_backup_made_while_others_write_is_one_moment_of_the_database(tmp_path: Path, now: datetime) -> None:
    file = tmp_path / "monitor.backup"
    address, other = (f"sqlite:///{tmp_path / name / 'culture.db'}" for name in ("data", "other"))
    with open_database(address) as database:
        add_articles(database, now, 20)
        with database.write() as session:
            recipients.add("reader@r.example", now, name="Ann", session=session)
        stop = threading.Event()

        def keep_writing() -> None:
            number = 1000
            while not stop.is_set():
                add_articles(database, now, 1, start=number)
                number += 1

        writer = threading.Thread(target=keep_writing)
        writer.start()
        try:
            size = back_up(address, file)
        finally:
            stop.set()
            writer.join()
    assert size == file.stat().st_size
    restore(other, file)
    kept = urls(other)
    assert {f"https://example.org/{number}" for number in range(20)} <= kept <= urls(address)
    with open_database(other) as restored, restored.read() as session:
        assert session.execute(text("SELECT count(*) FROM story")).scalar() == len(kept)
        assert recipients.by_address("reader@r.example", session=session) is not None


def test_a_restored_database_is_used_on(tmp_path: Path, now: datetime) -> None:
    file = tmp_path / "monitor.backup"
    address, other = (f"sqlite:///{tmp_path / name / 'culture.db'}" for name in ("data", "other"))
    with open_database(address) as database:
        add_articles(database, now, 3)
        back_up(address, file)
    restore(other, file)
    with open_database(other) as restored:
        add_articles(restored, now, 2, start=100)  # the numbers of rows go on where they stood
    assert len(urls(other)) == 5


def test_what_is_there_is_replaced_only_on_demand(tmp_path: Path, now: datetime) -> None:
    file, address = tmp_path / "monitor.backup", f"sqlite:///{tmp_path / 'culture.db'}"
    with open_database(address) as database:
        add_articles(database, now, 2)
        back_up(address, file)
        add_articles(database, now, 2, start=10)
    with pytest.raises(BackupError, match=r"holds articles or recipients; --replace puts the backup there"):
        restore(address, file)
    assert len(urls(address)) == 4
    restore(address, file, replace=True)
    assert len(urls(address)) == 2


def test_only_its_owner_may_read_a_backup(sqlite: Database, tmp_path: Path) -> None:
    back_up(address_of(sqlite), tmp_path / "monitor.backup")
    assert stat.S_IMODE((tmp_path / "monitor.backup").stat().st_mode) == 0o600


def test_two_backups_to_one_file_at_once_are_both_made(sqlite: Database, tmp_path: Path, now: datetime) -> None:
    """All failed, with "disk I/O error" or "the copy is damaged", and none was there in the end."""
    add_articles(sqlite, now, 300)
    source, file = address_of(sqlite), tmp_path / "backups" / "monitor.backup"
    file.parent.mkdir()
    with ThreadPoolExecutor(3) as threads:
        sizes = list(threads.map(lambda _: back_up(source, file), range(3)))
    assert sizes == [file.stat().st_size] * 3
    assert list(file.parent.iterdir()) == [file]
    with closing(sqlite3.connect(file)) as made:
        assert made.execute("SELECT count(*) FROM article").fetchone() == (300,)


def test_an_earlier_backup_is_replaced_and_other_files_are_not(sqlite: Database, tmp_path: Path) -> None:
    file, letter = tmp_path / "monitor.backup", tmp_path / "letter.txt"
    back_up(address_of(sqlite), file)
    back_up(address_of(sqlite), file)
    letter.write_text("Dear Sir or Madam")
    with pytest.raises(BackupError, match=r"letter\.txt: is there already and is not a backup"):
        back_up(address_of(sqlite), letter)
    assert letter.read_text() == "Dear Sir or Madam"
    with pytest.raises(BackupError, match="is the database itself"):
        back_up(address_of(sqlite), tmp_path / "culture.db")
    with pytest.raises(BackupError, match="is a folder"):
        back_up(address_of(sqlite), tmp_path)
    with pytest.raises(BackupError, match="no such folder"):
        back_up(address_of(sqlite), tmp_path / "nowhere" / "x")


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX systems")
def test_a_full_disk_leaves_the_earlier_backup(sqlite: Database, tmp_path: Path, now: datetime) -> None:
    file = tmp_path / "monitor.backup"
    back_up(address_of(sqlite), file)
    before = file.read_bytes()
    add_articles(sqlite, now, 50)
    sqlite.close()
    code = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); "
    code += "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); from deployments.cli import main; main(sys.argv[1:])"
    words = [sys.executable, "-c", code, "backup", str(file), "--data", str(tmp_path)]
    ran = subprocess.run(
        words, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}, capture_output=True, text=True
    )
    assert ran.returncode == 2, ran.stderr
    assert "the backup can't be written" in ran.stderr
    assert file.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir() if "part" in found.name] == []


def test_a_damaged_database_is_moved_aside_and_replaced(sqlite: Database, tmp_path: Path, now: datetime) -> None:
    file, target = tmp_path / "monitor.backup", tmp_path / "data" / "culture.db"
    add_articles(sqlite, now, 2)
    back_up(address_of(sqlite), file)
    target.parent.mkdir()
    target.write_bytes(b"lightning struck here" * 100)
    with pytest.raises(DatabaseError, match="is damaged"):
        restore(f"sqlite:///{target}", file)
    restore(f"sqlite:///{target}", file, replace=True)
    assert len(urls(f"sqlite:///{target}")) == 2
    assert (target.parent / "culture.db.damaged-1").read_bytes().startswith(b"lightning")


def test_a_backup_does_not_bring_the_schema_up_to_date(tmp_path: Path) -> None:
    data = tmp_path / "data" / "culture.db"
    data.parent.mkdir()
    earlier = create_engine(f"sqlite:///{data}")
    upgrade(earlier, "0001")
    earlier.dispose()
    before = data.read_bytes()
    ran = command(tmp_path, "backup", "monitor.backup")
    assert ran.returncode == 0, ran.stderr
    for file in (data, tmp_path / "monitor.backup"):
        assert revision(file) == "0001"
    assert data.read_bytes() == before
    assert sorted(found.name for found in data.parent.iterdir()) == ["culture.db"]
    ran = command(tmp_path, "restore", "monitor.backup", "--data", "other")
    assert ran.returncode == 0, ran.stderr
    assert revision(tmp_path / "other" / "culture.db") == REVISIONS[-1]


def test_where_nothing_is_stored_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    ran = command(tmp_path, "backup", "monitor.backup")
    assert ran.returncode == 2
    assert "nothing is stored yet" in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_was_erased_is_not_in_a_backup(sqlite: Database, tmp_path: Path, now: datetime) -> None:
    with sqlite.write() as session:
        recipients.add("reader@r.example", now, name="Ann", session=session)
    with sqlite.write() as session:
        session.execute(text("DELETE FROM recipient"))
    back_up(address_of(sqlite), tmp_path / "monitor.backup")
    assert b"reader@r.example" not in (tmp_path / "monitor.backup").read_bytes()


def test_of_postgresql_the_lines_that_are_told_back_up_and_restore(
    postgres: Postgres, tmp_path: Path, now: datetime
) -> None:
    with postgres.new_database() as address, postgres.new_database() as other:
        with open_database(address) as database:
            add_articles(database, now, 3)
        told = command(tmp_path, "backup", "monitor.backup", CULTURE_DATABASE_URL=with_password(address))
        assert told.returncode == 2
        assert "canary" not in told.stderr
        dump = [line.strip() for line in told.stderr.splitlines() if line.strip().startswith("pg_dump ")]
        subprocess.run(shlex.split(dump[0]), cwd=tmp_path, check=True, capture_output=True)
        with open_database(other) as database:
            add_articles(database, now, 2, start=100)  # of which nothing stays
        told = command(tmp_path, "restore", "monitor.backup", CULTURE_DATABASE_URL=with_password(other))
        assert told.returncode == 2
        assert "canary" not in told.stderr
        lines = [line.strip() for line in told.stderr.splitlines() if line.startswith("  ")]
        assert [line.split()[0] for line in lines] == ["pg_restore", "culture-monitor"]
        subprocess.run(shlex.split(lines[0]), cwd=tmp_path, check=True, capture_output=True)
        ran = command(tmp_path, *shlex.split(lines[1])[1:], CULTURE_DATABASE_URL=other)
        assert ran.returncode == 0, ran.stderr
        assert urls(other) == urls(address)


def with_password(address: str) -> str:
    return address.replace("postgres@", "postgres:canary@")


def revision(file: Path) -> str:
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True)) as link:
        return str(link.execute("SELECT version_num FROM alembic_version").fetchone()[0])
