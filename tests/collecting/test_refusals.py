"""What a run remembers of a web that refuses or fails: who is left alone, what is tried again, what is said of a source."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest
from sqlmodel import select

from flows.collecting.summary import CollectSummary
from flows.running.jobs import collect
from models.outcomes import Outcome, PollOutcome
from models.settings import load_settings
from models.sources import load_registry
from models.store.database import Database
from models.store.tables import Article, HostState, SourceState
from tests.support.fakes_web import Answer, FakeWeb

WORDS = (
    "trust ward nurse manager patient report board concern review month staff hospital council care bed shift rota union "
    "meeting letter minister inspector family inquiry budget winter clinic surgery school town bridge river market garden"
).split()


def feed(links: list[tuple[str, str]]) -> Answer:
    items = "".join(f"<item><title>{title}</title><link>{link}</link></item>" for title, link in links)
    return Answer(
        f"<rss version='2.0'><channel><title>f</title>{items}</channel></rss>".encode(), kind="application/rss+xml"
    )


def page(n: int) -> Answer:
    """A page of its own: shuffled words, so that no two are copies of each other."""
    words = random.Random(n)
    sentences = [f"The {' '.join(words.choices(WORDS, k=14))} of the {words.choice(WORDS)}." for _ in range(16)]
    body = "".join(f"<p>{' '.join(sentences[part : part + 4])}</p>" for part in range(0, 16, 4))
    title = f"<title>Page {n}</title>"
    return Answer(f"<html lang='en'><head>{title}</head><body><article>{body}</article></body></html>".encode())


@pytest.fixture
def webs() -> Iterator[list[FakeWeb]]:
    with ExitStack() as stack:
        yield [stack.enter_context(FakeWeb()) for _ in range(2)]


def run(database: Database, now: datetime, webs: list[FakeWeb], tmp_path: Path) -> CollectSummary:
    rows = "".join(f'[[source]]\nid = "s{n}"\nurl = "http://127.0.0.1:{web.port}/feed"\n' for n, web in enumerate(webs))
    (tmp_path / "s.toml").write_text(rows, encoding="utf-8")
    settings = load_settings(allow_hosts="127.0.0.1", workers=2)
    return asyncio.run(collect(database, load_registry(tmp_path / "s.toml"), settings, now=now, all_due=True))


def test_a_site_that_refuses_twice_is_left_alone_and_its_news_kept_on_headline(
    sqlite: Database, now: datetime, webs: list[FakeWeb], tmp_path: Path
) -> None:
    (web,) = webs[:1]
    web.pages = {"/feed": feed([(f"Members only, number {n}", f"/{n}") for n in range(10)])}
    web.pages |= {f"/{n}": Answer(b"no", 403) for n in range(10)}
    summary = run(sqlite, now, [web], tmp_path)
    assert summary.outcomes == {Outcome.BLOCKED: 10}
    assert sum(seen.path not in {"/feed", "/robots.txt", "/.well-known/tdmrep.json"} for seen in web.seen) == 2
    with sqlite.read() as session:
        assert {article.text_status for article in session.exec(select(Article))} == {"headline"}
        (host,) = session.exec(select(HostState)).all()
    assert host.blocked_until is not None
    assert host.blocked_until > now


def test_a_feed_that_is_none_and_one_that_is_refused_are_said_in_source_health(
    sqlite: Database, now: datetime, webs: list[FakeWeb], tmp_path: Path
) -> None:
    html, refused = webs[:2]
    html.pages = {"/feed": Answer(b"<html><body>Welcome to our new site</body></html>")}
    refused.pages = {"/feed": Answer(b"", 403)}
    summary = run(sqlite, now, [html, refused], tmp_path)
    assert [result.poll for result in summary.results] == [PollOutcome.NOT_A_FEED, PollOutcome.BLOCKED]
    with sqlite.read() as session:
        states = session.exec(select(SourceState)).all()
    assert [state.failures for state in states] == [1, 1]
    assert all(state.failing_since == now and state.last_detail for state in states)


def test_a_page_that_failed_is_tried_again_by_the_next_run(
    sqlite: Database, now: datetime, webs: list[FakeWeb], tmp_path: Path
) -> None:
    (web,) = webs[:1]
    web.pages = {"/feed": feed([("The report that failed at first", "/page")]), "/page": Answer(b"", 503)}
    assert run(sqlite, now, [web], tmp_path).outcomes == {Outcome.FAILED: 1}
    web.pages["/page"] = page(1)
    again = run(sqlite, now, [web], tmp_path)
    assert again.outcomes == {Outcome.KNOWN: 1, Outcome.NEW: 1}
    with sqlite.read() as session:
        (article,) = session.exec(select(Article)).all()
    assert article.text_status == "full"
    assert article.attempts == 2
