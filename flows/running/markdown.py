"""Text from the web made safe for Prefect's artifacts. Pure."""

import re
from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from models.text_safety import plain_line

MAX_CELL = 300
_SAFE_IN_LINKS = ":/?#@!$&',;=%~+*"  # no bracket or blank, which would end the link
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$-])")
# Where it begins a line: makes a heading of the one above, or a list.
_OPENING = re.compile(r"^(\d{0,9})(=|\.(?=\s|$))")


class Markdown(str):
    """Text that is Markdown already: no template escapes it again."""

    __slots__ = ()


def escape(text: str, longest: int | None = None) -> Markdown:
    """`text` on one line, shown as it is: no markup of it takes effect."""
    line = plain_line(text, longest)
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return Markdown(_OPENING.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", line)))


def link(text: str, url: str, longest: int | None = None) -> Markdown:
    """A link, or the text alone where the address is not http(s)."""
    shown = escape(text, longest) or Markdown("(no title)")
    if urlsplit(url).scheme not in {"http", "https"}:
        return shown
    return Markdown(f"[{shown}]({quote(url, safe=_SAFE_IN_LINKS)})")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
