"""What a person said of a story holds when it turns out to be a copy, or is joined by one."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from flows.publishing.exporting import stories_between
from flows.running import sending
from models.reviews import check_decision
from models.store import editions, reviews
from models.store.database import Database
from models.store.tables import Article
from models.store.tagging import copy_scope_to_duplicates, store_taggings, untagged
from models.tagging.decisions import State, Tagging, ThemeTag
from models.themes import load_themes
from models.weeks import Week
from tests.support.changing_sites import BUSY, HOUR, World, page, report


@pytest.fixture
def world(database: Database, tmp_path: Path, now: datetime) -> Iterator[World]:
    """Two papers with one report, under two headlines; the second's page can't be had yet."""
    made = World(database, tmp_path, now)
    with made.web, made.other:
        made.web.pages["/first"] = page("The board apologised to its nurses", report("ward"))
        made.other.pages["/second"] = BUSY
        made.feed("/feed", {made.web.url("/first"): "The board apologised to its nurses"})
        made.feed("/feed", {made.other.url("/second"): "Nurses get their apology at last"}, web=made.other)
        made.source("one", made.web.url("/feed"), name="One")
        made.source("two", made.other.url("/feed"), name="Two")
        made.run()
        tag(made)
        yield made


def tag(world: World) -> None:
    """As a model would that takes all for a story on staff."""
    tagging = Tagging(0.9, State.YES, (ThemeTag("workforce", 0.8, State.YES, "People leave.", ()),), "m")
    with world.database.write() as session:
        for article in untagged(100, session=session):
            store_taggings([(article.id or 0, tagging)], session=session)
        copy_scope_to_duplicates(session=session)


def review(world: World, name: str, at: timedelta, **said: Any) -> None:
    with world.database.write() as session:
        article = session.exec(select(Article).where(col(Article.url).endswith(name))).one()
        reviews.record(article, check_decision(reviewer="Ada", **said), world.now + at, session=session)


def page_opens(world: World) -> None:
    world.other.pages["/second"] = page("Nurses get their apology at last", report("ward"))
    world.run(2 * HOUR)
    tag(world)
    assert len({article.story_id for article in world.articles().values()}) == 1


def shown(world: World) -> list[set[str]]:
    """The themes of each story that an export tells."""
    day = world.now.date()
    found = stories_between(world.database, world.registry(), load_themes(), first=day, last=day, now=world.now)
    return [{theme.theme for theme in story.item.themes} for story in found]


@pytest.mark.parametrize("name", ["first", "second"])
def test_a_story_that_was_taken_out_stays_out_whichever_copy_the_person_saw(world: World, name: str) -> None:
    review(world, name, HOUR, in_scope=False)
    page_opens(world)
    assert shown(world) == []


def test_themes_that_were_said_of_both_stand(world: World) -> None:
    review(world, "first", HOUR, themes=["appraisal"], not_themes=["collaboration"])
    review(world, "second", HOUR + timedelta(minutes=1), themes=["collaboration"], not_themes=["workforce"])
    page_opens(world)
    assert shown(world) == [{"appraisal", "collaboration"}]


def test_a_copy_of_a_reviewed_story_asks_for_no_new_approval(world: World) -> None:
    review(world, "first", HOUR, in_scope=True)
    week, later = Week.of(world.now), world.now + timedelta(days=4)
    kept = sending.digest(world.database, world.registry(), world.settings, week=week, now=later, send=False)
    with world.database.write() as session:
        assert editions.approve(week, kept.content_hash, "Ada", session=session)
    page_opens(world)
    with world.database.read() as session:
        edition = editions.edition_of(week, session=session)
        assert edition is not None
        assert editions.is_approved(edition, session=session)
    review(world, "second", 3 * HOUR, themes=["appraisal"])
    with world.database.read() as session:
        assert not editions.is_approved(edition, session=session)


@pytest.mark.parametrize("days", [7, 12])
def test_a_copy_of_the_next_week_that_leads_the_story_lends_it_its_themes(world: World, days: int) -> None:
    later = timedelta(days=days)
    world.now += later
    world.other.pages["/third"] = BUSY
    world.feed("/third-feed", {world.other.url("/third"): "An apology for the nurses"}, web=world.other)
    world.source("three", world.other.url("/third-feed"), name="Three")
    world.now -= later
    world.run(later)
    tag(world)
    review(world, "third", later, themes=["appraisal"])
    world.other.pages["/third"] = page("An apology for the nurses", report("ward"))
    world.run(later + 2 * HOUR)
    tag(world)
    assert world.stories()["first"] == ("third", 2)
    assert sorted(shown(world), key=len) == [{"workforce"}, {"appraisal", "workforce"}]  # the second's page stays shut
