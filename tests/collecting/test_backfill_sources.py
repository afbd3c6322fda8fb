"""The past of sources that can list it: each question asked once, the days asked for and no others, failures tried again."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlmodel import select

from deployments.demo_site import DemoSite
from flows.collecting.page_visits import PageVisits
from flows.past.parts import ReadSummary
from flows.past.sources import can_list_the_past, questions, read_sources
from flows.reading.sources import Window
from models.admission import ReadEntry
from models.folding import cluster_unassigned
from models.kinds import Kind
from models.outcomes import Outcome
from models.settings import load_settings
from models.sources import Source, load_registry
from models.store.database import Database
from models.store.tables import Article, FetchEvent, SourceState
from tests.support.fakes_web import Answer, Behaviour, FakeWeb, Handler

THEN = datetime(2022, 9, 1, 9, 0, tzinfo=UTC)
PAST = Window(THEN - timedelta(days=80), THEN)


@pytest.fixture
def site() -> Iterator[DemoSite]:
    with DemoSite(THEN) as running:
        yield running


def past_of(database: Database, site: DemoSite, tmp_path: Path, window: Window = PAST) -> ReadSummary:
    file = tmp_path / "live.toml"
    file.write_text(site.sources_toml(), encoding="utf-8")
    live = load_registry(file)
    settings = load_settings(allow_hosts="127.0.0.1", workers=1)
    sources = [source for source in live.enabled() if can_list_the_past(source)]
    assert sources
    return asyncio.run(
        read_sources(
            database, live, settings, sources=sources, window=window, now=datetime.now(UTC), user_agent="tests"
        )
    )


def test_a_sitemap_gives_the_days_that_were_asked_for_and_no_others(
    database: Database, site: DemoSite, tmp_path: Path
) -> None:
    window = Window(THEN - timedelta(days=40), THEN - timedelta(days=20))
    summary = past_of(database, site, tmp_path, window)
    cluster_unassigned(database)
    with database.read() as session:
        articles = session.exec(select(Article)).all()
        states, events = session.exec(select(SourceState)).all(), session.exec(select(FetchEvent)).all()
    assert summary.stored == len(articles) > 0
    assert all(window.holds(article.published_at or THEN) for article in articles)
    assert all(window.holds(article.first_seen_at) for article in articles)
    assert all(article.story_id is not None for article in articles)
    assert not states  # what is known of the source's present is not touched
    assert events


def test_asked_again_a_source_is_not_asked(sqlite: Database, site: DemoSite, tmp_path: Path) -> None:
    past_of(sqlite, site, tmp_path)
    site.requests.clear()
    again = past_of(sqlite, site, tmp_path)
    assert (again.parts, again.stored) == (0, 0)
    assert again.parts_before > 0
    assert not [path for _, path, _ in site.requests if not path.endswith("robots.txt")]


def test_pages_that_failed_are_tried_again_by_the_next_backfill(
    sqlite: Database, site: DemoSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = PageVisits.read

    async def failing(self: Any, candidate: Any) -> Any:
        if candidate.entry.url.endswith(("1", "3", "5", "a", "e", "l", "s", "t")):
            return ReadEntry(candidate, Outcome.FAILED)
        return await real(self, candidate)

    with monkeypatch.context() as patch:
        patch.setattr(PageVisits, "read", failing)
        broken = past_of(sqlite, site, tmp_path)
    assert broken.problems
    rest = past_of(sqlite, site, tmp_path)
    assert not rest.problems
    assert rest.stored == broken.outcomes[Outcome.FAILED] > 0


def test_questions_cover_the_window_without_a_gap() -> None:
    source = Source(id="a", url="https://a.example/api/search.json", kind=Kind.GOVUK)
    asked = questions(source, PAST)
    assert (asked[0].since, asked[-1].until) == (PAST.since, PAST.until)
    assert all(one.until == other.since for one, other in pairwise(asked))
    assert not can_list_the_past(Source(id="b", url="https://b.example/feed"))


def guardian_of(articles: list[datetime], asked: list[str], pages: int = 10**6) -> Behaviour:
    """The Guardian's API: these articles, fifty a page; it answers for at most so many pages."""

    def answer(handler: Handler) -> None:
        given = dict(parse_qsl(urlsplit(handler.path).query))
        asked.append(given.get("page", "1"))
        assert given["api-key"] == "secret"
        first, last, page = given["from-date"], given["to-date"], int(given.get("page", "1"))
        found = [(n, at) for n, at in enumerate(articles) if first <= f"{at:%Y-%m-%d}" <= last]
        results = [
            {
                "webUrl": f"https://www.theguardian.com/{n}",
                "webTitle": f"Report {n} of the wards",
                "webPublicationDate": at.isoformat(),
            }
            for n, at in found[50 * (page - 1) : 50 * page]
        ]
        response = {"status": "ok", "total": len(found), "pages": -(-len(found) // 50), "results": results}
        if page > pages:
            handler.give(Answer(b"{}", 500))
        else:
            handler.give(Answer(json.dumps({"response": response}).encode(), kind="application/json"))

    return answer


def guardian_past(database: Database, web: FakeWeb, tmp_path: Path) -> ReadSummary:
    web.pages["/robots.txt"] = Answer(b"", 404)
    (tmp_path / "g.toml").write_text(
        f'[[source]]\nid = "g"\nkind = "guardian"\nrights = "guardian"\nurl = "{web.url("/search")}"\n'
    )
    settings = load_settings(allow_hosts="127.0.0.1", host_gap_seconds=0, workers=1, guardian_api_key="secret")
    registry = load_registry(tmp_path / "g.toml")
    return asyncio.run(
        read_sources(database, registry, settings, sources=registry.sources, window=PAST, now=THEN, user_agent="test/1")
    )


def test_a_day_with_more_than_a_page_of_entries_loses_none(sqlite: Database, tmp_path: Path) -> None:
    busy = [PAST.since + timedelta(days=1, minutes=n) for n in range(120)]
    asked: list[str] = []
    with FakeWeb() as web:
        web.otherwise = guardian_of(busy, asked)
        summary = guardian_past(sqlite, web, tmp_path)
    assert (summary.stored, summary.problems) == (120, [])
    assert "3" in asked


def test_days_that_hold_more_than_one_poll_asks_for_are_asked_by_halves_and_what_is_left_out_is_told(
    sqlite: Database, tmp_path: Path
) -> None:
    spread = [PAST.since + timedelta(hours=h, minutes=m) for h in range(72) for m in range(0, 60, 10)]  # 144 a day
    crowded = [PAST.since + timedelta(days=4, seconds=n) for n in range(500)]
    with FakeWeb() as web:
        web.otherwise = guardian_of(spread + crowded, [])
        summary = guardian_past(sqlite, web, tmp_path)
        again = guardian_past(sqlite, web, tmp_path)
    assert len(urls_of(sqlite)) == len(spread) + 400
    assert any("400 of 500 entries were read" in problem for problem in summary.problems)
    assert again.problems == summary.problems  # those days are not taken for finished


def test_a_further_page_that_fails_is_told_and_asked_again(sqlite: Database, tmp_path: Path) -> None:
    busy = [PAST.since + timedelta(days=1, minutes=n) for n in range(120)]
    with FakeWeb() as web:
        web.otherwise = guardian_of(busy, [], pages=1)
        summary = guardian_past(sqlite, web, tmp_path)
        assert "could not be" in summary.problems[0]
        web.otherwise = guardian_of(busy, [])
        assert guardian_past(sqlite, web, tmp_path).problems == []
    assert len(urls_of(sqlite)) == 120


def urls_of(database: Database) -> set[str]:
    with database.read() as session:
        return set(session.exec(select(Article.url)))
