"""Exports: each story once, in its period, with no more of it than its rights class allows."""

import csv
import io
import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from flows.publishing import exporting
from flows.publishing.exporting import Story, stories_between
from models.store.database import Database
from tests.product.test_commands import command
from tests.support import fakes_edition as fakes
from tests.support.fakes_composing import add

MONDAY, SUNDAY = fakes.WEEK.monday, fakes.WEEK.monday + timedelta(days=6)


@pytest.fixture
def stories(sqlite: Database) -> list[Story]:
    fakes.fill(sqlite)
    first = fakes.WEEK.plus(-3).monday
    return list(stories_between(sqlite, fakes.REGISTRY, fakes.THEMES, first=first, last=SUNDAY, now=fakes.MONDAY_7))


def test_each_story_stands_once_in_the_week_of_its_date(stories: list[Story]) -> None:
    assert len(stories) > 50
    assert max(Counter(story.item.id for story in stories).values()) == 1
    for story in stories:
        year, week, _ = story.item.day.isocalendar()
        assert story.week == f"{year}-W{week:02d}"


def test_a_period_holds_its_days_and_no_others(sqlite: Database, stories: list[Story]) -> None:
    day = MONDAY + timedelta(days=2)
    found = list(stories_between(sqlite, fakes.REGISTRY, fakes.THEMES, first=day, last=day, now=fakes.MONDAY_7))
    assert {story.item.id for story in found} == {story.item.id for story in stories if story.item.day == day}
    assert found


def test_all_quotations_of_a_story_together_keep_to_its_rights_class(stories: list[Story]) -> None:
    quoted = 0
    for story in stories:
        allowed = fakes.REGISTRY.rights_of(story.item.source).quotation_words
        words = sum(len(quote.replace("…", "").split()) for quote in {theme.quote for theme in story.item.themes})
        assert words <= allowed, story.item.title
        quoted += bool(words)
    assert quoted > 20


def test_the_three_forms_tell_the_same_stories(stories: list[Story]) -> None:
    rows = list(csv.DictReader(io.StringIO(exporting.write_csv(stories), newline="")))
    document = json.loads(exporting.write_json(stories, now=fakes.MONDAY_7))
    feed = ET.fromstring(exporting.write_rss(stories, fakes.THEMES, base_url="https://m.example", now=fakes.MONDAY_7))
    titles = Counter(story.item.title for story in stories)
    assert {row["title"] for row in rows} == set(titles)
    assert Counter(story["title"] for story in document["stories"]) == titles
    assert Counter(item.findtext("title") for item in feed.iter("item")) == titles
    days = [item.findtext("pubDate") for item in feed.iter("item")]
    assert len(days) == len(stories)
    assert feed.findtext("channel/link") == "https://m.example/index.html"


def test_a_feed_quotes_as_an_edition_does(sqlite: Database) -> None:
    with sqlite.write() as session:
        add(session, themes=[("workforce", "“Nobody listened,” she said, “ever.”", 0.9)])
    found = stories_between(sqlite, fakes.REGISTRY, fakes.THEMES, first=MONDAY, last=SUNDAY, now=fakes.MONDAY_7)
    feed = ET.fromstring(exporting.write_rss(found, fakes.THEMES, base_url="", now=fakes.MONDAY_7))
    described = feed.findtext("channel/item/description", "")
    assert described.startswith("“‘Nobody listened,’ she said, ‘ever.’” — ")


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("  -1", "'  -1"),
        ("@x", "'@x"),
        ("+44 20", "'+44 20"),
        ("a=b", "a=b"),
        (-1, -1),
        (0.5, 0.5),
        ("", ""),
    ],
)
def test_formulas_are_marked_and_numbers_stay_numbers(cell: object, safe: object) -> None:
    assert exporting.safe_cell(cell) == safe


def test_the_command_writes_a_file_or_to_standard_output(tmp_path: Path) -> None:
    ran = command(tmp_path, "export", "--week", "2026-W47", "news.csv")
    assert ran.returncode == 0
    assert "0 stories dated 2026-11-16 to 2026-11-22" in ran.stdout
    assert (tmp_path / "news.csv").read_bytes().startswith(b"\xef\xbb\xbfweek,date,title")
    told = command(tmp_path, "export", "--from", "2026-11-01", "--to", "2026-11-30", "--format", "json")
    assert json.loads(told.stdout)["stories"] == []
