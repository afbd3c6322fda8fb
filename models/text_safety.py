"""Hostile text made harmless where it enters: what no database, header or reader may meet goes, lengths are bounded.

Text from the web may hold null bytes and lone surrogates (PostgreSQL refuses both), line breaks where a line is meant,
marks that turn the direction of what follows, or a megabyte of "headline". Markup and template syntax are left as they
are: they are only text here, and every template escapes. Formula starts are the business of `flows.publishing.exporting`.
"""

import re
import unicodedata
from urllib.parse import urlsplit

MAX_TITLE = 400
MAX_SUMMARY = 4000
MAX_NAME = 200  # an author, an outlet
MAX_TEXT = 60_000
MAX_DETAIL = 500  # one line for people in the log of requests
MAX_VALIDATOR = 1000  # an ETag or a date; a longer one is not worth sending back

# No word is as long. Of text without blanks (`a_a_a_…`), and of comments that are never closed, PostgreSQL's full text
# search reads the rest from each letter anew: 60,000 letters cost it a minute.
_LONG_WORD = re.compile(r"\S{200}(?=\S)")

# Marks on one letter, in a line: hundreds make it as wide as seven phones and cover what stands around. No language sets so
# many. `re` knows no marks: what is neither a letter nor ASCII is looked at.
_MOST_MARKS = 8
_PERHAPS_MARKS = re.compile(rf"[^\w\s!-~]{{{_MOST_MARKS + 1},}}")

# How much of a text is looked at for each letter that is kept: blanks are folded, hidden characters dropped.
_LOOK_AHEAD = 8


def plain_line(text: str, longest: int | None = None) -> str:
    """`text` on one line, without control, direction or private characters or a heap of marks; cut at a word where too long."""
    if longest is not None:
        text = text[: _LOOK_AHEAD * longest + 1000]
    kept = text if text.isprintable() else "".join(filter(None, map(_in_line, text)))
    line = " ".join(kept.split())
    if not line.isascii():
        line = _PERHAPS_MARKS.sub(_with_few_marks, line)
    if longest is None or len(line) <= longest:
        return line
    head = line[: longest - 2]  # the blank and the ellipsis count
    space = head.rfind(" ", longest // 2)
    return f"{(head[:space] if space > 0 else head).rstrip(',;:–—-')} …"


def _with_few_marks(found: re.Match[str]) -> str:
    kept, marks = "", 0
    for character in found[0]:
        marks = marks + 1 if unicodedata.category(character).startswith("M") else 0
        kept += character if marks <= _MOST_MARKS else ""
    return kept


def plain_lines(text: str, longest: int = MAX_TEXT) -> str:
    """`text` with its line breaks, no control, direction or private characters; at most `longest` letters."""
    text = text[: 2 * longest]
    if not text.replace("\n", "").isprintable():
        text = "".join(c if c in "\n\t" else _in_line(c) for c in text.replace("\r\n", "\n").replace("\r", "\n"))
    return text[:longest].strip()


def searchable(text: str, longest: int) -> str:
    """`text` with a blank within what no word is as long as, and within the start of a comment; at most `longest` letters."""
    return _LONG_WORD.sub(r"\g<0> ", text.replace("<!--", "<! --"))[:longest].rstrip()


def plain_at(text: str) -> str:
    """`text` with every at sign as addresses have it: in full width or small it is found by no search for an address."""
    return text.replace("＠", "@").replace("﹫", "@")


def storable(text: str, longest: int | None = None) -> str:
    """`text` as every database takes it: without null bytes and lone surrogates, otherwise as it is."""
    if longest is not None:
        text = text[:longest]
    if "\0" in text:
        text = text.replace("\0", "")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "ignore").decode()
    return text


def validator(header: str | None) -> str | None:
    """An ETag or Last-Modified header as it is kept, or nothing where it can't be sent back as it came."""
    if header is None or len(header) > MAX_VALIDATOR or not header.isprintable():
        return None
    return header


def web_address(url: str) -> str:
    """`url` where it is http(s) and holds no blanks or control characters, else nothing: it becomes a link in mail."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return ""
    return (
        url if usable and all(c > " " and unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zs") for c in url) else ""
    )


def _in_line(letter: str) -> str:
    if letter.isspace():
        return " "
    return "" if unicodedata.category(letter)[0] == "C" else letter
