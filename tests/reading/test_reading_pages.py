"""What a page of news says: its text, title, author, date and address."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from flows.reading.page import is_html
from flows.reading.page_dates import choose_published
from models.outcomes import TextStatus
from tests.support.fakes_pages import ARTICLE, NINE, ld, page, read, story


def test_the_text_of_the_article_and_nothing_else_a_paragraph_a_line() -> None:
    found = read(page())
    lines = found.text.split("\n")
    assert [line for line in lines if line != "Trust board quits"] == story()
    assert found.text_status is TextStatus.FULL
    assert (found.language, found.title) == ("en", "Trust board quits")


@pytest.mark.parametrize("tag", ["div", "span"])
def test_a_long_menu_is_not_read_with_an_article_that_has_no_paragraphs(tag: str) -> None:
    menu = "".join(f"<li><a href='/{n}'>Section {n} of the paper</a></li>" for n in range(150))
    text = "".join(f"<{tag}>{paragraph}</{tag}>" for paragraph in story(6))
    found = read(
        f"<html lang=en><body><nav><ul>{menu}</ul></nav><div><h1>Trust board quits</h1>{text}</div></body></html>"
    )
    assert "of the paper" not in found.text
    assert all(paragraph in found.text for paragraph in story(6))


def test_a_page_with_a_mark_on_each_word_is_read() -> None:
    """As transcripts have it; of so many marks nothing is left but their words."""
    text = "".join(f"<p>{''.join(f'<span>{word} </span>' for word in one.split())}</p>" for one in story(120))
    found = read(page(body=f"<article><h1>Trust board quits</h1>{text}</article>"))
    assert [line for line in found.text.split("\n") if line != "Trust board quits"] == story(120)


META = (
    '<meta property="og:title" content="Trust board quits | Daily News">'
    '<meta property="og:site_name" content="Daily News">'
    '<meta property="article:published_time" content="2026-11-20T09:00:00+00:00">'
    '<meta name="author" content="By Jane Smith, Sam Jones">'
)
DOM = (
    "<article><h1>Trust board quits</h1><p class='byline'>By Jane Smith, Sam Jones</p>"
    "<time itemprop='datePublished' datetime='2026-11-20T09:00:00Z'>20 November</time>"
    + "".join(f"<p>{paragraph}</p>" for paragraph in story())
    + "</article>"
)


@pytest.mark.parametrize(
    "html",
    [
        page(ld(**ARTICLE)),
        page(ld(**{"@graph": [{"@type": "WebPage", "name": "x"}, ARTICLE | {"@type": ["Report", "NewsArticle"]}]})),
        page(ld(**{"@graph": [ARTICLE | {"author": {"@id": "#p"}}, {"@id": "#p", "name": "Jane Smith, Sam Jones"}]})),
        page(f"<script type='application/ld+json'>\n<!--\n[{json.dumps(ARTICLE)},]\n//-->\n</script>"),
        page(ld(**{"@type": "WebSite"}) + "<script type='application/ld+json'>{broken</script>" + META),
        page(META),
        page("<title>Trust board quits | Daily News</title>", DOM),
    ],
    ids=["json-ld", "graph", "reference", "sloppy json-ld", "broken json-ld", "meta", "visible"],
)
def test_title_author_and_date_wherever_they_stand(html: str) -> None:
    found = read(html)
    assert (found.title, found.author, found.published_at) == ("Trust board quits", "Jane Smith, Sam Jones", NINE)


def test_the_page_s_own_article_is_told_from_those_it_links_to() -> None:
    others = [ARTICLE | {"headline": f"Another {n}", "datePublished": "2020-01-01"} for n in range(3)]
    found = read(page(ld(**{"@graph": [*others, ARTICLE]})))
    assert (found.title, found.published_at) == ("Trust board quits", NINE)


@pytest.mark.parametrize(
    ("given", "site", "expected"),
    [
        ("Trust board quits | Daily News", "Daily News", "Trust board quits"),
        ("Trust board quits - Health - Daily News", "Daily News", "Trust board quits - Health"),
        ("Daily News | Trust board quits", "Daily News", "Trust board quits"),
        ("Trust board quits – The Daily News", "Daily News", "Trust board quits"),
        ("Well-being | the board", "Daily News", "Well-being | the board"),
        ("Pay &amp;amp; conditions", "", "Pay & conditions"),
    ],
)
def test_a_title_loses_the_name_of_the_site(given: str, site: str, expected: str) -> None:
    head = f'<meta property="og:title" content="{given}"><meta property="og:site_name" content="{site}">'
    assert read(page(head, "<p>text</p>")).title == expected


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("2026-11-20T09:00:00", NINE),
        ("2026-07-01T09:00:00", datetime(2026, 7, 1, 8, tzinfo=UTC)),
        ("2026-07-01T00:00:00+01:00", datetime(2026, 6, 30, 23, tzinfo=UTC)),
        ("2026-11-20", datetime(2026, 11, 20, 12, tzinfo=UTC)),
        ("Friday, 20th November 2026, 9:00am", NINE),
        ("20/11/2026 09:00", NINE),
    ],
)
def test_dates_of_pages_in_their_time_zones(stated: str, expected: datetime) -> None:
    assert read(page(ld(**ARTICLE | {"datePublished": stated}))).published_at == expected


def test_a_date_in_the_address_is_better_than_none() -> None:
    found = read(page(), url="https://www.news.example.org/2026/11/20/board-quits")
    assert found.published_at == datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_the_visible_heading_is_the_title_where_the_page_declares_much_the_same() -> None:
    head = '<meta property="og:title" content="Board quits: NHS trust in crisis">' + ld(
        **ARTICLE | {"headline": "NHS trust board quits in crisis"}
    )
    body = "<h1>Daily News</h1><article><h1>NHS trust board quits in growing crisis</h1></article>"
    assert read(page(head, body)).title == "NHS trust board quits in growing crisis"


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("on_page", "in_feed", "chosen"),
    [
        (NINE, None, NINE),
        (None, NINE, NINE),
        (None, None, None),
        (NINE, NINE + DAY, NINE),  # the feed was rendered anew
        (NINE.replace(hour=12), NINE, NINE),  # a bare day on the page: the feed knows the hour
        (NINE + 40 * DAY, NINE, NINE),  # a page of the future
        (None, NINE + 40 * DAY, None),
        (NINE + 3.1 * DAY, None, NINE + 3 * DAY),  # an hour ahead: a clock that is wrong
    ],
)
def test_one_rule_chooses_between_the_dates(
    on_page: datetime | None, in_feed: datetime | None, chosen: datetime | None
) -> None:
    assert choose_published(on_page, in_feed, NINE + 3 * DAY) == chosen


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("/health/board-quits?utm_source=x", "https://www.news.example.org/health/board-quits"),
        ("https://news.example.org/health/board-quits", "https://news.example.org/health/board-quits"),
        ("https://other.example.com/story", None),
        ("https://www.news.example.org/", None),
        ("http://[", None),
    ],
)
def test_a_canonical_address_is_followed_where_it_stays_on_the_site(link: str, expected: str | None) -> None:
    assert read(page(f"<link rel='canonical' href='{link}'>")).canonical_url == expected


def test_a_reservation_in_the_page_is_seen() -> None:
    assert read(page('<meta name="tdm-reservation" content="1">')).mining_reserved
    assert not read(page('<meta name="tdm-reservation" content="0">')).mining_reserved


@pytest.mark.parametrize(
    ("encoding", "header", "meta"),
    [
        ("utf-8", "", "utf-8"),
        ("utf-8", "iso-8859-1", "utf-8"),
        ("cp1252", "utf-8", "windows-1252"),
        ("iso-8859-1", "", "iso-8859-1"),
        ("cp1252", "", "utf-8"),
        ("utf-8-sig", "", ""),
        ("utf-16", "utf-16", ""),
    ],
)
def test_letters_survive_wrong_charsets(encoding: str, header: str, meta: str) -> None:
    html = page().replace("charset='utf-8'", f"charset='{meta}'").replace("The chair", "Zoë Café’s chair, at £5m,")
    if encoding == "iso-8859-1":
        html = html.replace("’", "'")
    found = read(html.encode(encoding), content_type=f"text/html; charset={header}")
    assert "Zoë Café" in found.text
    assert "£5m" in found.text


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("text/html", b"<html>", True),
        ("TEXT/HTML; charset=x", b"<p>", True),
        ("application/xhtml+xml", b"<?xml?>", True),
        ("", b"<html>", True),
        ("application/octet-stream", b"<!doctype html>", True),
        ("text/plain", b"plain words", False),
        ("text/html", b"%PDF-1.7", False),
        ("application/pdf", b"<html>", False),
        ("image/jpeg", b"\xff\xd8\xff", False),
        ("application/json", b"{}", False),
        ("text/html", b"PK\x03\x04", False),
        ("text/html", bytes(100), False),
    ],
)
def test_pages_are_told_from_files(content_type: str, body: bytes, expected: bool) -> None:
    assert is_html(content_type, body) is expected
