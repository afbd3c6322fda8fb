"""One page of HTML as clean text and facts. Pure, so that it can run in a worker that may be killed.

One lxml tree serves both: facts from structured data, text by trafilatura with its fall-backs and without its
metadata (half the cost, all of the tail). Never raises for what a page holds.
"""

import codecs
import logging
import re
from functools import cache
from typing import Any

import lxml.html
from lxml import etree

from flows.reading.article_text import extract_text
from flows.reading.page_facts import PageFacts, read_facts
from flows.reading.page_status import is_not_found, judge
from flows.reading.parsing import PARSER_FAULTS, tell_language
from models.entries import Page
from models.outcomes import TextStatus

MAX_ATTRIBUTES = 2_000  # of one tag: libxml2 compares each with all others, so 100,000 take half a minute
# Real pages have under 10,000; trafilatura's work is the square of some of them: of 60,000 half a minute.
MAX_TAGS = 20_000
_HTML_TYPES = ("text/html", "application/xhtml+xml", "application/xml", "text/xml", "text/plain", "")
_MAGIC = (
    b"%PDF",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"PK\x03\x04",
    b"\xd0\xcf\x11\xe0",
    b"RIFF",
    b"\x1f\x8b",
    b"ID3",
)
_META_CHARSET = re.compile(rb"(?i)<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([a-z0-9_:.\-]{2,40})")
_XML_DECLARATION = re.compile(rb"(?is)\s*<\?xml[^>]{0,200}\?>")
_HEADER_CHARSET = re.compile(r"(?i)charset\s*=\s*[\"']?\s*([a-z0-9_:.\-]{2,40})")
# What XML allows nowhere, in UTF-8: control characters, and two code points that are none.
_CONTROLS = bytes({*range(32)} - set(b"\t\n\r"))
_NO_CHARACTERS = (b"\xef\xbf\xbe", b"\xef\xbf\xbf")
_TAG = re.compile(rb"<[A-Za-z!/]")
_COMMENTING = etree.XPath("//@*[contains(., '<!--')]/..")
_LONG_TAG_BYTES = 30_000
_QUOTED = re.compile(rb"=\s*(?:\"[^\"]*\"|'[^']*')")
# A value that holds what begins or ends a tag.
_MARKED = re.compile(rb"=\s*(?:\"[^\"<>]*[<>][^\"]*\"|'[^'<>]*[<>][^']*')")
_PARTING = (b" ", b"\t", b"\n", b"\r", b"\f", b"/")  # two attributes
_LONG_TAG = re.compile(rb"<[A-Za-z][^<>]{%d,}>?" % _LONG_TAG_BYTES)
# The names that old pages give to what really is the Windows code page, as the WHATWG's table says.
_REALLY_WINDOWS = {"iso-8859-1", "iso8859-1", "latin-1", "latin1", "us-ascii", "ascii"}
_BARE_WORDS = 40
_NOTHING = Page(text="", text_status=TextStatus.HEADLINE)


def is_html(content_type: str, body: bytes) -> bool:
    """Whether a reply is a page to be read, by its declared type and its first bytes."""
    kind = content_type.partition(";")[0].strip().lower()
    start = body[:1024].lstrip()
    if start.startswith(_MAGIC) or b"\x00\x00\x00" in start[:64]:
        return False
    if kind in _HTML_TYPES:
        return kind not in {"text/plain", ""} or b"<" in start
    # A wrong type on a right page is common in old content systems.
    return kind in {"application/octet-stream", "application/x-httpd-php", "unknown/unknown"} and (
        b"<html" in start.lower() or b"<!doctype html" in start.lower()
    )


def read_page(html: bytes, *, url: str, content_type: str) -> Page:
    """What a page says; text empty and HEADLINE where it holds no article."""
    _silence_libraries()
    tree = parse_html(decode_html(html, content_type))
    if tree is None:
        return _NOTHING
    facts = read_facts(tree, url)
    _drop_what_is_not_read(tree)
    text = extract_text(tree, facts)
    status = judge(text, facts, _visible_text(tree) if len(text) < 2000 else "")
    kept = text if status is not TextStatus.HEADLINE else ""
    return Page(
        text=kept,
        text_status=status,
        title=facts.title,
        author=facts.author,
        published_at=facts.published_at,
        date_guessed=facts.date_guessed,
        language=tell_language(kept or f"{facts.title} {facts.description}", facts.language),
        site_name=facts.site_name,
        canonical_url=facts.canonical_url,
        mining_reserved=facts.mining_reserved,
        gone=bool(text) and is_not_found(text, facts),
        bare=_is_bare(tree, kept, facts),
        live=facts.live,
    )


def _is_bare(tree: "lxml.html.HtmlElement", text: str, facts: PageFacts) -> bool:
    if len(text.split()) >= _BARE_WORDS or facts.is_article or tree.find(".//article") is not None:
        return False
    return facts.published_at is None or facts.date_guessed


@cache
def _silence_libraries() -> None:
    """Once, since setting a level has every logger of the process look up its own again."""
    for name in ("trafilatura", "htmldate"):  # they report each odd page as an error
        logging.getLogger(name).setLevel(logging.CRITICAL)


def decode_html(body: bytes, content_type: str) -> str:
    """The page as text: by its byte order mark, as UTF-8 where it is that, else as it declares."""
    for mark, name in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if body.startswith(mark):
            return body.decode(name, "replace").lstrip("\ufeff")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        pass
    declared = [found[1] for found in [_HEADER_CHARSET.search(content_type)] if found]
    declared += [found[1].decode("ascii") for found in [_META_CHARSET.search(body[:4096])] if found]
    for name in declared:
        name = "cp1252" if name.lower() in _REALLY_WINDOWS else name
        if name.lower().replace("_", "-") in {"utf-8", "utf8"}:
            # A few bad bytes in a UTF-8 page; a page of another encoding would lose every accent.
            text = body.decode("utf-8", "replace")
            if text.count("\ufffd") <= max(3, len(text) // 5000):
                return text
            continue
        try:
            return body.decode(name)
        except (LookupError, UnicodeDecodeError, ValueError):
            continue
    return body.decode("cp1252", "replace")


def parse_html(text: str) -> "lxml.html.HtmlElement | None":
    """The tree of a page; None where it is none, or too large a thicket of tags to be an article."""
    html = _cleaned(text)
    if b"<" not in html or _is_thicket(html):
        return None
    parser = lxml.html.HTMLParser(remove_comments=True, remove_pis=True, encoding="utf-8", collect_ids=False)
    try:
        tree: Any = lxml.html.fromstring(html, parser=parser)
    except PARSER_FAULTS:
        return None
    if not isinstance(tree, lxml.html.HtmlElement):
        return None
    _open_comments_in_attributes(tree)
    return tree


def _open_comments_in_attributes(tree: "lxml.html.HtmlElement") -> None:
    """Drop attributes that begin comments: whoever writes the tree out, as libraries do, looks for the end of each.

    libxml2 does so from each beginning to the end of the attribute: 25 seconds for 20,000 of them.
    """
    found: Any = _COMMENTING(tree)
    for element in found:
        for name, value in element.items():
            if "<!--" in value:
                del element.attrib[name]


def _cleaned(text: str) -> bytes:
    """The page as the parser takes it. On bytes, where this is twenty times as fast as by a pattern on text."""
    html = text.encode("utf-8", "ignore").translate(None, _CONTROLS)  # ignored are halves of surrogate pairs
    for character in _NO_CHARACTERS:
        html = html.replace(character, b"")
    declaration = _XML_DECLARATION.match(html)
    return html[declaration.end() :] if declaration else html


def _is_thicket(html: bytes) -> bool:
    """Whether there are too many tags, or attributes in one; each is told quickly of an ordinary page."""
    if html.count(b"<") > 2 * MAX_TAGS and len(_TAG.findall(html)) > 2 * MAX_TAGS:
        return True
    if html.count(b"=") > MAX_ATTRIBUTES < len(_MARKED.findall(html)):  # so many would hide that they are of one tag
        html = _QUOTED.sub(b"=", html)
        return any(tag.count(b"=") > MAX_ATTRIBUTES for tag in html.split(b"<"))
    if max(map(len, html.split(b"<"))) < _LONG_TAG_BYTES:
        return False
    long_tags = _LONG_TAG.findall(html)
    bare = [_QUOTED.sub(b"=", tag) for tag in long_tags]  # pictures and drawings stand in values
    return any(tag.count(b"=") > MAX_ATTRIBUTES or sum(map(tag.count, _PARTING)) > 4 * MAX_ATTRIBUTES for tag in bare)


def _drop_what_is_not_read(tree: "lxml.html.HtmlElement") -> None:
    """Take scripts, styles and drawings out of the tree.

    They are most of a page, and trafilatura copies it. Its last resort would also take the text of the article from
    JSON-LD whether or not that is for subscribers; `article_text` does so by its own rule.
    """
    for element in list(tree.iter("script", "style", "svg")):
        if element.getparent() is not None:
            element.drop_tree()


def _visible_text(tree: "lxml.html.HtmlElement") -> str:
    """Some of the text of the body, where walls announce themselves; scripts left out."""
    found: list[str] = []
    size = 0
    for element in tree.iter("p", "div", "span", "h1", "h2", "h3", "a", "button", "li"):
        if element.text and (piece := element.text.strip()):
            found.append(piece)
            size += len(piece)
            if size > 20_000:
                break
    return " ".join(found)


__all__ = ["PageFacts", "decode_html", "extract_text", "is_html", "parse_html", "read_page"]
