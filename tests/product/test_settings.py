"""Settings come from the environment and .env; a mistake in one is an error that names the mend."""

from pathlib import Path

import pytest

from models.settings import SettingsError, load_settings
from tests.product.test_commands import Ran, command


def test_defaults_need_no_environment() -> None:
    settings = load_settings()
    assert settings.data == Path("data")
    assert settings.database_address == "sqlite:///data/culture.db"
    assert settings.allow_hosts == frozenset()


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CULTURE_ALLOW_HOSTS", "127.0.0.1, Intranet.Example")
    monkeypatch.setenv("CULTURE_MAX_AGE_DAYS", "30")
    settings = load_settings()
    assert settings.allow_hosts == {"127.0.0.1", "intranet.example"}
    assert settings.max_age_days == 30


def test_settings_come_from_a_file_in_the_working_folder(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CULTURE_DATA=elsewhere\nOTHER=1\n", encoding="utf-8")
    assert load_settings().data == Path("elsewhere")


def test_a_file_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("CULTURE_CONTACT=zoë@example.org\n".encode("latin-1"))
    with pytest.raises(SettingsError, match=r"^\.env: is not UTF-8 text \(byte 18\); save it as UTF-8$"):
        load_settings()


def test_what_the_command_gives_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CULTURE_DATA", "from-environment")
    assert load_settings(data=Path("given")).data == Path("given")
    assert load_settings(data=None).data == Path("from-environment")


@pytest.mark.parametrize("where", ["environment", ".env"])
def test_a_mistyped_name_is_an_error_that_suggests_the_right_one(
    where: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if where == ".env":
        (tmp_path / ".env").write_text("CULTURE_DATABSE_URL=x\n", encoding="utf-8")
    else:
        monkeypatch.setenv("CULTURE_DATABSE_URL", "x")
    with pytest.raises(SettingsError, match=r"CULTURE_DATABSE_URL .*did you mean CULTURE_DATABASE_URL\?"):
        load_settings()


def test_a_bad_value_is_an_error_that_names_setting_and_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CULTURE_MAX_AGE_DAYS", "soon")
    with pytest.raises(SettingsError, match=r"CULTURE_MAX_AGE_DAYS: .*integer.*'soon'"):
        load_settings()


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CULTURE_DATABASE_URL", "postgresql://monitor:canary@db/news")
    settings = load_settings()
    assert "canary" not in repr(settings)
    assert settings.database_address == "postgresql+psycopg://monitor:canary@db/news"


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("0 25 * * 1", "bad hour"),
        ("0 7 * * 8", "bad day-of-week"),
        ("61 * * * *", "bad minute"),
        ("*/0 * * * *", "bad minute"),
        ("0 7 31 2 *", "bad day-of-month"),
        ("5-2 * * * *", "bad minute"),
        ("0 7 * * mon", "five fields of numbers"),
        ("0 7 * *", "five fields of numbers"),
        ("@weekly", "five fields of numbers"),
        ("0 0 7 * * 1", "five fields of numbers"),
    ],
)
def test_a_schedule_that_cannot_be_is_named_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, line: str, wrong: str
) -> None:
    monkeypatch.setenv("CULTURE_SCHEDULE_DIGEST", line)
    with pytest.raises(SettingsError, match="CULTURE_SCHEDULE_DIGEST") as refused:
        load_settings()
    assert wrong in str(refused.value)


@pytest.mark.parametrize("line", ["0 7 * * 1", "0 6-22/2 * * *", "0,30 7 1-5 */2 *", "5 4 29 2 7", ""])
def test_a_schedule_that_can_be_is_taken(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setenv("CULTURE_SCHEDULE_DIGEST", line)
    assert load_settings().schedule_digest == line


def said(ran: Ran, *words: str) -> None:
    """That a command ended with one error that holds these words."""
    assert (ran.returncode, ran.stdout) == (2, "")
    assert all(word in " ".join(ran.stderr.split()) for word in words), ran.stderr


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("CULTURE_SMTP_URL", "foo", ("CULTURE_SMTP_URL", "smtps://user:password@host:465")),
        ("CULTURE_SMTP_URL", "secret:smtp-url", ("CULTURE_SMTP_URL", "outside Prefect can't read", "the value itself")),
        ("CULTURE_MAIL_FROM", "nobody", ("CULTURE_MAIL_FROM", "'nobody'")),
        ("CULTURE_CHANNELS", "none.toml", ("none.toml",)),
        ("CULTURE_GUARDIAN_API_KEY", "secret:guardian", ("CULTURE_GUARDIAN_API_KEY", "outside Prefect can't read")),
    ],
)
def test_a_run_looks_at_what_it_needs_at_its_end_before_any_work(
    tmp_path: Path, name: str, value: str, words: tuple[str, ...]
) -> None:
    ran = command(tmp_path, "run", "--only", "guardian-api-nhs", **{"CULTURE_GUARDIAN_API_KEY": "test", name: value})
    said(ran, *words)
    assert not (tmp_path / "data").exists()
    if "GUARDIAN" in name:
        dates = ("--from", "2026-10-01", "--to", "2026-10-02")
        for other in (("sources", "check", "guardian-api-nhs"), ("backfill", *dates, "--source", "guardian-api-nhs")):
            said(command(tmp_path, *other, **{name: value}), *words)
            assert not (tmp_path / "data").exists()
