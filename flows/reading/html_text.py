"""HTML fragments of APIs as paragraphs of plain text. Whole pages are read by `flows.reading.page`."""

import lxml.html
from lxml import etree

_BLOCK_NAMES = (
    "p div section article header footer main aside li ul ol dl dt dd h1 h2 h3 h4 h5 h6 blockquote table tr td th "
    "pre figure figcaption br hr form fieldset address details summary"
)
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_SKIPPED = frozenset({"script", "style", "noscript", "template", "svg", "iframe", "object", "head"})
# Deeper than this, no honest fragment goes; lxml itself stops at 256 in its default mode.
_MAX_ELEMENTS = 100_000


def paragraphs_of(markup: str) -> list[str]:
    """The paragraphs of an HTML fragment, in order, without markup; [] where there is no text."""
    if "<" not in markup:
        return [line for part in markup.split("\n") if (line := " ".join(part.split()))]
    try:
        root = lxml.html.fromstring(f"<div>{markup}</div>")
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return []
    pieces: list[str] = []
    skipped: list[object] = []
    for number, (event, element) in enumerate(etree.iterwalk(root, events=("start", "end"))):
        if number > _MAX_ELEMENTS:
            break
        name = element.tag if isinstance(element.tag, str) else ""
        if event == "start":
            if not name or name in _SKIPPED:
                skipped.append(element)
            if name in _BLOCKS:
                pieces.append("\n")
            if element.text and not skipped:
                pieces.append(element.text.replace("\n", " "))
        else:
            if skipped and skipped[-1] is element:
                skipped.pop()
            if name in _BLOCKS:
                pieces.append("\n")
            if element.tail and not skipped:
                pieces.append(element.tail.replace("\n", " "))
    return [line for part in "".join(pieces).split("\n") if (line := " ".join(part.split()))]
