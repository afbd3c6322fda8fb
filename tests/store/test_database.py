"""The store: both kinds of database take the same schema, keep aware times, and refuse what is not theirs."""

import sqlite3
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlmodel import select

from models.store.database import Database, open_database
from models.store.database_address import DatabaseError
from models.store.tables import Article, Story, Tag
from tests.store.test_migrations import differences


def article(now: datetime, url: str = "https://example.org/a") -> Article:
    return Article(url=url, source="s", first_seen_at=now, text_status="full", outcome="new")


def test_the_migrations_make_exactly_the_tables_of_the_code(database: Database) -> None:
    with database.engine.connect() as connection:
        assert differences(connection) == []


CONTRACT = {
    "source_state": {"etag", "last_modified", "next_poll_at", "failures", "last_success_at", "last_new_at"},
    "fetch_event": {"source", "url", "started_at", "status", "bytes", "seconds", "outcome", "detail"},
    "article": {"url", "source", "title", "author", "published_at", "first_seen_at", "language", "text", "text_status"}
    | {"words", "in_scope", "story_id"},
    "story": {"lead_article_id", "first_seen_at", "outlets"},
    "tag": {"article_id", "theme", "score", "state", "evidence", "model_version"},
    "review": {"article_id", "theme", "verdict", "reviewer", "note", "at"},
    "model_version": {"trained_at", "training_hash", "code_version", "scores", "state"},
    "recipient": {"address", "name", "themes", "active", "token"},
    "edition": {"week", "html", "text", "counts"},
    "delivery": {"edition_id", "recipient_id", "state", "message_id", "sent_at", "error"},
}


def test_tables_and_columns_keep_the_names_that_people_query(database: Database) -> None:
    found = inspect(database.engine)
    for table, columns in CONTRACT.items():
        assert columns <= {column["name"] for column in found.get_columns(table)}, table


def test_times_come_back_aware_and_in_utc(database: Database, now: datetime) -> None:
    elsewhere = now.astimezone(timezone(timedelta(hours=5)))
    with database.write() as session:
        session.add(article(elsewhere))
    with database.read() as session:
        stored = session.exec(select(Article)).one()
    assert stored.first_seen_at == now
    assert stored.first_seen_at.utcoffset() == timedelta(0)


def test_a_naive_time_is_refused(database: Database, now: datetime) -> None:
    with pytest.raises(StatementError, match="naive time"), database.write() as session:
        session.add(article(now.replace(tzinfo=None)))


def test_an_error_leaves_nothing_half_written(database: Database, now: datetime) -> None:
    def fail_half_way() -> None:
        with database.write() as session:
            session.add(Story(first_seen_at=now))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    with database.read() as session:
        assert session.exec(select(Story)).all() == []


def test_addresses_are_unique_and_references_are_kept(database: Database, now: datetime) -> None:
    with database.write() as session:
        session.add(article(now))
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(article(now))
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(Tag(article_id=999, theme="workforce", score=1, state="yes", model_version="m"))


def test_writers_wait_for_each_other(database: Database, now: datetime) -> None:
    def add(number: int) -> None:
        for turn in range(10):
            with database.write() as session:
                known = session.exec(select(Story)).all()
                session.add(Story(first_seen_at=now + timedelta(seconds=len(known) + number + turn)))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as session:
        assert len(session.exec(select(Story)).all()) == 40


def test_opening_again_keeps_what_is_there(database_address: str, now: datetime) -> None:
    with open_database(database_address) as first, first.write() as session:
        session.add(article(now))
    with open_database(database_address) as again, again.read() as session:
        assert len(session.exec(select(Article)).all()) == 1


def test_sqlite_runs_in_wal_mode_with_foreign_keys_and_a_busy_timeout(sqlite: Database) -> None:
    with sqlite.engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
        assert (connection.execute(text("PRAGMA busy_timeout")).scalar() or 0) >= 5000


def test_a_database_that_another_makes_at_the_same_moment_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "culture.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    later = threading.Timer(0.4, lambda: other.execute("COMMIT"))
    later.start()
    open_database(f"sqlite:///{path}").close()
    later.join()
    other.close()


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE invoices (id INTEGER)")
    before = file.read_bytes()
    with pytest.raises(DatabaseError, match=r"other\.db: is a database of something else"):
        open_database(f"sqlite:///{file}")
    assert file.read_bytes()[:100][:16] == before[:16]
    with sqlite3.connect(file) as other:
        assert [row[0] for row in other.execute("SELECT name FROM sqlite_master")] == ["invoices"]


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "culture.db"
    file.write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(DatabaseError, match=r"culture\.db: is damaged or not a database"):
        open_database(f"sqlite:///{file}")


def test_a_newer_schema_is_refused(database_address: str) -> None:
    with open_database(database_address) as opened, opened.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseError, match=r"newer version of the monitor \(schema 9999\)"):
        open_database(database_address)


def test_an_unknown_kind_of_database_is_refused() -> None:
    with pytest.raises(DatabaseError, match="mysql is not supported"):
        open_database("mysql://user:canary@host/name")
    with pytest.raises(DatabaseError, match="is not a database address"):
        open_database("not an address")
