"""A real SMTP server that can be told to fail, and a certificate for it."""

import asyncio
import email
import itertools
import ssl
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "monitor", "pass:w@rd/with%signs"


class Mailboxes:
    """What arrived, by recipient; `fault` decides for each try what goes wrong (see `FAULTS`)."""

    def __init__(self, fault: Callable[[int, str], str] = lambda number, address: "") -> None:
        self._raw: dict[str, list[bytes]] = defaultdict(list)
        self.tries: dict[str, int] = defaultdict(int)
        self.fault = fault
        self.slow_seconds = 0.05
        self.per_connection = 0  # messages, after which it says 421; 0: as many as one likes
        self.hangs_up = False  # after each message
        self.when_taken: Callable[[str], None] = lambda address: None  # before the server says 250
        self._number = itertools.count()
        self._lock = threading.Lock()

    def counts(self) -> dict[str, int]:
        """Messages in each mailbox."""
        with self._lock:
            return {address: len(messages) for address, messages in self._raw.items()}

    def raw(self, address: str) -> list[bytes]:
        """What a mailbox holds, byte by byte."""
        with self._lock:
            return list(self._raw[address])

    def received(self) -> dict[str, list[EmailMessage]]:
        """What each mailbox holds. Not a property: the server looks at those of its handler for each connection."""
        with self._lock:
            return {address: [_parsed(raw) for raw in messages] for address, messages in self._raw.items()}

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.per_connection and getattr(session, "taken", 0) >= self.per_connection:
            return "421 4.7.0 too many messages in one session"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.tries[address] += 1
        match fault := self.fault(next(self._number), address):
            case "rcpt-451":
                return "451 4.7.1 greylisted, come back later"
            case "rcpt-451-named":
                return f"451 4.7.1 {address.partition('@')[0]} <{address}> greylisted"
            case "rcpt-550":
                return f"550 5.1.1 <{address}>: no such user"
            case "421":
                return "421 4.3.0 closing for a rest"
            case "drop-before-data":
                _abort(server)
                return "250 OK"
        session.fault = fault  # type: ignore[attr-defined]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        fault = getattr(session, "fault", "")
        if fault == "drop-after-data":
            _abort(server)
            return "250 never heard"
        if fault == "data-451":
            return "451 4.3.0 disk full for the moment"
        if fault == "data-554":
            return "554 5.7.1 looks like spam"
        if fault == "slow":
            await asyncio.sleep(self.slow_seconds)
        with self._lock:
            for address in envelope.rcpt_tos:
                self._raw[address].append(envelope.original_content or b"")
        for address in envelope.rcpt_tos:
            self.when_taken(address)
        session.taken = getattr(session, "taken", 0) + 1  # type: ignore[attr-defined]
        if self.hangs_up:
            transport: Any = server.transport
            asyncio.get_running_loop().call_soon(transport.close)  # after the answer
        return "250 OK taken"


def _parsed(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def _abort(server: SMTP) -> None:
    transport: Any = server.transport
    transport.abort()


class _Controller(Controller):
    def __init__(self, handler: Mailboxes, tls: ssl.SSLContext | None, implicit: bool, auth: bool) -> None:
        self._tls = tls
        self._auth = auth
        super().__init__(handler, hostname="127.0.0.1", port=0, ssl_context=tls if implicit else None)
        self._implicit = implicit

    def factory(self) -> SMTP:
        """One connection."""
        return SMTP(
            self.handler,
            hostname="mail.test",
            tls_context=None if self._implicit else self._tls,
            require_starttls=bool(self._tls) and not self._implicit,
            auth_required=self._auth,
            auth_require_tls=self._tls is not None and not self._implicit,
            authenticator=_check_login if self._auth else None,
            data_size_limit=None,
        )

    def _trigger_server(self) -> None:
        # Port 0: the one that the system chose.
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        super()._trigger_server()  # type: ignore[no-untyped-call]


def _check_login(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and data.login == USER.encode() and data.password == PASSWORD.encode()
    return AuthResult(success=good, handled=good)


@contextmanager
def smtp_server(
    mailboxes: Mailboxes, *, tls: ssl.SSLContext | None = None, implicit: bool = False, auth: bool = False
) -> Iterator[int]:
    """Runs a server on a free loopback port; gives the port."""
    controller = _Controller(mailboxes, tls, implicit, auth)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS for the server, and for a client that trusts it: a certificate for 127.0.0.1, made now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "cert.pem", folder / "key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(public, private)
    client = ssl.create_default_context(cafile=str(public))
    return server, client
