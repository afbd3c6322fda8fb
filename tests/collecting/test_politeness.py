"""The client at the door of other people's servers: one at a time, gaps, no second knock."""

import asyncio
import gzip
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Barrier

import brotli  # type: ignore[import-untyped]
import pytest
import zstandard

from flows.fetching import addresses
from flows.fetching.client import HostFacts, Limits, PoliteClient
from flows.fetching.single_request import retry_after
from models.entries import Fetched, Reply
from tests.support.fakes_client import AGENT, LOOPBACK, get, with_client
from tests.support.fakes_web import Answer, Behaviour, FakeWeb, Handler, redirect


def test_one_request_at_a_time_to_a_host_but_hosts_side_by_side() -> None:
    both = Barrier(2)

    def meet(handler: Handler) -> None:
        """Answer once the other host is being asked too."""
        both.wait(20)
        handler.give(Answer(b"hello"))

    pages: dict[str, Answer | Behaviour] = {f"/{number}": meet for number in range(6)}
    with FakeWeb(dict(pages)) as one, FakeWeb(dict(pages)) as other:

        async def ask(client: PoliteClient) -> list[Reply]:
            return await asyncio.gather(*(client.get(web.url(path)) for path in pages for web in (one, other)))

        replies = with_client(ask)
    assert [reply.outcome for reply in replies] == [Fetched.OK] * 12
    assert one.most_at_once == other.most_at_once == 1


def test_a_gap_between_requests_to_a_host_that_is_not_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "is_public", lambda address: True)
    with FakeWeb({"/a": Answer(b"a"), "/b": Answer(b"b")}) as web:

        async def ask(client: PoliteClient) -> None:
            await asyncio.gather(client.get(web.url("/a")), client.get(web.url("/b")))

        with_client(ask, allow_hosts=frozenset(), gap_seconds=0.15)
    times = [seen.at for seen in web.seen]
    assert len(times) == 3  # robots.txt is a request as well
    assert all(later - earlier >= 0.15 for earlier, later in pairwise(times))


def test_crawl_delay_is_heeded_even_by_our_own_hosts() -> None:
    robots = Answer(b"User-agent: *\nCrawl-delay: 0.2\n")
    with FakeWeb({"/robots.txt": robots, "/a": Answer(b"a"), "/b": Answer(b"b")}) as web:

        async def ask(client: PoliteClient) -> None:
            await asyncio.gather(client.get(web.url("/a")), client.get(web.url("/b")))

        with_client(ask)
    times = [seen.at for seen in web.seen]
    assert all(later - earlier >= 0.2 for earlier, later in pairwise(times))


def test_a_conditional_request_and_its_answer() -> None:
    with FakeWeb({"/feed": Answer(b"<rss/>", etag='"v1"')}) as web:
        first = get(web.url("/feed"))
        again = get(web.url("/feed"), etag=first.headers["etag"], last_modified="Fri, 20 Nov 2026 09:00:00 GMT")
    assert (first.outcome, first.status) == (Fetched.OK, 200)
    assert (again.outcome, again.status, again.body) == (Fetched.NOT_MODIFIED, 304, b"")
    assert web.seen[-1].headers["if-modified-since"] == "Fri, 20 Nov 2026 09:00:00 GMT"


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"hello " * 100, mtime=0)),
        ("deflate", zlib.compress(b"hello " * 100)),
        ("deflate", zlib.compress(b"hello " * 100, wbits=-15)),
        ("br", brotli.compress(b"hello " * 100)),
        ("zstd", zstandard.compress(b"hello " * 100)),
        ("gzip, br", brotli.compress(gzip.compress(b"hello " * 100, mtime=0))),
        ("identity", b"hello " * 100),
    ],
)
def test_every_encoding_that_is_asked_for_is_understood(encoding: str, packed: bytes) -> None:
    with FakeWeb({"/a": Answer(packed, headers={"Content-Encoding": encoding})}) as web:
        reply = get(web.url("/a"))
    assert reply.body == b"hello " * 100
    assert reply.transferred == len(packed)
    assert web.seen[-1].headers["accept-encoding"] == "gzip, deflate, br, zstd"


def test_it_says_who_it_is_and_keeps_no_cookies() -> None:
    with FakeWeb({"/a": Answer(b"a", headers={"Set-Cookie": "visitor=1; Path=/"}), "/b": Answer(b"b")}) as web:

        async def ask(client: PoliteClient) -> None:
            await client.get(web.url("/a"))
            await client.get(web.url("/b"))

        with_client(ask)
    assert {seen.headers["user-agent"] for seen in web.seen} == {AGENT}
    assert not any("cookie" in seen.headers for seen in web.seen)


def test_credentials_in_an_address_are_neither_sent_nor_kept() -> None:
    with FakeWeb({"/a?api-key=s3cret": Answer(b"a")}) as web:
        reply = get(web.url("/a?api-key=s3cret").replace("//", "//user:hunter2@"))
    assert reply.outcome is Fetched.OK
    assert "authorization" not in web.seen[-1].headers
    assert "hunter2" not in repr(reply)
    assert "s3cret" not in repr(reply)


@pytest.mark.parametrize("status", [401, 402, 403, 429, 451])
def test_a_refusal_is_a_block(status: int) -> None:
    with FakeWeb({"/a": Answer(b"no", status)}) as web:
        assert get(web.url("/a")).outcome is Fetched.BLOCKED


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"<html><head><title>Just a moment...</title></head><body>wait</body></html>"),
        Answer(b"<html><head><title>Access Denied</title></head></html>", 503),
        Answer(b"<html><body><div id='px-captcha'></div></body></html>"),
        Answer(b"<html></html>", 503, headers={"cf-mitigated": "challenge"}),
    ],
)
def test_a_challenge_page_is_a_block_whatever_its_status(answer: Answer) -> None:
    with FakeWeb({"/a": answer}) as web:
        reply = get(web.url("/a"))
    assert (reply.outcome, reply.body) == (Fetched.BLOCKED, b"")


@pytest.mark.parametrize(("status", "outcome"), [(404, Fetched.GONE), (410, Fetched.GONE), (500, Fetched.FAILED)])
def test_other_answers_are_told_apart(status: int, outcome: Fetched) -> None:
    with FakeWeb({"/a": Answer(b"sorry", status)}) as web:
        assert get(web.url("/a")).outcome is outcome


def test_a_text_mining_reservation_is_honoured() -> None:
    with FakeWeb({"/a": Answer(b"story", headers={"tdm-reservation": "1"})}) as web:
        reply = get(web.url("/a"))
    assert (reply.outcome, reply.body) == (Fetched.DISALLOWED, b"")


def test_a_host_that_asks_for_rest_gets_it_in_this_run_and_the_next() -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    with FakeWeb({"/a": Answer(b"", 429, headers={"Retry-After": "7200"}), "/b": Answer(b"b")}) as web:

        async def ask(client: PoliteClient) -> list[Reply]:
            return [await client.get(web.url("/a")), await client.get(web.url("/b"))]

        async def ask_b(client: PoliteClient) -> Reply:
            return await client.get(web.url("/b"))

        async def run() -> dict[str, HostFacts]:
            async with PoliteClient(user_agent=AGENT, allow_hosts=LOOPBACK, clock=lambda: noon) as client:
                first, second = await ask(client)
                assert (first.outcome, first.retry_after) == (Fetched.BLOCKED, noon + timedelta(hours=2))
                assert (second.outcome, second.requests) == (Fetched.DEFERRED, 0)
                return client.hosts

        hosts = asyncio.run(run())
        sooner = with_client(ask_b, hosts=hosts, clock=lambda: noon + timedelta(hours=1))
        later = with_client(ask_b, hosts=hosts, clock=lambda: noon + timedelta(hours=3))
    assert (sooner.outcome, later.outcome) == (Fetched.DEFERRED, Fetched.OK)


@pytest.mark.parametrize(
    ("value", "minutes"),
    [
        ("120", 2),
        ("Fri, 20 Nov 2026 12:30:00 GMT", 30),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0),
        ("999999999999", 24 * 60),
        ("Fri, 20 Nov 2099 12:30:00 GMT", 24 * 60),
        ("-5", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_in_both_forms_is_capped_at_a_day(value: str, minutes: int | None) -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    expected = None if minutes is None else noon + timedelta(minutes=minutes)
    assert retry_after({"retry-after": value}, noon) == expected


def test_redirects_are_followed_each_with_its_own_host_and_rules() -> None:
    with (
        FakeWeb({"/robots.txt": Answer(b"User-agent: *\nDisallow: /closed"), "/open": Answer(b"there")}) as far,
        FakeWeb({"/a": redirect("b"), "/b": redirect(far.url("/open")), "/c": redirect(far.url("/closed"))}) as near,
    ):
        followed, refused = get(near.url("/a")), get(near.url("/c"))
    assert (followed.outcome, followed.body, followed.final_url) == (Fetched.OK, b"there", far.url("/open"))
    assert (followed.url, followed.requests) == (near.url("/a"), 3)
    assert refused.outcome is Fetched.DISALLOWED
    assert far.paths() == ["/open"]


def test_a_circle_of_redirects_ends() -> None:
    with FakeWeb({"/a": redirect("/b"), "/b": redirect("/a")}) as web:
        reply = get(web.url("/a"), {"limits": replace(Limits(), redirects=4)})
    assert (reply.outcome, reply.detail) == (Fetched.FAILED, "too many redirects")
    assert len(web.paths()) == 5


def test_a_host_that_cannot_be_reached_is_tried_once_a_run() -> None:
    with FakeWeb() as gone:
        url = gone.url("/a")

    async def ask(client: PoliteClient) -> list[Reply]:
        return [await client.get(url), await client.get(url)]

    first, second = with_client(ask)
    assert first.outcome is second.outcome is Fetched.UNREACHABLE
    assert second.requests == 0
