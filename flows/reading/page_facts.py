"""Title, author, date, site, canonical address and access of a page: structured data first, then what is visible."""

import re
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from itertools import islice
from typing import Any

from lxml import etree

from flows.reading.page_dates import published
from flows.reading.structured_data import (
    StructuredData,
    is_false,
    names_under,
    read_structured_data,
    text_under,
    types_of,
)
from models.page_identity import names_this_page
from models.urls import absolute_url, normalise_url, same_site

MAX_TITLE = 400
MAX_AUTHOR = 200
_AUTHOR_META = ("author", "article:author", "parsely-author", "sailthru.author", "dc.creator", "dcterms.creator", "byl",
                "citation_author", "og:article:author", "twitter:creator:name", "cxenseparse:author")  # fmt: skip
# A first-level heading is the title where it has so many words, most of which the page declares in its title too; a
# logo or a section's name does not.
_HEADING_WORDS = 3
_HEADING_SHARE = 0.6
_BY = re.compile(r"(?i)^\s*(?:written |words |story |posted |published |reported )?by\b[:\s]+")
_NOT_A_NAME = re.compile(
    r"(?i)^(?:https?:|www\.|@|admin$|editor$|guest$|none$|null$|undefined$|anonymous$|\W*$)|/|\d{4}"
)
_NUMBER = re.compile(r"\s*([0-9]{1,7})\b")
MAX_WORD_COUNT = 1_000_000  # may be a count of letters
_SEPARATORS = re.compile(r"\s+[|–—·•»-]\s+|\s*[|»]\s*")
# From the attributes, not the elements: one that has none of them costs nothing, and a page has thousands.
_BYLINE = etree.XPath(
    "(//@itemprop[. = 'author']/parent::* | //a/@rel[. = 'author']/parent::*"
    " | //@class[contains(., 'byline') or contains(., 'author')][contains(concat(' ', ., ' '), ' byline ')"
    " or contains(., 'author-name') or contains(., 'author__name') or contains(., 'byline__name')"
    " or contains(., 'article-author') or contains(., 'entry-author')]/parent::*)[position() < 6]"
)


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What a page says of itself, apart from its text."""

    title: str = ""
    author: str | None = None
    published_at: datetime | None = None
    date_guessed: bool = False  # see `flows.reading.page_dates`
    language: str | None = None  # as declared
    site_name: str | None = None
    canonical_url: str | None = None
    description: str = ""
    is_article: bool = False  # whether it declares itself one
    subscribers_only: bool = False
    declared_words: int = 0
    declared_text: str = ""  # JSON-LD's articleBody
    mining_reserved: bool = False
    live: bool = False  # a live blog, which goes on


def read_facts(tree: "etree._Element", url: str) -> PageFacts:
    """All facts of a page, from its tree; `url` is its address after redirects."""
    headings = _headings(tree)
    head_title = " ".join((tree.findtext(".//title") or "")[: 4 * MAX_TITLE].split())
    data = read_structured_data(tree, " ".join([*headings, head_title]), url)
    article = data.article
    site_name = _site_name(data)
    title = _title(data, headings, head_title, site_name)
    published_at, date_guessed = published(tree, data, url)
    return PageFacts(
        title=title,
        author=_author(tree, data),
        published_at=published_at,
        date_guessed=date_guessed,
        language=tree.get("lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang"),
        site_name=site_name,
        canonical_url=_canonical(tree, data, url, title),
        description=unescape(data.first_meta("og:description", "description", "twitter:description")),
        is_article=bool(article) or data.meta.get("og:type", "").lower() == "article",
        subscribers_only=is_false(article.get("isAccessibleForFree"))
        or data.meta.get("article:content_tier", "").lower() == "locked",
        declared_words=_words(article.get("wordCount")),
        declared_text=text_under(article, "articleBody"),
        mining_reserved=data.meta.get("tdm-reservation", "").strip() == "1",
        live="LiveBlogPosting" in types_of(article) and not article.get("coverageEndTime"),
    )


def _title(data: StructuredData, headings: list[str], head_title: str, site_name: str | None) -> str:
    """The visible heading that agrees with what the page declares; else what it declares."""
    declared = [text_under(data.article, "headline", "name")]
    declared += [data.first_meta("og:title", "twitter:title", "dc.title", "parsely-title"), head_title]
    plain = [" ".join(unescape(unescape(text[: 4 * MAX_TITLE])).split())[: 2 * MAX_TITLE] for text in declared]
    cleaned = [_without_site(text, site_name) for text in plain]
    title = next((text for text in cleaned if text), "")
    wanted = set(" ".join(cleaned).lower().split())
    for heading in headings:
        words = set(heading.lower().split())
        if len(words) >= _HEADING_WORDS and len(words & wanted) >= _HEADING_SHARE * len(words):
            return heading[:MAX_TITLE]
    return (title or next(iter(headings), ""))[:MAX_TITLE]


def _without_site(title: str, site_name: str | None) -> str:
    """The title without the site's name at either end."""
    if not site_name:
        return title
    site = _letters(site_name)
    parts = list(_SEPARATORS.finditer(title))
    for separator in reversed(parts):
        if _letters(title[separator.end() :]) in {site, f"the{site}"} and separator.start() > 0:
            return title[: separator.start()]
    for separator in parts:
        if _letters(title[: separator.start()]) == site and separator.end() < len(title):
            return title[separator.end() :]
    return title


def _letters(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def _headings(tree: "etree._Element") -> list[str]:
    """The texts of the first few first-level headings."""
    texts = (
        " ".join("".join(islice(element.itertext(), 50)).split())[:MAX_TITLE] for element in islice(tree.iter("h1"), 5)
    )
    return [text for text in texts if text]


def _author(tree: "etree._Element", data: StructuredData) -> str | None:
    names = names_under(data.article, "author", data.by_id)
    if not any(_name(name) for name in names):
        tags = [data.metas.get(name) or [data.meta[name]] for name in _AUTHOR_META if name in data.meta]
        names = next((values for values in tags if any(_name(value) for value in values)), [])
    if not names:
        names = [" ".join("".join(found.itertext()).split()) for found in _elements(_BYLINE(tree))]
        names = [name for name in names if _name(name)][:1]
    found = list(dict.fromkeys(name for given in names if (name := _name(given))))
    return ", ".join(found)[:MAX_AUTHOR] or None


def _name(text: str) -> str:
    """The name in a byline; "" where it is none."""
    text = _BY.sub("", " ".join(unescape(text).split())).strip(" ,;|-")
    return "" if not text or len(text) > 120 or _NOT_A_NAME.search(text) else text


def _canonical(tree: "etree._Element", data: StructuredData, url: str, title: str) -> str | None:
    """The page's own address, where the page that it names is plausibly this one."""
    places = [link.get("href") for link in tree.iter("link") if "canonical" in (link.get("rel") or "").lower().split()]
    base = _base(tree, url)
    for place in [*places[:2], data.meta.get("og:url")]:
        found = normalise_url(place, base) if place else None
        if found is not None and same_site(found, url) and names_this_page(found, url, title):
            return found
    return None


def _base(tree: "etree._Element", url: str) -> str:
    """What relative addresses of the page are relative to."""
    for element in islice(tree.iter("base"), 3):
        if (place := (element.get("href") or "").strip()) and (found := absolute_url(place, url)):
            return found
    return url


def _site_name(data: StructuredData) -> str | None:
    names = [data.meta.get("og:site_name", ""), *names_under(data.article, "publisher", data.by_id)]
    names.append(data.first_meta("application-name", "publisher", "dc.publisher", "apple-mobile-web-app-title"))
    return next((" ".join(unescape(name).split())[:120] for name in names if name and "://" not in name), None)


def _elements(found: Any) -> list["etree._Element"]:
    return list(found) if isinstance(found, list) else []


def _words(value: Any) -> int:
    """A number of words, also where it is written as "1,234 words"."""
    if isinstance(value, int) and not isinstance(value, bool):
        return max(0, min(value, MAX_WORD_COUNT))
    digits = _NUMBER.match(value[:20].replace(",", "")) if isinstance(value, str) else None
    return min(int(digits[1]), MAX_WORD_COUNT) if digits else 0
