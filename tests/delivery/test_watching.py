"""A reader who watches an organisation: chosen by its name, kept with them, and first in their email."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from flows.publishing.short import send_short
from models.edition.short import Kind
from models.settings import Settings
from models.store import recipients
from models.store.database import Database
from models.store.recipients import RecipientError
from models.store.tables import Recipient, StoredMention, StoredOrganisation
from tests.product.test_commands import command
from tests.support import fakes_edition as fakes
from tests.support.fakes_channels import running_hook, with_channels  # noqa: F401 - a fixture
from tests.support.fakes_delivery import edition_database, edition_settings, send  # noqa: F401 - fixtures
from tests.support.fakes_mail import Mailboxes, smtp_server
from tests.support.fakes_webhook import Hook

BARTS = "barts-health-nhs-trust"
NOW = fakes.MONDAY_7


def add_small_thing(session: Session, at: datetime) -> None:
    """A story about Barts, of low rank, which names it as it was before its merger."""
    story = fakes.add_story(
        session, source=fakes.SOURCES[0], title="A small thing at Barts", at=at,
        themes=[("appraisal", "A form is read.", 0.51)],
    )  # fmt: skip
    for organisation, after in ((BARTS, []), ("the-london", [BARTS])):
        session.add(
            StoredOrganisation(
                id=organisation, name=organisation.title(), kind="nhs-trust", nation="england", successors=after,
                vocabulary="v",
            )
        )  # fmt: skip
    session.add(
        StoredMention(
            article_id=story.id or 0, organisation_id="the-london", place="title", start_offset=17, end_offset=22,
            surface="Barts",
        )
    )  # fmt: skip


def test_a_channel_watches_too_and_is_told_at_once_and_first_of_all(
    database: Database, settings: Settings, hook: Hook
) -> None:
    tuesday = NOW + timedelta(days=1)
    team = {"themes": ["workforce"], "watch": ["Barts"], "alerts": ["watched"]}
    watching = with_channels(settings, hook, {"team": team, "other": {"themes": ["workforce"]}})
    with database.write() as session:
        add_small_thing(session, fakes.WEEK.end - timedelta(hours=1))
    assert send(database, watching).posts.sent == ["team", "other"]
    mine, theirs = (post["message"] for post in hook.posts)
    assert "A small thing at Barts" in mine.splitlines()[0]
    assert mine.count("\n• ") == theirs.count("\n• ") + 1
    assert "A small thing" not in theirs
    with database.write() as session:
        story = fakes.add_story(
            session, source=fakes.SOURCES[1], title="Another thing at Barts", at=tuesday - timedelta(hours=2),
            themes=[("appraisal", "A form is read.", 0.51)],
        )  # fmt: skip
        session.add(
            StoredMention(
                article_id=story.id or 0, organisation_id=BARTS, place="title", start_offset=17, end_offset=22,
                surface="Barts",
            )
        )  # fmt: skip
        fakes.add_story(
            session, source=fakes.SOURCES[2], title="A thing elsewhere", at=tuesday - timedelta(hours=2),
            themes=[("workforce", "People leave.", 0.99)],
        )  # fmt: skip
    told = send_short(database, fakes.REGISTRY, watching, kind=Kind.ALERT, now=tuesday, themes=fakes.THEMES).posts
    assert told.sent == ["team"]
    assert hook.posts[-1]["title"] == "Alert: Another thing at Barts"
    assert "Another thing at Barts" in hook.posts[-1]["message"]


def test_their_email_begins_with_what_they_watch(database: Database, settings: Settings) -> None:
    with database.write() as session:
        add_small_thing(session, fakes.WEEK.start + timedelta(hours=1))
        recipients.add("watcher@example.org", NOW, themes=["workforce"], watch=["Barts"], session=session)
        recipients.add("other@example.org", NOW, themes=["workforce"], session=session)
    mailboxes = Mailboxes()
    with smtp_server(mailboxes) as port:
        assert send(database, settings, port).sent == 2
    (mine,), (theirs,) = (mailboxes.received()[f"{who}@example.org"] for who in ("watcher", "other"))
    text = mine.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert mine["Subject"].startswith("A small thing at Barts")
    assert "You watch Barts-Health-Nhs-Trust." in " ".join(text.split())
    assert text.index("WHAT YOU WATCH") < text.index("[1] A small thing at Barts") < text.index("IN BRIEF")
    assert "A small thing at Barts" not in theirs.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_who_is_unknown_or_gone_is_refused_with_what_is_alike(database: Database) -> None:
    with database.write() as session:
        recipients.add("a@example.org", NOW, watch=["R1H", "CQC"], session=session)
        assert recipients.show("a@example.org", session=session).watch == [BARTS, "care-quality-commission"]
        with pytest.raises(RecipientError, match="organisation 'Bartz' is not known; did you mean Barts Health"):
            recipients.change("a@example.org", watch=["Bartz"], session=session)
        recipients.change("a@example.org", nations=["wales"], session=session)
        assert recipients.show("a@example.org", session=session).watch == [BARTS, "care-quality-commission"]
        assert recipients.export("a@example.org", session=session)["watch"] == [BARTS, "care-quality-commission"]
        recipients.erase("a@example.org", NOW, session=session)
        assert [one.watch for one in session.exec(select(Recipient))] == [[]]


def test_the_command_watches_shows_and_stops_watching(tmp_path: Path) -> None:
    own = tmp_path / "data" / "organisations.toml"
    own.parent.mkdir()
    own.write_text("[england.care-provider]\nmeadow-homes = { name = 'Meadow Homes' }\n", encoding="utf-8")
    who = "chair@example.org"
    added = command(tmp_path, "recipients", "add", who, "--watch", "Meadow Homes", "--watch", BARTS)
    watching = f"first of all what is about: meadow-homes, {BARTS}"
    assert watching in " ".join(added.stdout.split())
    assert watching in " ".join(command(tmp_path, "recipients", "show", who).stdout.split())
    assert command(tmp_path, "recipients", "change", who, "--watch", "CQC", "--watch-none").returncode == 2
    assert command(tmp_path, "recipients", "change", who, "--watch-none").returncode == 0
    (listed,) = json.loads(command(tmp_path, "recipients", "list", "--json").stdout)
    assert listed["watch"] == []
