"""Search: one question from an address, answered as a page, an Atom feed, JSON or CSV, all with the same filters."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import partial
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from markupsafe import Markup, escape
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flows.publishing.exporting import Story, as_data, write_csv
from flows.website.site import LAST_PAGE, PAGE_STORIES, Site, StoryCard, organisation_names, page_number, site_of
from models.edition.news import PRODUCT
from models.sources import NATION_NAMES, SECTOR_NAMES, name_nation, name_sector
from models.store.search import FIRST_HITS, Found, Wanted, Words, facets, find, read_words
from models.text_safety import plain_line
from models.weeks import EARLIEST_YEAR, LATEST_YEAR, LONDON, Week

FACET_VALUES = 8  # shown of each facet
FEED_STORIES = 50
CSV_STORIES = FIRST_HITS
MAX_VALUE = 100  # letters of a filter
READ = {"full": "text read in full", "headline": "headline, summary or opening only"}
# What a word may end in and still be the same word: the databases' stemmers know more, this only paints.
_ENDING = re.compile(r"(?:ings?|ied|ies|ed|es|s|e|y)$")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it came, and as it is looked up."""

    typed: str
    wanted: Wanted
    newest: bool
    notes: tuple[str, ...]  # on what was not understood

    def link(self, **changed: str) -> str:
        """The same question with some of it changed, as what follows the question mark; without a page."""
        wanted = self.wanted
        given = {
            "q": self.typed,
            **{name: getattr(wanted, name) for name in ("theme", "organisation", "nation", "sector", "outlet", "read")},
            "since": str(wanted.since or ""),
            "until": str(wanted.until or ""),
            "all": "1" if wanted.everything else "",
            "sort": "newest" if self.newest else "",
            **changed,
        }
        return urlencode({name: value for name, value in given.items() if value})


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value of a facet, with how many stories have it."""

    name: str
    count: int
    link: str


def read_question(given: Mapping[str, str]) -> Asked:
    """The question of an address; what is not understood is left out and said."""
    notes: list[str] = []

    def day(name: str) -> date | None:
        value = given.get(name, "").strip()
        try:
            found = date.fromisoformat(value) if value else None
        except ValueError:
            found = None
        if value and (found is None or not EARLIEST_YEAR <= found.year <= LATEST_YEAR):
            notes.append(f"“{plain_line(value, 20)}” is no day like 2026-11-20, and was left out.")
            return None
        return found

    typed = plain_line(given.get("q", ""), 200)
    words = read_words(typed)
    if typed and not words:
        notes.append("Name at least one word that is to be found.")
    values = {
        name: plain_line(given.get(name, ""), MAX_VALUE)
        for name in ("theme", "organisation", "nation", "sector", "outlet")
    }
    read = given.get("read", "") if given.get("read", "") in READ else ""
    wanted = Wanted(
        words=words, **values, read=read, since=day("since"), until=day("until"), everything=given.get("all") == "1"
    )
    return Asked(typed, wanted, given.get("sort") == "newest", tuple(notes))


def search(request: Request) -> Response:
    """The page: a form, what was found, and its facets."""
    site = site_of(request)
    asked = read_question(request.query_params)
    number = page_number(request.query_params.get("page", "1"))
    with site.database.read() as session:
        found = find(asked.wanted, site.now(), newest=asked.newest, session=session)
        cards = site.cards(
            found.hits[PAGE_STORIES * (number - 1) : PAGE_STORIES * number],
            theme=asked.wanted.theme if asked.wanted.theme in site.theme_names else "",
            everything=asked.wanted.everything,
            session=session,
        )
        counted = facets(found.hits, session=session)
        names = _names(site, counted, asked, session=session)
    shown = {
        facet: [
            FacetValue(names[facet](value), count, asked.link(**{facet: value}))
            for value, count in counted[facet].most_common(FACET_VALUES)
            if names[facet](value)
        ]
        for facet in counted
        if not getattr(asked.wanted, facet)
    }
    chosen = [
        (facet, names[facet](getattr(asked.wanted, facet)) or getattr(asked.wanted, facet), asked.link(**{facet: ""}))
        for facet in counted
        if getattr(asked.wanted, facet)
    ]
    return site.page(
        request,
        "search.html",
        title="Search",
        asked=asked,
        found=found,
        cards=cards,
        facets=shown,
        chosen=chosen,
        page=number,
        pages=min(-(-len(found.hits) // PAGE_STORIES), LAST_PAGE),
        first_hits=FIRST_HITS,
        marked=partial(mark, words=asked.wanted.words),
        themes=site.theme_names,
        nations=NATION_NAMES,
        sectors=SECTOR_NAMES,
        reads=READ,
        feed=f"/feed.atom?{asked.link()}".removesuffix("?"),
    )


def feed(request: Request) -> Response:
    """The newest stories that answer a question, as Atom: all of them without one."""
    site = site_of(request)
    asked = replace(read_question(request.query_params), newest=True)
    cards, _ = _cards(site, asked, 0, FEED_STORIES)
    return Response(
        write_atom(cards, f"{site.base_url}/feed.atom?{asked.link(sort='')}", site), media_type="application/atom+xml"
    )


def stories(request: Request) -> Response:
    """The same as JSON: {"found", "more", "page", "next", "stories"}."""
    site = site_of(request)
    asked = read_question(request.query_params)
    size = page_number(request.query_params.get("size", str(PAGE_STORIES)))
    number = page_number(request.query_params.get("page", "1"))
    cards, found = _cards(site, asked, size * (number - 1), size)
    further = len(found.hits) > size * number
    address = f"/api/stories?{asked.link(size=str(size), page=str(number + 1))}"
    answer = {
        "found": len(found.hits),
        "more": found.more,  # older ones match, which were not looked at
        "page": number,
        "next": f"{site.base}{address}" if further and number < LAST_PAGE else None,
        "notes": list(asked.notes),
        "stories": [{"id": card.id, **as_data(_story(card)), "summary": card.summary} for card in cards],
    }
    return JSONResponse(answer)


def spreadsheet(request: Request) -> Response:
    """The same as CSV, one line for each story and theme."""
    site = site_of(request)
    cards, _ = _cards(site, read_question(request.query_params), 0, CSV_STORIES)
    headers = {"Content-Disposition": 'attachment; filename="stories.csv"'}
    return Response("\ufeff" + write_csv(map(_story, cards)), media_type="text/csv", headers=headers)


def mark(text: str, words: Words) -> Markup:
    """`text` as HTML, with the words that were looked for marked."""
    stems = {_stem(word) for term in words.wanted for word in term}
    parts, end = [], 0
    for found in _WORD.finditer(text):
        if _stem(found[0].lower()) in stems:
            parts += [escape(text[end : found.start()]), Markup("<mark>{}</mark>").format(found[0])]
            end = found.end()
    return Markup("").join([*parts, escape(text[end:])])


def write_atom(cards: Iterable[StoryCard], own: str, site: Site) -> str:
    """An Atom feed: each story with its quotation and credit, as a page shows it."""
    feed = ET.Element("feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": "en-GB"})
    shown = list(cards)
    newest = max((_noon(card.item.day) for card in shown), default=site.now())
    for name, text in (("id", own), ("title", PRODUCT), ("updated", newest.astimezone(UTC).isoformat())):
        ET.SubElement(feed, name).text = text
    ET.SubElement(feed, "link", {"rel": "self", "href": own})
    for card in shown:
        entry = ET.SubElement(feed, "entry")
        page = f"{site.base_url}/stories/{card.id}"
        ET.SubElement(entry, "id").text = page
        ET.SubElement(entry, "title").text = plain_line(card.title)
        ET.SubElement(entry, "updated").text = _noon(card.item.day).isoformat()
        ET.SubElement(ET.SubElement(entry, "author"), "name").text = plain_line(card.item.outlet)
        ET.SubElement(entry, "link", {"href": card.url or page})
        ET.SubElement(entry, "link", {"rel": "related", "href": page})
        text = f"“{card.quote}”" if card.quote else card.summary
        credited = f"{text} — {card.item.credit}" if text else card.item.outlet
        ET.SubElement(entry, "summary").text = plain_line(credited)
        for theme, name in card.themes:
            ET.SubElement(entry, "category", {"term": theme, "label": name})
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(feed, encoding="unicode") + "\n"


def _cards(site: Site, asked: Asked, first: int, most: int) -> tuple[Sequence[StoryCard], Found]:
    with site.database.read() as session:
        found = find(asked.wanted, site.now(), newest=asked.newest, session=session)
        hits = found.hits[first : first + most]
        return site.cards(hits, everything=asked.wanted.everything, session=session), found


def _names(
    site: Site, counted: Mapping[str, Counter[str]], asked: Asked, *, session: Session
) -> dict[str, Callable[[str], str]]:
    ids = [one for one, _ in counted["organisation"].most_common(FACET_VALUES)]
    organisations = organisation_names([*ids, asked.wanted.organisation], session=session)
    of_outlet: Callable[[str], str] = lambda outlet: plain_line(outlet, MAX_VALUE)  # noqa: E731
    return {
        "theme": lambda theme: site.theme_names.get(theme, ""),
        "organisation": lambda organisation: organisations.get(organisation, ""),
        "nation": name_nation,
        "sector": name_sector,
        "outlet": of_outlet,
    }


def _story(card: StoryCard) -> Story:
    return Story(str(Week.of(_noon(card.item.day))), card.item)


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), tzinfo=LONDON)


def _stem(word: str) -> str:
    shorter = _ENDING.sub("", word)
    return shorter if len(shorter) >= 3 else word
