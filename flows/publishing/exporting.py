"""Tagged stories for other programs: CSV for spreadsheets, JSON for code, RSS for readers.

What is shown of each story is what an edition may show: headline, link, credit line, and as many words of the evidence as
its rights class allows (`models.rights`). Nobody's recipient data is in it.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from typing import Any
from xml.etree import ElementTree as ET

from models.edition.compose import compose, rights_of
from models.edition.content import EditionContent, ModelNote, StoryItem, within_rights
from models.edition.facts import WeekFacts
from models.edition.news import PRODUCT
from models.edition.wording import quote_story
from models.rights import Rights
from models.sources import Registry
from models.store.database import Database
from models.store.week_gathering import gather_stories
from models.text_safety import plain_line
from models.themes import Theme, load_framework
from models.trends import Collected
from models.weeks import LONDON, Week

LONGEST_WEEKS = 530  # ten years: a typing error in a year must not run for hours
# A spreadsheet takes a cell that begins with one of these for a formula (the wide forms too, in East Asian settings).
_FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "|", "%")
# Where a feed without a public address of its own leads: the review that everything here is read against.
_REVIEW_PAGE = (
    "https://www.gov.uk/government/publications/"
    "health-and-social-care-review-leadership-for-a-collaborative-and-inclusive-future"
)
COLUMNS = (
    *("week", "date", "title", "url", "outlet", "source", "sector", "nation", "outlets", "read", "paywalled"),
    *("theme", "score", "by_person", "quote", "credit", "also_in"),
)


@dataclass(frozen=True, slots=True)
class Story:
    """One story with the week of its first report."""

    week: str
    item: StoryItem


def stories_between(
    database: Database, registry: Registry, themes: Sequence[Theme], *, first: date, last: date, now: datetime
) -> Iterator[Story]:
    """The stories whose first report is dated `first` to `last` (London days, both included), week by week, by rank.

    Raises:
        ValueError: `last` is before `first`, or they are more than ten years apart.
    """
    if last < first:
        raise ValueError(f"the period ends ({last}) before it begins ({first})")
    week, end = Week.of(_noon(first)), Week.of(_noon(last))
    if end.monday - week.monday > timedelta(weeks=LONGEST_WEEKS):
        raise ValueError(f"{first} to {last} is more than ten years; give a shorter period")
    while week <= end:
        content, rights = _of_week(database, registry, themes, week, now)
        for item in content.stories:  # in the week of their date, whichever edition told them
            if first <= item.day <= last:
                yield Story(str(week), within_rights(item, rights[item.id]))
        week = week.plus(1)


def write_csv(stories: Iterable[Story]) -> str:
    """One line for each story and theme (or one without a theme), no cell of which a spreadsheet takes for a formula."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n")
    writer.writeheader()
    for story in stories:
        for row in _rows(story):
            writer.writerow({name: safe_cell(value) for name, value in row.items()})
    return out.getvalue()


def write_json(stories: Iterable[Story], *, now: datetime) -> str:
    """One document: {"made_at", "stories": [...]}, each story with its themes."""
    document = {"made_at": now.astimezone(UTC).isoformat(), "stories": [as_data(story) for story in stories]}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def write_rss(stories: Iterable[Story], themes: Sequence[Theme], *, base_url: str, now: datetime) -> str:
    """An RSS 2.0 feed, newest first; each story's themes are its categories."""
    names = {theme.id: theme.name for theme in themes}
    framework = load_framework()
    rss = ET.Element("rss", {"version": "2.0"})
    channel = ET.SubElement(rss, "channel")
    _child(channel, "title", PRODUCT)
    _child(channel, "link", f"{base_url}/index.html" if base_url else _REVIEW_PAGE)
    _child(channel, "description", f"News on {framework.subject}, by theme of {framework.name}")
    _child(channel, "language", "en-GB")
    _child(channel, "lastBuildDate", format_datetime(now.astimezone(UTC), usegmt=True))
    for story in sorted(stories, key=lambda story: (story.item.day, story.item.rank), reverse=True):
        item = story.item
        element = ET.SubElement(channel, "item")
        _child(element, "title", item.title)
        if item.url:
            _child(element, "link", item.url)
        _child(element, "description", _words(item))
        ET.SubElement(element, "guid", {"isPermaLink": "false"}).text = item.url or f"{story.week}-{item.id}"
        _child(element, "pubDate", format_datetime(_noon(item.day)))
        for theme in item.themes:
            _child(element, "category", names.get(theme.theme, theme.theme))
    ET.indent(rss)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(rss, encoding="unicode") + "\n"


def safe_cell(value: Any) -> Any:
    """`value` as a cell: text that a spreadsheet would take for a formula gets an apostrophe in front."""
    if isinstance(value, str) and value.lstrip().startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value


def _of_week(
    database: Database, registry: Registry, themes: Sequence[Theme], week: Week, now: datetime
) -> tuple[EditionContent, dict[int, Rights]]:
    """The stories of a week, and what may be shown of each, by the article that is shown."""
    with database.read() as session:
        stories = gather_stories(week, session=session)
    facts = WeekFacts(
        week=week, stories=stories, collected=Collected({}), histories={}, sources=(), model=ModelNote()
    )  # no trends, no gaps: those are the edition's
    return compose(facts, registry, themes, now), {
        story.shown.id: rights_of(story.shown, registry) for story in stories
    }


def _rows(story: Story) -> Iterator[dict[str, Any]]:
    item = story.item
    common = {
        "week": story.week,
        "date": item.day.isoformat(),
        "title": item.title,
        "url": item.url,
        "outlet": item.outlet,
        "source": item.source,
        "sector": item.sector,
        "nation": item.nation,
        "outlets": item.outlets,
        "read": str(item.basis),
        "paywalled": "yes" if item.paywalled else "no",
        "credit": item.credit,
        "also_in": "; ".join(copy.outlet for copy in item.copies),
    }
    for theme in item.themes:
        yield {
            **common,
            "theme": theme.theme,
            "score": round(theme.score, 3),
            "by_person": "yes" if theme.by_person else "no",
            "quote": theme.quote,
        }
    if not item.themes:
        yield {**common, "theme": "", "score": "", "by_person": "", "quote": ""}


def as_data(story: Story) -> dict[str, Any]:
    """A story as plain values, for JSON."""
    item = story.item
    return {
        "week": story.week,
        "date": item.day.isoformat(),
        "date_is_published": item.day_is_published,
        "title": item.title,
        "url": item.url or None,
        "outlet": item.outlet,
        "source": item.source,
        "sector": item.sector,
        "nation": item.nation,
        "read": str(item.basis),
        "paywalled": item.paywalled,
        "credit": item.credit,
        "themes": [
            {
                "theme": theme.theme,
                "score": round(theme.score, 4),
                "by_person": theme.by_person,
                "quote": theme.quote,
                "cut": theme.cut,
            }
            for theme in item.themes
        ],
        "also_in": [{"outlet": copy.outlet, "url": copy.url or None} for copy in item.copies],
    }


def _words(item: StoryItem) -> str:
    """What a feed reader shows under the headline: the quotation as an edition has it and the credit line, escaped twice.

    Readers take a description for HTML, so its text is escaped once as such, and once more as XML by the writer.
    """
    quoted = quote_story(item)
    text = f"“{quoted}” — {item.credit}" if quoted else item.credit
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _child(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = plain_line(text)  # XML has no place for control characters


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), tzinfo=LONDON)
