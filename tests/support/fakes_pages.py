"""A page of news in parts that tests put together, and a short way to read one."""

import json
from datetime import UTC, datetime
from typing import Any

from flows.reading.page import read_page
from models.entries import Page

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


ARTICLE = {
    "@type": "NewsArticle",
    "headline": "Trust board quits",
    "datePublished": "2026-11-20T09:00:00Z",
    "dateModified": "2026-11-22T09:00:00Z",
    "author": [{"@type": "Person", "name": "Jane Smith"}, {"@type": "Person", "name": "Sam Jones"}],
    "publisher": {"@type": "Organization", "name": "Daily News"},
}
