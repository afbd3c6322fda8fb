"""The dates ahead that stories name, as a calendar to subscribe to (iCalendar, RFC 5545), with the filters of the search."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from flows.website.searching import read_question
from flows.website.site import Site, site_of
from models.dates_ahead import last_day
from models.edition.compose import show_story
from models.edition.content import DateNote, StoryItem
from models.edition.news import PRODUCT
from models.edition.wording import quote_date
from models.store.search import find, stories_of
from models.store.story_relations import dates_named
from models.text_safety import plain_line
from models.themes import theme_ids
from models.weeks import LONDON

DATED_STORIES = 300  # the newest that match: a text takes a millisecond to look through
KEPT = timedelta(days=31)  # that a date stays in the calendar once it is past
_LINE = 75  # octets


def calendar(request: Request) -> Response:
    """The dates that the newest stories of a question name: all of them without one."""
    site = site_of(request)
    asked = read_question(request.query_params)
    with site.database.read() as session:
        found = find(asked.wanted, site.now(), newest=True, session=session)
        facts = stories_of(found.hits[:DATED_STORIES], everything=asked.wanted.everything, session=session)
        named = dates_named([fact.shown.id for fact in facts], session=session)
    since = site.now().astimezone(LONDON).date() - KEPT
    dated: list[tuple[DateNote, StoryItem]] = []
    for fact in facts:
        if ahead := named.get(fact.shown.id):
            item = show_story(
                replace(fact, shown=replace(fact.shown, ahead=tuple(ahead))), site.registry, set(theme_ids())
            )
            dated += [(note, item) for note in item.ahead if last_day(note.day, note.precision) >= since]
    dated.sort(key=lambda pair: (pair[0].day, pair[1].id))
    return Response(write_calendar(dated, site), media_type="text/calendar")


def write_calendar(dated: Iterable[tuple[DateNote, StoryItem]], site: Site) -> str:
    """One all-day event for each date of a story: its headline, and the sentence that names it as far as it may be quoted.

    A week or a month is as long as it is, and keeps nobody busy.
    """
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:-//{_text(PRODUCT)}//EN",
        f"X-WR-CALNAME:{_text(PRODUCT)}: dates ahead",
    ]
    host = urlsplit(site.base_url).hostname or "localhost"
    for note, item in dated:
        quote = quote_date(note)
        said = f"“{quote}” {item.credit}" if quote else item.outlet
        lines += [
            "BEGIN:VEVENT",
            f"UID:{item.id}-{note.day:%Y%m%d}-{note.precision.value}@{host}",
            # Of the story, so that the same event is the same text whenever it is asked for.
            f"DTSTAMP:{datetime.combine(item.day, datetime.min.time(), tzinfo=UTC):%Y%m%dT%H%M%SZ}",
            f"DTSTART;VALUE=DATE:{note.day:%Y%m%d}",
            f"DTEND;VALUE=DATE:{last_day(note.day, note.precision) + timedelta(days=1):%Y%m%d}",
            f"SUMMARY:{_text(item.title)}",
            f"DESCRIPTION:{_text(said)}",
            f"URL:{site.base_url}/stories/{item.id}",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        ]
    return "".join(f"{part}\r\n" for line in [*lines, "END:VCALENDAR"] for part in _fold(line))


def _text(value: str) -> str:
    """A value of the type TEXT, on one line."""
    return plain_line(value).replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")


def _fold(line: str) -> Iterator[str]:
    """A line in parts of at most 75 octets, each further one behind a space; no letter is cut."""
    part, octets = "", 0
    for letter in line:
        size = len(letter.encode())
        if octets + size > _LINE:
            yield part
            part, octets = " ", 1
        part, octets = part + letter, octets + size
    yield part
