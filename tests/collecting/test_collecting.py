"""A collecting run: every entry that enters leaves with exactly one outcome, and a second run fetches nothing again."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlmodel import select

from deployments.demo_site import DemoSite
from flows.collecting.summary import CollectSummary
from flows.running.jobs import collect
from models.outcomes import Outcome, PollOutcome
from models.settings import Settings, load_settings
from models.sources import Registry, load_registry
from models.store.database import Database
from models.store.tables import Article, FetchEvent, Run, SourceState, Story

DEMO_DAYS = 80


@pytest.fixture
def site(now: datetime) -> Iterator[DemoSite]:
    """The demo's news site, over real HTTP."""
    with DemoSite(now) as running:
        yield running


@pytest.fixture
def settings() -> Settings:
    return load_settings(allow_hosts="127.0.0.1", max_age_days=DEMO_DAYS, workers=1)


@pytest.fixture
def registry(site: DemoSite, tmp_path: Path) -> Registry:
    file = tmp_path / "demo.toml"
    file.write_text(site.sources_toml(), encoding="utf-8")
    return load_registry(file)


def run(database: Database, registry: Registry, settings: Settings, now: datetime) -> CollectSummary:
    return asyncio.run(collect(database, registry, settings, now=now, all_due=True))


def articles(database: Database) -> dict[str, Article]:
    with database.read() as session:
        return {article.url: article for article in session.exec(select(Article))}


def test_every_entry_of_the_demo_has_the_outcome_that_its_page_deserves(
    database: Database, site: DemoSite, registry: Registry, settings: Settings, now: datetime
) -> None:
    summary = run(database, registry, settings, now)
    outcomes = summary.outcomes
    assert summary.entries == len(site.articles) == sum(outcomes.values())
    assert outcomes[Outcome.COPY] == 4  # of one wire story that five outlets carry
    assert outcomes[Outcome.GONE] == 1
    assert outcomes[Outcome.DISALLOWED] == 1
    assert outcomes[Outcome.PAYWALLED] + outcomes[Outcome.TEASER] == 1
    assert outcomes[Outcome.OTHER_LANGUAGE] == 1
    assert outcomes[Outcome.NEW] == summary.entries - 8
    assert {result.poll for result in summary.results} == {PollOutcome.ENTRIES}


def test_text_title_author_and_date_are_those_of_the_page(
    sqlite: Database, site: DemoSite, registry: Registry, settings: Settings, now: datetime
) -> None:
    run(sqlite, registry, settings, now)
    stored = articles(sqlite)
    checked = 0
    for original in site.articles:
        article = stored[site.url_of(original.id)]
        if article.text_status != "full" or original.kind not in {"news", "feature", "comment"}:
            continue
        checked += 1
        wanted, got = Counter(original.text.split()), Counter((article.text or "").split())
        assert (wanted & got).total() >= 0.97 * wanted.total(), original.title
        assert article.published_at is not None
        assert abs((article.published_at - original.published).total_seconds()) < 24 * 3600
        assert article.author == original.author or not original.author
        assert article.title == original.title or "<" in original.title
    assert checked > 50


def test_the_copies_of_a_wire_story_are_one_story_led_by_the_first_seen(
    sqlite: Database, registry: Registry, settings: Settings, now: datetime
) -> None:
    run(sqlite, registry, settings, now)
    with sqlite.read() as session:
        (story,) = session.exec(select(Story).where(Story.outlets > 1)).all()
        members = session.exec(select(Article).where(Article.story_id == story.id)).all()
    assert story.outlets == len(members) == 5
    first = min(members, key=lambda one: (one.published_at, -(one.weight or 1), one.url))
    assert story.lead_article_id == first.id  # whoever answered first


def test_a_second_run_fetches_nothing_again_and_adds_nothing(
    database: Database, site: DemoSite, registry: Registry, settings: Settings, now: datetime
) -> None:
    run(database, registry, settings, now)
    before = articles(database)
    site.requests.clear()
    summary = run(database, registry, settings, now)
    assert {result.poll for result in summary.results} == {PollOutcome.NOT_MODIFIED}
    assert summary.entries == 0
    assert [status for _, _, status in site.requests] == [304] * len(registry.sources)
    assert articles(database).keys() == before.keys()


def test_an_unfinished_run_is_made_up_for_by_the_next(
    sqlite: Database, site: DemoSite, registry: Registry, settings: Settings, now: datetime
) -> None:
    few = run(sqlite, registry, settings.model_copy(update={"pages_per_run": 10}), now)
    assert few.outcomes[Outcome.DEFERRED] == few.entries - 10
    assert len(articles(sqlite)) == len(site.articles)  # all that was listed, the rest on headline and summary
    assert few.owed == few.entries - 10
    rest = run(sqlite, registry, settings, now)
    assert {result.poll for result in rest.results} == {PollOutcome.NOT_MODIFIED}
    assert rest.entries == few.owed
    assert rest.owed == rest.outcomes[Outcome.DEFERRED] == 0
    assert len(articles(sqlite)) == len(site.articles)


def test_old_entries_are_counted_and_not_fetched(
    sqlite: Database, site: DemoSite, registry: Registry, settings: Settings, now: datetime
) -> None:
    summary = run(sqlite, registry, settings.model_copy(update={"max_age_days": 7}), now)
    recent = sum((now - article.published).days < 7 for article in site.articles)
    assert summary.outcomes[Outcome.TOO_OLD] == summary.entries - recent
    assert len(articles(sqlite)) == recent


def test_the_run_its_requests_and_its_sources_are_on_record(
    sqlite: Database, site: DemoSite, registry: Registry, settings: Settings, now: datetime
) -> None:
    summary = run(sqlite, registry, settings, now)
    with sqlite.read() as session:
        record = session.get_one(Run, summary.run_id)
        events = session.exec(select(FetchEvent)).all()
        states = session.exec(select(SourceState)).all()
    assert record.entries == summary.entries == sum(sum(counts.values()) for counts in record.outcomes.values())
    assert record.finished_at is not None
    assert len(events) == len(site.requests)
    assert all(state.next_poll_at is not None and state.next_poll_at > now for state in states)
    assert {state.source for state in states} == set(registry.by_id())


def test_without_a_network_the_run_ends_with_every_source_unreachable(
    sqlite: Database, site: DemoSite, registry: Registry, settings: Settings, now: datetime
) -> None:
    site.__exit__(None, None, None)  # nobody listens on those ports any more
    summary = run(sqlite, registry, settings, now)
    assert len(summary.failures) == len(registry.sources)
    assert {failure.poll for failure in summary.failures} == {PollOutcome.UNREACHABLE}
    assert summary.entries == 0


def test_hosts_of_this_machine_are_refused_unless_they_are_allowed(
    sqlite: Database, site: DemoSite, registry: Registry, settings: Settings, now: datetime
) -> None:
    summary = run(sqlite, registry, settings.model_copy(update={"allow_hosts": frozenset()}), now)
    assert {failure.poll for failure in summary.failures} == {PollOutcome.REFUSED}
    assert site.requests == []
