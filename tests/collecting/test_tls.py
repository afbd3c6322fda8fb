"""Over TLS: HTTP/2 where the server speaks it, the certificate checked against the name, the name sent to the server."""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from flows.fetching.client import PoliteClient
from models.entries import Fetched, Reply
from models.urls import host_of, normalise_url


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate for `localhost` and its key in one file, trusted by this test alone."""
    return made_certificate(tmp_path, monkeypatch)


def made_certificate(folder: Path, monkeypatch: pytest.MonkeyPatch, *, until: timedelta = timedelta(days=1)) -> Path:
    """A certificate that is valid from ten days ago until so long from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.9"))])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=10))
        .not_valid_after(now + until)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + built.public_bytes(serialization.Encoding.PEM)
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return file


class Server:
    """A server that speaks HTTP/2, or HTTP/1.1 where that is all that it may."""

    def __init__(self) -> None:
        self.protocols: list[str | None] = []
        self.names: list[str | None] = []
        self.refusals = 0  # requests that are not answered, and how
        self.refuse: Callable[[h2.connection.H2Connection, int], None] = lambda connection, stream: None

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tls = writer.get_extra_info("ssl_object")
        self.protocols.append(tls.selected_alpn_protocol())
        if tls.selected_alpn_protocol() == "h2":
            await self._speak_h2(reader, writer)
        else:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
            await writer.drain()
        writer.close()

    async def _speak_h2(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived) and self.refusals > 0:
                    self.refusals -= 1
                    self.refuse(connection, event.stream_id)
                elif isinstance(event, h2.events.RequestReceived):
                    connection.send_headers(event.stream_id, [(":status", "200"), ("content-type", "text/html")])
                    connection.send_data(event.stream_id, b"hello", end_stream=True)
            writer.write(connection.data_to_send())

    @asynccontextmanager
    async def running(
        self, certificate: Path, protocols: list[str], newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
    ) -> AsyncIterator[int]:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        if newest is not ssl.TLSVersion.MAXIMUM_SUPPORTED:
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = context.maximum_version = newest
        context.load_cert_chain(certificate)
        context.set_alpn_protocols(protocols)

        def note(_: Any, name: str | None, __: Any) -> None:
            self.names.append(name)

        context.sni_callback = note
        server = await asyncio.start_server(self.answer, "127.0.0.1", 0, ssl=context)
        async with server:
            yield server.sockets[0].getsockname()[1]


async def ask(port: int, host: str, count: int = 1) -> list[Reply]:
    allow = frozenset({"localhost", "127.0.0.1"})
    async with PoliteClient(user_agent="nhs-culture-monitor/1", allow_hosts=allow) as client:
        return [await client.get(f"https://{host}:{port}/{n}", respect_robots=False) for n in range(count)]


@pytest.mark.parametrize(("offered", "connections"), [(["h2", "http/1.1"], 1), (["http/1.1"], 3)])
def test_http_2_is_spoken_where_it_is_offered(certificate: Path, offered: list[str], connections: int) -> None:
    server = Server()

    async def run() -> list[Reply]:
        async with server.running(certificate, offered) as port:
            return await ask(port, "localhost", 3)

    replies = asyncio.run(run())
    assert [(reply.outcome, reply.body) for reply in replies] == [(Fetched.OK, b"hello")] * 3
    assert server.protocols == [offered[0]] * connections  # the one connection of HTTP/2 is used again
    assert set(server.names) == {"localhost"}


def test_a_key_in_an_address_is_in_no_log(certificate: Path, caplog: pytest.LogCaptureFixture) -> None:
    server = Server()

    async def run(protocols: list[str]) -> Reply:
        allow = frozenset({"localhost"})
        async with (
            server.running(certificate, protocols) as port,
            PoliteClient(user_agent="nhs-culture-monitor/1", allow_hosts=allow) as client,
        ):
            return await client.get(f"https://localhost:{port}/search?tag=nhs&api-key=s3cret", respect_robots=False)

    with caplog.at_level("DEBUG"):
        replies = [asyncio.run(run(protocols)) for protocols in (["h2"], ["http/1.1"])]
    assert [reply.outcome for reply in replies] == [Fetched.OK, Fetched.OK]
    assert "tag=nhs&api-key=***" in caplog.text
    assert "s3cret" not in caplog.text + repr(replies)


def test_a_certificate_for_another_name_is_not_accepted(certificate: Path) -> None:
    server = Server()

    async def run() -> list[Reply]:
        async with server.running(certificate, ["http/1.1"]) as port:
            return await ask(port, "127.0.0.1")

    (reply,) = asyncio.run(run())
    assert reply.outcome is Fetched.UNREACHABLE
    assert "certificate" in reply.detail.lower()
    assert server.protocols == []


def goaway(connection: h2.connection.H2Connection, stream: int) -> None:
    connection.close_connection(last_stream_id=max(stream - 2, 0))


def goaway_after_all(connection: h2.connection.H2Connection, stream: int) -> None:
    connection.close_connection(last_stream_id=stream)


def refused(connection: h2.connection.H2Connection, stream: int) -> None:
    connection.reset_stream(stream, error_code=h2.errors.ErrorCodes.REFUSED_STREAM)


@pytest.mark.parametrize("refuse", [goaway, goaway_after_all, refused])
@pytest.mark.parametrize("first", [0, 1], ids=["of a fresh connection", "of a kept connection"])
def test_a_request_that_the_server_gave_up_is_made_once_more(
    certificate: Path, refuse: Callable[[h2.connection.H2Connection, int], None], first: int
) -> None:
    server = Server()

    async def run() -> list[Reply]:
        allow = frozenset({"localhost"})
        async with (
            server.running(certificate, ["h2"]) as port,
            PoliteClient(user_agent="nhs-culture-monitor/1", allow_hosts=allow) as client,
        ):
            replies = [await client.get(f"https://localhost:{port}/{n}", respect_robots=False) for n in range(first)]
            server.refusals, server.refuse = 1, refuse
            return [*replies, await client.get(f"https://localhost:{port}/x", respect_robots=False)]

    assert [(reply.outcome, reply.body) for reply in asyncio.run(run())] == [(Fetched.OK, b"hello")] * (first + 1)


@pytest.mark.parametrize("refuse", [goaway, refused])
def test_a_server_that_gives_up_every_request_is_asked_twice(
    certificate: Path, refuse: Callable[[h2.connection.H2Connection, int], None]
) -> None:
    server = Server()
    server.refusals, server.refuse = 100, refuse

    async def run() -> list[Reply]:
        async with server.running(certificate, ["h2"]) as port:
            return await ask(port, "localhost")

    (reply,) = asyncio.run(run())
    assert reply.outcome is Fetched.FAILED
    assert "broken transfer" in reply.detail
    assert server.refusals == 98


def test_a_certificate_that_has_run_out_is_not_accepted_and_said_to_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = made_certificate(tmp_path, monkeypatch, until=timedelta(days=-1))

    async def run() -> list[Reply]:
        async with Server().running(certificate, ["http/1.1"]) as port:
            return await ask(port, "localhost")

    (reply,) = asyncio.run(run())
    assert reply.outcome is Fetched.UNREACHABLE
    assert "expired" in reply.detail


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_a_server_that_speaks_but_old_tls_is_not_spoken_to(certificate: Path, version: ssl.TLSVersion) -> None:
    async def run() -> list[Reply]:
        async with Server().running(certificate, ["http/1.1"], newest=version) as port:
            return await ask(port, "localhost")

    (reply,) = asyncio.run(run())
    assert reply.outcome is Fetched.UNREACHABLE
    assert "TLS" in reply.detail


@pytest.mark.parametrize(
    "host", ["b\u00fccher.example", "xn--bcher-kva.example", "B\u00dcCHER.example.", "b\u00fccher.example:443"]
)
def test_a_host_of_any_script_is_one_host(host: str) -> None:
    assert normalise_url(f"https://{host}/a") == "https://xn--bcher-kva.example/a"
    assert host_of(f"https://{host}/a") == "xn--bcher-kva.example"
