"""What is published before it is written to its end, or is called updated, is read again: soon, and not for ever."""

from datetime import datetime

import pytest

from models.outcomes import Outcome
from tests.support.changing_sites import DAY, HOUR, World, page, report
from tests.support.fakes_pages import ARTICLE, ld
from tests.support.fakes_web import Answer

TITLE = "Trust chief executive quits after a review"


def publish(world: World, paragraphs: int, path: str = "/news/1") -> None:
    world.web.pages[path] = page(TITLE, report("case", paragraphs))


def asked(world: World, path: str = "/news/1") -> int:
    return world.web.paths().count(path)


@pytest.mark.parametrize("state", ["no", None], ids=["out of scope", "not tagged yet"])
def test_an_opening_is_completed_within_hours(world: World, state: str | None) -> None:
    publish(world, 2)
    world.feed("/feed", {world.web.url("/news/1"): TITLE})
    world.source("paper", world.web.url("/feed"))
    world.run()
    with world.database.write() as session:
        article = session.merge(world.article("1"))
        article.scope_state, article.model_version = state, "m" if state else None
    before = world.article("1").words
    assert 0 < before < 100
    publish(world, 20)
    assert world.run(3 * HOUR, all_due=False).outcomes[Outcome.UPDATED] == 1
    article = world.article("1")
    assert (article.words > 4 * before, article.model_version) == (True, None)
    for hours in (7, 9, 30):  # it is whole
        world.run(hours * HOUR, all_due=False)
    assert asked(world) == 2


def test_a_short_report_is_looked_at_twice_and_then_left_alone(world: World) -> None:
    publish(world, 2)
    world.feed("/feed", {world.web.url("/news/1"): TITLE})
    world.source("paper", world.web.url("/feed"))
    for hours in range(0, 48, 2):
        world.run(hours * HOUR, all_due=False)
    assert asked(world) == 3


def test_a_headline_that_gets_its_text_later_is_news_with_a_text(world: World) -> None:
    world.web.pages["/news/1"] = Answer(b"<html lang=en><title>News</title><body><img src=x></body></html>")
    world.feed("/feed", {world.web.url("/news/1"): TITLE})
    world.source("paper", world.web.url("/feed"))
    assert world.run().outcomes[Outcome.NO_TEXT] == 1
    publish(world, 20)
    world.run(3 * HOUR, all_due=False)
    article = world.article("1")
    assert (article.outcome, article.words > 300) == (Outcome.NEW, True)


def test_what_is_short_and_old_or_closed_is_no_opening(world: World) -> None:
    closed = ld(**ARTICLE | {"headline": TITLE, "isAccessibleForFree": "False", "wordCount": 800})
    world.web.pages["/news/1"] = page(TITLE, report("case", 2), closed)
    dated = f'<meta property="article:published_time" content="{(world.now - 3 * DAY).isoformat()}">'
    world.web.pages["/news/2"] = page(f"{TITLE} of its board", report("another case", 2), dated)
    items = {world.web.url("/news/1"): TITLE, world.web.url("/news/2"): f"{TITLE} of its board"}
    world.feed("/feed", items)
    feed = world.web.pages["/feed"]
    assert isinstance(feed, Answer)
    world.web.pages["/feed"] = Answer(feed.body.replace(b"pubDate", b"x"), kind=feed.kind)
    world.source("paper", world.web.url("/feed"))
    for hours in (0, 3, 7):
        world.run(hours * HOUR, all_due=False)
    assert (asked(world), asked(world, "/news/2")) == (1, 1)


def listing(world: World, kind: str, updated: datetime) -> Answer:
    """A listing of the one page in that form, published at the first moment and updated then."""
    url, first, last = world.web.url("/news/1"), world.now.isoformat(), updated.isoformat()
    if kind == "atom":
        entry = f"<title>{TITLE}</title><id>1</id><link href='{url}'/><published>{first}</published><updated>{last}</updated>"
        body = f"<feed xmlns='http://www.w3.org/2005/Atom'><title>N</title><entry>{entry}</entry></feed>"
        return Answer(body.encode(), kind="application/atom+xml")
    if kind == "json":
        fields = (
            f'"id": "1", "url": "{url}", "title": "{TITLE}", "date_published": "{first}", "date_modified": "{last}"'
        )
        body = f'{{"version": "https://jsonfeed.org/version/1.1", "title": "N", "items": [{{{fields}}}]}}'
        return Answer(body.encode(), kind="application/feed+json")
    news = f"<news><publication_date>{first}</publication_date><title>{TITLE}</title></news>" if kind == "news" else ""
    body = f"<urlset><url><loc>{url}</loc><lastmod>{last}</lastmod>{news}</url></urlset>"
    return Answer(body.encode(), kind="application/xml")


@pytest.mark.parametrize("kind", ["atom", "json", "news", "plain"])
def test_a_page_that_its_listing_calls_updated_is_read_again(world: World, kind: str) -> None:
    world.source("paper", world.web.url("/list"), kind="feed" if kind in {"atom", "json"} else "sitemap")
    publish(world, 20)
    for hours, updated in [(0, 0), (9, 0), (12, 11), (15, 11)]:
        world.web.pages["/list"] = listing(world, kind, world.now + updated * HOUR)
        if updated:
            publish(world, 30)
        world.run(hours * HOUR, all_due=True)
    assert world.article("1").words > 600
    assert asked(world) == 2


def test_a_page_that_is_always_called_updated_is_read_a_few_times_in_a_week(world: World) -> None:
    world.source("paper", world.web.url("/list"))
    publish(world, 20)
    for hours in range(0, 10 * 24, 10):
        world.web.pages["/list"] = listing(world, "atom", world.now + hours * HOUR)
        world.run(hours * HOUR)
    assert 4 <= asked(world) <= 9
