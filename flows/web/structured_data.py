"""What a page says of itself to machines: JSON-LD, OpenGraph and other meta tags. Reads one lxml tree, never raises."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

MAX_SCRIPT = 600_000  # letters of one JSON-LD block; articles with their whole text are under 100,000
MAX_SCRIPTS = 40
MAX_NODES = 3_000
_ARTICLE = re.compile(
    r"(?i)(?:.*article|blogposting|liveblogposting|report|.*newsitem|pressrelease|socialmediaposting)$"
)
_WRAPPER = re.compile(
    r"\A\s*(?:<!--|(?:/\*|//)?\s*<!\[CDATA\[\s*(?:\*/)?)?\s*"
    r"|[;\s]*(?:(?://)?\s*-->|(?:/\*|//)?\s*\]\]>\s*(?:\*/)?)?\s*\Z"
)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")


@dataclass(frozen=True, slots=True)
class StructuredData:
    """The article node of the page's JSON-LD (or {}), all of its nodes by @id, and meta tags by name."""

    article: dict[str, Any] = field(default_factory=dict)
    page: dict[str, Any] = field(default_factory=dict)  # the WebPage node
    by_id: dict[str, dict[str, Any]] = field(default_factory=dict)
    meta: dict[str, str] = field(default_factory=dict)  # the first of each name, names in lower case

    def first_meta(self, *names: str) -> str:
        """The first of these meta tags that says something."""
        return next((value for name in names if (value := self.meta.get(name, ""))), "")


def read_structured_data(tree: "etree._Element", title: str) -> StructuredData:
    """All of it; `title` helps to tell the page's article from those that it links to."""
    nodes = _nodes(tree)
    by_id = {str(node["@id"]): node for node in nodes if isinstance(node.get("@id"), str) and len(node) > 1}
    articles = [node for node in nodes if _is_article(node)]
    pages = [node for node in nodes if "WebPage" in _types(node)]
    return StructuredData(
        article=_best(articles, title),
        page=pages[0] if pages else {},
        by_id=by_id,
        meta=_meta(tree),
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
    for item in (value if isinstance(value, list) else [value])[:20]:
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            target = item if "name" in item else by_id.get(str(item.get("@id", "")), item)
            inner = target.get("name")
            found += [part for part in (inner if isinstance(inner, list) else [inner]) if isinstance(part, str)]
    return list(dict.fromkeys(part for part in (" ".join(part.split()) for part in found) if part))


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
    text = _WRAPPER.sub("", text)
    for attempt in (text, _TRAILING_COMMA.sub(r"\1", text)):
        try:
            return json.loads(attempt, strict=False)  # line breaks within strings are common
        except (ValueError, RecursionError):
            continue
    return None


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


def _types(node: dict[str, Any]) -> list[str]:
    value = node.get("@type")
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)]


def _is_article(node: dict[str, Any]) -> bool:
    return any(_ARTICLE.match(name.rpartition("/")[2]) for name in _types(node)) and bool(
        {"headline", "datePublished", "author", "articleBody", "name"} & node.keys()
    )


def _best(articles: list[dict[str, Any]], title: str) -> dict[str, Any]:
    """The article whose headline is in the title; else the first that says most."""
    wanted = " ".join(title.lower().split())
    for article in articles:
        headline = " ".join(text_under(article, "headline", "name").lower().split())
        if len(headline) > 8 and (headline in wanted or (len(wanted) > 8 and wanted in headline)):
            return article
    return max(articles, key=lambda article: "datePublished" in article, default={})


def _meta(tree: "etree._Element") -> dict[str, str]:
    found: dict[str, str] = {}
    for number, element in enumerate(tree.iter("meta")):
        if number > 2000:
            break
        content = element.get("content")
        if not content or not content.strip():
            continue
        for attribute in ("property", "name", "itemprop", "http-equiv"):
            names = element.get(attribute)
            for name in (names or "").lower().split()[:3]:
                found.setdefault(name, content.strip()[:5000])
    return found
