"""What is promised about mail holds when one step follows another: no server yet, refusals, leaving, two runs, kills."""

import re
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from models.settings import Settings
from models.store import recipients
from models.store.database import Database, open_database
from models.store.tables import Delivery
from tests.support import fakes_edition as fakes
from tests.support.fakes_delivery import edition_settings, join, send, send_left, states  # noqa: F401 - a fixture
from tests.support.fakes_mail import Mailboxes, smtp_server

DAY = timedelta(days=1)


@pytest.fixture(name="database")
def week_database(sqlite: Database) -> Database:
    fakes.fill(sqlite, weeks=1)
    return sqlite


def test_without_a_server_it_is_a_preview_and_goes_out_once_when_one_is_set(
    database: Database, settings: Settings
) -> None:
    addresses = join(database, 3)
    preview = send(database, settings)
    assert (preview.sent, preview.has_failures, states(database)) == (0, False, {})
    assert "preview" in preview.note
    assert (settings.outbox / "2026-W47.html").exists()
    assert send_left(database, settings).sent == 0
    mailboxes = Mailboxes()
    with smtp_server(mailboxes) as port:
        assert send_left(database, settings, port).sent == 3
        assert send_left(database, settings, port, now=fakes.MONDAY_7 + 2 * DAY).sent == 0
        assert send(database, settings, port).sent == 0
    assert mailboxes.counts() == dict.fromkeys(addresses, 1)


def test_an_edition_that_nobody_wanted_sent_is_not_swept_up(database: Database, settings: Settings) -> None:
    join(database, 1)
    send(database, settings, send=False)
    with smtp_server(Mailboxes()) as port:
        assert send_left(database, settings, port).sent == 0


def test_what_was_greylisted_on_monday_is_sent_by_a_run_on_tuesday(database: Database, settings: Settings) -> None:
    addresses = join(database, 5)
    mailboxes = Mailboxes(lambda number, address: "rcpt-451" if address in addresses[:2] else "")
    with smtp_server(mailboxes) as port:
        monday = send(database, settings, port, pauses=())
        assert (monday.sent, monday.waiting) == (3, 2)
        mailboxes.fault = lambda number, address: ""
        tuesday = send_left(database, settings, port)
        assert (tuesday.sent, tuesday.waiting) == (2, 0)
    assert mailboxes.counts() == dict.fromkeys(addresses, 1)


def test_what_no_server_took_in_time_is_given_up_and_told(database: Database, settings: Settings) -> None:
    join(database, 2)
    mailboxes = Mailboxes(lambda number, address: "rcpt-451")
    with smtp_server(mailboxes) as port:
        send(database, settings, port, pauses=())
        friday = send_left(database, settings, port, now=fakes.MONDAY_7 + 4 * DAY)
        assert (friday.waiting, friday.expired) == (2, 0)
        saturday = send_left(database, settings, port, now=fakes.MONDAY_7 + 5 * DAY)
        assert (saturday.expired, states(database)) == (2, {"expired": 2})
        assert "2 given up as out of date" in saturday.words
        mailboxes.fault = lambda number, address: ""
        assert send_left(database, settings, port, now=fakes.MONDAY_7 + 6 * DAY).words == ""
    assert mailboxes.counts() == {}


@pytest.mark.parametrize("way", ["hangs up", "says 421"])
def test_a_server_that_ends_each_connection_after_one_mail_costs_connections_and_no_pause(
    way: str, database: Database, settings: Settings
) -> None:
    addresses = join(database, 100)
    mailboxes = Mailboxes()
    mailboxes.hangs_up, mailboxes.per_connection = way == "hangs up", int(way == "says 421")
    pauses: list[float] = []
    with smtp_server(mailboxes) as port:
        result = send(database, settings, port, sleep=pauses.append, pauses=(60.0,))
    assert (result.sent, pauses) == (100, [])
    assert mailboxes.counts() == dict.fromkeys(addresses, 1)


def test_a_message_that_breaks_the_connection_does_not_keep_the_others_from_being_sent(
    database: Database, settings: Settings
) -> None:
    addresses = join(database, 8)
    mailboxes = Mailboxes(lambda number, address: "drop-after-data" if address in addresses[:4] else "")
    with smtp_server(mailboxes) as port:
        send(database, settings, port, pauses=())
        send_left(database, settings, port)
    assert mailboxes.counts() == dict.fromkeys(addresses[4:], 1)


@pytest.mark.parametrize("how", ["leaves", "is erased"])
def test_who_leaves_or_is_erased_during_a_pause_gets_nothing(how: str, database: Database, settings: Settings) -> None:
    first, second = join(database, 2)
    mailboxes = Mailboxes(lambda number, address: "rcpt-451" if address == second else "")

    def leave(seconds: float) -> None:
        mailboxes.fault = lambda number, address: ""
        with database.write() as session:
            act = recipients.remove if how == "leaves" else recipients.erase
            act(second, fakes.MONDAY_7, session=session)

    with smtp_server(mailboxes) as port:
        result = send(database, settings, port, sleep=leave, pauses=(60.0,))
    assert (result.sent, result.waiting) == (1, 0)
    assert mailboxes.counts() == {first: 1}
    assert states(database) == {"sent": 1, "skipped": 1}


def test_who_leaves_between_two_mails_gets_nothing(database: Database, settings: Settings) -> None:
    first, second = join(database, 2)
    mailboxes = Mailboxes()

    def leave(address: str) -> None:
        with open_database(f"sqlite:///{settings.data / 'culture.db'}") as other, other.write() as session:
            recipients.remove(second, fakes.MONDAY_7, session=session)

    mailboxes.when_taken = leave
    with smtp_server(mailboxes) as port:
        assert send(database, settings, port).sent == 1
    assert mailboxes.counts() == {first: 1}


@pytest.mark.parametrize("fault", ["rcpt-550", "rcpt-451-named"])
def test_a_servers_words_are_kept_without_the_address(fault: str, database: Database, settings: Settings) -> None:
    (address,) = join(database, 1)
    with smtp_server(Mailboxes(lambda number, _: fault)) as port:
        send(database, settings, port, pauses=())
    with database.read() as session:
        error = session.exec(select(Delivery.error)).one() or ""
    assert re.search("no such user|greylisted", error)
    assert address not in error
    assert "reader0" not in error


_SENDER = """
import sys
from pathlib import Path
from tests.support.fakes_delivery import send
from models.settings import Settings
from models.store.database import open_database
data, port = Path(sys.argv[1]), int(sys.argv[2])
with open_database(f"sqlite:///{data / 'culture.db'}") as database:
    settings = Settings(data=data, mail_from="monitor@example.org", base_url="https://monitor.example.org")
    send(database, settings, port)
"""


def test_what_was_with_the_server_at_a_kill_is_sent_again_the_same_to_the_byte(
    database: Database, settings: Settings
) -> None:
    first, second, third = join(database, 3)
    mailboxes = Mailboxes()
    with smtp_server(mailboxes) as port:
        words = [sys.executable, "-c", _SENDER, str(settings.data), str(port)]
        sender = subprocess.Popen(words, cwd=Path(__file__).parents[2])
        mailboxes.when_taken = lambda address: sender.send_signal(signal.SIGKILL) if address == second else None
        assert sender.wait(60) == -signal.SIGKILL
        assert states(database) == {"sent": 1, "sending": 1, "pending": 1}
        mailboxes.when_taken = lambda address: None
        with database.write() as session:  # what the message would be made from now has changed
            row = recipients.by_address(second, session=session)
            assert row is not None
            row.name, row.themes = "Somebody Else", ["workforce"]
            session.add(row)
        later = settings.model_copy(update={"mail_from": "Other <other@example.org>"})
        result = send_left(database, later, port)
    assert (result.sent, result.unconfirmed) == (2, 1)
    assert mailboxes.counts() == {first: 1, second: 2, third: 1}
    once, again = mailboxes.raw(second)
    assert once == again
    with database.read() as session:
        assert set(session.exec(select(Delivery.message))) == {None}


def test_no_story_can_hold_what_stands_for_a_token(database: Database, settings: Settings) -> None:
    words = "the-token-of-whoever-receives-this-edition"
    with database.write() as session:
        fakes.add_story(
            session,
            source=fakes.SOURCES[3],
            title=f"See {words}",
            at=fakes.WEEK.end - timedelta(hours=1),
            themes=[("workforce", "People leave.", 1.0)],
            url=f"https://elsewhere.example/{words}",
        )
        token = recipients.add("reader@example.org", fakes.MONDAY_7, session=session)[0].token
    mailboxes = Mailboxes()
    with smtp_server(mailboxes) as port:
        send(database, settings, port)
    (message,) = mailboxes.received()["reader@example.org"]
    for kind in ("plain", "html"):
        body = message.get_body((kind,)).get_content()  # type: ignore[union-attr]
        assert f"https://elsewhere.example/{words}" in body
        assert f"elsewhere.example/{token}" not in body
        assert f"/unsubscribe/{token}" in body


def test_each_readers_labels_are_of_their_own_themes(database: Database, settings: Settings) -> None:
    chosen = {
        "one@example.org": ["workforce", "speaking-up"],
        "two@example.org": ["workforce", "challenged-roles"],
    }
    with database.write() as session:
        fakes.add_story(
            session,
            source=fakes.SOURCES[3],
            title="A story of three themes",
            at=fakes.WEEK.end - timedelta(hours=1),
            themes=[("workforce", "People leave.", 1.0), ("speaking-up", "", 0.9), ("challenged-roles", "", 0.9)],
        )
        for address, themes in chosen.items():
            recipients.add(address, fakes.MONDAY_7, themes=themes, session=session)
    mailboxes = Mailboxes()
    with smtp_server(mailboxes) as port:
        assert send(database, settings, port).sent == 2
    for address, (mine, other) in {
        "one@example.org": ("Speaking up", "Challenged roles"),
        "two@example.org": ("Challenged roles", "Speaking up"),
    }.items():
        (message,) = mailboxes.received()[address]
        for kind in ("plain", "html"):
            body = message.get_body((kind,)).get_content()  # type: ignore[union-attr]
            assert re.search(rf"Why it counts: [^<\n]*{mine}", body)
            assert other not in body
