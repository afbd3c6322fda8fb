"""What a page says of itself to machines: JSON-LD, OpenGraph and other meta tags. Reads one lxml tree, never raises."""

import json
import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from lxml import etree

MAX_SCRIPT = 3 * 1024 * 1024  # letters of one JSON-LD block, which a live blog of a day may fill: as much as a page
MAX_NODES = 3_000
MAX_NAMES = 20  # of people in one byline, of values of one meta tag
_ARTICLE = re.compile(
    r"(?i)(?:.*article|blogposting|liveblogposting|report|.*newsitem|pressrelease|socialmediaposting)$"
)
# What old content systems put around the JSON so that old browsers should not show it, from the outside inwards.
_OPENINGS = ("/*", "//", "<!--", "<![CDATA[", "*/")
_CLOSINGS = ("*/", "-->", "]]>", "//", "/*", ";")
_WORD = re.compile(r"[^\W_]+")
_APOSTROPHE = re.compile(r"['\u2018\u2019\u02bc`\u00b4]")
_ALIKE = 0.5  # a headline for search engines differs in some words from the one over the text
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")


@dataclass(frozen=True, slots=True)
class StructuredData:
    """The article node of the page's JSON-LD (or {}), all of its nodes by @id, and meta tags by name."""

    article: dict[str, Any] = field(default_factory=dict)
    page: dict[str, Any] = field(default_factory=dict)  # the WebPage node
    by_id: dict[str, dict[str, Any]] = field(default_factory=dict)
    meta: dict[str, str] = field(default_factory=dict)  # the first of each name, names in lower case
    metas: dict[str, list[str]] = field(default_factory=dict)  # all of each name, where there are several

    def first_meta(self, *names: str) -> str:
        """The first of these meta tags that says something."""
        return next((value for name in names if (value := self.meta.get(name, ""))), "")


def read_structured_data(tree: "etree._Element", title: str, url: str = "") -> StructuredData:
    """All of it; `title` and `url` help to tell the page's article from those that it links to."""
    nodes = _nodes(tree)
    by_id = {str(node["@id"]): node for node in nodes if isinstance(node.get("@id"), str) and len(node) > 1}
    articles = [node for node in nodes if _is_article(node)]
    pages = [node for node in nodes if "WebPage" in types_of(node)]
    metas = _metas(tree)
    return StructuredData(
        article=_best(articles, title, url),
        page=pages[0] if pages else {},
        by_id=by_id,
        meta={name: values[0] for name, values in metas.items()},
        metas={name: values for name, values in metas.items() if len(values) > 1},
    )


def text_under(node: Any, *names: str) -> str:
    """The first text under one of `names`; a list gives its first text."""
    if not isinstance(node, dict):
        return ""
    for name in names:
        value = node.get(name)
        if isinstance(value, list):
            value = next((item for item in value if isinstance(item, str)), None)
        if isinstance(value, dict):
            value = value.get("@value")
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""


def names_under(node: Any, name: str, by_id: dict[str, dict[str, Any]]) -> list[str]:
    """The names of people or organisations under `name`, whether given as text, node, reference or list."""
    value = node.get(name) if isinstance(node, dict) else None
    found: list[str] = []
    for item in _flat(value)[:MAX_NAMES]:
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            target = item if "name" in item else by_id.get(str(item.get("@id", "")), item)
            inner = target.get("name")
            found += [part for part in (inner if isinstance(inner, list) else [inner]) if isinstance(part, str)]
    return list(dict.fromkeys(part for part in (" ".join(part.split()) for part in found) if part))


def _flat(value: Any, depth: int = 0) -> list[Any]:
    """The items of a list, and of the lists in it."""
    if not isinstance(value, list):
        return [value]
    return [part for item in value[:MAX_NAMES] for part in (_flat(item, depth + 1) if depth < 3 else [])]


def is_false(value: Any) -> bool:
    """Whether JSON-LD's `value` means false, as a truth value or as text."""
    return value is False or (isinstance(value, str) and value.strip().lower() in {"false", "no", "0"})


def _nodes(tree: "etree._Element") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for number, script in enumerate(tree.iter("script")):
        if number > 2000 or len(found) > MAX_NODES:
            break
        if "ld+json" not in (script.get("type") or "").lower():
            continue
        text = script.text or ""
        if text and len(text) <= MAX_SCRIPT:
            _flatten(_loads(text), found, 0)
    return found


def _loads(text: str) -> Any:
    text = _unwrapped(text)
    try:
        return json.loads(text, strict=False)  # line breaks within strings are common
    except RecursionError:
        return None
    except ValueError:
        try:
            return json.loads(_TRAILING_COMMA.sub(r"\1", text), strict=False)
        except (ValueError, RecursionError):
            return None


def _unwrapped(text: str) -> str:
    text = text.strip()
    for opening in _OPENINGS * 2:
        text = text.removeprefix(opening).lstrip()
    for closing in _CLOSINGS * 2:
        text = text.removesuffix(closing).rstrip()
    return text


def _flatten(value: Any, found: list[dict[str, Any]], depth: int) -> None:
    """Collect the nodes that may be the page or its article; deeper ones describe other things."""
    if depth > 4 or len(found) > MAX_NODES:
        return
    if isinstance(value, list):
        for item in value[:MAX_NODES]:
            _flatten(item, found, depth + 1)
    elif isinstance(value, dict):
        found.append(value)
        for name in ("@graph", "mainEntity", "mainEntityOfPage", "author", "publisher"):
            if isinstance(value.get(name), dict | list):
                _flatten(value[name], found, depth + 1)


def types_of(node: dict[str, Any]) -> list[str]:
    """The types of a node, as they stand."""
    value = node.get("@type")
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)]


def _is_article(node: dict[str, Any]) -> bool:
    return any(_ARTICLE.match(name.rpartition("/")[2]) for name in types_of(node)) and bool(
        {"headline", "datePublished", "author", "articleBody", "name"} & node.keys()
    )


def _best(articles: list[dict[str, Any]], title: str, url: str) -> dict[str, Any]:
    """The article whose headline is that of the page; else the one with its address; else the first that says most."""
    wanted, words = _letters(title), set(_words(title))
    likeness = [_likeness(text_under(article, "headline", "name"), wanted, words) for article in articles]
    best = max(likeness, default=0.0)
    if best >= _ALIKE:
        return articles[likeness.index(best)]
    path = _path(url)
    for article in articles:
        if path and path in {_path(place) for place in _places(article)}:
            return article
    return max(articles, key=lambda article: "datePublished" in article, default={})


def _likeness(headline: str, wanted: str, words: set[str]) -> float:
    """How much of a headline stands in the titles of the page, whatever its quotes, dashes and entities; 0 to 1."""
    letters = _letters(headline)
    if len(letters) > 8 and letters in wanted:
        return 1.0
    if len(wanted) > 8 and wanted in letters:
        return 1.0
    own = set(_words(headline))
    fewer = min(len(own), len(words))
    return 0.9 * len(own & words) / fewer if fewer > 2 else 0.0


def _letters(text: str) -> str:
    return "".join(_words(text))


def _words(text: str) -> list[str]:
    plain = unescape(unescape(text[:1000])).casefold()
    return _WORD.findall(_APOSTROPHE.sub("", plain))


def _places(article: dict[str, Any]) -> list[str]:
    """The addresses that a node says are its page's."""
    found = []
    for name in ("url", "mainEntityOfPage", "@id"):
        value = article.get(name)
        value = value.get("@id") or value.get("url") if isinstance(value, dict) else value
        found += [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)]
    return found[:10]


def _path(url: str) -> str:
    """What tells one page of a site from another; "" for the front page."""
    try:
        parts = urlsplit(url[:4000])
    except ValueError:
        return ""
    path = parts.path.rstrip("/")
    return f"{path}?{parts.query}" if path else ""


def _metas(tree: "etree._Element") -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for number, element in enumerate(tree.iter("meta")):
        if number > 2000:
            break
        content = element.get("content")
        if not content or not content.strip():
            continue
        names = dict.fromkeys(
            name
            for attribute in ("property", "name", "itemprop", "http-equiv")
            for name in (element.get(attribute) or "").lower().split()[:3]
        )
        for name in names:
            values = found.setdefault(name, [])
            if len(values) < MAX_NAMES:
                values.append(content.strip()[:5000])
    return found
