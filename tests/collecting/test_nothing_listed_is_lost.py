"""Runs in sequence on a web that fails and moves on: nothing listed is lost, hidden by another site, or told twice."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from flows.running import jobs
from flows.tagging.encoder_weights import FetchError
from models.outcomes import Outcome, PollOutcome
from models.revisits import MAX_TRIES
from models.store.tables import EarlierHeadline, SourceState
from tests.support.changing_sites import BUSY, DAY, HOUR, World, page, report, six_stories
from tests.support.fakes_web import Answer


def test_what_one_run_does_not_come_to_is_read_by_the_next_whatever_the_feed_lists_by_then(world: World) -> None:
    six_stories(world)
    first = world.run(pages_per_run=2)
    assert (first.outcomes[Outcome.NEW], first.outcomes[Outcome.DEFERRED], first.owed) == (2, 4, 4)
    assert len(world.articles()) == 6
    assert all(article.title.startswith("Report number") for article in world.articles().values())
    world.feed("/feed", {})  # it has moved on
    second = world.run(2 * HOUR, pages_per_run=3)
    assert second.entries == second.outcomes[Outcome.NEW] == second.earlier_outcomes[Outcome.NEW] == 3
    world.run(4 * HOUR)
    assert {article.text_status for article in world.articles().values()} == {"full"}
    assert world.run(6 * HOUR).entries == 0


def test_an_owed_page_is_read_although_its_source_is_not_due(world: World) -> None:
    six_stories(world)
    world.run(pages_per_run=2)
    second = world.run(HOUR, all_due=False)
    assert (second.not_due, len(second.results), second.outcomes[Outcome.NEW]) == (1, 0, 4)


def test_a_robots_file_out_of_order_leaves_the_pages_for_later_and_the_source_unseen(world: World) -> None:
    items = six_stories(world)
    world.feed("/feed", items, web=world.other)
    world.source("elsewhere", world.other.url("/feed"))
    world.rows.pop(0)
    world.web.pages["/robots.txt"] = BUSY
    first = world.run()
    assert first.outcomes == {Outcome.DEFERRED: 6}
    assert {article.text_status for article in world.articles().values()} == {"headline"}
    del world.web.pages["/robots.txt"]
    world.feed("/feed", {}, web=world.other)
    assert world.run(2 * HOUR).outcomes == {Outcome.NEW: 6}
    world.other.pages["/robots.txt"] = BUSY
    (seen,) = world.run(3 * DAY).results
    assert (seen.poll, seen.detail[:22]) == (PollOutcome.FAILED, "robots.txt answers 503")


def test_a_host_that_asks_to_be_left_alone_is_asked_when_that_is_over(world: World) -> None:
    items = six_stories(world)
    world.feed("/feed", items, web=world.other)
    world.rows.clear()
    world.source("elsewhere", world.other.url("/feed"))
    for number in range(6):
        world.web.pages[f"/news/{number}"] = Answer(b"", 503, headers={"Retry-After": "7200"})
    first = world.run()
    assert first.outcomes[Outcome.DEFERRED] == 5
    for number in range(6):
        world.web.pages[f"/news/{number}"] = page(f"Report number {number} of the ward", report(f"case{number}"))
    world.feed("/feed", {}, web=world.other)
    asked = len(world.web.paths())
    assert world.run(HOUR, all_due=False).entries == 0
    assert len(world.web.paths()) == asked
    world.run(3 * HOUR, all_due=False)
    assert {article.text_status for article in world.articles().values()} == {"full"}


def test_five_failures_in_a_row_spare_the_host_and_lose_no_page(world: World) -> None:
    items = {world.web.url(f"/news/{number}"): f"Report number {number} of the ward" for number in range(20)}
    for number in range(20):
        world.web.pages[f"/news/{number}"] = Answer(b"broken", 500)
    world.feed("/feed", items)
    world.source("paper", world.web.url("/feed"))
    first = world.run()
    assert first.outcomes == {Outcome.FAILED: 5, Outcome.DEFERRED: 15}
    for number in range(20):
        world.web.pages[f"/news/{number}"] = page(f"Report number {number} of the ward", report(f"case{number}"))
    world.feed("/feed", {})
    assert world.run(2 * HOUR).outcomes == {Outcome.NEW: 20}


def test_a_page_that_never_opens_is_given_up_with_its_reason_after_so_many_tries(world: World) -> None:
    world.feed("/feed", {world.web.url("/shut"): "The door that never opened on the ward"})
    world.source("paper", world.web.url("/feed"))
    world.web.pages["/shut"] = Answer(b"broken", 500)
    states, asked = [], 0
    for hours in range(0, 24 * 9, 6):
        summary = world.run(timedelta(hours=hours), all_due=False)
        asked += summary.outcomes[Outcome.FAILED]
        with world.database.read() as session:
            states.append(session.get_one(SourceState, "paper"))
    assert asked == MAX_TRIES == world.article("shut").attempts
    assert world.article("shut").page_owed_since is world.article("shut").page_due_at is None
    assert "given up after 8 tries" in (world.article("shut").page_given_up or "")
    # It was news once: its source is not taken for a busy one for every page that fails anew.
    assert {state.last_new_at for state in states} == {world.now}


def test_a_site_that_refused_us_is_asked_again_a_day_later(world: World) -> None:
    items = six_stories(world)
    for number in range(6):
        world.web.pages[f"/news/{number}"] = Answer(b"no", 403)
    assert world.run().outcomes == {Outcome.BLOCKED: 6}
    for number in range(6):
        world.web.pages[f"/news/{number}"] = page(f"Report number {number} of the ward", report(f"case{number}"))
    world.feed("/feed", {})
    assert world.run(2 * HOUR, all_due=False).entries == 0
    assert world.run(25 * HOUR, all_due=False).outcomes == {Outcome.NEW: len(items)}


def test_a_search_service_that_names_a_page_first_does_not_hide_the_publisher(world: World) -> None:
    url = world.web.url("/news/1")
    search = {url: "Ward story as the search engine cuts it"}
    world.feed("/search?hl=en-GB&gl=GB&ceid=GB%3Aen", search, web=world.other)
    world.source("search", world.other.url("/search"), kind="google-news", rights="discovery")
    first = world.run()
    assert first.outcomes == {Outcome.HEADLINE: 1}
    world.web.pages["/news/1"] = page("The ward story in the words of its paper", report("ward"))
    world.feed("/feed", {url: "The ward story in the words of its paper"})
    world.source("paper", world.web.url("/feed"), name="The Paper")
    second = world.run(2 * HOUR)
    assert second.outcomes == {Outcome.KNOWN: 1, Outcome.NEW: 1}
    article = world.article("1")
    assert (article.source, article.outlet, article.text_status) == ("paper", "The Paper", "full")
    assert article.title == "The ward story in the words of its paper"
    assert world.run(4 * HOUR).outcomes[Outcome.KNOWN] == 2
    assert len(world.articles()) == 1


def test_in_one_run_too_the_page_is_its_publishers_whoever_answers_first(world: World) -> None:
    url = world.web.url("/news/1")
    world.web.pages["/news/1"] = page("The ward story in the words of its paper", report("ward"))
    world.feed("/others", {url: "You will not believe this ward"}, web=world.other)
    world.feed("/feed", {url: "The ward story in the words of its paper"})
    world.source("blog", world.other.url("/others"), name="A Blog")
    world.source("paper", world.web.url("/feed"), name="The Paper")
    assert world.run().outcomes == {Outcome.KNOWN: 1, Outcome.NEW: 1}
    assert (world.article("1").source, world.article("1").outlet) == ("paper", "The Paper")


def test_an_invented_headline_gives_way_to_the_pages_own(world: World) -> None:
    url = world.web.url("/news/1")
    world.feed("/others", {url: "You will not believe this ward"}, web=world.other)
    world.source("blog", world.other.url("/others"), name="A Blog")
    world.web.pages["/news/1"] = BUSY
    world.run()
    assert world.article("1").title == "You will not believe this ward"  # all that anyone said of it
    head = '<meta name="author" content="Ann Example"><meta property="article:published_time" content="2026-11-19T08:00:00Z">'
    world.web.pages["/news/1"] = page("The board apologised to its nurses", report("ward"), head)
    world.run(2 * HOUR)
    article = world.article("1")
    assert (article.title, article.author) == ("The board apologised to its nurses", "Ann Example")
    assert article.published_at == datetime.fromisoformat("2026-11-19T08:00:00Z")
    with world.database.read() as session:
        assert [earlier.title for earlier in session.exec(select(EarlierHeadline))] == [
            "You will not believe this ward"
        ]
    world.run(4 * HOUR)
    assert world.article("1").title == "The board apologised to its nurses"


def test_before_the_page_is_read_its_own_outlets_listing_wins(world: World) -> None:
    url = world.web.url("/news/1")
    world.web.pages["/news/1"] = BUSY
    world.feed("/others", {url: "You will not believe this ward"}, web=world.other)
    world.source("blog", world.other.url("/others"), name="A Blog")
    world.run()
    world.feed("/feed", {url: "The board apologised to its nurses"})
    world.source("paper", world.web.url("/feed"), name="The Paper")
    world.run(2 * HOUR)
    article = world.article("1")
    assert (article.title, article.source, article.outlet) == (
        "The board apologised to its nurses",
        "paper",
        "The Paper",
    )


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_source_whose_pages_cannot_be_had_is_not_silent(world: World, status: int) -> None:
    world.source("paper", world.web.url("/feed"))
    for day in range(4):
        world.feed("/feed", {world.web.url(f"/{day}"): f"Report of day {day} from the ward"})
        world.web.pages[f"/{day}"] = Answer(b"", status)
        world.run(day * DAY)
    with world.database.read() as session:
        assert session.get_one(SourceState, "paper").last_new_at == world.now + 3 * DAY


def test_a_source_that_is_named_twice_is_asked_once(world: World) -> None:
    six_stories(world)
    (source,) = world.registry().sources
    chosen = world.registry().choose(["paper", "paper"])
    assert chosen == [source]
    summary = asyncio.run(
        jobs.collect(
            world.database, world.registry(), world.settings, now=world.now, sources=[source, source], all_due=True
        )
    )
    assert (summary.entries, len(summary.results)) == (6, 1)


@pytest.mark.usefixtures("small_seeds")
def test_news_waits_for_an_encoder_that_was_named_and_can_not_be_had(world: World, tmp_path: Path) -> None:
    six_stories(world)
    named = world.settings.model_copy(update={"encoder": "mpnet", "encoder_folder": tmp_path / "nowhere"})
    with pytest.raises(FetchError, match="the MPNet encoder could not be fetched"):
        asyncio.run(jobs.monitor(world.database, world.registry(), named, now=world.now))
    assert {article.model_version for article in world.articles().values()} == {None}
    with_words = world.settings.model_copy(update={"encoder": "tfidf"})
    summary = asyncio.run(jobs.monitor(world.database, world.registry(), with_words, now=world.now + HOUR))
    assert summary.tagged.judged == 6
    assert len({article.model_version for article in world.articles().values()} - {None}) == 1
