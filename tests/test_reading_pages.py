"""Pages as clean text and facts, whatever comes back; one rule of dates; how much of an article a page gives."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flows.web.page_facts import choose_published
from flows.web.page_language import tell_language
from flows.web.page_reader import is_html, read_page
from models.entries import Page
from models.outcomes import TextStatus

URL = "https://www.news.example.org/health/board-quits"
NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
SENTENCES = [
    "The board of the trust said on Monday that a culture of bullying had been tolerated for years.",
    "Staff who had raised concerns with their managers told the review that nothing was ever done.",
    "The chair accepted every recommendation and promised a plan before the end of the winter.",
    "Unions said that promises had been made before and that they would wait for action this time.",
    "Inspectors will return to the hospital in the spring to see what has become of the plan.",
    "Patients were not told of the review until the newspaper asked for a copy of its findings.",
]


def story(paragraphs: int = 10) -> list[str]:
    """Paragraphs of a report, each of its own words."""
    return [f"{SENTENCES[n % 6]} {SENTENCES[(n + 2) % 6]} It was point {n} of the report." for n in range(paragraphs)]


def page(head: str = "", body: str | None = None, *, paragraphs: int = 10) -> str:
    """A page as news sites make them: navigation, article, related links, comments, footer."""
    text = "".join(f"<p>{paragraph}</p>" for paragraph in story(paragraphs))
    article = body if body is not None else f"<article><h1>Trust board quits</h1>{text}</article>"
    links = "".join(f"<li><a href='/{n}'>Another story number {n}</a></li>" for n in range(12))
    return (
        f"<!DOCTYPE html><html lang='en-GB'><head><meta charset='utf-8'>{head}</head><body>"
        f"<header><nav><ul>{links}</ul></nav></header>"
        "<div id='cookie-banner' class='cookie-consent'><p>We use cookies. Accept all cookies?</p></div>"
        f"<main>{article}</main><aside class='related'><h2>Related</h2><ul>{links}</ul></aside>"
        "<div id='comments' class='comments'><p>First! A comment by a reader of this page.</p></div>"
        "<footer><p>Copyright the newspaper. All rights reserved.</p></footer></body></html>"
    )


def read(html: str | bytes, url: str = URL, content_type: str = "text/html; charset=utf-8") -> Page:
    return read_page(html.encode() if isinstance(html, str) else html, url=url, content_type=content_type)


def ld(**facts: Any) -> str:
    """A JSON-LD block."""
    return f"<script type='application/ld+json'>{json.dumps({'@context': 'https://schema.org'} | facts)}</script>"


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


ARTICLE = {
    "@type": "NewsArticle",
    "headline": "Trust board quits",
    "datePublished": "2026-11-20T09:00:00Z",
    "dateModified": "2026-11-22T09:00:00Z",
    "author": [{"@type": "Person", "name": "Jane Smith"}, {"@type": "Person", "name": "Sam Jones"}],
    "publisher": {"@type": "Organization", "name": "Daily News"},
}
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


LOCKED = ld(**ARTICLE | {"isAccessibleForFree": "False", "wordCount": 800})
WALL = "<div class='paywall'><p>Subscribe to continue reading this article.</p></div>"


def body(paragraphs: int, after: str = "") -> str:
    text = "".join(f"<p>{paragraph}</p>" for paragraph in story(paragraphs))
    return f"<article><h1>Trust board quits</h1>{text}{after}</article>"


@pytest.mark.parametrize(
    ("html", "status"),
    [
        (page(LOCKED, body(2, WALL)), TextStatus.PAYWALLED),
        (page(LOCKED, body(2)), TextStatus.PAYWALLED),
        (page("", body(2, WALL)), TextStatus.PAYWALLED),
        (page(LOCKED, body(30)), TextStatus.FULL),  # it is all there, whatever it says
        (page(ld(**ARTICLE | {"wordCount": 900}), body(3)), TextStatus.TEASER),
        (page("", body(1, "<p>The chair went on to say that…</p>")), TextStatus.TEASER),
        (page("", body(1, "<p>Read more</p>")), TextStatus.TEASER),
        (page("", body(2)), TextStatus.FULL),  # news in brief
    ],
    ids=["locked", "locked, no words", "wall", "metered", "half", "trails off", "read more", "brief"],
)
def test_how_much_of_the_article_there_is(html: str, status: TextStatus) -> None:
    assert read(html).text_status is status


COOKIES = (
    "<html><head><title>Before you continue</title></head><body><div><h1>We value your privacy</h1>"
    "<p>We and our 842 partners store and access cookies on your device to process personal data such as unique "
    "identifiers, and ask for your consent to personalised ads and content.</p>"
    "<p>You may accept all cookies, reject all, or manage options. See our privacy policy and our vendors, who rely on "
    "legitimate interest.</p></div></body></html>"
)
MISSING = (
    "<html><head><title>Page not found - Daily News</title></head><body><main><h1>Sorry, page not found</h1>"
    "<p>The page you are looking for no longer exists or has been moved.</p></main></body></html>"
)


@pytest.mark.parametrize(
    "html",
    [
        "",
        "   ",
        "words without a tag",
        "<html><head></head><body></body></html>",
        "<html><body><div id='root'></div><script>render()</script></body></html>",
        "<html><body><noscript>Please enable JavaScript to view this page.</noscript></body></html>",
        COOKIES,
        MISSING,
    ],
    ids=["empty", "blank", "no tag", "bare", "scripts only", "noscript", "cookie wall", "soft 404"],
)
def test_pages_without_an_article_have_no_text(html: str) -> None:
    found = read(html)
    assert (found.text, found.text_status) == ("", TextStatus.HEADLINE)
    assert found.gone is (html == MISSING)


def test_an_article_about_cookies_or_lost_pages_is_an_article() -> None:
    about = [
        f"<p>{sentence} The regulator said that consent to cookies on hospital pages that no longer exist mattered.</p>"
        for sentence in SENTENCES * 3
    ]
    assert read(page("", f"<article>{''.join(about)}</article>")).text_status is TextStatus.FULL


WELSH = (
    "Mae'r bwrdd iechyd wedi dweud ei fod yn cymryd y pryderon o ddifrif ac y bydd yn gweithio gyda staff i wella'r "
    "diwylliant yn yr ysbyty dros y misoedd nesaf."
)
FRENCH = (
    "Le conseil de l'hôpital a déclaré que les dirigeants sont responsables de la culture dans les services et que "
    "les plaintes du personnel ne seront pas ignorées."
)


@pytest.mark.parametrize(
    ("text", "language"), [(" ".join(SENTENCES), "en"), (WELSH, "cy"), (FRENCH, "fr"), ("Too short", None)]
)
def test_languages_are_told_by_their_common_words(text: str, language: str | None) -> None:
    assert tell_language(text) == language


def test_what_a_page_declares_decides_where_its_words_do_not() -> None:
    assert tell_language("Too short", "en-GB") == "en"
    assert tell_language(" ".join(SENTENCES), "fr") == "en"


NASTY = {
    "nested divs": "<div>" * 200_000 + "x",
    "nested spans in an article": "<article>" + "<span>" * 50_000 + "x",
    "line breaks": "<p>" + "word <br>" * 200_000,
    "attributes": "<div " + " ".join(f"a{n}='1'" for n in range(100_000)) + ">x</div>",
    "bare attributes": "<div " + " ".join(f"a{n}" for n in range(100_000)) + ">x</div>",
    "unclosed": "<b>" * 20_000 + "x",
    "attribute text": f"<div title='{'x' * 2_500_000}'>x</div>",
    "an open comment": "<!--" + "x" * 1_000_000,
    "an open script": "<script>" + "x" * 1_000_000,
    "an open tag": "<p " * 100_000,
    "deep json-ld": f"<script type='application/ld+json'>{'[' * 100_000}</script>",
    "wide json-ld": f"<script type='application/ld+json'>{json.dumps([{'@type': 'Article'}] * 20_000)}</script>",
    "null bytes": "<p>a\x00b</p>" * 10_000,
    "an xml declaration": "<?xml version='1.0' encoding='utf-16'?><html><p>x</p></html>",
    "many headings": "<h1></h1>" * 30_000,
    "a title of dashes": f"<meta property='og:site_name' content='D'><meta property='og:title' content='{'a - ' * 90_000}'>",
    "a heading of bars": f"<h1>{'| ' * 200_000}</h1>",
    "tables in tables": "<table><tr><td>" * 5_000 + "x",
}


@pytest.mark.parametrize("html", NASTY.values(), ids=NASTY.keys())
def test_a_nasty_page_ends_soon_and_quietly(html: str) -> None:
    begin = time.process_time()
    found = read(f"<html><head><title>T</title></head><body>{html}")
    assert isinstance(found, Page)
    assert time.process_time() - begin < 6


def test_the_declared_text_helps_where_the_page_shows_none_of_it() -> None:
    declared = "\n".join(story(12))
    scripted = page(ld(**ARTICLE | {"articleBody": declared}), "<div id='root'></div>")
    assert read(scripted).text == declared
    locked = page(ld(**ARTICLE | {"articleBody": declared, "isAccessibleForFree": False}), body(1, WALL))
    assert "point 11" not in read(locked).text  # what is for subscribers is left to them


def test_furniture_between_the_paragraphs_is_left_out() -> None:
    between = (
        "<p>Advertisement</p>",
        "<p>Image source, Getty Images</p>",
        "<p>Sign up to our daily newsletter</p>",
        "<p>Read more: Another board quits</p>",
        "<p>Follow us on Facebook and Twitter</p>",
    )
    paragraphs = [f"<p>{paragraph}</p>" for paragraph in story(10)]
    for at, line in enumerate(between):
        paragraphs.insert(2 * at + 1, line)
    lines = read(page("", f"<article>{''.join(paragraphs)}</article>")).text.split("\n")
    assert lines == story(10)
