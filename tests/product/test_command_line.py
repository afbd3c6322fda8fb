"""What helps at the command line: an example in every --help, completion, forms by a file's ending, and a quick start."""

import csv
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import typer
from typer.main import get_command

from deployments.cli import app
from models.store.database import open_database
from models.weeks import Week, utc_now
from tests.product.test_commands import command
from tests.support import fakes_edition as fakes

# What takes long to import, and what no command needs that touches neither the web nor a model.
HEAVY = ("prefect", "httpx", "numpy", "scipy", "sklearn", "trafilatura", "feedparser", "jinja2", "rich.progress")
QUICK = (
    (("--help",), (*HEAVY, "sqlalchemy")),
    (("sources", "list"), (*HEAVY, "sqlalchemy")),
    (("recipients", "list"), HEAVY),
    (("organisations", "list"), HEAVY),
    (("review", "queue"), HEAVY),
    (("model", "list"), HEAVY),
    (("export",), HEAVY),
    (("backup", "whole.backup"), HEAVY),
    (("upkeep",), HEAVY),
)


def every_command() -> Iterator[tuple[str, Any, Any]]:
    """(its words, the command, its context) of each command and subcommand."""
    group: Any = get_command(app)
    outer = typer.Context(group, info_name="culture-monitor")
    for name in group.list_commands(outer):
        found = group.get_command(outer, name)
        inner = typer.Context(found, info_name=name, parent=outer)
        if not hasattr(found, "list_commands"):
            yield name, found, inner
            continue
        for sub in found.list_commands(inner):
            one = found.get_command(inner, sub)
            yield f"{name} {sub}", one, typer.Context(one, info_name=sub, parent=inner)


def test_the_help_of_every_command_has_an_example_on_one_line_that_it_understands() -> None:
    seen = 0
    for words, found, context in every_command():
        shown = found.get_help(context)
        (example,) = [line.strip() for line in shown.splitlines() if line.strip().startswith("Example: ")]
        assert shown.rstrip().endswith(example), f"{words}: the example is broken over two lines"
        given = shlex.split(example.removeprefix("Example: ").partition(" >")[0])
        assert given[: 1 + len(words.split())] == ["culture-monitor", *words.split()]
        found.make_context(words, given[1 + len(words.split()) :])  # parses; runs nothing
        seen += 1
    assert seen > 30


def test_the_list_of_commands_says_of_each_what_it_does(tmp_path: Path) -> None:
    shown = " ".join(command(tmp_path, "--help").stdout.split())
    for words, found, _ in every_command():
        if " " not in words:
            assert f"{words} {found.help.splitlines()[0]}" in shown
    assert "recipients Who receives the digest, and of what." in shown


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("culture-monitor rec", ["recipients"]),
        ("culture-monitor recipients a", ["add"]),
        ("culture-monitor export --the", ["--theme"]),
        ("culture-monitor export --format ", ["csv", "json", "rss"]),
    ],
)
def test_a_shell_completes_commands_options_and_choices(
    typed: str, offered: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_CULTURE_MONITOR_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split(" ")) - 1))
    with pytest.raises(SystemExit):
        get_command(app).main(args=[], prog_name="culture-monitor")
    assert capsys.readouterr().out.split() == offered


# What each shell does with the script that `--install-completion` installs, on the words "culture-monitor recipients a". zsh would
# hand what it is offered to its line editor: here it prints it.
SHELLS = {
    "bash": "COMP_WORDS=(culture-monitor recipients a); COMP_CWORD=2; _culture_monitor_completion culture-monitor; echo $COMPREPLY",
    "zsh": "words=(culture-monitor recipients a); CURRENT=3; _culture_monitor_completion",
    "fish": "complete -C 'culture-monitor recipients a'",
}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_real_shell_completes_by_the_script_that_is_installed(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed: 'apt-get install {shell}'")
    commands = Path(sys.executable).parent
    environment = {"PATH": f"{commands}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    given = {**environment, "_CULTURE_MONITOR_COMPLETE": f"source_{shell}"}
    script = subprocess.run(
        [commands / "culture-monitor"], env=given, capture_output=True, text=True, check=True
    ).stdout
    before = "compdef() { : }; _arguments() { print -rl -- $@ };" if shell == "zsh" else ""
    ran = subprocess.run(
        [shell, "-c", f"{before}\n{script}\n{SHELLS[shell]}"],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert re.search(r"\badd\b", ran.stdout), ran.stdout + ran.stderr
    assert "remove" not in ran.stdout


def test_commands_that_touch_no_model_import_nothing_that_takes_long(tmp_path: Path) -> None:
    """Held by what is imported, not by a clock; the seconds are in tests/README.md."""
    code = f"""
import io, sys
from contextlib import redirect_stderr, redirect_stdout
from deployments.cli import main
for words, heavy in {QUICK!r}:
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as said:
        try:
            main(words)
            code = 0
        except SystemExit as end:
            code = end.code or 0
    assert code in (0, 2), said.getvalue()
    assert not [name for name in heavy if name in sys.modules], (words, [name for name in heavy if name in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose database has an edition's worth of stories."""
    folder = tmp_path_factory.mktemp("stored")
    with open_database(f"sqlite:///{folder / 'data' / 'culture.db'}") as database:
        fakes.fill(database)
    return folder


def test_an_export_has_the_form_that_its_files_ending_says(stored: Path) -> None:
    for file in ("a.csv", "a.json", "a.RSS", "a.xml"):
        ran = command(stored, "export", file, "--week", str(fakes.WEEK))
        assert ran.returncode == 0, ran.stderr
    rows = list(csv.DictReader(io.StringIO((stored / "a.csv").read_text(encoding="utf-8-sig"), newline="")))
    titles = {row["title"] for row in rows}
    assert {one["title"] for one in json.loads((stored / "a.json").read_text(encoding="utf-8"))["stories"]} == titles
    for feed in ("a.RSS", "a.xml"):
        assert {one.text for one in ET.parse(stored / feed).iterfind("channel/item/title")} == titles
    refused = command(stored, "export", "a.txt")
    assert refused.returncode == 2
    assert "name it .csv, .json or .rss, or give --format" in " ".join(refused.stderr.split())
    assert command(stored, "export", "a.txt", "--format", "json", "--week", str(fakes.WEEK)).returncode == 0
    json.loads((stored / "a.txt").read_text(encoding="utf-8"))


def test_themes_are_named_by_id_or_name(stored: Path) -> None:
    by_id = command(stored, "export", "--theme", "speaking-up", "--week", str(fakes.WEEK))
    by_name = command(stored, "export", "--theme", "Speaking Up", "--week", str(fakes.WEEK))
    assert by_id.stdout == by_name.stdout
    every = command(stored, "export", "--week", str(fakes.WEEK)).stdout
    assert 1 < len(by_id.stdout.splitlines()) < len(every.splitlines())
    stories: dict[str, set[str]] = {}
    for row in csv.DictReader(io.StringIO(by_id.stdout, newline="")):
        stories.setdefault(row["title"], set()).add(row["theme"])
    assert all("speaking-up" in themes for themes in stories.values())
    wrong = command(stored, "export", "--theme", "nonsense")
    assert wrong.returncode == 2
    assert "is not one of the 15 themes" in " ".join(wrong.stderr.split())


def test_adding_a_recipient_confirms_all_choices(tmp_path: Path) -> None:
    ran = command(
        tmp_path,
        *("recipients", "add", "a@example.org", "--name", "Ann", "--theme", "boards and non-executives"),
        *("--theme", "Parity of esteem for social care", "--nation", "wales", "--sector", "nhs", "--send-empty"),
    )
    assert ran.stdout.strip() == (
        "a@example.org (Ann) added. Receives themes: parity-of-esteem, boards-and-non-executives; nations: wales; "
        "sectors: nhs; how often: weekly; alerts: none; in a week without news: an email, too."
    )


def test_a_digest_of_a_week_to_come_is_refused(tmp_path: Path) -> None:
    coming = Week.of(utc_now()).plus(1)
    ran = command(tmp_path, "digest", "--week", str(coming))
    assert ran.returncode == 2
    assert f"{coming} has not begun" in " ".join(ran.stderr.split())
    assert not (tmp_path / "data").exists()


def test_log_lines_and_errors_are_json_where_that_is_asked_for(tmp_path: Path) -> None:
    words = ["--log-json", "recipients", "remove", "a@example.org"]
    code = "import os, sys; from deployments import cli, console\n"
    code += "console.log_as_json = lambda made=console.log_as_json: (made(), print(os.environ[NAME]))\n"
    code = f"NAME = 'PREFECT_LOGGING_HANDLERS_CONSOLE_FORMATTER'\n{code}cli.main({words!r})"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert ran.stdout == "json\n"  # Prefect's own name for it, which the processes of `start` inherit
    (line,) = ran.stderr.splitlines()
    told = json.loads(line)
    assert told["level"] == "ERROR"
    assert "is not on the list" in told["message"]
    assert {"time", "logger"} <= told.keys()
