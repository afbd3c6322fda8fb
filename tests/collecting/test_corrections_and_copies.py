"""Runs in sequence on a web that changes: what is corrected, grows or turns out to be a copy is taken over, once."""

import pytest
from sqlmodel import col, select

from models.outcomes import Outcome
from models.store.tables import Article, EarlierHeadline
from tests.support.changing_sites import BUSY, HOUR, World, page, report, six_stories
from tests.support.fakes_web import Answer


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


def test_a_text_that_an_earlier_version_stored_uncleaned_is_not_called_corrected(world: World) -> None:
    six_stories(world)
    told = report("case") + f"<p>The letter is kept at {'long' * 60} for whoever asks.</p>"
    world.web.pages["/news/3"] = page("Report number 3 of the ward", told)
    world.run()
    tagged(world)
    with world.database.write() as session:
        article = session.exec(select(Article).where(col(Article.url).endswith("/3"))).one()
        assert article.text
        assert "long " in article.text
        article.text = article.text.replace("long long", "longlong")
        session.add(article)
    world.feed("/feed", {})
    world.web.pages["/news/3"] = page("Report number 3 of the ward", told, "<!-- another advertisement -->")
    assert world.run(21 * HOUR, all_due=False).outcomes == {Outcome.KNOWN: 6}
    assert world.article("3").model_version == "m"


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
