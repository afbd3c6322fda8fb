"""An editor's note in every form of an edition: a little Markdown (emphasis, links, lists, line breaks), and nothing else.

`markdown-it-py` reads it with all other rules switched off, raw HTML among them: what is no markup of these is shown as it
was typed. A link is one only where it leads to an http(s) address; each form is written from the tokens, and escapes.
"""

import re
from collections.abc import Callable, Iterable
from functools import cache
from textwrap import wrap

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

from flows.running.markdown import Markdown
from flows.running.markdown import escape as escape_markdown
from flows.running.markdown import link as markdown_link
from models.edition.edits import MAX_NOTE
from models.text_safety import web_address
from models.urls import without_user

RULES = ("emphasis", "link", "autolink", "list", "newline", "escape")
_MARKS = {"strong_open": "**", "strong_close": "**", "em_open": "*", "em_close": "*"}
_HTML = {
    "paragraph_open": "p",
    "bullet_list_open": "ul",
    "ordered_list_open": "ol",
    "list_item_open": "li",
    "strong_open": "strong",
    "em_open": "em",
}
_RULE = re.compile(r"(?m)^[ \t]*(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$")
_CLOSING = {name.replace("_open", "_close"): tag for name, tag in _HTML.items()}


@cache
def _reader() -> MarkdownIt:
    # As deep as any note can be nested: what lies deeper is dropped.
    reader = MarkdownIt("zero", {"html": False, "breaks": True, "maxNesting": MAX_NOTE}).enable(list(RULES))
    reader.validateLink = lambda url: bool(web_address(url)) and without_user(url) == url  # type: ignore[method-assign]
    return reader


def _parse(note: str) -> list[Token]:
    """The tokens of a note; a line of marks alone, which other programs show as a rule, parts two paragraphs."""
    return _reader().parse(_RULE.sub("", note))


def note_as_html(note: str, link_style: str = "", block_style: str = "") -> Markup:
    """Paragraphs and lists; the styles are for mail programs, which know no others."""
    made = Markup()
    depth, href = 0, ""
    for token in _flat(_parse(note)):
        if token.type in _HTML:
            is_inline, is_list = token.type in ("strong_open", "em_open"), token.tag in ("ul", "ol")
            style = f"{block_style};padding:0 0 0 20px" if is_list else block_style
            style = Markup(' style="{}"').format(style) if block_style and not is_inline else ""
            first = Markup(' start="{}"').format(start) if (start := token.attrGet("start")) else ""
            made += "" if token.hidden else Markup("<{}{}{}>").format(_HTML[token.type], first, style)
        elif token.type in _CLOSING:
            made += "" if token.hidden else Markup("</{}>").format(_CLOSING[token.type])
        elif token.type in ("link_open", "link_close") and not _is_outermost(token, depth):
            depth += token.nesting
        elif token.type == "link_open":
            depth, href = 1, str(token.attrGet("href") or "")
            style = Markup(' class="a" style="{}"').format(link_style) if link_style else ""
            made += Markup('<a href="{}" rel="noreferrer"{}>').format(href, style) if href else ""
        elif token.type == "link_close":
            depth = 0
            made += Markup("</a>") if href else ""
        elif token.type in ("softbreak", "hardbreak"):
            made += Markup("<br>")
        else:
            made += escape(token.content)
    return made


def note_as_text(note: str, width: int) -> str:
    """Plain text in lines of so many letters; a link's address stands on a line of its own, to be clicked."""
    lines: list[str] = []
    for first, rest, tokens in _blocks(note):
        said = _inline(tokens, lambda text: text, lambda text, url: text if text == url else f"{text}:\n{url}\n")
        parts = [part.strip() for part in said.split("\n") if part.strip()]
        lines += [] if rest or not lines else [""]
        for number, part in enumerate(parts):
            begin = first if number == 0 else rest
            lines += (
                [f"{begin}{part}"]
                if web_address(part)
                else wrap(part, width, initial_indent=begin, subsequent_indent=rest, break_on_hyphens=False)
            )
    return "\n".join(lines)


def note_as_markdown(note: str) -> Markdown:
    """Markdown for Prefect's viewer, which would show raw HTML."""
    paragraphs = []
    for first, _, tokens in _blocks(note):
        paragraphs.append(first + _inline(tokens, escape_markdown, markdown_link, _MARKS).replace("\n", "  \n"))
    return Markdown("\n\n".join(paragraphs))


def _flat(tokens: Iterable[Token]) -> Iterable[Token]:
    for token in tokens:
        if token.type == "inline":
            yield from token.children or ()
        else:
            yield token


def _blocks(note: str) -> Iterable[tuple[str, str, list[Token]]]:
    """Each paragraph or item of a list: what its first and its other lines begin with, and what stands in it."""
    lists: list[int] = []  # the number of the next item; 0 for a list without numbers
    begin = ""
    for token in _parse(note):
        if token.type in ("bullet_list_open", "ordered_list_open"):
            lists.append(int(token.attrGet("start") or 1) if token.type == "ordered_list_open" else 0)
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
        elif token.type == "list_item_open":
            begin = "  " * (len(lists) - 1) + (f"{lists[-1]}. " if lists[-1] else "* ")
            lists[-1] += 1 if lists[-1] else 0
        elif token.type == "list_item_close":
            begin = ""  # of an item without words
        elif token.type == "inline":
            indent = " " * len(begin) if begin else "  " * len(lists)
            yield begin or indent, indent, token.children or []
            begin = ""


def _inline(
    tokens: Iterable[Token],
    plain: Callable[[str], str],
    link: Callable[[str, str], str],
    marks: dict[str, str] | None = None,
) -> str:
    """What stands in a paragraph; a link holds plain text."""
    said, label, url, depth = "", "", "", 0
    for token in tokens:
        if token.type in ("link_open", "link_close") and not _is_outermost(token, depth):
            depth += token.nesting
        elif token.type == "link_open":
            url, label, depth = str(token.attrGet("href")), "", 1
        elif token.type == "link_close":
            said, depth = said + (link(label, url) if url else label), 0
            url = ""
        elif depth:
            label += " " if token.type in ("softbreak", "hardbreak") else token.content
        elif token.type in ("softbreak", "hardbreak"):
            said += "\n"
        elif token.type.endswith(("_open", "_close")):
            said += (marks or {}).get(token.type, "")
        else:
            said += _with_spaces(token.content, plain)
    return said


def _is_outermost(token: Token, depth: int) -> bool:
    """Whether this begins or ends a link that stands in no other: of nested ones the outer leads somewhere."""
    return depth == (0 if token.nesting > 0 else 1)


def _with_spaces(text: str, plain: Callable[[str], str]) -> str:
    """Escaping makes one line of a text, without the blanks at its ends."""
    inner = text.strip(" ")
    if not inner:
        return text
    head, _, tail = text.partition(inner)
    return f"{head}{plain(inner)}{tail}"
