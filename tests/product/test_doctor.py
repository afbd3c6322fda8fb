"""`culture-monitor doctor` names what is wrong, and how to mend it; it finds nothing wrong in a fresh folder."""

import json
import os
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployments.cli import app
from deployments.doctor import Finding, Health, examine
from models.settings import load_settings
from models.store.database import open_database

THINGS = [
    "settings",
    "data folder",
    "files",
    "disk",
    "sources",
    "themes",
    "database",
    "model",
    "what is missed",
    "email",
    "recipients",
    "channels",
    "Prefect",
]


def found(**given: object) -> dict[str, Finding]:
    return {finding.what: finding for finding in examine(load_settings(**given))}


def test_a_fresh_folder_has_nothing_wrong_and_each_note_says_what_to_do(tmp_path: Path) -> None:
    findings = found(data=tmp_path / "data")
    assert list(findings) == THINGS
    assert not [one for one in findings.values() if one.health is Health.WRONG]
    assert all(one.mend for one in findings.values() if one.health is not Health.FINE)
    assert not (tmp_path / "data").exists()  # looking makes nothing


def test_a_database_in_use_is_fine(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path)
    open_database(settings.database_address).close()
    assert found(data=tmp_path)["database"].health is Health.FINE


def test_what_is_wrong_is_named_with_its_mend(tmp_path: Path) -> None:
    (tmp_path / "culture.db").write_bytes(b"this is no database at all" * 100)
    (tmp_path / "bad.toml").write_text('[[source]]\nid = "a"\nurl = "ftp://x"\n', encoding="utf-8")
    findings = found(data=tmp_path, sources=tmp_path / "bad.toml", smtp_url="smtp://127.0.0.1:9")
    for what, words in (("database", "damaged"), ("sources", "bad.toml: source 1 (a): url"), ("email", "127.0.0.1:9")):
        assert findings[what].health is Health.WRONG
        assert words in findings[what].words
        assert findings[what].mend
    assert findings["themes"].health is Health.FINE  # one wrong thing does not hide the others


def test_a_foreign_database_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "culture.db") as other:
        other.execute("CREATE TABLE photos (id)")
    finding = found(data=tmp_path)["database"]
    assert finding.health is Health.WRONG
    assert "something else" in finding.words


def test_the_password_of_the_mail_server_is_not_shown(tmp_path: Path) -> None:
    findings = found(data=tmp_path, smtp_url="smtp://me:canary@127.0.0.1:9")
    assert "canary" not in repr(findings)


def test_a_prefect_api_that_does_not_answer_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    finding = found(data=tmp_path)["Prefect"]
    assert finding.health is Health.WRONG
    assert "http://127.0.0.1:9/api" in finding.words


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_wrong(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert found(data=tmp_path / "data")["data folder"].health is Health.WRONG


def test_the_command_ends_with_1_where_something_is_wrong_and_speaks_to_machines(tmp_path: Path) -> None:
    (tmp_path / "culture.db").write_bytes(b"this is no database at all" * 100)
    ran = CliRunner().invoke(app, ["doctor", "--data", str(tmp_path), "--json"])
    assert ran.exit_code == 1
    assert [one["what"] for one in json.loads(ran.stdout)] == THINGS
    fine = CliRunner().invoke(app, ["doctor", "--data", str(tmp_path / "new")])
    assert fine.exit_code == 0
    assert "Nothing is wrong." in fine.stdout
