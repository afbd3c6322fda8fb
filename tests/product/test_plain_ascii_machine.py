"""Where the machine speaks plain ASCII, as cron jobs and containers often do, every command works and no letter is lost."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployments.cli import COMMANDS

PLAIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONWARNDEFAULTENCODING": "1"}
NAME, FOLDER = "Zoë Ó Briain", "données"


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: bytes
    err: str


def command(folder: Path, *words: str, **environment: str) -> Ran:
    """Run the command in another process, on a machine that speaks ASCII."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    ran = subprocess.run(
        [sys.executable, "-m", "deployments.cli", *words],
        cwd=folder, env={**clean, "CULTURE_ENCODER": "tfidf", **PLAIN, **environment}, capture_output=True, check=False,
        timeout=240,
    )  # fmt: skip
    err = ran.stderr.decode("utf-8", "replace")
    assert "Traceback" not in err, err
    own = [line for line in err.splitlines() if "EncodingWarning" in line and "site-packages" not in line]
    assert own == []  # a file is opened in the machine's encoding
    return Ran(ran.returncode, ran.stdout, err)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, small_seeds_folder: Path) -> Path:
    """Where the demo was run, in a data folder whose name is not ASCII."""
    place = tmp_path_factory.mktemp("plain")
    quickly = {"CULTURE_FRAMEWORK": str(small_seeds_folder)}  # what it learns from is not tested here
    assert command(place, "demo", "--data", FOLDER, **quickly).code == 0
    assert [path.name for path in place.iterdir()] == [FOLDER]
    return place


def test_a_name_is_stored_and_shown_as_it_was_typed(folder: Path) -> None:
    added = command(folder, "recipients", "add", "zoe@example.org", "--name", NAME, "--data", FOLDER)
    assert added.code == 0
    assert NAME in added.out.decode()
    listed = command(folder, "recipients", "list", "--data", FOLDER, "--json")
    assert json.loads(listed.out)[0]["name"] == NAME


@pytest.mark.parametrize(
    "words",
    [
        ("doctor",), ("review", "queue"), ("digest",), ("explain", "1"), ("export", "out.csv"), ("sources", "list"),
        ("model", "list"), ("organisations", "list"), ("recipients", "list"), ("upkeep",), ("edit",),
        ("backup", "é.db"), ("backfill", "--help"), ("evaluate", "none.jsonl"),
        ("compare", "none.html"), ("run", "--only", "nobody"), ("--version",),
        ("start", "--help"), ("web", "--help"), ("restore", "--help"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_command_speaks(folder: Path, words: tuple[str, ...]) -> None:
    ran = command(folder, *words, CULTURE_DATA=FOLDER)
    assert ran.code in {0, 2}
    assert ran.out + ran.err.encode()
    assert (ran.code == 2) == (words[-1] in {"nobody", "none.jsonl", "none.html"})


def test_no_command_is_left_out() -> None:
    marks = next(mark for mark in test_every_command_speaks.pytestmark if mark.name == "parametrize")  # type: ignore[attr-defined]
    assert {words[0] for words in marks.args[1]} | {"demo"} >= COMMANDS.keys()


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_stream_that_lacks_a_letter_shows_a_question_mark_and_json_says_it_all(folder: Path, encoding: str) -> None:
    given = {"PYTHONIOENCODING": encoding, "CULTURE_DATA": FOLDER}
    assert command(folder, "doctor", **given).code == 0
    command(folder, "recipients", "add", "sofija@example.org", "--name", "Žofija", **given)
    listed = json.loads(command(folder, "recipients", "list", "--json", **given).out.decode(encoding))
    assert "Žofija" in [one["name"] for one in listed]
