"""Schemas: every released one is brought forward with its data; two at once migrate once; a killed one starts over."""

import json
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    JSON,
    Connection,
    DateTime,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    create_engine,
    insert,
    select,
)
from sqlalchemy.types import Boolean, Float
from sqlmodel import SQLModel

from models.store import database as store
from models.store.database import known_revisions, open_database
from models.store.database_address import DatabaseError
from tests.product.test_commands import command as run_command

SCRIPTS = ScriptDirectory.from_config(store.alembic_config())
REVISIONS = [revision.revision for revision in SCRIPTS.walk_revisions()][::-1]
INDEX = "search_index"  # with the tables that SQLite keeps it in: no part of the metadata, and filled by triggers
MOMENT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def upgrade(engine: Engine, revision: str) -> None:
    config = store.alembic_config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()


def fill(engine: Engine) -> dict[str, dict[str, Any]]:
    """One row in each table of the schema that is there, whatever its columns are; {table: row}."""
    metadata = MetaData()
    metadata.reflect(engine)
    rows: dict[str, dict[str, Any]] = {}
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            if table.name != "alembic_version" and not table.name.startswith(INDEX):
                rows[table.name] = {column.name: value_of(column) for column in table.columns}
                connection.execute(insert(table), rows[table.name])
    return rows


def value_of(column: Any) -> Any:
    kind = column.type
    if isinstance(kind, Boolean):
        return True
    if isinstance(kind, Integer):
        return 1  # keys and references agree
    if isinstance(kind, Float):
        return 0.5
    if isinstance(kind, DateTime):
        return MOMENT if kind.timezone else MOMENT.replace(tzinfo=None)
    if isinstance(kind, JSON):
        return {"a": ["b", 1, "é"]}
    if isinstance(kind, LargeBinary):
        return b"\0\xff"
    return f"{column.name} é ’ \U0001f469"


def differences(connection: Connection) -> list[Any]:
    """Where the schema is not what the tables' classes say."""
    options = {
        "compare_type": True,
        "include_object": lambda _o, name, _kind, _r, _c: not (name or "").startswith((INDEX, f"ix_{INDEX}")),
    }
    found: list[Any] = compare_metadata(MigrationContext.configure(connection, opts=options), SQLModel.metadata)
    return found


def rows_in(engine: Engine, tables: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The row of each of these tables, of the columns that are still there."""
    metadata = MetaData()
    metadata.reflect(engine)
    found: dict[str, dict[str, Any]] = {}
    with engine.connect() as connection:
        for name in tables.keys() & metadata.tables.keys():
            table: Table = metadata.tables[name]
            found[name] = dict(connection.execute(select(table)).mappings().one())
    return found


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_schema_comes_forward_with_its_data(database_address: str, revision: str) -> None:
    engine = create_engine(database_address)
    upgrade(engine, revision)
    before = fill(engine)
    engine.dispose()
    with open_database(database_address) as opened:
        with opened.engine.connect() as connection:
            assert differences(connection) == []
        after = rows_in(opened.engine, before)
    engine.dispose()
    assert len(after) == len(before)
    for table, row in before.items():
        kept = {name: plain(value) for name, value in after[table].items() if name in row}
        assert kept == {name: plain(row[name]) for name in kept}
        assert len(kept) > len(row) * 0.6


def plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    return bytes(value) if isinstance(value, memoryview) else value


def test_the_revisions_stand_in_one_line_and_are_all_known() -> None:
    assert len(SCRIPTS.get_heads()) == 1
    assert known_revisions() == set(REVISIONS)
    parents = [SCRIPTS.get_revision(revision).down_revision for revision in REVISIONS]
    assert parents == [None, *REVISIONS[:-1]]


def test_several_programs_that_start_at_once_migrate_once(database_address: str) -> None:
    errors: list[BaseException] = []

    def open_it() -> None:
        try:
            open_database(database_address).close()
        except BaseException as error:  # noqa: BLE001 - shown below
            errors.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


@pytest.mark.parametrize("statement", [1, 3, 10, 20])
def test_a_migration_that_is_killed_starts_over(database_address: str, statement: int) -> None:
    script = (
        "import sys\n"
        "from tests.faults.points import KillPoint, arm\n"
        "from models.store.database import open_database\n"
        "import os; os.setsid()\n"
        "arm(KillPoint('statement', int(sys.argv[2]))); open_database(sys.argv[1])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, database_address, str(statement)],
        cwd=Path(__file__).parents[2],
        check=False,
        timeout=120,
    )
    assert ended.returncode == -9
    with open_database(database_address) as opened, opened.engine.connect() as connection:
        assert differences(connection) == []


def test_a_newer_schema_and_a_foreign_one_are_left_as_they_are(database_address: str) -> None:
    engine = create_engine(database_address)
    with open_database(database_address):
        pass
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        connection.exec_driver_sql("ALTER TABLE article ADD COLUMN of_the_future INTEGER")
    with pytest.raises(DatabaseError, match=r"newer version of the monitor \(schema 9999\)"):
        open_database(database_address)
    metadata = MetaData()
    metadata.reflect(engine)
    assert "of_the_future" in metadata.tables["article"].columns
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
    with pytest.raises(DatabaseError, match="something else"):
        open_database(database_address)
    engine.dispose()


# An edition's content in the form of the first release.
CONTENT: dict[str, Any] = {
    "week": "2026-W47", "composed_at": "2026-11-23T07:00:00Z", "complete": True,
    "themes": [{"id": "speaking-up", "name": "Speaking up", "group": "finding", "number": None}],
    "stories": [{
        "id": 1, "title": "Nurses were told to keep quiet", "url": "https://a.example/1", "outlet": "S", "source": "s",
        "day": "2026-11-18", "day_is_published": True, "nation": "uk", "sector": "nhs", "paywalled": False, "basis": "text",
        "themes": [{"theme": "speaking-up", "score": 0.9, "quote": "", "cut": False, "by_person": False}], "copies": [],
        "outlets": 1, "rank": 2.9, "credit": "S", "late": False,
    }],
    "trends": [{"theme": "speaking-up", "counts": [None, 0, 1], "usual": [0, 1], "outlets": 1, "verdict": "usual", "chance": None}],
    "gaps": [], "articles": 14, "sources": 7, "sources_enabled": 57,
    "model": {"version": "v", "quality": "", "mixed": False}, "selection": {"themes": [], "nations": [], "sectors": []},
}  # fmt: skip
# What the first release left behind: a run, a story with its tag, a review, a recipient, an edition that was sent.
FIRST_RELEASE = """
INSERT INTO run (id, flow, started_at, finished_at, entries, outcomes)
    VALUES (1, 'monitor', '2026-11-18 08:00', '2026-11-18 08:01', 1, '{"s": {"new": 1}}');
INSERT INTO story (id, lead_article_id, first_seen_at, outlets) VALUES (1, 1, '2026-11-18 08:00', 1);
INSERT INTO article (id, url, source, outlet, title, summary, published_at, first_seen_at, text_status, words, paywalled,
    attempts, outcome, in_scope, scope_state, story_id)
    VALUES (1, 'https://a.example/1', 's', '', 'Nurses were told to keep quiet', '', '2026-11-18 07:00', '2026-11-18 08:00',
    'full', 300, 0, 1, 'new', 0.9, 'yes', 1);
INSERT INTO tag (article_id, theme, score, state, evidence, terms, model_version)
    VALUES (1, 'speaking-up', 0.9, 'yes', 'Nurses were told to keep quiet.', '[]', 'v');
INSERT INTO review (article_id, theme, verdict, reviewer, note, at)
    VALUES (1, 'workforce', 1, 'Ada', 'short of staff', '2026-11-19 09:00');
INSERT INTO recipient (id, address, name, themes, nations, sectors, send_empty, active, token, joined_at)
    VALUES (1, 'chair@example.org', 'Chair', '["speaking-up"]', '[]', '[]', 0, 1, 'token', '2026-11-01');
INSERT INTO edition (id, week, composed_at, subject, html, text, content, counts, sealed)
    VALUES (1, '2026-W47', '2026-11-23 07:00', 'Sent on Monday', '<p>', 'text', 'CONTENT', '{}', 1);
INSERT INTO delivery (id, edition_id, recipient_id, state, message_id, attempts, updated_at, sent_at)
    VALUES (1, 1, 1, 'sent', '<1@m>', 1, '2026-11-23 07:01', '2026-11-23 07:01');
"""


def test_a_data_folder_of_the_first_release_goes_on(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    engine = store._engine(f"sqlite:///{tmp_path / 'data' / 'culture.db'}")
    upgrade(engine, "0001")
    engine.dispose()
    with sqlite3.connect(tmp_path / "data" / "culture.db") as database:
        database.executescript(FIRST_RELEASE.replace("CONTENT", json.dumps(CONTENT)))
    refused = run_command(tmp_path, "recipients", "list")
    assert "culture-monitor upkeep" in " ".join(refused.stderr.split())  # what only reads changes nothing
    assert run_command(tmp_path, "upkeep").returncode == 0
    (person,) = json.loads(run_command(tmp_path, "recipients", "list", "--json").stdout)
    assert (person["address"], person["themes"], person["active"]) == ("chair@example.org", ["speaking-up"], True)
    told = run_command(tmp_path, "export", "--week", "2026-W47", "--format", "json")
    (story,) = json.loads(told.stdout)["stories"]
    assert {theme["theme"]: theme["by_person"] for theme in story["themes"]} == {
        "speaking-up": False,
        "workforce": True,
    }
    assert run_command(tmp_path, "review", "add", "1", "--theme", "appraisal", "--reviewer", "Ada").returncode == 0
    # What was sent is sent to nobody again, and stays as it was.
    again = json.loads(run_command(tmp_path, "digest", "--week", "2026-W47", "--json").stdout)
    assert again["subject"] == "Sent on Monday"  # as it went out
    with sqlite3.connect(tmp_path / "data" / "culture.db") as database:
        assert database.execute("SELECT state, attempts FROM delivery").fetchall() == [("sent", 1)]
        assert database.execute("SELECT html, text FROM edition").fetchall() == [("<p>", "text")]
        assert database.execute("SELECT count(*) FROM review").fetchone() == (2,)
        assert database.execute("SELECT entries FROM run WHERE id = 1").fetchone() == (1,)
