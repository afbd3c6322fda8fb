"""Every mistake that a user can make: the message names the thing, the value and how to fix it, and shows no traceback."""

import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deployments.demo_site import DemoSite
from models.weeks import Week
from tests.product.test_commands import Ran, command
from tests.support.fakes_mail import Mailboxes, smtp_server

WEEK = str(Week.of(datetime.now(UTC)).plus(-1))
SOURCE = '[[source]]\nid = "s"\nurl = "https://s.example/feed"\n'


def shown(ran: Ran) -> str:
    """The error stream as one line, without the frame that the option parser draws."""
    return " ".join(ran.stderr.replace("│", " ").split())


def check(ran: Ran, *words: str, code: int = 2) -> None:
    assert ran.returncode == code, ran.stderr + ran.stdout
    for word in words:
        assert word in shown(ran), shown(ran)
    assert "Traceback" not in ran.stderr + ran.stdout


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("CULTURE_WORKERS", "many", ("CULTURE_WORKERS", "'many'", "integer")),
        ("CULTURE_MAX_AGE_DAYS", "0", ("CULTURE_MAX_AGE_DAYS", "'0'", "greater than or equal to 1")),
        ("CULTURE_PAGES_PER_RUN", "9" * 30, ("CULTURE_PAGES_PER_RUN", "less than or equal to 1000000")),
        ("CULTURE_HOST_GAP_SECONDS", "-1", ("CULTURE_HOST_GAP_SECONDS", "'-1'")),
        ("CULTURE_BASE_URL", "monitor.example", ("CULTURE_BASE_URL", "https://", "'monitor.example'")),
        *(
            ("CULTURE_BASE_URL", address, ("CULTURE_BASE_URL", "https://host/path"))
            for address in (
                "https://[::1",
                "https://x.example:99999",
                "https://mönitor.example",
                "https://x.example/\r\nBcc: everyone@evil.example",
                "https://x.example/a>, <mailto:b@evil.example",
                "https://me:word@x.example",
                "https://x.example?a=b",
                f"https://x.example/{'a' * 1500}",
                "https://x.example/\udcff",
            )
        ),
        ("CULTURE_CONTACT", "Zoë", ("CULTURE_CONTACT", "ASCII")),
        ("CULTURE_CONTACT", "us\r\nX-More: them", ("CULTURE_CONTACT", "on one line")),
        ("CULTURE_CONTACT", "a" * 10_000, ("CULTURE_CONTACT", "at most 200")),
        ("CULTURE_PROXY", "http://canary\r\nX: y@127.0.0.1:9", ("CULTURE_PROXY", "http://host:port")),
        (
            "CULTURE_ALERT_WEBHOOK",
            "https://hook.example/canary\r\nX: y",
            ("CULTURE_ALERT_WEBHOOK", "https://host/path"),
        ),
        ("CULTURE_DATA", "what?mode=memory", ("CULTURE_DATA", "'what?mode=memory'", "question mark")),
        ("CULTURE_DATA", "what\udcff", ("CULTURE_DATA", "UTF-8")),
        ("CULTURE_SMTP", "smtp://h", ("CULTURE_SMTP", "did you mean CULTURE_SMTP_URL?")),
        ("CULTURE_DATABASE_URL", "mysql://u:canary@h/n", ("CULTURE_DATABASE_URL", "postgresql://")),
        ("CULTURE_DATABASE_URL", "canary", ("CULTURE_DATABASE_URL", "postgresql://user:password@host/name")),
        *(
            ("CULTURE_DATABASE_URL", address, ("CULTURE_DATABASE_URL", "postgresql://"))
            for address in (
                "postgresql://u:canary@127.0.0.1:port/news",
                "postgresql://u:canary@[::1/news",
                "postgresql://u:canary@one:1,two:2/news",
                "postgresql://u:canary@one/news?host=one&host=two&port=x",
                "postgresql+asyncpg://u:canary@one/news",
                "postgresql://u:canary\udcff@one/news",
            )
        ),
        ("CULTURE_DATABASE_URL", "postgresql://u:its@canary@127.0.0.1:9/news", ("CULTURE_DATABASE_URL", "%40")),
        ("CULTURE_ENCODER", "nonsense", ("nonsense",)),
    ],
)
def test_settings(tmp_path: Path, name: str, value: str, words: tuple[str, ...]) -> None:
    (tmp_path / "my.toml").write_text(SOURCE)
    ran = command(tmp_path, "explain", "1", **{name: value})
    if name == "CULTURE_ENCODER":  # needed only where there is something to judge
        (tmp_path / "a.txt").write_text("A title\nA text.")
        ran = command(tmp_path, "explain", "a.txt", **{name: value})
    check(ran, *words)
    assert "canary" not in ran.stderr


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        (None, ("my.toml", "no such file")),
        ("[[source]]\nid = x\n", ("my.toml", "is not valid TOML", "line 2")),
        (f"a = {'[' * 2000}", ("my.toml", "is not valid TOML")),
        (f"a = {'9' * 5000}", ("my.toml", "is not valid TOML")),
        ("", ("my.toml", "holds no [[source]] table")),
        ('[[source]]\nid = "a"\n', ("source 1 (a)", "url", "add it")),
        (f'{SOURCE}rigths = "ogl"\n', ("source 1 (s)", "'rigths'", "did you mean 'rights'?")),
        (f'{SOURCE}rights = "mine"\n', ("source 1 (s)", "'mine'", "use one of ogl")),
        (f'{SOURCE}kind = "rss"\n', ("source 1 (s)", "kind", "'rss'")),
        (f"{SOURCE}{SOURCE}", ("source 2", "'s' is listed twice")),
        ('[[source]]\nid = "s"\nurl = "https://user:canary@s.example/"\n', ("source 1 (s)", "user name or password")),
    ],
)
def test_sources_and_rights(tmp_path: Path, toml: str | None, words: tuple[str, ...]) -> None:
    if toml is not None:
        (tmp_path / "my.toml").write_text(toml)
    ran = command(tmp_path, "run", "--sources", "my.toml")
    check(ran, *words)
    assert "canary" not in ran.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("add", "nobody"), ("'nobody' is not an email address",)),
        (("add", "a@r.example", "--theme", "worforce"), ("'worforce'", "workforce")),
        (("remove", "a@r.example"), ("'a@r.example' is not on the list",)),
    ],
)
def test_recipients(tmp_path: Path, words: tuple[str, ...], message: tuple[str, ...]) -> None:
    check(command(tmp_path, "recipients", *words), *message)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("digest", "--week", "2026-47"), ("--week", "'2026-47'", "2026-W47")),
        (("digest", "--week", "2025-W53"), ("--week", "'2025-W53'", "no week 53")),
        (("export", "--week", "soon"), ("--week", "'soon'", "2026-W47")),
        (("export", "--from", "20.11.2026"), ("--from", "'20.11.2026'", "2026-11-30")),
        (("export", "--to", "2026-11-30"), ("--to", "--from")),
        (("export", "--from", "2026-11-30", "--to", "2026-11-01"), ("2026-11-01", "before it begins")),
        (("export", "--from", "1926-11-30"), ("--from", "1948 to 2199")),
        (("export", "--from", "1986-11-30"), ("more than ten years",)),
        (("export", "--from", "9999-12-30", "--to", "9999-12-31"), ("--from", "1948 to 2199")),
        (("export", "--week", "0001-W01"), ("--week", "1948 to 2199")),
        (("digest", "--week", "0001-W01"), ("--week", "1948 to 2199")),
        (("export", "--week", "2026-W47", "--from", "2026-11-01"), ("not both",)),
        (("export", "--format", "xlsx"), ("--format", "'xlsx'", "csv")),
        (("export", "nowhere/out.csv"), ("nowhere/out.csv", "No such file")),
        (("evaluate", "none.jsonl"), ("none.jsonl",)),
        (("evaluate", "deep.jsonl"), ("deep.jsonl:1: is not JSON",)),
        (("explain", "none.txt"), ("'none.txt'", "no stored article")),
        (("model", "rollback", "abc"), ("'abc'", "model list")),
        (("sources", "check", "nobody"), ("'nobody'", "sources list")),
        (("sources", "import", "none.opml"), ("none.opml", "No such file")),
        (("backup", "nowhere/x"), ("nowhere", "no such folder")),
        (("restore", "none"), ("none", "can't be read")),
        (("run", "--only", "nobody"), ("'nobody' is not a source",)),
    ],
)
def test_dates_files_and_names(tmp_path: Path, words: tuple[str, ...], message: tuple[str, ...]) -> None:
    (tmp_path / "deep.jsonl").write_text("[" * 100_000)
    check(command(tmp_path, *words), *message)


def test_a_source_at_a_malformed_address(tmp_path: Path) -> None:
    check(command(tmp_path, "sources", "add", "http://[::1"), "http://[::1: not a well-formed", code=1)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("CULTURE_MAIL_FROM", "nobody", ("CULTURE_MAIL_FROM", "'nobody'", "monitor@example.org")),
        ("CULTURE_SMTP_URL", "http://user:canary@h", ("CULTURE_SMTP_URL", "smtps://user:password@host:465")),
        ("CULTURE_SMTP_URL", "smtp://user@h", ("CULTURE_SMTP_URL", "a user needs a password")),
        ("CULTURE_PREFECT_AUTH", "ada:p\u00e4ss", ("CULTURE_PREFECT_AUTH", "must be user:password, in ASCII")),
        ("CULTURE_SMTP_URL", "smtp://u:canary@h:port", ("CULTURE_SMTP_URL", "%40")),
    ],
)
def test_mail_settings(tmp_path: Path, name: str, value: str, words: tuple[str, ...]) -> None:
    command(tmp_path, "recipients", "add", "reader@r.example")
    ran = command(tmp_path, "digest", "--week", WEEK, **{name: value})
    check(ran, *words)
    assert "canary" not in ran.stderr


def test_a_test_copy_to_no_address(tmp_path: Path) -> None:
    check(command(tmp_path, "digest", "--week", WEEK, "--to", "nobody"), "'nobody' is not an email address")


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_an_smtp_login_that_is_refused(tmp_path: Path) -> None:
    command(tmp_path, "recipients", "add", "reader@r.example", "--send-empty")
    with smtp_server(Mailboxes(), auth=True) as port:
        ran = command(
            tmp_path, "digest", "--week", WEEK, CULTURE_SMTP_URL=f"smtp://monitor:wrong-canary@127.0.0.1:{port}"
        )
    assert ran.returncode == 1
    assert "login refused: 535" in " ".join(ran.stdout.lower().split())
    assert "canary" not in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_database_server_that_does_not_answer(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    ran = command(tmp_path, "export", CULTURE_DATABASE_URL=f"postgresql://me:canary@127.0.0.1:{port}/news")
    check(ran, f"127.0.0.1:{port}", "check that the server runs")
    assert "canary" not in ran.stderr


def test_a_backup_under_a_name_that_is_no_text(tmp_path: Path) -> None:
    assert command(tmp_path, "upkeep").returncode == 0
    check(command(tmp_path, "backup", "what\udcff.backup"), "no name in UTF-8; name another file")


def test_a_command_whose_output_is_closed_does_its_work(tmp_path: Path) -> None:
    words = "import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    add = ("-m", "deployments.cli", "recipients", "add", "a@r.example", "--data", str(tmp_path))
    ran = subprocess.run([sys.executable, "-c", words, *add], stderr=subprocess.PIPE, encoding="utf-8", check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "a@r.example" in command(tmp_path, "recipients", "list", "--data", str(tmp_path), "--json").stdout


def test_with_verbose_the_traceback_is_shown(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="no such file"):
        command(tmp_path, "run", "--sources", "none.toml", "--verbose")


def test_the_messages_of_a_working_run_name_no_traceback(tmp_path: Path) -> None:
    with DemoSite(datetime.now(UTC) - timedelta(days=1)) as site:
        (tmp_path / "my.toml").write_text(site.sources_toml().replace("/feed", "/no-such-feed"))
        ran = command(tmp_path, "run", "--sources", "my.toml", CULTURE_ALLOW_HOSTS="127.0.0.1")
    assert "Traceback" not in ran.stderr + ran.stdout
    assert ran.returncode in {0, 1}


def test_an_organisation_is_added_without_what_is_no_text(tmp_path: Path) -> None:
    added = ("organisations", "add", "A\udcff\x7f\x1b[31m\nTrust", "--kind", "charity", "--nation", "uk")
    assert command(tmp_path, *added).returncode == 0
    assert 'name = "A[31m Trust"' in (tmp_path / "data" / "organisations.toml").read_text()
