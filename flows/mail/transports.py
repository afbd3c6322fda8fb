"""Handing over an email to an SMTP server; `flows.mail.outbox` writes files instead.

`hand_over` is entered when everything but the last line of the message is with the server. Only if it was won is
the line sent that ends the message; otherwise the connection is dropped and the server forgets what it had (RFC 5321,
4.1.1.4).
"""

import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from enum import StrEnum
from ipaddress import ip_address
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import unquote, urlsplit

from models.settings import SettingsError

TIMEOUT_SECONDS = 60  # for each answer; RFC 5321 asks for minutes, but a server that slow is down for us
_MAX_ERROR = 300


class Answer(StrEnum):
    """What came of handing over one message."""

    SENT = "sent"
    AGAIN = "again"  # a temporary refusal or a dropped connection
    REFUSED = "refused"  # for good, this recipient
    TAKEN = "taken"  # another run is sending it
    STOP = "stop"  # nothing can be sent: login or sender refused; no recipient's fault


@dataclass(frozen=True, slots=True)
class SendResult:
    """An answer with the server's words."""

    answer: Answer
    detail: str = ""


class Claim(Protocol):
    """The right to end one message, which only one run can have."""

    won: bool

    def taken(self) -> None:
        """Write down that the server took it; called the moment it says so."""


HandOver = Callable[[], AbstractContextManager[Claim]]


class FreeClaim:
    """The right to send what no delivery stands for: a test copy."""

    won = True

    def taken(self) -> None:
        """Nothing is written down."""


class Transport(Protocol):
    """Hands over emails one by one; a context manager that closes its connection."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def send(self, message: EmailMessage, to_address: str, hand_over: HandOver) -> SendResult:
        """Hand over one email."""


@dataclass(frozen=True, slots=True)
class SmtpAddress:
    """Where and how to send, from `CULTURE_SMTP_URL`."""

    host: str
    port: int
    user: str
    password: str
    implicit_tls: bool

    def __repr__(self) -> str:
        return f"SmtpAddress({self.host}:{self.port})"  # never the password


def parse_smtp_url(url: str) -> SmtpAddress:
    """The server in `smtps://user:password@host:465` or `smtp://host:587`.

    Raises:
        SettingsError: it is not of that form; the message never holds the password.
    """
    form = "CULTURE_SMTP_URL: write smtps://user:password@host:465 or smtp://user:password@host:587"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise SettingsError(f"{form}; characters such as @ : / in the password are written %40 %3A %2F") from None
    if parts.scheme not in {"smtp", "smtps"} or not host or parts.path not in {"", "/"} or parts.query:
        raise SettingsError(form)
    tls = parts.scheme == "smtps"
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(password):
        raise SettingsError(f"{form}; a user needs a password and a password a user")
    return SmtpAddress(host, port or (465 if tls else 587), user, password, tls)


class SmtpTransport:
    """One connection for many messages, opened at the first and again after it broke.

    `smtps` speaks TLS from the start; `smtp` turns it on with STARTTLS where the server offers it. A password never
    travels in clear: without TLS it is sent to this very machine only. Certificates are checked.
    """

    def __init__(
        self,
        address: SmtpAddress,
        sender: str,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._address = address
        self._sender = sender
        self._timeout = timeout_seconds
        self._tls = tls
        self._server: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            with suppress(smtplib.SMTPException, OSError):
                self._server.quit()
        self._drop()

    def send(self, message: EmailMessage, to_address: str, hand_over: HandOver) -> SendResult:
        """Hand over one email; opens the connection where there is none."""
        try:
            server = self._server or self._open()
        except smtplib.SMTPAuthenticationError as error:
            self._drop()
            temporary = 400 <= error.smtp_code < 500
            return SendResult(
                Answer.AGAIN if temporary else Answer.STOP, _words("login refused", error.smtp_code, error.smtp_error)
            )
        except _NotSafeError as error:
            self._drop()
            return SendResult(Answer.STOP, str(error))
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            return SendResult(
                Answer.STOP if isinstance(error, ssl.SSLCertVerificationError) else Answer.AGAIN, _reason(error)
            )
        try:
            return self._converse(server, message.as_bytes(), to_address, hand_over)
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            return SendResult(Answer.AGAIN, _reason(error))
        except BaseException:  # of `hand_over`, say: the database is gone. Nothing may end the message by accident
            self._drop()
            raise

    def check(self) -> SendResult:
        """Connect and log in, send nothing: for `culture-monitor doctor`."""
        try:
            self._open()
        except smtplib.SMTPAuthenticationError as error:
            return SendResult(Answer.STOP, _words("login refused", error.smtp_code, error.smtp_error))
        except (_NotSafeError, smtplib.SMTPException, OSError) as error:
            return SendResult(Answer.STOP, _reason(error))
        finally:
            self.__exit__(None, None, None)
        return SendResult(Answer.SENT)

    def _open(self) -> smtplib.SMTP:
        where = self._address
        context = self._tls or ssl.create_default_context()
        server: smtplib.SMTP
        if where.implicit_tls:
            server = smtplib.SMTP_SSL(where.host, where.port, timeout=self._timeout, context=context)
        else:
            server = smtplib.SMTP(where.host, where.port, timeout=self._timeout)
        self._server = server
        server.ehlo_or_helo_if_needed()
        if not where.implicit_tls and server.has_extn("starttls"):
            server.starttls(context=context)
            server.ehlo_or_helo_if_needed()
        elif not where.implicit_tls and where.user and not _is_this_machine(where.host):
            raise _NotSafeError(f"{where.host} offers no STARTTLS, and a password is not sent in clear; use smtps://")
        if where.user:
            server.login(where.user, where.password)
        return server

    def _converse(self, server: smtplib.SMTP, body: bytes, to_address: str, hand_over: HandOver) -> SendResult:
        code, words = server.mail(self._sender, [f"size={len(body)}"] if server.has_extn("size") else [])
        if code != 250:
            return self._not_taken("sender refused", code, words, for_good=Answer.STOP)
        code, words = server.rcpt(to_address)
        if code not in {250, 251}:
            return self._not_taken("recipient refused", code, words)
        code, words = server.docmd("DATA")
        if code != 354:
            return self._not_taken("message refused", code, words)
        server.send(_dotted(body))
        with hand_over() as claim:
            if not claim.won:
                self._drop()
                return SendResult(Answer.TAKEN)
            server.send(b".\r\n")
            code, words = server.getreply()
            if code == 250:
                claim.taken()
                return SendResult(Answer.SENT)
        return self._not_taken("message refused", code, words)

    def _not_taken(self, what: str, code: int, words: bytes, for_good: Answer = Answer.REFUSED) -> SendResult:
        if code == 421 or code < 0:  # the server closes the connection
            self._drop()
        elif self._server is not None:
            try:
                self._server.rset()
            except (smtplib.SMTPException, OSError):
                self._drop()
        return SendResult(for_good if 500 <= code < 600 else Answer.AGAIN, _words(what, code, words))

    def _drop(self) -> None:
        if self._server is not None:
            with suppress(OSError):
                self._server.close()
            self._server = None


class _NotSafeError(Exception):
    """The password would travel in clear."""


def _dotted(body: bytes) -> bytes:
    """The message with lines that begin with a dot doubled (RFC 5321, 4.5.2), ended by a line end."""
    lines = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return b"".join((b"." + line if line.startswith(b".") else line) + b"\r\n" for line in lines)


def _is_this_machine(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _words(what: str, code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    return f"{what}: {code} {' '.join(text.split())}"[:_MAX_ERROR]


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate is not valid: {error.verify_message}"[:_MAX_ERROR]
    if isinstance(error, socket.gaierror):
        return "the server's name is not known"
    if isinstance(error, TimeoutError):
        return "the server did not answer in time"
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:_MAX_ERROR]
