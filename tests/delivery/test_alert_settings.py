"""Whom alerts are told to: several addresses get a mail each, and what can't be used is refused in words."""

import asyncio
import socket
import threading
from contextlib import suppress

import pytest

from flows.alert import alert
from models.settings import SettingsError, load_settings
from tests.support.fakes_mail import Mailboxes, smtp_server
from tests.support.fakes_webhook import Hook, webhook


def test_each_of_several_addresses_gets_the_alert(monkeypatch: pytest.MonkeyPatch) -> None:
    mailboxes = Mailboxes(lambda number, address: "rcpt-550" if address == "gone@example.org" else "")
    with smtp_server(mailboxes) as port:
        monkeypatch.setenv("CULTURE_SMTP_URL", f"smtp://127.0.0.1:{port}")
        monkeypatch.setenv("CULTURE_ALERT_TO", "Ann <ann@example.org>, gone@example.org,bob@example.org")
        state = asyncio.run(alert.fn("digest", "Failed", "It broke."))
    assert mailboxes.counts() == {"ann@example.org": 1, "bob@example.org": 1}
    assert (state.type.value, "gone@example.org" in str(state.message)) == ("FAILED", True)
    (message,) = mailboxes.received()["bob@example.org"]
    assert "It broke." in message.get_content()


def test_without_a_mail_server_nobody_is_said_to_have_been_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CULTURE_ALERT_TO", "ann@example.org")
    state = asyncio.run(alert.fn("digest", "Failed", "It broke."))
    assert (state.type.value, "CULTURE_SMTP_URL" in str(state.message)) == ("FAILED", True)


@pytest.mark.parametrize("value", ["nobody", "ann@example.org; bob@example.org", "ann@example.org,", "a@b@c", "x\n@y"])
def test_an_alert_address_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CULTURE_ALERT_TO", value)
    with pytest.raises(SettingsError, match=r"CULTURE_ALERT_TO: .* is not an email address"):
        load_settings()


@pytest.mark.parametrize(
    "value", ["https://host:99999/canary", "https://host:canary/", "host/canary", "https:///canary"]
)
def test_a_webhook_that_can_not_be_reached_is_refused_without_its_secret(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("CULTURE_ALERT_WEBHOOK", value)
    with pytest.raises(SettingsError, match="CULTURE_ALERT_WEBHOOK: must be a web address") as refused:
        load_settings()
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("host", ["xn--", "xn--a"])
def test_a_webhook_of_a_malformed_name_is_told_in_words(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("CULTURE_ALERT_WEBHOOK", f"https://{host}/canary")
    state = asyncio.run(alert.fn("digest", "Failed", "It broke."))
    assert state.type.value == "FAILED"
    assert "the webhook could not be reached" in str(state.message)
    assert "canary" not in str(state.message)


def test_what_a_run_said_calls_nobody_and_becomes_no_link(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "<!channel> @here [Resume](https://evil.example) `x` www.evil.example \u202e" + "x" * 3000
    with webhook(Hook()) as hook:
        monkeypatch.setenv("CULTURE_ALERT_WEBHOOK", hook.address)
        asyncio.run(alert.fn("<!here>", "@all\nFailed", said))
    (post,) = hook.posts
    assert not [mark for mark in ("<", ">", "[", "@h", "@a", "`", "://evil", "www.e", "\u202e") if mark in str(post)]


def test_a_webhook_is_posted_to_directly_and_its_endless_answer_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    met: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    met.append(connection.recv(65536).split(b"\r\n")[0])
                    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    while True:
                        connection.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n")

    threading.Thread(target=answer, daemon=True).start()
    port = listener.getsockname()[1]
    with listener:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")  # where nobody listens
        monkeypatch.setenv("CULTURE_ALERT_WEBHOOK", f"http://127.0.0.1:{port}/hook")
        state = asyncio.run(asyncio.wait_for(alert.fn("digest", "Failed", "It broke."), 60))
        listener.shutdown(socket.SHUT_RDWR)
    assert (state.type.value, met) == ("COMPLETED", [b"POST /hook HTTP/1.1"])
