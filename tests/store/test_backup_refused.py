"""What is no backup of the monitor's is refused by name, and what is there stays."""

import multiprocessing
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from models.store.backup import BackupError, back_up, restore
from models.store.database import Database, open_database
from tests.store.test_backup import add_articles, address_of, urls

FOREIGN = {
    "trigger": "CREATE TRIGGER more AFTER INSERT ON recipient BEGIN DELETE FROM review; END",
    "a trigger of ours, changed": "DROP TRIGGER search_tag_delete; "
    "CREATE TRIGGER search_tag_delete AFTER DELETE ON tag BEGIN DELETE FROM review; END",
    "view": "DROP TABLE host_state; CREATE VIEW host_state AS SELECT address AS host FROM recipient",
    "table": "CREATE TABLE more (x)",
    "virtual table": "CREATE VIRTUAL TABLE more USING fts5(x)",
    "table that is missing": "DROP TABLE host_state",
    "index": "CREATE INDEX more ON article (url)",
    "index that computes": "CREATE INDEX more ON article (hex(url))",
    "index of ours, changed": "DROP INDEX ix_article_source; CREATE INDEX ix_article_source ON article (hex(url))",
    "column": "ALTER TABLE host_state ADD COLUMN more TEXT",
    "column that computes": "ALTER TABLE host_state ADD COLUMN more TEXT GENERATED ALWAYS AS (hex(zeroblob(99))) VIRTUAL",
    "default that computes": "ALTER TABLE host_state ADD COLUMN more TEXT DEFAULT (hex(1))",
    "check": "CREATE TABLE other AS SELECT * FROM host_state; PRAGMA writable_schema = 1; UPDATE sqlite_master SET sql = "
    "substr(sql, 1, length(sql) - 1) || ', CHECK (0))' WHERE name = 'host_state'; DROP TABLE other",
}


@pytest.mark.parametrize("what", FOREIGN)
def test_a_backup_with_what_the_monitor_never_made_is_refused(tmp_path: Path, now: datetime, what: str) -> None:
    file, address = tmp_path / "monitor.backup", f"sqlite:///{tmp_path / 'culture.db'}"
    with open_database(address) as database:
        back_up(address, file)
        add_articles(database, now, 2)
    with closing(sqlite3.connect(file)) as backup:
        backup.executescript(FOREIGN[what])
    with pytest.raises(
        BackupError, match=r"(more|search_tag_delete|host_state|ix_article_source).*; nothing was changed"
    ):
        restore(address, file, replace=True)
    assert len(urls(address)) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a backup; name a file made by"),
        (b"Dear Sir or Madam", "is not a backup; name a file made by"),
        (b"SQLite format 3\0" + b"\0" * 4000, "is damaged"),
        (b"PGDMP\0\0", "is not a backup; name a file made by"),
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


ENDLESS = "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"


@pytest.mark.parametrize(
    "statements",
    [
        f"ALTER TABLE alembic_version RENAME TO more; CREATE VIEW alembic_version AS {ENDLESS} SELECT max(x) AS version_num FROM c",
        f"ALTER TABLE edition RENAME TO more; CREATE VIEW edition AS {ENDLESS} SELECT x FROM c WHERE x < 0",
    ],
)
def test_an_endless_view_under_the_name_of_a_table_is_not_asked(tmp_path: Path, statements: str) -> None:
    file, address = tmp_path / "monitor.backup", f"sqlite:///{tmp_path / 'culture.db'}"
    with open_database(address):
        back_up(address, file)
    with closing(sqlite3.connect(file)) as backup:
        backup.executescript(statements)
    process = multiprocessing.get_context("fork").Process(target=_refused, args=(address, file))
    process.start()
    process.join(20)
    process.kill()
    process.join()
    assert process.exitcode == 0


def _refused(address: str, file: Path) -> None:
    with pytest.raises(BackupError, match="is not a backup of the monitor"):
        restore(address, file, replace=True)


def test_a_schema_of_any_length_is_told_on_one_short_line(tmp_path: Path) -> None:
    file, address = tmp_path / "monitor.backup", f"sqlite:///{tmp_path / 'culture.db'}"
    with open_database(address):
        back_up(address, file)
    with closing(sqlite3.connect(file)) as backup:
        backup.executescript("UPDATE alembic_version SET version_num = '9999' || char(10) || hex(zeroblob(5000000))")
    with pytest.raises(BackupError, match=r"newer version of the monitor \(schema 9999") as refused:
        restore(address, file, replace=True)
    assert len(str(refused.value)) < 500
    assert "\n" not in str(refused.value)


def test_a_half_file_and_a_foreign_or_newer_database_are_refused(
    sqlite: Database, tmp_path: Path, now: datetime
) -> None:
    address = f"sqlite:///{tmp_path / 'data' / 'culture.db'}"
    file = tmp_path / "monitor.backup"
    add_articles(sqlite, now, 100)
    back_up(address_of(sqlite), file)
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
