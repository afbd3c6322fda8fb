"""Each recipient has the edition exactly once, and nobody has what is not for them."""

from datetime import timedelta

from sqlmodel import select

from flows.publishing.weekly import ALL_SENT, NOBODY, NOT_OVER
from models.settings import Settings
from models.store import recipients
from models.store.database import Database
from models.store.tables import Edition
from tests.support import fakes_edition as fakes
from tests.support.fakes_delivery import edition_database, edition_settings, join, send, states  # noqa: F401 - fixtures
from tests.support.fakes_mail import Mailboxes, smtp_server


def test_everyone_has_it_once_and_a_second_run_sends_nothing(database: Database, settings: Settings) -> None:
    addresses = join(database, 5)
    mailboxes = Mailboxes()
    with smtp_server(mailboxes) as port:
        first = send(database, settings, port)
        second = send(database, settings, port)
    assert (first.sent, first.failed, first.waiting) == (5, 0, 0)
    assert mailboxes.counts() == dict.fromkeys(addresses, 1)
    assert (second.sent, second.already_sent, second.note) == (0, 5, ALL_SENT)


def test_the_edition_never_changes_after_the_first_send(database: Database, settings: Settings) -> None:
    join(database, 1)
    with smtp_server(Mailboxes()) as port:
        first = send(database, settings, port)
    with database.write() as session:
        fakes.add_story(
            session,
            source=fakes.SOURCES[0],
            title="Breaking",
            at=fakes.WEEK.start,
            themes=[("workforce", "It broke.", 0.99)],
        )
    second = send(database, settings)
    assert second.stories == first.stories
    assert "Breaking" not in (settings.outbox / "2026-W47.html").read_text()


def test_a_week_that_is_not_over_is_sent_to_nobody(database: Database, settings: Settings) -> None:
    join(database, 1)
    with smtp_server(Mailboxes()) as port:
        result = send(database, settings, port, now=fakes.SATURDAY)
        assert (result.sent, result.note) == (0, NOT_OVER)
        assert "so far" in result.subject
        assert send(database, settings, port).sent == 1  # and on Monday it goes out, composed anew


def test_a_dry_run_changes_nothing_but_files(database: Database, settings: Settings) -> None:
    join(database, 1)
    result = send(database, settings, dry_run=True)
    assert [file.name for file in result.files] == ["2026-W47.html", "2026-W47.txt", "2026-W47.eml"]
    assert states(database) == {}
    with database.read() as session:
        assert session.exec(select(Edition)).all() == []


def test_a_test_copy_is_marked_and_seals_nothing(database: Database, settings: Settings) -> None:
    join(database, 1)
    mailboxes = Mailboxes()
    with smtp_server(mailboxes) as port:
        result = send(database, settings, port, to="Someone@Example.org")
    (message,) = mailboxes.received()["someone@example.org"]
    assert message["Subject"].startswith("[Test] ")
    assert message["List-Unsubscribe"] == "<mailto:monitor@example.org?subject=unsubscribe>"
    assert result.sent == 1
    assert states(database) == {}


def test_nobody_on_the_list(database: Database, settings: Settings) -> None:
    with smtp_server(Mailboxes()) as port:
        assert send(database, settings, port).note == NOBODY
        join(database, 1)
        assert send(database, settings, port).sent == 1


def test_nothing_for_someone_is_no_email_unless_they_asked(database: Database, settings: Settings) -> None:
    at = fakes.MONDAY_7 - timedelta(days=9)
    with database.write() as session:
        for address, asked in (("quiet@example.org", False), ("always@example.org", True)):
            recipients.add(
                address, at, themes=["values-and-induction"], send_empty=asked, sectors=["parliament"], session=session
            )
    mailboxes = Mailboxes()
    with smtp_server(mailboxes) as port:
        result = send(database, settings, port)
    assert (result.sent, result.skipped) == (1, 1)
    (message,) = mailboxes.received()["always@example.org"]
    assert "Nothing this week on: Values and induction." in message.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_one_who_left_meanwhile_is_not_written_to(database: Database, settings: Settings) -> None:
    first, second = join(database, 2)
    mailboxes = Mailboxes(lambda number, address: "rcpt-451" if address == second else "")
    with smtp_server(mailboxes) as port:
        assert send(database, settings, port, pauses=()).waiting == 1
        with database.write() as session:
            recipients.erase(second, fakes.MONDAY_7, session=session)
        mailboxes.fault = lambda number, address: ""
        assert send(database, settings, port).sent == 0
    assert mailboxes.counts() == {first: 1}


def test_the_digest_of_a_missed_week_goes_out_late_and_once(database: Database, settings: Settings) -> None:
    join(database, 1)
    thursday = fakes.MONDAY_7 + timedelta(days=3)
    with smtp_server(Mailboxes()) as port:
        assert send(database, settings, port, now=thursday).sent == 1
        assert send(database, settings, port, now=thursday).note == ALL_SENT
