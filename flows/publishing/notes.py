"""An editor's note in every form of an edition: a little Markdown (emphasis, links, lists, line breaks), and nothing else.

`markdown-it-py` reads it with all other rules switched off, raw HTML among them: what is no markup of these is shown as it
was typed. A link is one only where it leads to an http(s) address; each form is written from the tokens, and escapes.
"""

from collections.abc import Callable, Iterable
from functools import cache
from textwrap import wrap

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

from flows.running.markdown import Markdown
from flows.running.markdown import escape as escape_markdown
from flows.running.markdown import link as markdown_link
from models.links import web_address

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
_CLOSING = {name.replace("_open", "_close"): tag for name, tag in _HTML.items()}


@cache
def _reader() -> MarkdownIt:
    reader = MarkdownIt("zero", {"html": False, "breaks": True}).enable(list(RULES))
    reader.validateLink = lambda url: bool(web_address(url))  # type: ignore[method-assign]
    return reader


def note_as_html(note: str, link_style: str = "", block_style: str = "") -> Markup:
    """Paragraphs and lists; the styles are for mail programs, which know no others."""
    made = Markup()
    for token in _flat(_reader().parse(note)):
        if token.type in _HTML:
            is_inline, is_list = token.type in ("strong_open", "em_open"), token.tag in ("ul", "ol")
            style = f"{block_style};padding:0 0 0 20px" if is_list else block_style
            style = Markup(' style="{}"').format(style) if block_style and not is_inline else ""
            first = Markup(' start="{}"').format(start) if (start := token.attrGet("start")) else ""
            made += "" if token.hidden else Markup("<{}{}{}>").format(_HTML[token.type], first, style)
        elif token.type in _CLOSING:
            made += "" if token.hidden else Markup("</{}>").format(_CLOSING[token.type])
        elif token.type == "link_open":
            style = Markup(' class="a" style="{}"').format(link_style) if link_style else ""
            made += Markup('<a href="{}" rel="noreferrer"{}>').format(token.attrGet("href"), style)
        elif token.type == "link_close":
            made += Markup("</a>")
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
    for token in _reader().parse(note):
        if token.type in ("bullet_list_open", "ordered_list_open"):
            lists.append(int(token.attrGet("start") or 1) if token.type == "ordered_list_open" else 0)
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
        elif token.type == "list_item_open":
            begin = "  " * (len(lists) - 1) + (f"{lists[-1]}. " if lists[-1] else "* ")
            lists[-1] += 1 if lists[-1] else 0
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
    said, label, url = "", "", ""
    for token in tokens:
        if token.type == "link_open":
            url, label = str(token.attrGet("href")), ""
        elif token.type == "link_close":
            said, url = said + link(label, url), ""
        elif url:
            label += token.content
        elif token.type in ("softbreak", "hardbreak"):
            said += "\n"
        elif token.type.endswith(("_open", "_close")):
            said += (marks or {}).get(token.type, "")
        else:
            said += _with_spaces(token.content, plain)
    return said


def _with_spaces(text: str, plain: Callable[[str], str]) -> str:
    """Escaping makes one line of a text, without the blanks at its ends."""
    inner = text.strip(" ")
    if not inner:
        return text
    head, _, tail = text.partition(inner)
    return f"{head}{plain(inner)}{tail}"
