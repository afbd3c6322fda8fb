"""robots.txt: which rules are ours, what its absence means, and that it is asked for once a day."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from flows.fetching.client import HostFacts, PoliteClient
from flows.fetching.robots import RobotsRules
from models.entries import Fetched
from tests.support.fakes_client import get, with_client
from tests.support.fakes_web import Answer, FakeWeb, redirect

ROBOTS = b"""
User-agent: *
Disallow: /
User-agent: NHS-Culture-Monitor
Disallow: /private
Allow: /private/open
Disallow: /*.pdf$
"""


@pytest.mark.parametrize(
    ("path", "outcome"),
    [
        ("/news", Fetched.OK),
        ("/private/story", Fetched.DISALLOWED),
        ("/private/open", Fetched.OK),
        ("/report.pdf", Fetched.DISALLOWED),
        ("/report.pdf?download=1", Fetched.OK),
    ],
)
def test_robots_rules_for_our_name_go_before_those_for_all_and_the_longest_match_decides(
    path: str, outcome: Fetched
) -> None:
    with FakeWeb({"/robots.txt": Answer(ROBOTS, kind="text/plain"), path: Answer(b"hello")}) as web:
        reply = get(web.url(path))
    assert reply.outcome is outcome
    assert web.paths() == ([path] if outcome is Fetched.OK else [])


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(b"", 404), Fetched.OK),
        (Answer(b"", 403), Fetched.OK),
        (Answer(b"", 500), Fetched.NO_ROBOTS),
        (Answer(b"", 503), Fetched.NO_ROBOTS),
        (Answer(b"\xef\xbb\xbfUser-agent: *\nDisallow: /news"), Fetched.DISALLOWED),
        (redirect("/robots.txt"), Fetched.OK),
    ],
    ids=["missing", "forbidden", "error", "unavailable", "with a mark", "a loop"],
)
def test_what_the_answer_to_robots_txt_means(answer: Answer, outcome: Fetched) -> None:
    with FakeWeb({"/robots.txt": answer, "/news": Answer(b"hello")}) as web:
        assert get(web.url("/news")).outcome is outcome


@pytest.mark.parametrize(
    ("robots", "allowed"),
    [
        ("User-agent: *\nDisallow: /a", False),
        ("User-agent: other\nDisallow: /a", True),
        ("User-agent: other\nUser-agent: nhs-culture-monitor\nDisallow: /a", False),
        ("User-agent: nhs-culture-monitor\n\nUser-agent: other\nDisallow: /a", False),
        ("User-agent: other\nDisallow: /a\nUser-agent: *\nAllow: /", True),
        ("User-agent: culture-monitor\nDisallow: /a", True),  # another's name within ours
        ("User-agent: NHS-Culture-Monitor/2.0\nDisallow: /a", False),
        ("USER-AGENT: NHS-CULTURE-MONITOR # us\nDISALLOW: /a # all", False),
        ("Disallow: /a", True),
        ("User-agent: *\nDisallow:", True),
        ("User-agent: *\nSitemap: https://example.org/map.xml\nDisallow: /a", False),
        ("User-agent: *\nDisallow: /a\nAllow: /a", True),  # of equal length, allow goes first
        ("\n".join(f"User-agent: bot{n}" for n in range(9000)) + "\nDisallow: /a" * 9000, True),
        ("User-agent: *\n" + "Disallow: /*b*c*d$\n" * 20_000, True),
    ],
)
def test_the_group_that_is_for_us_decides_and_none_takes_long(robots: str, allowed: bool) -> None:
    begin = time.process_time()
    rules = RobotsRules(HostFacts(robots=robots, robots_status=200), "nhs-culture-monitor")
    assert rules.verdict("https://example.org/a").allowed is allowed
    assert time.process_time() - begin < 0.5


def test_robots_txt_is_asked_for_once_a_day() -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    with FakeWeb({"/robots.txt": Answer(b"User-agent: *\nDisallow: /no"), "/yes": Answer(b"hello")}) as web:

        async def ask(client: PoliteClient) -> dict[str, HostFacts]:
            await asyncio.gather(*(client.get(web.url(path)) for path in ("/yes", "/no", "/yes")))
            return client.hosts

        hosts = with_client(ask, clock=lambda: noon)
        assert [seen.path for seen in web.seen].count("/robots.txt") == 1
        with_client(ask, clock=lambda: noon + timedelta(hours=23), hosts=hosts)
        assert [seen.path for seen in web.seen].count("/robots.txt") == 1
        with_client(lambda client: client.get(web.url("/yes")), clock=lambda: noon + timedelta(hours=25), hosts=hosts)
        assert [seen.path for seen in web.seen].count("/robots.txt") == 2
