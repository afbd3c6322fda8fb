"""How much of an article a page offers, in which language; pages that offer none; pages that are hostile."""

import json
import time

import pytest

from flows.reading.parsing import tell_language
from models.entries import Page
from models.outcomes import TextStatus
from tests.support.fakes_pages import ARTICLE, SENTENCES, ld, page, read, story

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
    "attributes with marks": "<div " + " ".join(f"a{n}='<'" for n in range(30_000)) + ">x</div>",
    "attributes with ends": "<div " + " ".join(f'a{n}=">"' for n in range(30_000)) + ">x</div>",
    "attributes on lines": "<div " + "\n".join(f"a{n}" for n in range(50_000)) + ">x</div>",
    "attributes between slashes": "<div/" + "/".join(f"a{n}" for n in range(50_000)) + ">x</div>",
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
