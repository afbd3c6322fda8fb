"""A channel's address is a secret, and where it may lead is bounded."""

import json
import logging
from contextlib import closing
from pathlib import Path
from socket import create_server

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlmodel import SQLModel

from deployments import doctor
from flows.publishing.channels import send as post
from models.channels import Channel, load_channels
from models.settings import Settings, SettingsError
from models.store.database import Database
from tests.support.fakes_channels import CANARY, posting_settings, running_hook, with_channels  # noqa: F401 - fixtures
from tests.support.fakes_delivery import edition_database, edition_settings, join, send, send_left, states  # noqa: F401 - fixtures
from tests.support.fakes_webhook import Hook


def test_an_inner_address_is_refused_and_the_environment_has_no_say(
    database: Database, posting: Settings, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    closed = posting.model_copy(update={"allow_hosts": frozenset()})
    assert "CULTURE_ALLOW_HOSTS" in send(database, closed).posts.waiting[0]
    by_name = Channel(name="name", address=SecretStr(hook.address.replace("http://127.0.0.1", "json://localhost")))
    assert "is private" in post(by_name, posting, "Title", "Text")
    assert hook.posts == []
    assert send_left(database, posting).posts.sent == ["team"]


def test_the_proxy_of_the_settings_is_asked_but_for_no_inner_address(settings: Settings, hook: Hook) -> None:
    behind = settings.model_copy(update={"proxy": SecretStr(hook.address.removesuffix("/hook"))})
    team = Channel(name="team", address=SecretStr("json://team.example.invalid/hook"))
    assert post(team, behind, "Title", "Text") == ""
    assert [said["title"] for said in hook.posts] == ["Title"]
    inner = Channel(name="inner", address=SecretStr("json://10.0.0.1/hook"))
    assert "is private" in post(inner, behind, "Title", "Text")
    assert len(hook.posts) == 1


def test_a_silent_channel_is_left(posting: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.publishing.channels.POST_SECONDS", 2)
    with closing(create_server(("127.0.0.1", 0))) as silent:  # connects, and never says a word
        address = SecretStr(f"json://127.0.0.1:{silent.getsockname()[1]}/x?rto=60")
        assert post(Channel(name="silent", address=address), posting, "Title", "Text") == "no whole answer within 2 s"


def test_its_address_stands_nowhere(
    database: Database, posting: Settings, hook: Hook, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    hook.status = lambda said: 500
    results = [send(database, posting)]
    findings = [one for one in doctor.examine(posting) if one.what == "channels"]
    hook.status = lambda said: 200
    left = send_left(database, posting)
    assert left.posts.sent == ["team"]
    with database.read() as session:
        rows = [
            repr(tuple(row))
            for table in SQLModel.metadata.tables
            for row in session.execute(text(f'SELECT * FROM "{table}"'))
        ]
    said = [repr(results), repr(findings), repr(left), json.dumps(results[0].to_json(), default=str), *rows]
    said += [record.getMessage() for record in caplog.records]
    said += [repr(posting), posting.model_dump_json(), repr(load_channels(posting.channels))]
    assert not [line for line in said if CANARY in line]
    files = [file for file in tmp_path.rglob("*") if file.is_file() and file.name != "channels.toml"]
    assert len(files) > 3
    assert not [file for file in files if CANARY.encode() in file.read_bytes()]


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        (f'[[channel]]\nname = "a"\naddress = "{CANARY}"', "must be one address"),
        (f'[[channel]]\nname = "A b"\naddress = "json://h/{CANARY}"', "name"),
        (f'[[channel]]\nname = "a"\naddress = "json://h/{CANARY}"\nthemes = ["cake"]', "'cake' is not known"),
        (
            f'[[channel]]\nname = "a"\naddress = "json://h/{CANARY}"\nwatch = ["Bartz"]',
            "'Bartz' is not known; did you mean Barts",
        ),
        (
            f'[[channel]]\nname = "a"\naddress = "json://h/{CANARY}"\nalerts = ["watched"]',
            "name organisations in watch",
        ),
        (f'[[channel]]\nname = "a"\naddress = "json://h/{CANARY}"\nalerts = ["cake"]', "'cake' is not known"),
        (f'[[channel]]\nname = "a"\naddress = "json://h/{CANARY}"\ncolour = 1', "colour"),
        (f'[[channel]]\nname = "a"\naddress = "json://h/{CANARY}"\n' * 2, "is the name of an earlier one"),
        (f'[[channels]]\naddress = "json://h/{CANARY}"', "channels is not known"),
    ],
)
def test_a_wrong_table_is_told_without_its_address(tmp_path: Path, toml: str, said: str) -> None:
    file = tmp_path / "channels.toml"
    file.write_text(toml)
    with pytest.raises(SettingsError, match=said) as raised:
        load_channels(file)
    assert CANARY not in str(raised.value)


def test_an_address_that_apprise_does_not_take_is_found_by_the_doctor(settings: Settings, hook: Hook) -> None:
    wrong = {"team": {"address": f"nosuchservice://{CANARY}"}}
    (found,) = [one for one in doctor.examine(with_channels(settings, hook, wrong)) if one.what == "channels"]
    assert (found.health, found.words) == (doctor.Health.WRONG, "team: its address is none that apprise takes")
