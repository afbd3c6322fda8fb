"""Runs in sequence on a web that fails, moves on and changes: nothing listed is lost, shown twice, or left as it was first told."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlmodel import select

from flows.collecting.summary import CollectSummary
from flows.running import jobs
from models.outcomes import Outcome, PollOutcome
from models.revisits import MAX_TRIES
from models.settings import Settings, load_settings
from models.sources import Registry, load_registry
from models.store.database import Database
from models.store.tables import Article, EarlierHeadline, SourceState, Story
from tests.support.fakes_web import Answer, FakeWeb

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WORDS = (
    "managers nurses ward board rota noise letters vacancies complaints grievance audit survey budget theatre porters union "
    "inquiry evidence director consultant shift handover leaflet corridor ambulance midwife pharmacy bed winter plan staff "
    "apology payroll training mentor bully silence whistle regulator report visit kitchen roof car park bus clinic trust"
).split()
BUSY = Answer(b"later", 503)


def report(key: str, paragraphs: int = 8) -> str:
    """A text of its own for each key; a longer one begins with the shorter one."""
    chance = Random(key)
    told = (" ".join(chance.choice(WORDS) for _ in range(22)) for _ in range(paragraphs))
    return "".join(f"<p>In the {key} the {words}.</p>" for words in told)


def page(title: str, text: str, head: str = "") -> Answer:
    html = f"<html lang=en><head><title>{title}</title>{head}</head><body><article><h1>{title}</h1>{text}</article></body></html>"
    return Answer(html.encode())


class World:
    """A site or two, the sources that list them, and runs at hours of a frozen clock."""

    def __init__(self, database: Database, folder: Path, now: datetime) -> None:
        self.database, self.now, self._folder = database, now, folder
        self.web, self.other = FakeWeb(), FakeWeb()
        self.rows: list[str] = []
        self.settings: Settings = load_settings(allow_hosts="127.0.0.1", host_gap_seconds=0, workers=1)

    def source(self, source_id: str, url: str, **more: str) -> None:
        rows = [f'{key} = "{value}"' for key, value in {"id": source_id, "url": url, **more}.items()]
        self.rows.append("\n".join(["[[source]]", *rows]))

    def feed(self, path: str, items: dict[str, str], *, web: FakeWeb | None = None) -> None:
        """A feed of {link: title}."""
        listed = "".join(
            f"<item><title>{title}</title><link>{link}</link><pubDate>{format_datetime(self.now)}</pubDate></item>"
            for link, title in items.items()
        )
        feed = f"<rss version='2.0'><channel><title>N</title>{listed}</channel></rss>"
        (web or self.web).pages[path] = Answer(feed.encode(), kind="application/rss+xml")

    def registry(self) -> Registry:
        file = self._folder / "sources.toml"
        file.write_text("\n".join(self.rows), encoding="utf-8")
        return load_registry(file)

    def run(self, after: timedelta = timedelta(0), *, all_due: bool = True, **settings: Any) -> CollectSummary:
        """A run so long after the first moment; its sum is checked."""
        summary = asyncio.run(
            jobs.collect(
                self.database,
                self.registry(),
                self.settings.model_copy(update=settings),
                now=self.now + after,
                all_due=all_due,
            )
        )
        assert summary.entries == sum(summary.outcomes.values())
        return summary

    def articles(self) -> dict[str, Article]:
        """By the last part of the address."""
        with self.database.read() as session:
            return {article.url.rpartition("/")[2]: article for article in session.exec(select(Article))}

    def article(self, name: str) -> Article:
        return self.articles()[name]

    def stories(self) -> dict[str, tuple[str, int]]:
        """By article: the lead of its story, and how many outlets the story counts."""
        with self.database.read() as session:
            found = {story.id: story for story in session.exec(select(Story))}
        articles = self.articles()
        names = {article.id: name for name, article in articles.items()}
        return {
            name: (names[found[a.story_id].lead_article_id or 0], found[a.story_id].outlets)
            for name, a in articles.items()
        }


@pytest.fixture
def world(database: Database, tmp_path: Path, now: datetime) -> Iterator[World]:
    made = World(database, tmp_path, now)
    with made.web, made.other:
        yield made


def six_stories(world: World) -> dict[str, str]:
    for number in range(6):
        world.web.pages[f"/news/{number}"] = page(f"Report number {number} of the ward", report(f"case{number}"))
    items = {world.web.url(f"/news/{number}"): f"Report number {number} of the ward" for number in range(6)}
    world.feed("/feed", items)
    world.source("paper", world.web.url("/feed"))
    return items


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


def tagged(world: World, state: str = "yes") -> None:
    """All articles judged, as the tagger would."""
    with world.database.write() as session:
        for article in session.exec(select(Article)):
            article.model_version, article.scope_state, article.in_scope = "m", state, 0.9
            session.add(article)


def test_a_corrected_headline_in_the_listing_is_taken_over_and_the_earlier_one_kept(world: World) -> None:
    items = six_stories(world)
    world.run()
    tagged(world, "no")
    url = next(iter(items))
    world.feed("/feed", items | {url: "Report number 0 of the ward, corrected"})
    second = world.run(2 * HOUR)
    assert second.results[0].outcomes == {Outcome.KNOWN: 5, Outcome.UPDATED: 1}
    article = world.article("0")
    assert (article.title, article.model_version) == ("Report number 0 of the ward, corrected", None)
    with world.database.read() as session:
        assert [earlier.title for earlier in session.exec(select(EarlierHeadline))] == ["Report number 0 of the ward"]
    assert [a.model_version for name, a in world.articles().items() if name != "0"] == ["m"] * 5
    assert world.run(4 * HOUR).results[0].outcomes == {Outcome.KNOWN: 6}


def test_a_page_that_is_corrected_is_seen_where_its_story_may_be_in_the_edition(world: World) -> None:
    six_stories(world)
    world.run()
    tagged(world)
    world.feed("/feed", {})
    world.web.pages["/news/3"] = page("Report number 3 of the ward: we were wrong", report("another case"))
    asked = len(world.web.paths())
    second = world.run(21 * HOUR, all_due=False)
    assert second.outcomes == {Outcome.KNOWN: 5, Outcome.UPDATED: 1}
    article = world.article("3")
    assert (article.title, article.model_version) == ("Report number 3 of the ward: we were wrong", None)
    assert "another case" in (article.text or "")
    again = world.web.paths()[asked:]
    assert sorted(path for path in again if path.startswith("/news/")) == [f"/news/{number}" for number in range(6)]
    assert again.count("/feed") == 1
    assert world.run(22 * HOUR, all_due=False).entries == 0  # not every hour
    del world.web.pages["/news/4"]
    world.run(43 * HOUR, all_due=False)
    assert world.article("4").text  # what was read is not lost with its page


@pytest.mark.parametrize(
    ("title", "path", "head"),
    [
        ("Live updates from the ward inquiry", "/live", ""),
        (
            "The ward inquiry",
            "/news/1",
            '<script type="application/ld+json">'
            '{"@context": "https://schema.org", "@type": "LiveBlogPosting", "headline": "The ward inquiry"}</script>',
        ),
    ],
    ids=["by its title", "by its own word"],
)
def test_a_live_page_that_grows_gets_the_longer_text(world: World, title: str, path: str, head: str) -> None:
    name = path.rpartition("/")[2]
    world.feed("/feed", {world.web.url(path): title})
    world.source("paper", world.web.url("/feed"))
    world.web.pages[path] = page(title, report("live", 4), head)
    world.run()
    before = world.article(name).words
    world.web.pages[path] = page(title, report("live", 24), head)
    world.run(3 * HOUR, all_due=False)
    assert world.article(name).words > 2 * before > 0


def wire(world: World, first: Answer) -> None:
    """Two outlets carry one wire text under headlines of their own; the first one's page answers so."""
    world.web.pages["/a"] = first
    world.other.pages["/b"] = page("What the inquiry was told by managers", report("wire"))
    world.feed("/feed", {world.web.url("/a"): "Managers did not act, inquiry hears"})
    world.feed("/feed", {world.other.url("/b"): "What the inquiry was told by managers"}, web=world.other)
    world.source("one", world.web.url("/feed"), name="One")
    world.source("two", world.other.url("/feed"), name="Two")


def test_a_page_that_is_read_later_is_folded_with_its_copies(world: World) -> None:
    wire(world, BUSY)
    world.run()
    assert {lead for lead, _ in world.stories().values()} == {"a", "b"}
    world.web.pages["/a"] = page("Managers did not act, inquiry hears", report("wire"))
    assert world.run(2 * HOUR).outcomes[Outcome.COPY] == 1
    assert len(set(world.stories().values())) == 1
    assert world.stories()["a"][1] == 2


def test_a_corrected_text_is_folded_with_its_copies_too(world: World) -> None:
    wire(world, page("Managers did not act, inquiry hears", report("first words")))
    world.run()
    tagged(world)
    assert {lead for lead, _ in world.stories().values()} == {"a", "b"}
    world.web.pages["/a"] = page("Managers did not act, inquiry hears", report("wire"))
    world.run(21 * HOUR)
    assert len(set(world.stories().values())) == 1


def test_two_reports_under_one_headline_part_when_their_texts_come(world: World) -> None:
    title = "Trust chief resigns over bullying claims"
    world.web.pages["/a"] = BUSY
    world.other.pages["/b"] = page(title, report("another trust"))
    world.feed("/feed", {world.web.url("/a"): title})
    world.feed("/feed", {world.other.url("/b"): title}, web=world.other)
    world.source("one", world.web.url("/feed"), name="One")
    world.source("two", world.other.url("/feed"), name="Two")
    world.run()
    assert world.stories()["a"] == world.stories()["b"] == ("b", 2)  # the one with a text leads
    world.web.pages["/a"] = page(title, report("this trust"))
    world.run(2 * HOUR)
    assert world.stories() == {"a": ("a", 1), "b": ("b", 1)}


def test_the_same_page_under_its_canonical_address_is_not_listed_twice(world: World) -> None:
    canonical = f'<link rel="canonical" href="{world.web.url("/news/1")}">'
    world.web.pages["/news/1"] = page("The board apologised", "<p>A short notice of the board.</p>", canonical)
    world.web.pages["/x"] = BUSY
    world.feed(
        "/feed", {world.web.url("/news/1"): "The board apologised", world.web.url("/x"): "An apology of the board"}
    )
    world.source("paper", world.web.url("/feed"))
    world.run()
    world.web.pages["/x"] = world.web.pages["/news/1"]
    world.run(2 * HOUR)
    assert {lead for lead, _ in world.stories().values()} == {"1"}


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
