"""Backups: made while others write, whole or not at all; what is no backup is refused and nothing is touched."""

import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import select

from models.store import backup, recipients
from models.store.backup import BackupError, back_up, restore
from models.store.database import Database, DatabaseError, open_database
from models.store.tables import Article, Story


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


@pytest.fixture
def another_address(database_address: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of the same kind."""
    if database_address.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'other' / 'culture.db'}"
        return
    with request.getfixturevalue("postgres").new_database() as address:
        yield address


def test_a_backup_made_while_others_write_is_one_moment_of_the_database(
    database_address: str, another_address: str, tmp_path: Path, now: datetime
) -> None:
    file = tmp_path / "monitor.backup"
    with open_database(database_address) as database:
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
            size = back_up(database, file)
        finally:
            stop.set()
            writer.join()
    assert size == file.stat().st_size
    restore(another_address, file)
    kept = urls(another_address)
    assert {f"https://example.org/{number}" for number in range(20)} <= kept <= urls(database_address)
    with open_database(another_address) as restored, restored.read() as session:
        assert session.execute(text("SELECT count(*) FROM story")).scalar() == len(kept)
        assert recipients.by_address("reader@r.example", session=session) is not None


def test_a_restored_database_is_used_on(
    database_address: str, another_address: str, tmp_path: Path, now: datetime
) -> None:
    file = tmp_path / "monitor.backup"
    with open_database(database_address) as database:
        add_articles(database, now, 3)
        back_up(database, file)
    restore(another_address, file)
    with open_database(another_address) as restored:
        add_articles(restored, now, 2, start=100)  # the numbers of rows go on where they stood
    assert len(urls(another_address)) == 5


def test_what_is_there_is_replaced_only_on_demand(database_address: str, tmp_path: Path, now: datetime) -> None:
    file = tmp_path / "monitor.backup"
    with open_database(database_address) as database:
        add_articles(database, now, 2)
        back_up(database, file)
        add_articles(database, now, 2, start=10)
    with pytest.raises(BackupError, match=r"holds articles or recipients; --replace puts the backup there"):
        restore(database_address, file)
    assert len(urls(database_address)) == 4
    restore(database_address, file, replace=True)
    assert len(urls(database_address)) == 2


def test_only_its_owner_may_read_a_backup(database: Database, tmp_path: Path) -> None:
    back_up(database, tmp_path / "monitor.backup")
    assert stat.S_IMODE((tmp_path / "monitor.backup").stat().st_mode) == 0o600


def test_an_earlier_backup_is_replaced_and_other_files_are_not(sqlite: Database, tmp_path: Path) -> None:
    file, letter = tmp_path / "monitor.backup", tmp_path / "letter.txt"
    back_up(sqlite, file)
    back_up(sqlite, file)
    letter.write_text("Dear Sir or Madam")
    with pytest.raises(BackupError, match=r"letter\.txt: is there already and is not a backup"):
        back_up(sqlite, letter)
    assert letter.read_text() == "Dear Sir or Madam"
    with pytest.raises(BackupError, match="is the database itself"):
        back_up(sqlite, tmp_path / "culture.db")
    with pytest.raises(BackupError, match="is a folder"):
        back_up(sqlite, tmp_path)
    with pytest.raises(BackupError, match="no such folder"):
        back_up(sqlite, tmp_path / "nowhere" / "x")


def test_a_full_disk_leaves_the_earlier_backup(
    sqlite: Database, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "monitor.backup"
    back_up(sqlite, file)
    before = file.read_bytes()
    add_articles(sqlite, now, 5)

    def full(*arguments: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(backup, "_copy_sqlite", full)
    with pytest.raises(BackupError, match="disk is full"):
        back_up(sqlite, file)
    assert file.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir() if "part" in found.name] == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a backup; name a file made by"),
        (b"Dear Sir or Madam", "is not a backup; name a file made by"),
        (b"SQLite format 3\0" + b"\0" * 4000, "is damaged"),
        (b"PGDMP\0\0", "is a backup of PostgreSQL, and the database here is SQLite"),
    ],
)
def test_what_is_no_backup_is_refused_by_name(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "wrong.backup"
    file.write_bytes(content)
    with pytest.raises(BackupError, match=message):
        restore(f"sqlite:///{tmp_path / 'data' / 'culture.db'}", file, replace=True)
    assert not (tmp_path / "data").exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"nothing\.backup: can't be read \(No such file"):
        restore(f"sqlite:///{tmp_path / 'culture.db'}", tmp_path / "nothing.backup")


def test_a_half_file_and_a_foreign_or_newer_database_are_refused(
    sqlite: Database, tmp_path: Path, now: datetime
) -> None:
    address = f"sqlite:///{tmp_path / 'data' / 'culture.db'}"
    file = tmp_path / "monitor.backup"
    add_articles(sqlite, now, 100)
    back_up(sqlite, file)
    half = tmp_path / "half.backup"
    half.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(BackupError, match=r"half\.backup: is damaged"):
        restore(address, half)
    foreign = tmp_path / "invoices.db"
    with sqlite3.connect(foreign) as other:
        other.execute("CREATE TABLE invoice (id INTEGER)")
    other.close()
    with pytest.raises(BackupError, match=r"invoices\.db: is not a backup of the monitor"):
        restore(address, foreign)
    with sqlite3.connect(file) as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
    other.close()
    with pytest.raises(BackupError, match=r"newer version of the monitor \(schema 9999\)"):
        restore(address, file)
    assert not (tmp_path / "data" / "culture.db").exists()


def test_a_damaged_database_is_moved_aside_and_replaced(sqlite: Database, tmp_path: Path, now: datetime) -> None:
    file, target = tmp_path / "monitor.backup", tmp_path / "data" / "culture.db"
    add_articles(sqlite, now, 2)
    back_up(sqlite, file)
    target.parent.mkdir()
    target.write_bytes(b"lightning struck here" * 100)
    with pytest.raises(DatabaseError, match="is damaged"):
        restore(f"sqlite:///{target}", file)
    restore(f"sqlite:///{target}", file, replace=True)
    assert len(urls(f"sqlite:///{target}")) == 2
    assert (target.parent / "culture.db.damaged-1").read_bytes().startswith(b"lightning")


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX systems")
def test_postgresqls_programs_get_the_password_where_nobody_can_list_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    program = tmp_path / "bin" / "pg_dump"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" > {seen}\nenv >> {seen}.env\necho "connection refused" >&2\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    from sqlalchemy.engine import make_url

    url = make_url("postgresql+psycopg://user:canary-pass@db.example:5433/news")
    with pytest.raises(BackupError, match=r"pg_dump: connection refused; nothing was changed") as caught:
        backup._dump_postgresql(url, tmp_path / "part")
    assert "canary-pass" not in seen.read_text() + str(caught.value)
    assert "PGPASSWORD=canary-pass" in Path(f"{seen}.env").read_text()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupError, match="pg_dump is not installed; it comes with"):
        backup._dump_postgresql(url, tmp_path / "part")
