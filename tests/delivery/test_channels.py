"""Each edition is posted to each channel once, in short form, and no address of a channel is ever told."""

import asyncio
import sys
import threading
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from deployments import doctor
from deployments.cli import main
from flows.alert import digest_check
from flows.publishing.channels import PostSummary, short_form
from flows.publishing.edition import DigestResult
from flows.publishing.short import send_short
from flows.publishing.view import Links
from flows.publishing.weekly import NOBODY
from models.edition.short import Kind
from models.settings import Settings
from models.store import editions, posts
from models.store.database import Database, open_database
from models.store.tables import ChannelPost
from models.weeks import Week, utc_now
from tests.delivery.test_approved_is_sent import approve
from tests.support import fakes_edition as fakes
from tests.support.fakes_channels import CANARY, posting_settings, running_hook, with_channels  # noqa: F401 - fixtures
from tests.support.fakes_delivery import edition_database, edition_settings, join, send, send_left, states  # noqa: F401 - fixtures
from tests.support.fakes_mail import Mailboxes, smtp_server
from tests.support.fakes_webhook import Hook


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


def test_what_was_posted_when_the_run_was_killed_is_posted_once_more_the_same(
    database: Database, posting: Settings, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(posts, "settle", lambda *given, **more: sys.exit("killed"))  # the channel has it, nobody knows
        with pytest.raises(SystemExit):
            send(database, posting)
    assert posted(database) == {"sending": 1}
    with database.write() as session:
        fakes.add_story(
            session, source=fakes.SOURCES[0], title="Found later", at=fakes.WEEK.end - timedelta(hours=2),
            themes=[("workforce", "People leave.", 0.99)],
        )  # fmt: skip
    assert send_left(database, posting).posts.sent == ["team"]
    assert send_left(database, posting).posts.sent == []
    first, second = hook.posts
    assert first == second
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


def test_no_headline_calls_everybody_or_becomes_a_link(database: Database, settings: Settings) -> None:
    with database.write() as session:
        fakes.add_story(
            session, source=fakes.SOURCES[3], title="@channel <!here> see [this](https://evil.example) www.evil.example ![x](y)",
            url="https://ward.example/@everyone/<!here>?a=*b*`#(c|", at=fakes.WEEK.end - timedelta(hours=2),
            themes=[("appraisal", "A form.", 0.99)],
        )  # fmt: skip
    content = send(database, settings, dry_run=True).content
    sole = next(story for story in content.stories if "channel" in story.title)
    subject, body = short_form(replace(content, stories=(sole,)), Links())
    assert "see" in body
    for said in (subject, body):
        assert not {"<", ">", "[", "]"} & set(said)
        assert "@channel" not in said
        assert "://" not in said.replace("https://ward", "")
        assert "www.evil" not in said
    assert (
        "https://ward.example/%40everyone/%3C%21here%3E?a=%2Ab%2A%60#%28c%7C" in body.replace("!", "%21").splitlines()
    )


def test_no_domain_in_a_headline_becomes_a_link(database: Database, settings: Settings, hook: Hook) -> None:
    """Chat services make a link of a bare domain; a mark that nobody sees stands where its dot would join it."""
    asking = with_channels(settings, hook, {"team": {"alerts": ["speaking-up"]}})
    now = fakes.MONDAY_7 + timedelta(days=1, hours=3)
    title = "See evil.example, nhs.uk.evil.example and bücher。de: pay is up 3.5% in St. Mary's"
    with database.write() as session:
        fakes.add_story(
            session, source=fakes.SOURCES[0], title=title, url="https://ward.example/a.html",
            at=now - timedelta(hours=2), themes=[("speaking-up", "A word.", 0.9)],
        )  # fmt: skip
    send_short(
        database, fakes.REGISTRY, asking, kind=Kind.ALERT, now=now, themes=fakes.THEMES, sleep=lambda seconds: None
    )
    (post,) = hook.posts
    for said in (post["title"], post["message"].partition("\n")[0]):
        assert not [domain for domain in ("evil.example", "nhs.uk", "bücher。de") if domain in said]
        assert title in said.replace("\u2060", "")
        assert "3.5% in St. Mary's" in said
    assert post["message"].endswith("https://ward.example/a.html")


def test_without_people_and_channels_nothing_is_sealed(database: Database, settings: Settings) -> None:
    assert send(database, settings).note == NOBODY
    assert states(database) == {}


def test_people_on_the_list_wait_for_a_server_and_have_what_was_posted(
    database: Database, posting: Settings, hook: Hook
) -> None:
    join(database, 1)
    first = send(database, posting)
    assert (first.posts.sent, first.sent, first.waiting, first.has_failures) == (["team"], 0, 1, True)
    assert "no mail server is set" in first.note
    mailboxes = Mailboxes()
    with smtp_server(mailboxes) as port:
        assert send_left(database, posting, port).sent == 1
    ((message,),) = mailboxes.received().values()
    assert message["Subject"] == hook.posts[0]["title"]
    assert len(hook.posts) == 1


def test_a_channel_is_told_at_once_of_what_it_asked_for_each_story_once_three_a_day(
    database: Database, settings: Settings, hook: Hook
) -> None:
    asking = with_channels(settings, hook, {"team": {"alerts": ["speaking-up"]}, "other": {}})

    def alerts(now: datetime) -> PostSummary:
        return send_short(
            database, fakes.REGISTRY, asking, kind=Kind.ALERT, now=now, themes=fakes.THEMES, sleep=lambda seconds: None
        ).posts

    tuesday = fakes.MONDAY_7 + timedelta(days=1, hours=3)
    with database.write() as session:
        for number in range(5):
            fakes.add_story(
                session, source=fakes.SOURCES[0], title=f"Concern {number}", at=tuesday - timedelta(hours=2),
                themes=[("speaking-up" if number else "appraisal", "A word.", 0.9 - number / 20)],
            )  # fmt: skip
    hook.status = lambda said: 500
    assert alerts(tuesday).waiting == ["team (answered 500)"] * 3
    hook.status = lambda said: 200
    assert alerts(tuesday + timedelta(hours=2)).sent == ["team"] * 3
    assert alerts(tuesday + timedelta(hours=4)).sent == alerts(tuesday + timedelta(days=1)).sent == []
    said = [post["title"] for post in hook.posts[-3:]]
    assert said == ["Alert: Concern 1", "Alert: Concern 2", "Alert: Concern 3"]
    assert "A word." not in str(hook.posts)
    assert posted(database) == {"sent": 3}
    assert send_left(database, asking, now=tuesday).posts.sent == []


def test_the_command_and_the_noon_check_tell_of_a_channel_that_fails(
    settings: Settings, hook: Hook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with_channels(settings, hook, {"team": {}})  # channels.toml in the data folder, named by no setting
    monkeypatch.setenv("CULTURE_DATA", str(tmp_path))
    monkeypatch.setenv("CULTURE_ALLOW_HOSTS", "127.0.0.1")
    hook.status = lambda said: 500
    with open_database(f"sqlite:///{tmp_path / 'culture.db'}") as opened:
        fakes.fill(opened, week=Week.of(utc_now()).plus(-1), weeks=1)
    with pytest.raises(SystemExit) as ended:
        main(["digest"])
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert "team (answered 500)" in " ".join(said.out.split())
    checked = asyncio.run(digest_check.fn())
    assert checked.type.value == "FAILED"
    assert "1 channel had not" in (checked.message or "")
    hook.status = lambda said: 200
    checked = asyncio.run(digest_check.fn())  # it sends first what is left
    assert (checked.type.value, (checked.message or "").partition(", ")[2]) == ("COMPLETED", "1 channel had it")
    assert CANARY not in said.out + said.err + str(checked.message)
