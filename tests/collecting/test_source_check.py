"""Probing a source live: what it answers now, and what keeps it from answering."""

import asyncio
from datetime import UTC, datetime

import pytest

from flows.collecting.source_check import SourceReport, probe
from flows.fetching.client import PoliteClient
from models.kinds import Kind
from models.outcomes import PollOutcome
from models.sources import Source
from tests.support.fakes_web import Answer, Behaviour, FakeWeb, redirect

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
FEED = (
    b"<rss version='2.0'><channel><item><title>A</title><link>/a</link><pubDate>Thu, 19 Nov 2026 09:00:00 GMT</pubDate>"
    b"</item><item><title>B</title><link>/b</link></item></channel></rss>"
)


def report(answer: Answer | Behaviour, robots: Answer | None = None, kind: Kind = Kind.FEED) -> SourceReport:
    pages: dict[str, Answer | Behaviour] = {"/feed": answer, "/moved": Answer(FEED)}
    if robots is not None:
        pages["/robots.txt"] = robots

    async def run() -> SourceReport:
        async with PoliteClient(user_agent="nhs-culture-monitor/1", allow_hosts=frozenset({"127.0.0.1"})) as client:
            return await probe(Source(id="one", url=web.url("/feed"), kind=kind), client, NOW)

    with FakeWeb(pages) as web:
        return asyncio.run(run())


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (Answer(FEED), PollOutcome.ENTRIES, ""),
        (redirect("/moved"), PollOutcome.ENTRIES, ""),
        (Answer(b"<rss version='2.0'><channel/></rss>"), PollOutcome.EMPTY, ""),
        (Answer(b"<html></html>"), PollOutcome.NOT_A_FEED, "web page"),
        (Answer(b"", 404), PollOutcome.GONE, "404"),
        (Answer(b"", 403), PollOutcome.BLOCKED, "403"),
        (Answer(b"", 500), PollOutcome.FAILED, "500"),
    ],
)
def test_what_a_source_answers(answer: Answer, status: PollOutcome, said: str) -> None:
    found = report(answer)
    assert (found.status, found.robots) == (status, "allowed")
    assert said in found.problem
    if status is PollOutcome.ENTRIES:
        assert (found.entries, found.newest) == (2, datetime(2026, 11, 19, 9, tzinfo=UTC))


def test_a_source_that_robots_txt_closes() -> None:
    found = report(Answer(FEED), robots=Answer(b"User-agent: *\nDisallow: /"))
    assert (found.status, found.robots, found.http_status) == (PollOutcome.DISALLOWED, "disallowed", None)


def test_a_source_without_its_key() -> None:
    found = report(Answer(FEED), kind=Kind.GUARDIAN)
    assert (found.status, found.robots) == (PollOutcome.REFUSED, "not asked")
    assert "CULTURE_GUARDIAN_API_KEY" in found.problem
