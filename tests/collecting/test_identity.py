"""Which entry is which: entries of one page are told apart, an address that a page claims is believed where it can be its own."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models.kinds import Kind
from models.store.database import Database
from tests.support.fakes_feeds import read, rss
from tests.support.fakes_pages import page
from tests.support.fakes_pages import read as read_page
from tests.support.fakes_sites import collected, feed, item, rfc, story
from tests.support.fakes_web import Answer, FakeWeb

TITLES = [
    "Chair of the Barrowmere trust resigns",
    "Nurses at Kestleford vote for a strike",
    "Ombudsman criticises Haddenby hospital",
]


def entries(*parts: tuple[str, str, str]) -> list[str]:
    """The addresses of a feed's entries, given as link, guid and title, without the site's name."""
    items = []
    for link, guid, title in parts:
        own = f"<guid isPermaLink='false'>{guid}</guid>" if guid else ""
        items.append(f"<item><title>{title}</title><link>{link}</link>{own}</item>")
    return [
        entry.url.removeprefix("https://news.example.org") for entry in read(Kind.FEED, rss("".join(items))).entries
    ]


@pytest.mark.parametrize(
    ("parts", "addresses"),
    [
        ([("/b#three", "", TITLES[2]), ("/b#two", "", TITLES[1]), ("/b#one", "", TITLES[0])], ["/b#three", "/b#two", "/b"]),
        ([("/b", "id-3", TITLES[2]), ("/b", "id-2", TITLES[1])], ["/b#id-3", "/b"]),
        ([("/b", "id-3", TITLES[2])], ["/b"]),  # alone by now, and known by that
        ([("/b", "id-2", TITLES[1]), ("/b", "id-2", TITLES[1])], ["/b", "/b"]),  # listed twice
        ([("/b", "id-2", TITLES[1] + ", updated"), ("/b", "id-1", TITLES[1])], ["/b", "/b"]),  # a new headline of the same
        ([("/b", "id-2", "Ward 2 at Wrenbury opens"), ("/b", "id-1", "Ward 1 at Wrenbury opens")], ["/b#id-2", "/b"]),
        ([("/a#comments", "1", TITLES[0]), ("/b#comments", "2", TITLES[1])], ["/a", "/b"]),
        ([("/b#xtor=RSS-1", "1", TITLES[0]), ("/b#utm_source=x", "1", TITLES[0])], ["/b", "/b"]),
        ([("/b#a b", "", TITLES[2]), ("/b#c", "", TITLES[0])], ["/b#a%20b", "/b"]),
    ],
)  # fmt: skip
def test_entries_of_one_page_are_told_apart_by_what_their_publisher_tells_them_by(
    parts: list[tuple[str, str, str]], addresses: list[str]
) -> None:
    assert entries(*parts) == addresses


def test_the_items_of_a_json_feed_are_told_apart_as_well() -> None:
    items = [
        {"id": str(n), "url": "/bulletin", "title": title, "date_published": f"2026-11-1{n}"}
        for n, title in enumerate(TITLES)
    ]
    listing = read(Kind.FEED, {"version": "https://jsonfeed.org/version/1.1", "items": items})
    assert [entry.url.partition("bulletin")[2] for entry in listing.entries] == [
        "",
        "#1",
        "#2",
    ]  # the oldest keeps the address


def test_a_bulletin_that_gets_an_item_a_day_gives_a_story_a_day(
    sqlite: Database, tmp_path: Path, now: datetime
) -> None:
    with FakeWeb({"/bulletin": Answer(story("Bulletin of the week"))}) as web:
        for day in range(3):
            listed = [
                item(f"/bulletin#{n}", TITLES[n], rfc(now - timedelta(days=3 - n)), guid=f"x{n}")
                for n in range(day + 1)
            ]
            web.pages["/feed"] = feed(*reversed(listed))
            found = collected(web, sqlite, tmp_path, now + timedelta(hours=day))
    assert (found.stories, {article.title for article in found.articles}) == (3, set(TITLES))
    assert found.outcomes["known"] == 2


OWN = "https://www.news.example.org/health/board-quits"
HERE = "https://www.news.example.org"
SECTIONS = [
    *(
        "/category/news",
        "/news/health",
        "/topics/nhs",
        "/uk-news",
        "/section/health.html",
        "/news/index.html",
        "/index.php",
    ),
    *("/tag/fenwick", "/health/latest-news", "/news/latest", "/blog/page/1", "/home", "/default.aspx", "/archive/2026"),
    *(
        "/2026/11",
        "/tag/board-quits-again",
        "/author/jane-anne-smith",
        "/search?q=board",
        "/news/amp",
        "/health.php?section=2",
    ),
]


@pytest.mark.parametrize(
    ("url", "link", "expected"),
    [
        # what is believed
        ("/rss/12345", "/health/board-quits-after-review", "/health/board-quits-after-review"),
        ("/health/board-quits-now/amp", "/health/board-quits-now", "/health/board-quits-now"),
        ("/health/board-quits-now/2", "/health/board-quits-now", "/health/board-quits-now"),
        ("/health/board-quits/page/3", "/health/board-quits", "/health/board-quits"),
        ("/story?id=7&from=rss", "/story?id=7", "/story?id=7"),
        ("/trust-board-quits-4711?from=rss", "/trust-board-quits-4711", "/trust-board-quits-4711"),
        ("/?p=99&from=rss", "/?p=99", "/?p=99"),
        ("/old/trust-board-quits", "/new/trust-board-quits", "/new/trust-board-quits"),
        ("/news/7", "/story.php?id=7", "/story.php?id=7"),
        ("/de/page", "/de/canonical", "/de/canonical"),
        ("/go/12345", "/health/board-quits", "/health/board-quits"),
        ("/news/trust-board-quits.html", "/news/trust-board-quits", "/news/trust-board-quits"),
        ("/news/trust-board-quits", "/health/trust-board-quits/index.html", "/health/trust-board-quits/index.html"),
        ("/amp/news/quits", "/news/quits", "/news/quits"),
        ("/topics/nhs/12345", "/topics/nhs/trust-board-quits", "/topics/nhs/trust-board-quits"),
        # what is not
        ("/health/board-quits", "/health/", None),
        ("/health/news/0", "/health/news/", None),
        ("/health/0", "/health", None),
        ("/health/board-quits", "/", None),
        ("/story?id=7", "/story", None),
        ("/story?id=7", "/story?id=8", None),
        ("/trust-board-quits-today", "/car-park-opens-again", None),
        *(("/news/trust-board-quits", section, None) for section in SECTIONS),
        *(("/news/12345", section, None) for section in (*SECTIONS, "/news/99999")),
    ],
)
def test_a_canonical_link_counts_where_it_may_be_that_of_the_page(url: str, link: str, expected: str | None) -> None:
    for head in (f"<link rel='canonical' href='{link}'>", f"<meta property='og:url' content='{HERE}{link}'>"):
        assert read_page(page(head), url=HERE + url).canonical_url == (expected and HERE + expected)


@pytest.mark.parametrize(
    ("base", "link", "expected"),
    [
        ("/", "de/board-quits", "/de/board-quits"),
        ("/en/", "board-quits", "/en/board-quits"),
        ("https://www.news.example.org/x/", "../board-quits", "/board-quits"),
        ("//www.news.example.org/y/", "board-quits", "/y/board-quits"),
        ("https://other.example.com/", "board-quits", None),
        ("http://[", "/board-quits", "/board-quits"),
        ("javascript:x", "/board-quits", "/board-quits"),
        ("", "/board-quits", "/board-quits"),
    ],
)
def test_a_relative_canonical_link_is_relative_to_the_pages_base(base: str, link: str, expected: str | None) -> None:
    found = read_page(page(f"<base href='{base}'><link rel='canonical' href='{link}'>"), url=OWN)
    assert found.canonical_url == (expected and HERE + expected)


@pytest.mark.parametrize(
    "claimed",
    ["/1", "/2", "/elsewhere-in-the-archive", "/news/", "/"],
    ids=["the first page, by a cache", "the middle one", "another article", "the section", "the front page"],
)
def test_pages_that_all_claim_one_address_are_kept_under_their_own(
    claimed: str, sqlite: Database, tmp_path: Path, now: datetime
) -> None:
    with FakeWeb() as web:
        for number, title in enumerate(TITLES, 1):
            web.pages[f"/{number}"] = Answer(story(title, head=f"<link rel='canonical' href='{claimed}'>"))
        web.pages["/feed"] = feed(*(item(f"/{number}", title) for number, title in enumerate(TITLES, 1)))
        found = collected(web, sqlite, tmp_path, now)
    assert (found.outcomes, found.stories) == ({"new": 3}, 3)
    if claimed == "/elsewhere-in-the-archive":  # which may be the address of whoever claims it first
        assert len({*found.paths(web)} - {"/1", "/2", "/3"}) <= 1
    else:
        assert found.paths(web) == ["/1", "/2", "/3"]


@pytest.mark.parametrize("claimed", ["/1", "/elsewhere-in-the-archive"], ids=["the first page, by a cache", "another"])
def test_a_page_that_claims_the_address_of_a_report_of_an_earlier_run_is_kept_under_its_own(
    claimed: str, sqlite: Database, tmp_path: Path, now: datetime
) -> None:
    with FakeWeb() as web:
        for number, title in enumerate(TITLES, 1):
            web.pages[f"/{number}"] = Answer(story(title, head=f"<link rel='canonical' href='{claimed}'>"))
            web.pages["/feed"] = feed(item(f"/{number}", title))
            found = collected(web, sqlite, tmp_path, now + timedelta(days=number))
            assert (found.outcomes, found.stories) == ({"new": 1}, number)
        assert found.paths(web) == sorted([claimed, "/2", "/3"])


def test_one_page_under_two_addresses_is_one_article(sqlite: Database, tmp_path: Path, now: datetime) -> None:
    web_page: Any = Answer(story(TITLES[0], head="<link rel='canonical' href='/chair-of-barrowmere-resigns'>"))
    with FakeWeb({"/rss/1": web_page, "/rss/2": web_page}) as web:
        web.pages["/feed"] = feed(item("/rss/1", TITLES[0]), item("/rss/2", f"{TITLES[0]} (updated)"))
        found = collected(web, sqlite, tmp_path, now)
        assert (found.outcomes, found.paths(web)) == ({"new": 1, "known": 1}, ["/chair-of-barrowmere-resigns"])
