"""Handing emails to an SMTP server with the standard library, and what its answers mean. Retrying is `flows.publishing.delivery`'s."""

import re
import smtplib
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import ip_address
from time import monotonic
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

from models.settings import SettingsError
from models.text_safety import plain_line

CONNECT_SECONDS = 60.0
# RFC 5321 (4.5.3.2): a server may filter for ten minutes after the final dot; who hangs up before then sends the message twice.
ANSWER_SECONDS = 600.0
_MAX_REPLY = 64 * 1024  # bytes of one answer, however many lines it has
_MAX_WORDS = 2000  # of which are looked at for addresses
_MAX_ERROR = 300
_ANY_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")


class Answer(StrEnum):
    """What came of handing over one message."""

    SENT = "sent"  # the server took it
    REFUSED = "refused"  # for good, this recipient
    AGAIN = "again"  # refused for now, or the connection broke
    STOP = "stop"  # nothing can be sent at present; no recipient's fault


@dataclass(frozen=True, slots=True)
class SendResult:
    """An answer, with the server's words; they hold no address."""

    answer: Answer
    detail: str = ""
    connection_broke: bool = False  # before the server said whether it took the message


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
    if not (user + password).isascii():
        raise SettingsError(
            "CULTURE_SMTP_URL: letters beyond ASCII in user or password can't be sent; have them changed"
        )
    return SmtpAddress(host, port or (465 if tls else 587), user, password, tls)


class SmtpMailer:
    """One connection for many messages, opened again where the server closed it; use as `with`.

    `smtps` speaks TLS from the start; `smtp` turns it on with STARTTLS where the server offers it. A password never
    travels in clear: without TLS it is sent to this very machine only. Certificates are checked.
    """

    def __init__(
        self,
        address: SmtpAddress,
        sender: str,
        *,
        answer_seconds: float = ANSWER_SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._address = address
        self._sender = sender
        self._answer_seconds = answer_seconds
        self._tls = tls
        self._server: smtplib.SMTP | None = None
        self._used = False  # whether this connection has carried a message

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None and kind is None:
            with suppress(smtplib.SMTPException, OSError):
                self._server.quit()
        self._drop()

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, for all that we know."""
        return self._server is not None

    def connect(self) -> SendResult | None:
        """Have a connection that answers, a new one where there is none; what is wrong where none can be had."""
        if self._server is not None:
            with suppress(smtplib.SMTPException, OSError):
                if self._server.noop()[0] == 250:
                    return None
            self._drop()
        try:
            self._open()
        except smtplib.SMTPAuthenticationError as error:
            self._drop()
            answer = Answer.STOP if 500 <= error.smtp_code < 600 else Answer.AGAIN
            return SendResult(answer, _words("login refused", error.smtp_code, error.smtp_error))
        except _NotSafeError as error:
            self._drop()
            return SendResult(Answer.STOP, str(error))
        except (smtplib.SMTPException, OSError, ValueError) as error:  # ValueError: a name or a challenge that is none
            self._drop()
            answer = Answer.STOP if isinstance(error, ssl.SSLCertVerificationError) else Answer.AGAIN
            return SendResult(answer, _reason(error))
        return None

    def send(self, message: bytes, to_address: str) -> SendResult:
        """Hand over one message on the connection that `connect` made.

        A server may end a connection after so many messages. So one that has carried a message and breaks costs a new
        connection and no more; what a new one says, counts.
        """
        was_used = self._used
        result = self._try(message, to_address)
        if was_used and self._server is None and result.answer is Answer.AGAIN:
            return self.connect() or self._try(message, to_address)
        return result

    def check(self) -> SendResult:
        """Connect and log in, send nothing: for `culture-monitor doctor`."""
        with self:
            return self.connect() or SendResult(Answer.SENT)

    def _try(self, message: bytes, to_address: str) -> SendResult:
        assert self._server is not None  # after `connect`
        try:
            self._server.sendmail(self._sender, [to_address], message)
        except smtplib.SMTPRecipientsRefused as error:
            code, words = next(iter(error.recipients.values()))
            result = _refused("recipient refused", code, words)
        except smtplib.SMTPSenderRefused as error:
            result = _refused("sender refused", error.smtp_code, error.smtp_error, for_good=Answer.STOP)
        except smtplib.SMTPResponseException as error:
            result = _refused("message refused", error.smtp_code, error.smtp_error)
        except TimeoutError:
            self._drop()
            return SendResult(Answer.STOP, "the server did not answer in time", connection_broke=True)
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            return SendResult(Answer.AGAIN, _scrubbed(_reason(error), to_address), connection_broke=True)
        else:
            self._used = True
            return SendResult(Answer.SENT)
        if self._server.sock is None:  # it said 421, and the library hung up
            self._drop()
        return replace(result, detail=_scrubbed(result.detail, to_address))

    def _open(self) -> None:
        where = self._address
        context = self._tls or ssl.create_default_context()
        if where.implicit_tls:
            self._server = _TlsConnection(where.host, where.port, timeout=CONNECT_SECONDS, context=context)
        else:
            self._server = _Connection(where.host, where.port, timeout=CONNECT_SECONDS)
        server = self._server
        server.ehlo_or_helo_if_needed()
        if not where.implicit_tls and server.has_extn("starttls"):
            server.starttls(context=context)
            server.ehlo_or_helo_if_needed()
        elif not where.implicit_tls and where.user and not _is_this_machine(where.host):
            raise _NotSafeError(f"{where.host} offers no STARTTLS, and a password is not sent in clear; use smtps://")
        if where.user:
            server.login(where.user, where.password)
        assert server.sock is not None  # it has just answered
        server.sock.settimeout(self._answer_seconds)

    def _drop(self) -> None:
        if self._server is not None:
            with suppress(OSError):
                self._server.close()
        self._server, self._used = None, False


class _Answers:
    """What a server says, in lines, as the library reads them: one answer within its time and length.

    The library waits anew for every byte, and takes lines for as long as the server sends some.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket, self._file = connection, connection.makefile("rb")
        self.begin()

    def begin(self) -> None:
        """Another answer is awaited."""
        self._seconds = self._socket.gettimeout() or ANSWER_SECONDS
        self._until, self._left = monotonic() + self._seconds, _MAX_REPLY

    def readline(self, limit: int) -> bytes:
        """The next line, or its first `limit` bytes; nothing where the connection ended."""
        line = b""
        try:
            while len(line) < limit and not line.endswith(b"\n"):
                self._socket.settimeout(max(self._until - monotonic(), 0.001))
                ahead = self._file.peek(1)[: limit - len(line)]
                line += self._file.read(ahead.find(b"\n") + 1 or len(ahead))
                if not ahead:
                    break
        finally:
            self._socket.settimeout(self._seconds)
        self._left -= len(line)
        if self._left < 0:
            raise OSError(f"an answer of more than {_MAX_REPLY} bytes")
        return line

    def close(self) -> None:
        self._file.close()


class _Connection(smtplib.SMTP):
    """The library's, reading answers within bounds."""

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _Answers(self.sock)
        elif self.file is not None:
            self.file.begin()
        return super().getreply()


class _TlsConnection(_Connection, smtplib.SMTP_SSL):
    """The same over TLS."""


class _NotSafeError(Exception):
    """The password would travel in clear."""


def _refused(what: str, code: int, words: bytes | str, for_good: Answer = Answer.REFUSED) -> SendResult:
    if code < 0:  # the connection broke in the middle of an answer
        return SendResult(Answer.AGAIN, f"{what}: no answer that can be read", connection_broke=True)
    return SendResult(for_good if 500 <= code < 600 else Answer.AGAIN, _words(what, code, words))


def _scrubbed(words: str, address: str) -> str:
    """A server's words without addresses, and without the name that the recipient's consists of."""
    local = re.escape(address.rpartition("@")[0])
    return re.sub(rf"(?<!\w){local}(?!\w)", "…", _ANY_ADDRESS.sub("…", words), flags=re.IGNORECASE)[:_MAX_ERROR]


def _is_this_machine(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _words(what: str, code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    return f"{what}: {code} {plain_line(text, _MAX_WORDS)}"


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate is not valid: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return "the server's name is not known"
    if isinstance(error, TimeoutError):
        return "the server did not answer in time"
    return plain_line(str(error), _MAX_WORDS) or type(error).__name__
