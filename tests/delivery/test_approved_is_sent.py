"""What a person approved is what is sent, to the byte of its content; what they held back is not."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from deployments.cli import main
from flows.publishing.edition import DigestResult
from models.settings import Settings
from models.store import editions, recipients
from models.store.database import Database, open_database
from models.store.tables import Article, Edition, Review
from models.weeks import Week, utc_now
from tests.support import fakes_edition as fakes
from tests.support.fakes_delivery import edition_settings, join, send, send_left, states
from tests.support.fakes_mail import Mailboxes, smtp_server

LATER = fakes.MONDAY_7 + timedelta(hours=3)
__all__ = ["edition_settings"]  # a fixture


@pytest.fixture(name="database")
def week_database(sqlite: Database) -> Database:
    fakes.fill(sqlite, weeks=1)
    join(sqlite, 2)
    return sqlite


@pytest.fixture(name="asking")
def asking_settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"approval": True})


@pytest.fixture
def port() -> Iterator[int]:
    with smtp_server(Mailboxes()) as found:
        yield found


def approve(database: Database, shown: DigestResult) -> bool:
    with database.write() as session:
        return editions.approve(fakes.WEEK, shown.content_hash, "Ada", session=session)


def add_news(database: Database) -> None:
    with database.write() as session:
        fakes.add_story(
            session,
            source=fakes.SOURCES[0],
            title="Found an hour later",
            at=fakes.WEEK.end - timedelta(hours=2),
            themes=[("workforce", "People leave.", 0.9)],
        )


def add_review(database: Database, article_id: int) -> None:
    with database.write() as session:
        session.add(Review(article_id=article_id, theme="workforce", verdict=False, reviewer="Grace", at=LATER))


def test_nothing_is_sent_before_a_yes(database: Database, asking: Settings, port: int) -> None:
    result = send(database, asking, port)
    assert (result.awaits_approval, result.sent, states(database)) == (True, 0, {})
    assert send_left(database, asking, port).sent == 0


def test_news_that_came_since_the_yes_waits(database: Database, asking: Settings, port: int) -> None:
    shown = send(database, asking, port)
    assert approve(database, shown)
    add_news(database)
    result = send(database, asking, port, now=LATER)
    assert (result.sent, result.content, result.content_hash) == (2, shown.content, shown.content_hash)
    assert "Found an hour later" not in (asking.outbox / "2026-W47.html").read_text()


@pytest.mark.parametrize("about", ["a story that is shown", "a copy of one"])
def test_a_review_after_the_yes_asks_anew(database: Database, asking: Settings, port: int, about: str) -> None:
    shown = send(database, asking, port)
    assert approve(database, shown)
    story = next(story for story in shown.content.stories if story.copies)
    with database.read() as session:
        of_story = select(Article.story_id).where(Article.id == story.id)
        others = select(Article.id).where(Article.story_id == session.exec(of_story).one(), Article.id != story.id)
        copy = session.exec(others).first()
    add_review(database, story.id if about == "a story that is shown" else copy or 0)
    again = send(database, asking, port, now=LATER)
    assert (again.awaits_approval, again.sent, states(database)) == (True, 0, {})
    assert again.content_hash != shown.content_hash
    assert not approve(database, shown)  # which is no longer what is kept
    assert approve(database, again)
    assert send(database, asking, port, now=LATER).sent == 2


def test_a_review_of_another_story_changes_nothing(database: Database, asking: Settings, port: int) -> None:
    shown = send(database, asking, port)
    approve(database, shown)
    add_news(database)
    with database.read() as session:
        newest = session.exec(select(Article.id).where(Article.title == "Found an hour later")).one()
    add_review(database, newest or 0)
    assert send(database, asking, port, now=LATER).content_hash == shown.content_hash


def test_an_edit_after_the_yes_asks_anew(database: Database, asking: Settings, port: int) -> None:
    approve(database, send(database, asking, port))
    with database.write() as session:
        edition = session.exec(select(Edition)).one()
        edition.content = {**edition.content, "articles": 1}
        session.add(edition)
    result = send(database, asking, port, now=LATER)
    assert (result.awaits_approval, result.sent) == (True, 0)


def test_what_was_held_back_is_sent_by_no_later_run(database: Database, settings: Settings, port: int) -> None:
    asking = settings.model_copy(update={"approval": True})
    send(database, asking, port)
    with database.write() as session:
        editions.hold(fakes.WEEK, "held back by Ada", session=session)
    for who in (asking, settings):  # with the setting, and after it was turned off
        result = send(database, who, port, now=LATER)
        assert (result.sent, result.held, result.has_failures) == (0, True, False)
        assert "held back by Ada" in result.note
        assert send_left(database, who, port).sent == 0
    assert states(database) == {}
    assert approve(database, send(database, asking, port, now=LATER))
    assert send(database, asking, port, now=LATER).sent == 2


def test_an_approved_edition_goes_out_as_approved_when_a_server_is_set(
    database: Database, asking: Settings, port: int
) -> None:
    shown = send(database, asking, send=False)
    assert approve(database, shown)
    assert "preview" in send(database, asking).note
    add_news(database)
    assert send_left(database, asking, port).sent == 2
    assert send(database, asking, port).content_hash == shown.content_hash


def test_a_dry_run_shows_the_edition_that_it_wrote(database: Database, settings: Settings) -> None:
    send(database, settings, send=False)
    add_news(database)
    result = send(database, settings, dry_run=True)
    assert "Found an hour later" in {story.title for story in result.content.stories}
    assert "Found an hour later" in (settings.outbox / "2026-W47.html").read_text()


def test_the_command_asks_for_the_hash_of_what_was_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], port: int
) -> None:
    monkeypatch.setenv("CULTURE_DATA", str(tmp_path))
    monkeypatch.setenv("CULTURE_APPROVAL", "true")
    monkeypatch.setenv("CULTURE_SMTP_URL", f"smtp://127.0.0.1:{port}")
    last = Week.of(utc_now()).plus(-1)
    with open_database(f"sqlite:///{tmp_path / 'culture.db'}") as database:
        fakes.fill(database, week=last, weeks=1)
        with database.write() as session:
            recipients.add("reader@example.org", fakes.MONDAY_7, session=session)

        def command(*words: str) -> tuple[int, str]:
            with pytest.raises(SystemExit) as ended:
                main(["digest", *words])
            said = capsys.readouterr()
            return int(ended.value.code or 0), said.out + said.err

        code, said = command()
        assert (code, states(database)) == (0, {})
        named = re.search(r"--approve ([0-9a-f]+)", " ".join(said.split()))
        assert named is not None
        assert command("--approve", "0" * 12)[0] == 2
        code, said = command("--approve", named[1], "--json")
        assert (code, json.loads(said)["sent"]) == (0, 1)
        assert states(database) == {"sent": 1}


def test_a_week_that_has_not_begun_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["digest", "--week", str(Week.of(utc_now()).plus(1)), "--data", str(tmp_path)])
    assert ended.value.code == 2
    assert "has not begun" in " ".join(capsys.readouterr().err.split())
