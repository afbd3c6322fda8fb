"""The text of an article by trafilatura, as with its fall-backs at nearly the price of its fast mode.

The fall-backs (readability, justext) cost a third more on every page and replace the first result on few: where it is
short, oddly built, or where the page holds over twice as much text in paragraphs. So the fast mode runs first, on a copy
without the sections that it would leave out itself, and the whole cascade on the whole page only where it may find more.
JSON-LD's own text of the article helps out where both found too little.
"""

import re
from copy import copy
from functools import cache
from typing import Any

import lxml.html
from lxml import etree

from flows.reading.page_facts import PageFacts
from flows.reading.parsing import PARSER_FAULTS, paragraphs_of
from models.text import MAX_CHARACTERS

# A first result under so many letters may be a standfirst or a caption: the whole cascade looks again.
SHORT_LETTERS = 1000
# Readability's result replaces the first one where it is over twice as long, so a page without as much text in its
# paragraphs can't have one.
MUCH_LONGER = 2.0
PARAGRAPH_LETTERS = 25  # shorter ones are captions and labels, which readability leaves out as well
# JSON-LD's text is taken where so little of it was found, and it is itself an article rather than a description.
DECLARED_SHARE = 0.5
DECLARED_WORDS = 60
# Most elements of a news page stand in these, and trafilatura's cost lies in the conditions that it tries on each element.
# Its fast mode deletes them before it looks for the article; they could only come back as its last resort, a page of menus.
_NEVER_READ = ("head", "aside", "footer", "nav")
_STRUCTURE = etree.XPath("boolean(.//p//text()) and count(.//table) <= count(.//p)")
_UNCLEAN = etree.XPath(
    "boolean(.//aside|.//audio|.//button|.//fieldset|.//figure|.//footer|.//iframe|.//input|.//label|.//nav"
    "|.//noscript|.//object|.//option|.//select|.//source|.//svg|.//time)"
)
# trafilatura's work is the square of these: 12,000 `<b>a</b>` cost it ten seconds. Where there are more than on any page of
# news, only their text is given to it.
_INLINE = (
    "a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark nobr q "
    "s samp small span strike strong sub sup time tt u var wbr"
).split()
_MOST_INLINE = 4000
_ELEMENTS = etree.XPath("count(//*)")
_BULLET = re.compile(r"^- (?=\S)")
# Lines that sites put between the paragraphs of an article; each stands alone, is short and says so at its start.
_FURNITURE_WORDS = 30
_FURNITURE = re.compile(
    r"(?i)^(?:advertisements?$|image (?:source|caption|credit),? |media caption|video caption|picture:|photo:|image:"
    r"|getty images$|this video (?:can ?not|can't) be played|most read$|most popular$|recommended(?: reading)?$"
    r"|sign up (?:to|for) (?:our|the|get)\b.*\b(?:newsletter|email|briefing|alert)|get (?:our|the) .*\bnewsletter"
    r"|(?:follow|like|join|find) (?:us|bbc|sky|the \w+) .*\bon\b.*\b(?:facebook|twitter|x|instagram|whatsapp|linkedin"
    r"|threads|bluesky|youtube)\b|share (?:this|on)\b|read more:|read (?:also|next):|more on this (?:story|topic)"
    r"|related (?:topics|stories|articles|content|links)\b|you may also (?:like|be interested)|watch:|listen:"
    r"|click here (?:to|for)\b|download (?:the|our) app\b|copyright (?:©|\(c\)|\d{4})|all rights reserved|© |comments? \(\d+\)$"
    r"|(?:print|email|share|save|tweet|bookmark)$|skip to (?:content|main)|subscribe to our\b)"
)


def extract_text(tree: "lxml.html.HtmlElement", facts: PageFacts) -> str:
    """The article's text, a paragraph a line; "" where there is none. The tree stays as it is."""
    if _ELEMENTS(tree) > _MOST_INLINE and sum(1 for _ in tree.iter(*_INLINE)) > _MOST_INLINE:
        tree = _without_inline(copy(tree))
    document = _extract(_slim(tree), fast=True)
    if document is None or _may_be_bettered(document, tree):
        document = _extract(tree, fast=False) or document
    text = _clean(document.text or "") if document is not None else ""
    if facts.declared_text and not facts.subscribers_only:
        declared = "\n".join(paragraphs_of(facts.declared_text[: 2 * MAX_CHARACTERS]))
        words = len(declared.split())
        if words >= DECLARED_WORDS and len(text.split()) < DECLARED_SHARE * words:
            return declared[:MAX_CHARACTERS]
    return text


def _extract(tree: "lxml.html.HtmlElement", *, fast: bool) -> Any:
    """trafilatura's document, or None."""
    from trafilatura import bare_extraction  # here: the main process names these functions and never calls them

    try:
        return bare_extraction(tree, options=_options(fast))
    except PARSER_FAULTS:
        return None


@cache
def _options(fast: bool) -> Any:
    """trafilatura's options, which it does not change."""
    from trafilatura.settings import Extractor

    return Extractor(output_format="python", comments=False, tables=True, fast=fast)


def _slim(tree: "lxml.html.HtmlElement") -> "lxml.html.HtmlElement":
    """A copy of the page that gives the fast mode the same text at half the cost."""
    slim = copy(tree)
    for section in list(slim.iter(*_NEVER_READ)):
        if section.getparent() is not None:
            section.drop_tree()
    return slim


def _without_inline(tree: "lxml.html.HtmlElement") -> "lxml.html.HtmlElement":
    etree.strip_tags(tree, *_INLINE)
    for element in tree.iter(etree.Element):  # the texts that are side by side now become one
        element.text, element.tail = element.text, element.tail
    return tree


def _may_be_bettered(document: Any, tree: "lxml.html.HtmlElement") -> bool:
    """Whether the whole cascade might find another text than the fast mode did."""
    found = len(document.text or "")
    if found < SHORT_LETTERS or document.body is None:
        return True
    if not _STRUCTURE(document.body) or _UNCLEAN(document.body):
        return True
    total = 0
    for paragraph in tree.iter("p"):
        letters = len(" ".join(paragraph.text_content().split()))
        if letters >= PARAGRAPH_LETTERS:
            total += letters
            if total > MUCH_LONGER * found:
                return True
    return False


def _clean(text: str) -> str:
    lines = (_BULLET.sub("", " ".join(line.split())) for line in text.split("\n"))
    kept = [line for line in lines if line and not (_FURNITURE.match(line) and len(line.split()) <= _FURNITURE_WORDS)]
    return "\n".join(kept)[:MAX_CHARACTERS]
