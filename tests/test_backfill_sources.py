"""The past of sources that can list it: each question asked once, the days asked for and no others, failures tried again."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from deployments.demo_site import DemoSite
from flows import past_sources
from flows.history import Period, ReadSummary
from flows.past_sources import can_list_the_past, questions, read_sources
from flows.web.page_visits import PageVisits
from models.admission import ReadEntry
from models.folding import fold_waiting
from models.kinds import Kind
from models.outcomes import Outcome
from models.settings import load_settings
from models.sources import Source, load_registry
from models.store.database import Database, open_database
from models.store.tables import Article, FetchEvent, SourceState

THEN = datetime(2022, 9, 1, 9, 0, tzinfo=UTC)
PAST = Period(THEN - timedelta(days=80), THEN)


@pytest.fixture
def site() -> Iterator[DemoSite]:
    with DemoSite(THEN) as running:
        yield running


def past_of(database: Database, site: DemoSite, tmp_path: Path, period: Period = PAST) -> ReadSummary:
    file = tmp_path / "live.toml"
    file.write_text(site.sources_toml(), encoding="utf-8")
    live = load_registry(file)
    settings = load_settings(allow_hosts="127.0.0.1", workers=1)
    sources = [source for source in live.enabled() if can_list_the_past(source)]
    assert sources
    return asyncio.run(
        read_sources(
            database, live, settings, sources=sources, period=period, now=datetime.now(UTC), user_agent="tests"
        )
    )


def test_a_sitemap_gives_the_days_that_were_asked_for_and_no_others(
    database: Database, site: DemoSite, tmp_path: Path
) -> None:
    period = Period(THEN - timedelta(days=40), THEN - timedelta(days=20))
    summary = past_of(database, site, tmp_path, period)
    fold_waiting(database)
    with database.read() as session:
        articles = session.exec(select(Article)).all()
        states, events = session.exec(select(SourceState)).all(), session.exec(select(FetchEvent)).all()
    assert summary.stored == len(articles) > 0
    assert all(period.holds(article.published_at or THEN) for article in articles)
    assert all(period.holds(article.first_seen_at) for article in articles)
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


def test_questions_cover_the_period_without_a_gap() -> None:
    source = Source(id="a", url="https://a.example/api/search.json", kind=Kind.GOVUK)
    asked = questions(source, PAST)
    assert (asked[0].since, asked[-1].until) == (PAST.since, PAST.until)
    assert all(one.until == other.since for one, other in pairwise(asked))
    assert not can_list_the_past(Source(id="b", url="https://b.example/feed"))


def test_days_that_hold_more_than_one_answer_are_asked_by_halves(
    sqlite: Database, site: DemoSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(past_sources._MOST, Kind.SITEMAP, 1)  # as if a sitemap never gave more than one entry
    past_of(sqlite, site, tmp_path)
    monkeypatch.undo()
    with open_database(f"sqlite:///{tmp_path / 'whole.db'}") as whole:
        past_of(whole, site, tmp_path)
        assert urls_of(sqlite) == urls_of(whole) != set()


def urls_of(database: Database) -> set[str]:
    with database.read() as session:
        return set(session.exec(select(Article.url)))
