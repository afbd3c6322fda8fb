"""Commands that read change nothing: no byte of the database, no model, no file beside them; an older schema is named."""

import hashlib
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from models.store import database as store
from models.store.database import DatabaseMissingError, open_database, open_to_read
from models.store.database_address import DatabaseError
from models.store.tables import HostState
from tests.product.test_commands import command
from tests.store.test_migrations import upgrade
from tests.support.fakes_decisions import Installation

READERS = (
    ("explain", "1"),
    ("evaluate", "labelled.jsonl"),
    ("compare", "bulletin.txt"),
    ("doctor",),
    ("export",),
    ("model", "list"),
    ("sources", "list"),
    ("recipients", "list"),
    ("recipients", "show", "a@example.org"),
    ("recipients", "export", "a@example.org"),
    ("review", "queue"),
    ("organisations", "show", "care-quality-commission"),
)
NEEDS_WHAT_IS_STORED = {("explain", "1"), ("recipients", "show"), ("recipients", "export")}
CACHE = "cache"  # what `evaluate` fits for itself where there is no model


def content(folder: Path) -> dict[str, str]:
    """Every file below a folder with the hash of its bytes; but for the cache, which is nobody's store."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.relative_to(folder).parts[:2] != ("data", CACHE)
    }


@pytest.fixture
def labelled(tmp_path: Path) -> None:
    rows = [
        {"text": "The chair of the NHS trust resigned over bullying.", "in_scope": True, "themes": ["workforce"]},
        {"text": "It rained all day on the golf course.", "in_scope": False, "themes": []},
    ]
    (tmp_path / "bulletin.txt").write_text("https://a.example/news/1", encoding="utf-8")
    (tmp_path / "labelled.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


@pytest.mark.parametrize("words", READERS, ids=" ".join)
@pytest.mark.usefixtures("labelled")
def test_in_a_folder_in_use(installation: Installation, words: tuple[str, ...]) -> None:
    folder = installation.folder.parent
    command(folder, "recipients", "add", "a@example.org", "--theme", "workforce")
    before = content(folder)
    ran = command(folder, *words, CULTURE_ENCODER="auto")
    assert ran.returncode == 0, ran.stderr
    assert content(folder) == before


@pytest.mark.parametrize("words", READERS, ids=" ".join)
@pytest.mark.usefixtures("labelled")
def test_in_an_empty_folder(tmp_path: Path, words: tuple[str, ...]) -> None:
    before = content(tmp_path)
    ran = command(tmp_path, *words)
    assert ran.returncode == (2 if words[:2] in NEEDS_WHAT_IS_STORED else 0), ran.stdout + ran.stderr
    if words[0] not in {"doctor", "sources"}:
        assert "nothing is stored yet; `culture-monitor run` does" in " ".join(ran.stderr.split())
    assert content(tmp_path) == before


@pytest.mark.parametrize("words", READERS, ids=" ".join)
@pytest.mark.usefixtures("labelled")
def test_with_the_schema_of_the_first_release(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "data").mkdir()
    engine = store._engine(f"sqlite:///{tmp_path / 'data' / 'culture.db'}")
    upgrade(engine, "0001")
    engine.dispose()
    before = content(tmp_path)
    ran = command(tmp_path, *words)
    assert content(tmp_path) == before
    if words[0] == "sources":
        return
    assert ran.returncode == (1 if words[0] == "doctor" else 2)
    assert "culture-monitor upkeep" in ran.stdout + ran.stderr
    done = command(tmp_path, "upkeep")
    assert done.returncode == 0, done.stderr
    assert "culture-monitor upkeep" not in command(tmp_path, *words).stderr


@pytest.mark.usefixtures("labelled")
def test_evaluate_measures_the_shipped_model_apart_and_then_the_champion(
    tmp_path: Path, installation: Installation
) -> None:
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    first = command(fresh, "evaluate", "../labelled.jsonl")
    assert first.returncode == 0, first.stderr
    assert "the shipped one" in first.stderr
    assert {file.name for file in (fresh / "data").iterdir()} == {CACHE}
    again = command(fresh, "evaluate", "../labelled.jsonl", "--json")
    assert again.returncode == 0
    assert "trained now" not in again.stderr
    ours = command(tmp_path, "evaluate", "labelled.jsonl")
    assert installation.champion().version in ours.stdout
    assert "the shipped one" not in ours.stderr
    assert not (installation.folder / CACHE).exists()


def test_explain_says_what_to_run_where_the_champion_cannot_be_used(installation: Installation) -> None:
    folder = installation.folder.parent
    shutil.rmtree(installation.settings.models_folder)
    before = content(folder)
    ran = command(folder, "explain", "1")
    assert ran.returncode == 2
    assert "its file is gone" in ran.stderr
    assert "culture-monitor model train" in ran.stderr
    assert content(folder) == before
    assert command(folder, "model", "train").returncode == 0
    assert command(folder, "explain", "1").returncode == 0


def test_explain_explains_what_tags_after_an_upgrade(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.tagging import thresholds

    monkeypatch.setattr(thresholds, "PRECISION", 0.7)
    champion = installation.champion().version
    ran = command(installation.folder.parent, "explain", "1", "--json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["model_version"] == champion == installation.champion().version
    assert "another build" in ran.stderr


def test_a_reader_reads_what_a_writer_has_just_written_and_writes_nothing(database_address: str) -> None:
    with open_database(database_address) as writer, open_to_read(database_address) as reader:
        with writer.write() as session:
            session.add(HostState(host="a.example"))
        with reader.read() as session:
            assert session.execute(text("SELECT host FROM host_state")).scalar() == "a.example"
        with pytest.raises(DBAPIError, match=r"readonly|read-only"), reader.write() as session:
            session.execute(text("DELETE FROM article"))


def test_a_database_that_nothing_was_stored_in_is_not_made(database_address: str) -> None:
    with pytest.raises(DatabaseMissingError, match="nothing is stored yet"):
        open_to_read(database_address)
    engine = create_engine(database_address)
    with engine.connect() as connection:
        assert engine.dialect.get_table_names(connection) == []
    engine.dispose()


def test_a_newer_schema_is_not_read(database_address: str) -> None:
    with open_database(database_address) as opened, opened.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseError, match=r"newer version of the monitor \(schema 9999\)"):
        open_to_read(database_address)


def test_what_lies_in_the_log_of_a_killed_writer_is_read_and_left_there(tmp_path: Path) -> None:
    file = tmp_path / "live.db"
    open_database(f"sqlite:///{file}").close()
    writer = sqlite3.connect(file)
    writer.execute("PRAGMA wal_autocheckpoint = 0")
    writer.execute("INSERT INTO host_state (host) VALUES ('a.example')")
    writer.commit()
    copy = tmp_path / "data" / "culture.db"
    copy.parent.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(f"{file}{suffix}", f"{copy}{suffix}")  # as a kill leaves it
    writer.close()
    before = copy.read_bytes(), Path(f"{copy}-wal").read_bytes()
    with open_to_read(f"sqlite:///{copy}") as reader, reader.read() as session:
        assert session.execute(text("SELECT host FROM host_state")).scalar() == "a.example"
    assert (copy.read_bytes(), Path(f"{copy}-wal").read_bytes()) == before
