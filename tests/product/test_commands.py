"""The command: what a person types, what they see, and the exit code."""

import html
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest

from deployments.cli import main
from deployments.demo_site import DemoSite
from tests.support.fakes_web import FakeWeb, Handler


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    returncode: int
    stdout: str
    stderr: str


def command(folder: Path, *arguments: str, **environment: str) -> Ran:
    """Run the command in this process as a person would type it in `folder`."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        for name, value in {"CULTURE_ENCODER": "tfidf", **environment}.items():
            patch.setenv(name, value)
        try:
            main(arguments)
            code: object = 0
        except SystemExit as end:
            code = end.code
    return Ran(code if isinstance(code, int) else 0 if code is None else 1, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """A folder in which the demo was run."""
    folder = tmp_path_factory.mktemp("demo")
    ran = command(folder, "demo")
    shutil.copytree(folder / "data", folder / "demo-data")  # as it was, for the tests that change it
    return folder, ran


@pytest.fixture
def site() -> Iterator[DemoSite]:
    with DemoSite(datetime.now(UTC)) as running:
        yield running


def test_the_demo_runs_the_whole_job_and_says_where_to_look(
    demo: tuple[Path, Ran],
) -> None:
    folder, ran = demo
    assert ran.returncode == 0, ran.stderr
    assert "Where to look:" in ran.stdout
    last = ran.stdout[ran.stdout.index("Where to look:") :]
    for line in last.splitlines()[1:]:
        assert (folder / line.split()[-1]).exists(), line
    for suffix in (".html", ".eml", ".txt"):
        assert suffix in last
    with sqlite3.connect(folder / "data" / "culture.db") as database:
        assert database.execute("SELECT count(*) FROM article").fetchone()[0] > 60
        assert database.execute("SELECT count(DISTINCT theme) FROM tag WHERE state = 'yes'").fetchone()[0] == 15
        assert database.execute("SELECT count(*) FROM tag WHERE evidence = ''").fetchone()[0] == 0


def test_no_link_of_the_demos_edition_is_dead_when_the_command_has_ended(demo: tuple[Path, Ran]) -> None:
    folder = demo[0] / "demo-data"  # moved since, as a person may
    pages = [*folder.glob("outbox/*.html"), *folder.glob("archive/*.html"), *folder.glob("site/**/*.html")]
    assert len(pages) > 120
    seen = 0
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for link in map(html.unescape, re.findall(r'href="([^"]+)"', text)):
            if link.startswith("mailto:") or (link.startswith("#") and "site" in page.parts):
                continue  # the invented outlets' menus lead nowhere
            address, _, anchor = link.partition("#")
            target = page if not address else page.parent / unquote(address)
            assert target.is_file(), f"{page}: {link}"
            assert not anchor or f'id="{anchor}"' in target.read_text(encoding="utf-8"), f"{page}: {link}"
            seen += 1
    assert seen > 1000
    (watching,) = folder.glob("outbox/*-watching.html")
    assert "What you watch" in watching.read_text(encoding="utf-8")


def test_real_news_does_not_mix_with_the_demos(demo: tuple[Path, Ran], site: DemoSite, tmp_path: Path) -> None:
    folder, _ = demo
    (tmp_path / "my.toml").write_text(site.sources_toml(), encoding="utf-8")
    ran = command(folder, "run", "--sources", str(tmp_path / "my.toml"), CULTURE_ALLOW_HOSTS="127.0.0.1")
    assert ran.returncode == 0, ran.stderr
    assert "was moved to data/demo" in ran.stderr
    assert (folder / "data" / "demo" / "culture.db").exists()


def test_who_joined_the_demos_list_stays_on_the_list_through_it_and_out_of_it(
    demo: tuple[Path, Ran], tmp_path: Path
) -> None:
    """A reader is a person, though the demo's news is invented: neither its end nor another one takes them off."""
    shutil.copytree(demo[0] / "demo-data", tmp_path / "data")

    def readers() -> list[tuple[str, str, str]]:
        with closing(sqlite3.connect(tmp_path / "data" / "culture.db")) as database:
            return database.execute("SELECT address, nations, token FROM recipient WHERE address NOT NULL").fetchall()

    command(tmp_path, "recipients", "add", "me@example.org", "--nation", "wales")
    (before,) = readers()
    command(tmp_path, "demo")
    assert readers() == [before]
    (tmp_path / "own.toml").write_text('[[source]]\nid = "closed"\nurl = "http://127.0.0.1:9/feed"\n', encoding="utf-8")
    ran = command(tmp_path, "run", "--sources", "own.toml", CULTURE_ALLOW_HOSTS="127.0.0.1")
    assert "was moved to data/demo" in ran.stderr
    assert "1 recipient came over" in ran.stderr
    assert "me@example.org" not in ran.stderr
    assert readers() == [before]
    assert "is on the list already" in command(tmp_path, "recipients", "add", "me@example.org").stdout
    assert command(tmp_path, "recipients", "erase", "me@example.org").stdout.startswith("Erased.")
    files = [file for file in (tmp_path / "data").rglob("*") if file.is_file()]
    assert [file for file in files if b"me@example.org" in file.read_bytes()] == []


def test_run_reports_for_machines_and_a_second_run_adds_nothing(site: DemoSite, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(site.sources_toml(), encoding="utf-8")
    given = ("run", "--sources", "my.toml", "--data", "d", "--all", "--json")
    first = command(tmp_path, *given, CULTURE_ALLOW_HOSTS="127.0.0.1")
    assert first.returncode == 0, first.stderr
    report = json.loads(first.stdout)
    assert report["entries"] == sum(report["outcomes"].values()) > 0
    second = json.loads(command(tmp_path, *given, CULTURE_ALLOW_HOSTS="127.0.0.1").stdout)
    assert set(second["outcomes"]) <= {"known"}  # openings, which --all looks at again
    assert second["judged"] == 0


def test_without_a_network_run_ends_with_code_1_and_a_table_of_what_could_not_be_reached(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(
        '[[source]]\nid = "nobody"\nname = "Nobody listens"\nurl = "http://127.0.0.1:9/feed"\n', encoding="utf-8"
    )
    ran = command(tmp_path, "run", "--sources", "my.toml", CULTURE_ALLOW_HOSTS="127.0.0.1")
    assert ran.returncode == 1
    assert "What could not be reached" in ran.stdout
    assert "Nobody listens" in ran.stdout
    assert "Traceback" not in ran.stderr
    with sqlite3.connect(tmp_path / "data" / "culture.db") as database:
        assert database.execute("SELECT last_outcome FROM source_state").fetchone() == ("unreachable",)


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (("run",), {"CULTURE_DATBASE_URL": "x"}, "did you mean CULTURE_DATABASE_URL?"),
        (("run", "--sources", "none.toml"), {}, "none.toml: no such file"),
        (("run", "--only", "nobody"), {}, "'nobody' is not a source"),
        (("digest", "--week", "soon"), {}, "not of the form 2026-W47"),
        (("evaluate", "none.jsonl"), {}, "none.jsonl"),
        (("recipients", "add", "not an address"), {}, "is not an email address"),
        (("recipients", "remove", "a@example.org"), {}, "is not on the list"),
        (("explain", "99"), {}, "is no stored article"),
        (("no-such-command",), {}, "No such command"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], message: str
) -> None:
    ran = command(tmp_path, *arguments, **environment)
    assert ran.returncode == 2
    assert message in " ".join(ran.stderr.replace("│", " ").split())
    assert "Traceback" not in ran.stderr


def test_explain_shows_scope_themes_evidence_and_thresholds(
    demo: tuple[Path, Ran],
) -> None:
    folder, _ = demo
    story = folder / "story.txt"
    story.write_text(
        "Nurses at the trust were told to keep quiet\nNurses who raised concerns about unsafe wards at the NHS trust "
        "were bullied by managers, a report found. The chief executive apologised.\n",
        encoding="utf-8",
    )
    ran = command(folder, "explain", str(story), "--json", "--data", "demo-data")
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["scope_state"] == "yes"
    assert found["themes"][0]["evidence"]


def test_evaluate_prints_the_agreed_form(tmp_path: Path) -> None:
    lines = [
        {"id": "1", "title": "Trust chair quits", "text": "The chair of the NHS trust resigned.", "in_scope": True}
        | {"themes": ["boards-and-non-executives"]},
        {"id": "2", "title": "Rain", "text": "It rained all day on the golf course.", "in_scope": False, "themes": []},
    ]
    (tmp_path / "set.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    ran = command(tmp_path, "evaluate", "set.jsonl", "--json")
    assert ran.returncode == 0, ran.stderr
    result = json.loads(ran.stdout)
    assert result["n"] == 2
    assert {"precision", "recall", "f1", "average_precision", "roc_auc"} <= set(result["in_scope"])
    assert {"micro_f1", "macro_f1", "mean_average_precision", "per_theme"} <= set(result["themes"])
    assert len(result["themes"]["per_theme"]) == 15
    assert {"precision", "recall", "f1", "average_precision", "support"} == set(
        result["themes"]["per_theme"]["workforce"]
    )
    assert result["seconds"] >= 0
    ran = command(tmp_path, "evaluate", "set.jsonl")  # for people, though fourteen themes do not occur
    assert ran.returncode == 0, ran.stderr
    empty = [line for line in ran.stdout.splitlines() if line.replace(" ", "").endswith("│–│–│–│–│0│")]
    assert (len(empty), "0.00" in "".join(empty)) == (14, False)


def test_names_from_outside_are_printed_as_they_are(tmp_path: Path) -> None:
    name = "The :100: [bold red]Paper[/] :hospital:"
    (tmp_path / "own.toml").write_text(
        f'[[source]]\nid = "own"\nname = "{name}"\nurl = "https://own.example/f"\n', encoding="utf-8"
    )
    ran = command(tmp_path, "sources", "list", "--sources", "own.toml", COLUMNS="300")
    assert name in ran.stdout
    assert name in command(tmp_path, "digest", "--week", name).stderr + command(tmp_path, "explain", name).stderr


def test_recipients_are_added_listed_exported_and_erased(tmp_path: Path) -> None:
    added = command(tmp_path, "recipients", "add", "chair@example.org", "--theme", "speaking-up", "--name", "The Chair")
    assert added.returncode == 0, added.stderr
    assert json.loads(command(tmp_path, "recipients", "list", "--json").stdout)[0]["themes"] == ["speaking-up"]
    assert json.loads(command(tmp_path, "recipients", "export", "chair@example.org").stdout)["name"] == "The Chair"
    assert command(tmp_path, "recipients", "erase", "chair@example.org").returncode == 0
    assert b"chair@example.org" not in (tmp_path / "data" / "culture.db").read_bytes()


def test_the_command_is_installed_and_starts_as_a_process_of_its_own() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "deployments.cli", "--version"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0
    assert ran.stdout.startswith("culture-monitor ")


def test_a_review_from_a_csv_file_counts_at_once_and_a_wrong_line_records_nothing(
    demo: tuple[Path, Ran], tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(demo[0] / "demo-data", folder / "data")
    with sqlite3.connect(folder / "data" / "culture.db") as database:
        ((article,),) = database.execute("SELECT article_id FROM tag WHERE state = 'yes' LIMIT 1").fetchall()
    head = "article,in_scope,themes,reviewer,note\n"
    (folder / "bad.csv").write_text(f"{head}{article},no,,Ada,\n{article},perhaps,,Ada,\n", encoding="utf-8")
    refused = command(folder, "review", "import", "bad.csv")
    assert refused.returncode == 2
    assert "bad.csv:3: in_scope is 'perhaps'" in refused.stderr
    (folder / "long.csv").write_text(f"{head}{article},no,,{'A' * 140_000},\n", encoding="utf-8")
    refused = command(folder, "review", "import", "long.csv")
    assert (refused.returncode, "long.csv: is not a CSV file" in refused.stderr) == (2, True)
    (folder / "good.csv").write_text(f"{head}{article},yes,appraisal; workforce,Ada,from the board\n", encoding="utf-8")
    assert command(folder, "review", "import", "good.csv").returncode == 0
    with sqlite3.connect(folder / "data" / "culture.db") as database:
        verdicts = dict(database.execute("SELECT theme, verdict FROM review WHERE article_id = ?", (article,)))
    assert verdicts == {"in-scope": 1, "appraisal": 1, "workforce": 1}  # what the line says, and of no other theme
    assert command(folder, "review", "queue", "--json").returncode == 0


ESCAPES = "\x1b]0;owned\x07\x1b[31m\x9b31m\u202e"


def test_a_terminal_gets_no_escape_sequence_of_a_server_or_a_file(demo: tuple[Path, Ran], tmp_path: Path) -> None:
    def reason(handler: Handler) -> None:
        handler.wfile.write(f"HTTP/1.1 404 gone {ESCAPES}\r\nContent-Length: 0\r\n\r\n".encode())

    with FakeWeb() as web:
        web.otherwise = reason
        sources = tmp_path / "sources.toml"
        sources.write_text(f'[[source]]\nid = "s"\nurl = "{web.url("/feed")}"\n', encoding="utf-8")
        ran = subprocess.run(
            [sys.executable, "-m", "deployments.cli", "run", "--verbose", "--data", str(tmp_path / "data")],
            env={**os.environ, "CULTURE_SOURCES": str(sources), "CULTURE_ALLOW_HOSTS": "127.0.0.1", "CULTURE_ENCODER": "tfidf"},
            capture_output=True, check=False, timeout=300,
        )  # fmt: skip
    (tmp_path / "news.txt").write_text(
        f"Trust board {ESCAPES}\n\nThe board spoke of bullying. {ESCAPES}", encoding="utf-8"
    )
    explained = command(demo[0], "explain", str(tmp_path / "news.txt"))
    assert explained.returncode == 0, explained.stderr
    said = (ran.stdout + ran.stderr).decode() + explained.stdout + explained.stderr
    assert "404 gone" in said
    assert "Trust board" in said
    assert not [letter for letter in ESCAPES if not letter.isprintable() and letter in said]
