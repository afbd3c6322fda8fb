"""Mail servers that mean ill or are broken: each answer ends in its bounds, in words that can be shown, and stops no digest."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from flows.publishing.smtp import Answer, SendResult, SmtpMailer, parse_smtp_url
from models.settings import Settings, SettingsError
from models.store import recipients
from models.store.database import Database
from tests.support import fakes_edition as fakes
from tests.support.fakes_delivery import edition_database, edition_settings, join, send  # noqa: F401 - fixtures
from tests.support.fakes_mail import Mailboxes, smtp_server
from tests.support.fakes_rendering import SENDER

PATIENCE = 60.0  # of a test that would hang if it failed
ANSWER_SECONDS = 0.5
Say = Callable[[socket.socket], None]


@contextmanager
def server(odd: dict[bytes, bytes | Say], greeting: bytes = b"250-here\r\n250 AUTH CRAM-MD5") -> Iterator[int]:
    """A server that takes everything, but for the commands to which it has an odd answer; its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    def talk(connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as asked, suppress(OSError):
            connection.sendall(b"220 here\r\n")
            while command := asked.readline().split(b" ")[0].strip().upper():
                answer = odd.get(command, greeting + b"\r\n" if command == b"EHLO" else b"250 fine\r\n")
                connection.sendall(answer) if isinstance(answer, bytes) else answer(connection)

    threading.Thread(target=serve, daemon=True).start()
    with listener:
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def handed_over(port: int, login: str = "") -> SendResult:
    """What came of one message; the test fails where nothing comes."""
    done: list[SendResult] = []

    def hand_over() -> None:
        address = parse_smtp_url(f"smtp://{login}127.0.0.1:{port}")
        with SmtpMailer(address, SENDER.address, answer_seconds=ANSWER_SECONDS) as mailer:
            done.append(mailer.connect() or mailer.send(b"Subject: x\r\n\r\nNews.\r\n", "ada.lovelace@example.org"))

    thread = threading.Thread(target=hand_over, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert done, "it waits for ever, or ended with a traceback"
    return done[0]


def without_end(piece: bytes, pause: float) -> Say:
    def say(connection: socket.socket) -> None:
        while True:
            connection.sendall(piece)
            time.sleep(pause)

    return say


@pytest.mark.parametrize("command", [b"MAIL", b"RCPT"])
@pytest.mark.parametrize(
    ("piece", "pause"),
    [(b"250-more\r\n" * 100, 0.0), (b"250-slowly\r\n", 0.2), (b"2", 0.2)],
    ids=["fast", "lines", "bytes"],
)
def test_an_answer_without_end_is_given_up(command: bytes, piece: bytes, pause: float) -> None:
    with server({command: without_end(piece, pause)}) as port:
        result = handed_over(port)
    assert (result.answer, result.connection_broke) == (Answer.AGAIN, True)


@pytest.mark.parametrize("challenge", [b"!!!notbase64", b"A", b"\xff\xff", b""])
def test_a_challenge_that_is_none_is_a_login_that_failed(challenge: bytes) -> None:
    with server({b"AUTH": b"334 " + challenge + b"\r\n"}) as port:
        assert handed_over(port, "ada:secret@").answer is Answer.AGAIN


def test_a_login_that_can_not_be_sent_is_told_before_anything_is() -> None:
    with pytest.raises(SettingsError, match="CULTURE_SMTP_URL: letters beyond ASCII") as refusal:
        parse_smtp_url("smtps://ada:p%C3%A4ss@mail.example.org")
    assert "ss@" not in str(refusal.value)


def test_a_servers_words_are_shown_as_text_and_without_the_address() -> None:
    words = b"550 \x1b]0;owned\x07\x1b[31m \xc2\x9b31m \xe2\x80\xae ada.lovelace@example.org is not here\r\n"
    with server({b"RCPT": words}) as port:
        result = handed_over(port)
    assert result.answer is Answer.REFUSED
    assert result.detail.isprintable()
    assert "lovelace" not in result.detail
    assert "is not here" in result.detail


def test_words_as_long_as_a_line_are_not_dear() -> None:
    with server({b"MAIL": (b"550-" + b"a" * 8000 + b"\r\n") * 7 + b"550 no\r\n"}) as port:
        begin = time.process_time()
        assert handed_over(port).answer is Answer.STOP
        assert time.process_time() - begin < 0.2  # 0.7 s where every letter is a place where an address may begin


def test_an_odd_name_or_address_keeps_nobody_from_their_email(database: Database, settings: Settings) -> None:
    join(database, 2)
    odd = {
        "=?utf-8?q?x?=@example.org": "",
        "named@example.org": "=?utf-8?q?Ada=0D=0ABcc:_evil=40x.example?=",
        "o'brien+news@example.org": 'Doe, "J" <evil@x.example>',
    }
    with database.write() as session:
        for address, name in odd.items():
            recipients.add(address, fakes.MONDAY_7, name=name, session=session)
    mailboxes = Mailboxes()
    with smtp_server(mailboxes) as port:
        assert send(database, settings, port).sent == 5
    assert sum(mailboxes.counts().values()) == 5
    for address in mailboxes.counts():
        head = mailboxes.raw(address)[0].partition(b"\r\n\r\n")[0]
        assert b"\r\nbcc:" not in head.lower()
        assert b"\r\nSubject:" in head
