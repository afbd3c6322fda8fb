"""Dates as the press writes them: read by one parser, in the context of their list; a doubtful one throws nothing away."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from models.dates import parse_date
from models.kinds import Kind
from models.store.database import Database
from tests.support.fakes_feeds import ITEM, only, read, rss
from tests.support.fakes_pages import ld, page
from tests.support.fakes_pages import read as read_page
from tests.support.fakes_sites import collected, feed, item, rfc, story
from tests.support.fakes_web import Answer, FakeWeb

TEN = datetime(2026, 11, 19, 10, 0, tzinfo=UTC)  # a Thursday
NOON = TEN.replace(hour=12)
DAY = timedelta(days=1)
FORMS = {
    # offsets behind the name of a zone
    "Thu, 19 Nov 2026 17:00:00 GMT+0700": TEN,
    "Thu, 19 Nov 2026 17:00:00 GMT+07:00": TEN,
    "Thu, 19 Nov 2026 17:00:00 GMT+7": TEN,
    "Thu, 19 Nov 2026 05:00:00 GMT-5": TEN,
    "Thu, 19 Nov 2026 11:00:00 UTC +1": TEN,
    "2026-11-19T17:00:00UTC+07:00": TEN,
    "2026-11-19T11:00:00+01": TEN,
    "2026-11-19 11:00:00 +0100": TEN,
    "Thu, 19 Nov 2026 15:30:00 +0530": TEN,
    # JavaScript's
    "Thu Nov 19 2026 10:00:00 GMT+0000 (Greenwich Mean Time)": TEN,
    "Thu Nov 19 2026 11:00:00 GMT+0100 (Central European Standard Time)": TEN,
    "Thu Nov 19 2026 05:00:00 GMT-0500 (Eastern Standard Time)": TEN,
    "Thu Nov 19 10:00:00 GMT 2026": TEN,
    "11/19/2026, 10:00:00 AM": TEN,
    "19/11/2026, 10:00:00": TEN,
    # named zones
    "Thu, 19 Nov 2026 05:00:00 EST": TEN,
    "Thu, 19 Nov 2026 02:00:00 PST": TEN,
    "Thu, 19 Nov 2026 11:00:00 CET": TEN,
    "Thu, 19 Nov 2026 21:00:00 AEDT": TEN,
    "Thu, 19 Nov 2026 23:00:00 NZDT": TEN,
    "Thu, 19 Nov 2026 15:30:00 IST": TEN,  # no Irish summer
    "Thu, 19 Nov 2026 5:00 AM ET": TEN,
    "Thu, 19 Nov 2026 05:00:00 America/New_York": TEN,
    "Thu, 19 Nov 2026 10:00:00 Europe/London": TEN,
    "Thu, 19 Nov 2026 02:00:00 Pacific Standard Time": TEN,
    "Thu, 19 Nov 2026 10:00:00 GMT Standard Time": TEN,
    # Drupal's
    "Thu, 11/19/2026 - 10:00": TEN,
    "Thu, 19/11/2026 - 10:00": TEN,
    "Thursday, 19 November, 2026 - 10:00": TEN,
    "Thursday, November 19, 2026 - 10:00am": TEN,
    "19 November 2026 | 10:00": TEN,
    # with markup
    "&lt;time datetime=&quot;2026-11-19T10:00:00Z&quot;&gt;Thursday&lt;/time&gt;": TEN,
    "<![CDATA[<time datetime='2026-11-19T10:00:00+00:00' class='x'>a day ago</time>]]>": TEN,
    "<![CDATA[<span property='dc:date' content='2026-11-19T10:00:00+00:00'>Thu</span>]]>": TEN,
    "<![CDATA[<em>19 November</em> 2026, 10.00am]]>": TEN,
    "19&nbsp;November&nbsp;2026 10:00": TEN,
    # numbers alone
    "19-11-2026 10:00:00": TEN,
    "19.11.2026, 10:00": TEN,
    "19/11/2026 10:00": TEN,
    "10:00 19/11/2026": TEN,
    "19/11/26": NOON,
    "19-11-26 10:00": TEN,
    "2026/11/19 10:00": TEN,
    "2026.11.19": NOON,
    "2026-19-11": NOON,
    "20261119T100000Z": TEN,
    "20261119100000": TEN,
    "20261119": NOON,
    "2026-323": NOON,
    "1795082400": TEN,
    "1795082400000": TEN,
    "1795082400.25": TEN,
    # names of months
    "19th November 2026": NOON,
    "the 19th of November 2026 at 10am": TEN,
    "November 19th, 2026": NOON,
    "Nov. 19, 2026 10:00 a.m.": TEN,
    "19-Nov-2026 10:00": TEN,
    "19 Nov '26": NOON,
    "2026 Nov 19 10:00": TEN,
    "19 Tachwedd 2026": NOON,
    "Posted on 19 November 2026 at 10:00 by the editor": TEN,
    "Updated 20 November 2026 | Published 19 November 2026": NOON,
    # a time that is none leaves the day
    "2026-11-19T25:61:00Z": NOON,
    "2026-11-18T24:00:00Z": datetime(2026, 11, 19, tzinfo=UTC),
}


@pytest.mark.parametrize("written", FORMS)
def test_every_form_is_read_as_its_publisher_meant_it(written: str) -> None:
    assert only(read(Kind.FEED, rss(f"<item>{ITEM}<pubDate>{written}</pubDate></item>"))).published_at == FORMS[written]


@pytest.mark.parametrize(
    "written",
    [
        "31 June 2026",
        "2026-13-45",
        "0000-00-00 00:00:00",
        "30/02/2026",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "yesterday",
        "11/2026",
        "0",
    ],
)
def test_an_impossible_date_is_none(written: str) -> None:
    assert only(read(Kind.FEED, rss(f"<item>{ITEM}<pubDate>{written}</pubDate></item>"))).published_at is None


@pytest.mark.parametrize("name", ["EST", "CEST", "AKST", "JST", "BRT", "SAST", "HKT", "NDT"])
def test_a_named_zone_is_told_from_every_other(name: str) -> None:
    hours = {"EST": -5, "CEST": 2, "AKST": -9, "JST": 9, "BRT": -3, "SAST": 2, "HKT": 8, "NDT": -2.5}[name]
    there = TEN.astimezone(timezone(timedelta(hours=hours)))
    assert parse_date(f"{there:%d %b %Y %H:%M} {name}") == TEN


def dates(*written: str) -> list[str]:
    """The days of a feed with these dates, as it is read on 20 November 2026."""
    items = (
        f"<item><title>Report {n}</title><link>/{n}</link><pubDate>{w}</pubDate></item>" for n, w in enumerate(written)
    )
    listing = read(Kind.FEED, rss("".join(items)))
    return [f"{entry.published_at:%d.%m.%y}" if entry.published_at else "none" for entry in listing.entries]


@pytest.mark.parametrize(
    ("written", "days"),
    [
        (["11/12/2026", "11/13/2026"], ["12.11.26", "13.11.26"]),  # only Americans have a thirteenth month
        (["09/11/2026", "13/11/2026"], ["09.11.26", "13.11.26"]),
        (["11/05/2026"], ["none"]),  # 11 May, or this month in America: in doubt
        (
            ["11/05/2026", "11/04/2026", "11/03/2026"],
            ["05.11.26", "04.11.26", "03.11.26"],
        ),  # three of this month are no chance
        (["05/11/2026", "04/11/2026"], ["05.11.26", "04.11.26"]),
        (["26-11-18", "26-11-17", "26-11-16"], ["18.11.26", "17.11.26", "16.11.26"]),
        (["12/05/2026", "12/06/2026"], ["12.05.26", "12.06.26"]),  # December is still to come
        (["19 Nov 2026", "18 Nov 2025", "17 Nov 2026"], ["19.11.26", "none", "17.11.26"]),  # a slip in the year
        (["Thu, 19 Nov 2025", "18 Nov 2026"], ["none", "18.11.26"]),  # the 19th was no Thursday last year
        (["19 Nov 2026", "3 Feb 2019", "1 Jan 2020", "17 Nov 2026"], ["19.11.26", "03.02.19", "01.01.20", "17.11.26"]),
        (["3 Feb 2019", "19 Nov 2026", "17 Nov 2026"], ["03.02.19", "19.11.26", "17.11.26"]),  # pinned to the top
    ],
)
def test_the_dates_of_a_list_are_read_alike_and_checked_against_each_other(written: list[str], days: list[str]) -> None:
    assert dates(*written) == days


@pytest.mark.parametrize(
    ("stated", "day"),
    [
        ("2026/11/18", "2026-11-18"),
        ("18-11-2026", "2026-11-18"),
        ("18/11/26", "2026-11-18"),
        ("Wed Nov 18 2026 09:00:00 GMT+0000 (GMT)", "2026-11-18"),
        ("1794992400", "2026-11-18"),
    ],
)
def test_pages_write_their_dates_as_freely(stated: str, day: str) -> None:
    for tag in (
        f"<meta name='citation_publication_date' content='{stated}'>",
        f"<meta property='article:published_time' content='{stated}'>",
    ):
        found = read_page(page(tag)).published_at
        assert found is not None
        assert f"{found:%Y-%m-%d}" == day


def test_a_date_that_can_be_read_in_two_ways_is_settled_by_another_of_the_page() -> None:
    head = "<meta name='date' content='05/11/2026'><meta name='dc.date' content='11 May 2026'>"
    found = read_page(page(head)).published_at
    assert found is not None
    assert (found.month, found.day) == (5, 11)


def test_no_entry_is_lost_for_a_date_that_is_impossible_or_in_doubt(
    sqlite: Database, tmp_path: Path, now: datetime
) -> None:
    written = {
        "/a": "31 November 2026",
        "/b": "11/05/2026",
        "/c": "Fri, 20 Nov 2099 09:00:00 GMT",
        "/d": "19 Nov 2006",
        "/e": "0000-00-00",
    }
    items = [item(path, f"Report of {path} on the board of a trust", date) for path, date in written.items()]
    with FakeWeb({path: Answer(story(f"Report of {path} on the board of a trust")) for path in written}) as web:
        web.pages["/feed"] = feed(*items)
        found = collected(web, sqlite, tmp_path, now)
    assert found.outcomes == {"new": 4, "too-old": 1}  # but for the one that says plainly that it is twenty years old
    assert all(article.published_at is None or article.published_at <= now for article in found.articles)


def times(moment: datetime) -> str:
    return f"<time datetime='{moment.isoformat()}'>then</time>"


AFTER = NOON + timedelta(hours=9)  # what follows the article
GUESSES = {
    "a change in a meta tag": (f"<meta property='article:modified_time' content='{AFTER.isoformat()}'>", ""),
    "a change in the data": (
        ld(**{"@type": "NewsArticle", "headline": "Trust board", "dateModified": AFTER.isoformat()}),
        "",
    ),
    "a change in the article": ("", f"<p>Last updated: {times(AFTER)}</p>"),
    "a marked change": ("", f"<p><span><time class='updated' datetime='{AFTER.isoformat()}'>now</time></span></p>"),
    "a related article": ("", f"<aside><a href='/x'>Other</a> {times(AFTER)}</aside>"),
    "a related article with data": (
        "",
        f"<aside><b itemprop='datePublished' content='{AFTER.isoformat()}'>x</b></aside>",
    ),
    "a list of related articles": ("", f"<ul><li><a href='/x'>Other</a> {times(AFTER)}</li></ul>"),
    "cards": ("", f"</article><article>{times(AFTER)}<h3>Other</h3></article><article>"),
    "a link": ("", f"<a href='/x'>Other {times(AFTER)}</a>"),
    "the visible text": ("", f"<p class='date'>{AFTER:%d %B %Y}</p>"),
}
STATED = {
    "the article": ("", f"<p>By Jane Smith {times(AFTER)}</p>"),
    "a byline of parts": ("", f"<ul><li>By <a href='/jane'>Jane</a></li><li>{times(AFTER)}</li></ul>"),
    "what is marked, behind a change": (
        "",
        f"<p>Updated {times(AFTER + DAY)}</p><time itemprop='datePublished' datetime='{AFTER}'>",
    ),
    "a link to itself": ("", f"<a rel='bookmark' href='/0'>{times(AFTER)}</a>"),
}


def told(marks: tuple[str, str], date: str, database: Database, folder: Path, now: datetime) -> datetime | None:
    """When an article that its feed dates so, and its page marks so, was published."""
    head, body = marks
    page = story("Trust board", head=head).replace(b"</h1>", f"</h1>{body}".encode())
    with FakeWeb({"/feed": feed(item("/0", "Trust board", date)), "/0": Answer(page)}) as web:
        return collected(web, database, folder, now).one.published_at


@pytest.mark.parametrize("kind", GUESSES)
def test_a_change_or_the_date_of_another_article_does_not_make_an_old_article_new(
    kind: str, sqlite: Database, tmp_path: Path, now: datetime
) -> None:
    listed = TEN - 8 * DAY
    assert told(GUESSES[kind], rfc(listed), sqlite, tmp_path, now) == listed


@pytest.mark.parametrize("kind", GUESSES)
def test_it_is_better_than_no_date(kind: str, sqlite: Database, tmp_path: Path, now: datetime) -> None:
    found = told(GUESSES[kind], "", sqlite, tmp_path, now)
    assert found is not None
    assert found.date() == AFTER.date()


@pytest.mark.parametrize("kind", STATED)
def test_what_a_page_says_of_its_own_publication_stands_over_the_feed(
    kind: str, sqlite: Database, tmp_path: Path, now: datetime
) -> None:
    assert told(STATED[kind], rfc(AFTER + DAY), sqlite, tmp_path, now) == AFTER
