"""Each edition is posted to each channel once, in short form, and no address of a channel is ever told."""

import json
import logging
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from socket import create_server
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlmodel import SQLModel, select

from deployments import doctor
from flows.publishing.channels import send as post
from flows.publishing.channels import short_form
from flows.publishing.edition import DigestResult
from flows.publishing.view import Links
from flows.publishing.weekly import NOBODY
from models.channels import Channel, load_channels
from models.settings import Settings, SettingsError
from models.store import editions
from models.store.database import Database
from models.store.tables import ChannelPost
from tests.delivery.test_approved_is_sent import approve
from tests.support import fakes_edition as fakes
from tests.support.fakes_delivery import edition_database, edition_settings, join, send, send_left, states  # noqa: F401 - fixtures
from tests.support.fakes_mail import Mailboxes, smtp_server
from tests.support.fakes_webhook import Hook, webhook

CANARY = "canary-6b1fd0"


@pytest.fixture
def hook() -> Iterator[Hook]:
    with webhook(Hook()) as running:
        yield running


@pytest.fixture(name="posting")
def posting_settings(settings: Settings, hook: Hook) -> Settings:
    return with_channels(settings, hook, {"team": {}})


def with_channels(settings: Settings, hook: Hook, channels: dict[str, dict[str, Any]]) -> Settings:
    """Settings with these channels, at the address of `hook` with a secret in it."""
    lines = []
    for name, choices in channels.items():
        address = hook.address.replace("http://", "json://") + f"/{CANARY}"
        given = {"name": name, "address": address, **choices}
        lines += ["[[channel]]", *(f"{key} = {json.dumps(value)}" for key, value in given.items())]
    file = settings.data / "channels.toml"
    file.write_text("\n".join(lines))
    return settings.model_copy(update={"channels": file, "allow_hosts": frozenset({"127.0.0.1"})})


def posted(database: Database) -> Counter[str]:
    with database.read() as session:
        return Counter(session.exec(select(ChannelPost.state)))


def test_an_edition_is_posted_once_in_short_form_without_a_mail_server(
    database: Database, posting: Settings, hook: Hook
) -> None:
    first, second = send(database, posting), send(database, posting)
    (said,) = hook.posts
    assert (first.posts.sent, first.has_failures, second.posts.sent) == (["team"], False, [])
    assert said["title"] == first.subject
    assert 3 <= said["message"].count("\n• ") + 1 <= 5
    lead = next(story for story in first.content.stories if story.url and story.url in said["message"])
    assert lead.credit in said["message"]
    assert "stories from" in said["message"]
    assert "see the end" not in said["message"]
    assert said["message"].endswith("https://monitor.example.org/2026-W47.html")
    # No more than an email shows: no sentence of an article.
    quoted = {theme.quote for story in first.content.stories for theme in story.themes if theme.quote}
    assert quoted
    assert not [quote for quote in quoted if quote in said["message"]]
    assert posted(database) == {"sent": 1}
    assert second.note.startswith("this week's edition has been sent already")


def test_a_channel_that_fails_is_told_of_and_has_it_once_when_it_answers(
    database: Database, posting: Settings, hook: Hook
) -> None:
    join(database, 1)
    hook.status = lambda said: 500
    with smtp_server(Mailboxes()) as port:
        first = send(database, posting, port)
        assert (first.sent, first.has_failures, first.posts.waiting) == (1, True, ["team (answered 500)"])
        assert "team (answered 500)" in first.posts.words
        assert "team (answered 500)" in " ".join(one.words for one in doctor.examine(posting) if one.what == "channels")
        hook.status = lambda said: 200
        later = send_left(database, posting, port)
        assert (later.sent, later.posts.sent, later.has_given_up) == (0, ["team"], False)
        assert send_left(database, posting, port).posts.sent == []
    assert len(hook.posts) == 2
    assert posted(database) == {"sent": 1}


def test_what_no_channel_took_is_given_up_and_told(database: Database, posting: Settings, hook: Hook) -> None:
    hook.status = lambda said: 404
    send(database, posting)
    late = send_left(database, posting, now=fakes.MONDAY_7 + timedelta(days=6))
    assert (late.posts.expired, late.has_given_up, posted(database)) == (["team"], True, {"expired": 1})
    assert len(hook.posts) == 1
    assert not send_left(database, posting, now=fakes.MONDAY_7 + timedelta(days=7)).has_given_up


def test_each_gets_what_it_chose_and_nothing_where_there_is_nothing(
    database: Database, settings: Settings, hook: Hook
) -> None:
    choices = {
        "speaking": {"themes": ["speaking-up"]},
        "wales": {"nations": ["wales"]},
        "none": {"sectors": ["parliament"]},
    }
    result = send(database, with_channels(settings, hook, choices))
    assert result.posts.sent == ["speaking", "wales"]
    assert posted(database) == {"sent": 2, "skipped": 1}
    speaking = hook.posts[0]["message"]
    told = [story for story in result.content.stories if story.url and story.url in speaking]
    assert told
    assert all("speaking-up" in {theme.theme for theme in story.themes} for story in told)


def test_nothing_is_posted_that_nobody_approved(database: Database, posting: Settings, hook: Hook) -> None:
    asking = posting.model_copy(update={"approval": True})
    shown = send(database, asking)
    assert (shown.awaits_approval, hook.posts, posted(database)) == (True, [], {})
    assert send_left(database, asking).posts.sent == []
    with database.write() as session:
        editions.hold(fakes.WEEK, "held back by Ada", session=session)
    assert send(database, posting).held
    assert hook.posts == []
    assert approve(database, shown)
    with database.write() as session:
        fakes.add_story(
            session, source=fakes.SOURCES[0], title="Found later", at=fakes.WEEK.end - timedelta(hours=2),
            themes=[("workforce", "People leave.", 0.99)],
        )  # fmt: skip
    assert send(database, asking).posts.sent == ["team"]
    assert hook.posts[0]["title"] == shown.subject
    assert "Found later" not in hook.posts[0]["message"]


def test_two_digests_at_once_post_once(database: Database, posting: Settings, hook: Hook) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def wait(said: dict[str, Any]) -> int:
        inside.set()
        go_on.wait(20)
        return 200

    hook.status = wait
    results: list[DigestResult] = []
    first = threading.Thread(target=lambda: results.append(send(database, posting)))
    first.start()
    assert inside.wait(30)
    assert posted(database) == {"sending": 1}
    second = send(database, posting)
    go_on.set()
    first.join()
    assert (results[0].posts.sent, second.posts.sent, len(hook.posts)) == (["team"], [], 1)
    assert posted(database) == {"sent": 1}


def test_what_a_killed_run_left_is_posted_again_and_a_channel_that_left_is_not(
    database: Database, settings: Settings, hook: Hook
) -> None:
    hook.status = lambda said: 503
    send(database, with_channels(settings, hook, {"stays": {}, "leaves": {}}))
    with database.write() as session:
        for one in session.exec(select(ChannelPost)):
            one.state = "sending" if one.channel == "stays" else "pending"
            session.add(one)
    hook.status = lambda said: 200
    later = send_left(database, with_channels(settings, hook, {"stays": {}}))
    assert (later.posts.sent, later.posts.withdrawn) == (["stays"], ["leaves"])
    assert posted(database) == {"sent": 1, "skipped": 1}


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


def test_no_headline_calls_everybody_or_becomes_a_link(database: Database, settings: Settings) -> None:
    with database.write() as session:
        fakes.add_story(
            session, source=fakes.SOURCES[3], title="@channel <!here> see [this](https://evil.example) ![x](y)",
            at=fakes.WEEK.end - timedelta(hours=2), themes=[("appraisal", "A form.", 0.99)],
        )  # fmt: skip
    content = send(database, settings, dry_run=True).content
    sole = next(story for story in content.stories if "channel" in story.title)
    subject, body = short_form(replace(content, stories=(sole,)), Links())
    assert "see" in body
    for said in (subject, body):
        assert not {"<", ">", "[", "]"} & set(said)
        assert "@channel" not in said


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


def test_without_people_and_channels_nothing_is_sealed(database: Database, settings: Settings) -> None:
    assert send(database, settings).note == NOBODY
    assert states(database) == {}
