"""A proxy of the organisation's network: asked for all but the allowed hosts, and never a way to inner addresses."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from flows.fetching.client import PoliteClient
from models.entries import Fetched, Reply
from models.settings import SettingsError, load_settings
from tests.support.fakes_client import AGENT
from tests.support.fakes_web import Answer, FakeWeb


class Proxy:
    """A real proxy on a loopback port that answers for every host itself, and opens no tunnel."""

    def __init__(
        self, answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
    ) -> None:
        self.heads: list[str] = []
        self._answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.write(self._answer)
            await writer.drain()
        writer.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        async with server:
            yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


def ask(proxy: Proxy, *urls: str, login: str = "", allow: frozenset[str] = frozenset()) -> list[Reply]:
    async def run() -> list[Reply]:
        async with (
            proxy.running() as place,
            PoliteClient(user_agent=AGENT, allow_hosts=allow, gap_seconds=0, proxy=f"http://{login}{place}") as client,
        ):
            return [await client.get(url, respect_robots=False) for url in urls]

    return asyncio.run(run())


def test_a_host_that_only_the_proxy_can_find_is_asked_through_it() -> None:
    proxy = Proxy()
    (reply,) = ask(proxy, "http://news.example.invalid/a?b=1", login="monitor:s3cret@")
    assert (reply.outcome, reply.body) == (Fetched.OK, b"hello")
    assert proxy.heads[0].startswith("GET http://news.example.invalid/a?b=1 HTTP/1.1")
    assert "Proxy-Authorization: Basic bW9uaXRvcjpzM2NyZXQ=" in proxy.heads[0].replace(
        "proxy-authorization", "Proxy-Authorization"
    )
    assert "s3cret" not in repr(reply)


def test_a_secure_host_is_reached_by_a_tunnel() -> None:
    proxy = Proxy(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
    (reply,) = ask(proxy, "https://news.example.invalid/a")
    assert reply.outcome is Fetched.UNREACHABLE
    assert "CULTURE_PROXY" in reply.detail
    assert "407" in reply.detail
    assert proxy.heads[0].startswith("CONNECT news.example.invalid:443")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://10.1.2.3/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[fd00::1]/",
        "http://localhost/",
        "http://intranet/",
        "https://192.168.1.1/",
    ],
)
def test_no_inner_address_is_asked_for_through_the_proxy(url: str) -> None:
    proxy = Proxy()
    (reply,) = ask(proxy, url)
    assert (reply.outcome, proxy.heads) == (Fetched.REFUSED, [])


def test_a_redirect_through_the_proxy_leads_nowhere_inside() -> None:
    proxy = Proxy(b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    (reply,) = ask(proxy, "http://news.example.invalid/")
    assert (reply.outcome, len(proxy.heads)) == (Fetched.REFUSED, 1)


def test_allowed_hosts_are_asked_without_the_proxy() -> None:
    proxy = Proxy()
    with FakeWeb({"/a": Answer(b"direct")}) as web:
        for allowed in ("127.0.0.1", web.host):
            (reply,) = ask(proxy, web.url("/a"), allow=frozenset({allowed}))
            assert (reply.body, proxy.heads) == (b"direct", [])


def test_a_proxy_that_does_not_answer_is_an_unreachable_host() -> None:
    async def run() -> Reply:
        async with PoliteClient(user_agent=AGENT, gap_seconds=0, proxy="http://127.0.0.1:9") as client:
            return await client.get("http://news.example.invalid/", respect_robots=False)

    assert asyncio.run(run()).outcome is Fetched.UNREACHABLE


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async def run(url: str) -> Reply:
        async with PoliteClient(user_agent=AGENT, allow_hosts=frozenset({"127.0.0.1"})) as client:
            return await client.get(url)

    with FakeWeb({"/a": Answer(b"direct")}) as web:
        assert asyncio.run(run(web.url("/a"))).body == b"direct"


@pytest.mark.parametrize(
    "value", ["proxy.example.nhs.uk", "socks5://proxy:1080", "http://proxy", "http://[:80", "http://a:b@:80"]
)
def test_a_proxy_that_is_none_is_refused_in_words_and_without_its_password(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CULTURE_PROXY", value)
    with pytest.raises(SettingsError, match="CULTURE_PROXY: must be http://host:port") as told:
        load_settings()
    assert value not in str(told.value)


def test_a_proxy_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CULTURE_PROXY", "http://user:s3cret@proxy.example.nhs.uk:8080")
    settings = load_settings()
    assert settings.proxy_address == "http://user:s3cret@proxy.example.nhs.uk:8080"
    assert "s3cret" not in repr(settings)
    monkeypatch.setenv("CULTURE_PROXY", "")
    assert load_settings().proxy_address is None
