"""Servers that mean ill or are broken: each request ends in its bounds with an outcome, and meets nothing private."""

import asyncio
import gzip
import socket
import threading
import zlib
from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import brotli  # type: ignore[import-untyped]
import pytest
import zstandard

from flows.fetching.addresses import is_public
from flows.fetching.client import Limits, PoliteClient
from flows.fetching.decoding import EncodingError, TooManyBytesError, decode
from models.entries import Fetched, Reply
from models.store.database import Database
from tests.support.fakes_client import with_client
from tests.support.fakes_sites import HOUR, collected, feed, item, story
from tests.support.fakes_web import (
    Answer,
    Behaviour,
    FakeWeb,
    Handler,
    cut_short,
    endless,
    many_headers,
    not_http,
    redirect,
    reset,
    silence,
    slow_loris,
)

QUICK = Limits(connect=1.0, read=0.4, total=0.8, redirects=5)
PATIENCE = 60.0  # of a test that would hang if it failed
MEGABYTE = 1024 * 1024


def get(url: str, *, allow: frozenset[str] = frozenset({"127.0.0.1"}), **given: Any) -> Reply:
    """One reply of a fresh client in a hurry."""

    async def run() -> Reply:
        async with (
            asyncio.timeout(PATIENCE),
            PoliteClient(user_agent="nhs-culture-monitor/0.1", allow_hosts=allow, limits=QUICK) as client,
        ):
            return await client.get(url, **given)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("behaviour", "outcome", "said"),
    [
        (slow_loris, Fetched.FAILED, "took longer than"),
        (silence, Fetched.FAILED, "silent for"),
        (endless, Fetched.TOO_LARGE, "more than"),
        (reset, Fetched.FAILED, "broken transfer"),
        (cut_short, Fetched.FAILED, "broken transfer"),
        (not_http, Fetched.FAILED, "broken transfer"),
        (many_headers, Fetched.FAILED, "broken transfer"),
        (Answer(b"x" * 2 * MEGABYTE), Fetched.TOO_LARGE, "more than"),
        (Answer(b"plain", headers={"Content-Encoding": "gzip"}), Fetched.FAILED, "not valid gzip"),
        (Answer(b"plain", headers={"Content-Encoding": "lzma"}), Fetched.FAILED, "unknown encoding"),
        (Answer(b"plain", headers={"Content-Encoding": "gzip, gzip, gzip"}), Fetched.FAILED, "3 layers"),
        (Answer(b"", 302), Fetched.FAILED, "answered 302"),
        (redirect("http://["), Fetched.FAILED, "answered 302"),
        (redirect("file:///etc/passwd"), Fetched.REFUSED, "http or https"),
        (redirect("gopher://127.0.0.1/"), Fetched.REFUSED, "http or https"),
        (redirect("http://169.254.169.254/latest/meta-data/"), Fetched.REFUSED, "private address"),
        (redirect("http://[::1]/"), Fetched.REFUSED, "private address"),
        (redirect("http://[::ffff:127.0.0.2]/"), Fetched.REFUSED, "private address"),
        (redirect("http://2130706434/"), Fetched.REFUSED, "private address"),
        (redirect("http://0x7f.2/"), Fetched.REFUSED, "private address"),
        (redirect("http://0.0.0.0/"), Fetched.REFUSED, "private address"),
        (redirect("http://localhost/"), Fetched.REFUSED, "private address"),
        (redirect("http://user:pw@127.0.0.1:1@127.0.0.2/"), Fetched.REFUSED, "private address"),
    ],
)
def test_whatever_a_server_does_ends_as_an_outcome(behaviour: Answer | Behaviour, outcome: Fetched, said: str) -> None:
    with FakeWeb({"/a": behaviour}) as web:
        reply = get(web.url("/a"), max_bytes=MEGABYTE)
    assert (reply.outcome, reply.body) == (outcome, b"")
    assert said in reply.detail


@pytest.mark.parametrize(
    "odd",
    [
        redirect("http://xn--a.example/"), redirect("http:\\\\127.0.0.2\\x"), redirect("/caf\xe9"), redirect("/\x1b[31m"),
        Answer(b"", 302, headers={"Location": "/fine", "Set-Cookie": "a=caf\xe9"}),
        Answer(b"", 302, headers={"Location": "/fine", "Set-Cookie": "a=b; expires=" + " " * 50_000 + "x"}),
    ],
)  # fmt: skip
def test_a_page_that_leads_nowhere_closes_its_host_to_no_other(odd: Answer) -> None:
    async def ask(client: PoliteClient) -> list[Reply]:
        return [await client.get(web.url("/odd")), await client.get(web.url("/fine"))]

    with FakeWeb({"/odd": odd, "/fine": Answer(b"fine")}) as web:
        first, second = with_client(ask, limits=QUICK)
    assert first.outcome in {Fetched.OK, Fetched.FAILED, Fetched.GONE}
    assert (second.outcome, second.body) == (Fetched.OK, b"fine")


@pytest.mark.parametrize("header", ["ETag", "Last-Modified"])
def test_a_validator_beyond_ascii_does_not_end_a_source(
    header: str, sqlite: Database, tmp_path: Path, now: datetime
) -> None:
    with FakeWeb({"/a": Answer(story("A")), "/b": Answer(story("B"))}) as web:
        web.pages["/feed"] = feed(item("/a", "A nurse speaks up"), headers={header: '"caf\xe9"'})
        collected(web, sqlite, tmp_path, now)
        web.pages["/feed"] = feed(item("/b", "A board listens"), headers={header: '"caf\xe9"'})
        second = collected(web, sqlite, tmp_path, now + HOUR)
    assert (second.polls, len(second.articles)) == (["entries"], 2)


def bomb(pack: Callable[[bytes], bytes]) -> bytes:
    """A body of a few hundred kilobytes at most that unpacks to 100 MB."""
    return pack(b"\0" * 100 * MEGABYTE)


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", lambda body: gzip.compress(body, 6)),
        ("deflate", lambda body: zlib.compress(body, 6)),
        ("br", lambda body: brotli.compress(body, quality=1)),
        ("zstd", zstandard.compress),
    ],
)
def test_a_bomb_is_unpacked_no_further_than_the_limit(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    body = bomb(pack)
    assert len(body) < MEGABYTE
    with pytest.raises(TooManyBytesError):
        decode(body, encoding, MEGABYTE)
    with FakeWeb({"/a": Answer(body, headers={"Content-Encoding": encoding})}) as web:
        reply = get(web.url("/a"), max_bytes=MEGABYTE)
    assert (reply.outcome, reply.body) == (Fetched.TOO_LARGE, b"")


def test_a_bomb_within_a_bomb_is_stopped_at_the_outer_layer() -> None:
    inner = gzip.compress(b"\0" * 100 * MEGABYTE)
    with pytest.raises(TooManyBytesError):
        decode(gzip.compress(inner * 30), "gzip, gzip", MEGABYTE)


def test_a_frame_that_asks_for_gigabytes_of_memory_is_refused() -> None:
    packer = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    )
    with pytest.raises(EncodingError):
        decode(packer.compressobj().compress(b"x" * 10) + packer.compress(b"x" * 200 * MEGABYTE), "zstd", 1000)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "192.0.0.192", "198.18.0.1", "240.0.0.1", "168.63.129.16", "::1", "::", "fe80::1",
        "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::1", "2001:db8::1", "64:ff9b:1::1",
        "2001:0:4136:e378:8000:63bf:f5ff:fffe",
        "3fff::1", "3fff:fff:ffff::1", "5f00::1", "100::1", "100:0:0:1::1", "4000::1", "::7f00:1", "::ffff:0:7f00:1", "2001:20::1",
        "2620:4f:8000::1", "192.88.99.1", "192.31.196.1", "192.52.193.1", "192.175.48.1", "192.0.0.9",
    ],
)  # fmt: skip
def test_inner_addresses_are_told_in_every_disguise(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "151.101.0.81", "2a00:1450:4009::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are_let_through(address: str) -> None:
    assert is_public(ip_address(address))


class Resolver:
    """A resolver whose answers change with every question."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked += 1
        address = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]


def test_a_name_that_leads_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeWeb({"/a": Answer(b"secret")}) as web:
        monkeypatch.setattr(socket, "getaddrinfo", Resolver("127.0.0.1"))
        reply = get(f"http://news.example.org:{web.port}/a", allow=frozenset())
    assert (reply.outcome, web.seen) == (Fetched.REFUSED, [])


def test_a_name_that_is_rebound_between_two_requests_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver("192.0.2.1", "127.0.0.1")
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    monkeypatch.setattr("flows.fetching.addresses.is_public", lambda address: not address.is_loopback)

    async def refuse(*, remote_host: str, remote_port: int, **_: Any) -> Any:
        assert remote_host == "192.0.2.1"  # the checked address itself, never the name
        raise TimeoutError

    monkeypatch.setattr("anyio.connect_tcp", refuse, raising=True)
    assert get("http://news.example.org/a", allow=frozenset()).outcome in {Fetched.UNREACHABLE, Fetched.FAILED}
    assert resolver.asked == 1


def test_a_name_that_is_allowed_may_lead_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeWeb({"/a": Answer(b"ours")}) as web:
        monkeypatch.setattr(socket, "getaddrinfo", Resolver("127.0.0.1"))
        reply = get(f"http://intranet.example.org:{web.port}/a", allow=frozenset({"intranet.example.org"}))
    assert (reply.outcome, reply.body) == (Fetched.OK, b"ours")


def test_a_resolver_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()
    waited_out = []

    def hang(*_: Any, **__: Any) -> list[Any]:
        if not done.wait(PATIENCE):
            waited_out.append("the client waited for the resolver")
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)

    async def run() -> list[Reply]:
        async with PoliteClient(user_agent="nhs-culture-monitor/0.1", limits=QUICK) as client:
            return await asyncio.gather(*(client.get(f"http://host{number}.example.org/") for number in range(60)))

    try:
        replies = asyncio.run(run())
    finally:
        done.set()
    assert waited_out == []
    assert {reply.outcome for reply in replies} <= {Fetched.UNREACHABLE, Fetched.FAILED}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "news",
        "//host/a",
        "ftp://host/a",
        "http://",
        "http://[bad/",
        "http://a b/",
        "http://\x00/",
        "http://x:99999/",
    ],
)
def test_what_is_no_web_address_is_refused_unsent(url: str) -> None:
    reply = get(url)
    assert (reply.outcome, reply.requests) == (Fetched.REFUSED, 0)


def test_bad_hosts_do_not_keep_good_ones_waiting() -> None:
    released = threading.Event()

    def held(_: Handler) -> None:
        """Say nothing until the others have been served, then hang up."""
        released.wait(PATIENCE)
        raise ConnectionError

    bad: list[Answer | Behaviour] = [held, held, endless, reset, not_http, Answer(b"", 503)]
    webs = [FakeWeb({"/a": behaviour}) for behaviour in bad] + [FakeWeb({"/a": Answer(b"good")}) for _ in range(20)]
    for web in webs:
        web.__enter__()

    async def run() -> list[Reply]:
        patient = Limits(connect=PATIENCE, read=PATIENCE, total=PATIENCE, redirects=5)
        async with PoliteClient(
            user_agent="nhs-culture-monitor/0.1", allow_hosts=frozenset({"127.0.0.1"}), limits=patient
        ) as client:
            tasks = [asyncio.create_task(client.get(web.url("/a"))) for web in webs]
            try:
                await asyncio.gather(*tasks[2:])
                assert not any(task.done() for task in tasks[:2])  # still held
            finally:
                released.set()
            return await asyncio.gather(*tasks)

    try:
        replies = asyncio.run(run())
    finally:
        for web in webs:
            web.__exit__(None, None, None)
    assert [reply.outcome for reply in replies[len(bad) :]] == [Fetched.OK] * 20
    assert not any(reply.outcome is Fetched.OK for reply in replies[: len(bad)])
