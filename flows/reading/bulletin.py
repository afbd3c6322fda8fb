"""A bulletin that people made, as the reports that it tells: an email, a page, plain text, or a list of addresses.

No two bulletins are made alike. Each form becomes lines with their links; a line tells a report if it is a headline, or
has a link that is more than furniture. Never raises for what a bulletin holds.
"""

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, lookup
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from lxml import etree

from flows.reading.page import decode_html, parse_html
from flows.reading.parsing import PARSER_FAULTS
from models.bulletins import BulletinItem, merged, target_of
from models.text_safety import plain_line
from models.urls import host_of

MAX_BYTES = 20_000_000
# To read a field of so many parameters costs the library the square of them.
_LONG_FIELD = re.compile(rb"(?im)^(content-[a-z-]{1,30}:(?:[^\r\n]|\r?\n[ \t]){0,500})(?:[^\r\n]|\r?\n[ \t])*")
MAX_ITEMS = 2_000
_MAX_PARTS = 2_000  # of a mail; each costs the library half a millisecond, and 20 MB have room for 300,000
_MAX_LINE = 2_000
_MAX_TITLE = 250
_HEADER = re.compile(rb"(?i)\A(?:>?from |[a-z][a-z0-9-]{1,60}:[ \t])")
_MARKUP = re.compile(rb"(?i)<(?:!doctype html|html|body|table|div|p|ul|h[1-6]|a)[\s>]")
_ADDRESS = re.compile(r"https?://[^\s<>\"“”]+", re.IGNORECASE)
_BULLET = re.compile(r"^(?:[-*•·–—o]\s+|\(?\d{1,3}[.)]\s+)")
_REFERENCE = re.compile(r"^\s*\[?(\d{1,3})\]?[.:]?\s+(https?://\S+)\s*$")
_REFERRED = re.compile(r"\[(\d{1,3})\]")
_BRACKETED = re.compile(r"\s[(\[]([^()\[\]]{2,50})[)\]]\s*$")
_DASHED = re.compile(r"\s[–—|-]\s([^–—|]{2,50})$")
# Links that lead on, whatever they lead to: the headline stands elsewhere.
_LEADS_ON = re.compile(
    r"(?i)(?:click |tap )?(?:here|(?:read|find out|see|learn|full|view|continue|go to|open)\b.{0,30}"
    r"|link|more|source|website|article|story|report|press release|>+|»|→)[\s.…:>»→]*"
)
_FURNITURE = re.compile(
    r"(?i)\b(?:unsubscribe|(?:view|read|open)(?: this| it)?(?: email| e-mail| message)? (?:online|in (?:your )?(?:web )?browser)$"
    r"|privacy|cookie|preferences|manage (?:your )?subscriptions?|forward (?:this )?(?:to|email)|contact us|sign up|subscribe"
    r"|terms (?:of|and)|copyright|all rights reserved|follow us|why did i get this|add us to|you (?:are|have) receiv)"
)
_NO_NEWS = re.compile(
    r"(?:^|\.)(?:facebook|twitter|x|linkedin|instagram|youtube|tiktok|threads|bsky|whatsapp|pinterest)\.(?:com|net|app)$"
)
_BLOCKS = frozenset(
    "p div section article header footer li ul ol h1 h2 h3 h4 h5 h6 blockquote table tr td th br hr dl dt dd center".split()
)
_HEADS = frozenset("h1 h2 h3 h4 h5 h6 li strong b".split())
_SKIPPED = frozenset("script style head title template noscript svg".split())


@dataclass(slots=True)
class _Line:
    text: str = ""
    links: tuple[tuple[str, str], ...] = ()  # address, and the words that are the link
    marked: bool = False  # a heading, a point of a list, or bold


class Bulletin(NamedTuple):
    """What a bulletin tells, in its order, each once."""

    items: tuple[BulletinItem, ...] = ()
    not_understood: tuple[str, ...] = ()  # lines that may be reports: too short for a headline without a link


def read_bulletin(content: bytes) -> Bulletin:
    """The reports that a bulletin tells; its form is told by its content."""
    content = content[:MAX_BYTES]
    if content.startswith(b"%PDF") or (
        b"\0" in content[:4096] and not content.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    ):
        return Bulletin()  # no text: a document of an office program, or a picture
    if _is_mail(content):
        return _of_mail(content)
    if _MARKUP.search(content[:100_000]):
        return _of_html(decode_html(content, ""))
    return _of_text(decode_html(content, ""))


def _is_mail(content: bytes) -> bool:
    start = content[:20_000].lstrip()
    if not _HEADER.match(start):
        return False
    head = re.split(rb"\r?\n\r?\n", start, maxsplit=1)[0].lower()
    return sum(re.search(rb"(?m)^" + name + rb":", head) is not None for name in _MAIL_HEADERS) >= 2


_MAIL_HEADERS = (rb"from", rb"to", rb"subject", rb"date", rb"mime-version", rb"content-type", rb"received")


def _of_mail(content: bytes) -> Bulletin:
    """By its HTML, where that tells anything, else by its plain text; of a forwarded message by what it holds."""
    content = b"\n--".join(content.split(b"\n--", _MAX_PARTS)[:_MAX_PARTS])
    try:
        message = message_from_bytes(_LONG_FIELD.sub(rb"\1", content), policy=default)
        parts = [part for part in message.walk() if isinstance(part, EmailMessage) and not part.is_multipart()]
        for kind, read in (("text/html", _of_html), ("text/plain", _of_text)):
            texts = [_text_of(part) for part in parts if part.get_content_type() == kind and not part.is_attachment()]
            found = [read(text) for text in texts]
            if items := merged(item for one in found for item in one.items):
                return Bulletin(items, tuple(line for one in found for line in one.not_understood))
    except PARSER_FAULTS:
        pass
    return Bulletin()


def _text_of(part: EmailMessage) -> str:
    try:
        if lookup(part.get_content_charset("ascii")).name == "punycode":
            raise LookupError("the encoding of a name, which costs the square of a text")
        return str(part.get_content())
    except PARSER_FAULTS:  # a charset that nobody knows
        payload: Any = part.get_payload(decode=True)
        return decode_html(payload, "") if isinstance(payload, bytes) else ""


def _of_html(text: str) -> Bulletin:
    tree = parse_html(text)
    return _of_text(text) if tree is None else _items(_lines_of_tree(tree))


def _of_text(text: str) -> Bulletin:
    rows = [re.sub(r"^[>\s]+", "", row).strip()[:_MAX_LINE] for row in text.splitlines()]
    referring = [found for row in rows if row.startswith("[") and (found := _REFERENCE.match(row))]
    references: dict[str, str] = {found[1]: found[2] for found in referring}
    return _items(_lines_of_text(rows, references))


def _lines_of_text(rows: Iterable[str], references: dict[str, str]) -> Iterator[_Line]:
    """Paragraphs that were wrapped are one line again."""
    held = ""
    last = 0
    for row in (*rows, ""):
        is_reference = references and _REFERENCE.match(row) is not None and row.startswith("[")
        begins = not row or is_reference or _BULLET.match(row) or _ADDRESS.match(row.lstrip("<(")) or last < 60
        if begins and held:
            yield _line_of_text(held, references)
            held = ""
        if row and not is_reference and len(held) < _MAX_LINE:
            held = f"{held} {row}".strip()
        last = 0 if _ADDRESS.search(row) else len(row)


def _line_of_text(row: str, references: dict[str, str]) -> _Line:
    found = [address.rstrip(".,;:!?'’)]>") for address in _ADDRESS.findall(row)]
    found += [references[number] for number in _REFERRED.findall(row) if number in references]
    words = _ADDRESS.sub(" ", row)
    words = _REFERRED.sub("", words) if references else words
    words = re.sub(r"[<(\[]\s*[>)\]]|\s[<>]+(?=\s|$)", " ", words)
    marked = _BULLET.match(words) is not None
    plain = plain_line(_BULLET.sub("", words)).strip(" -–—|*_")
    return _Line(plain, tuple((address, "") for address in found), marked)


def _lines_of_tree(tree: Any) -> Iterator[_Line]:
    """The blocks of a page, each a line with its links."""
    pieces: list[str] = []
    links: list[tuple[str, str]] = []
    label: list[str] | None = None
    address, marked, skipped = "", False, 0

    def line() -> _Line:
        made = _Line(plain_line("".join(pieces), _MAX_LINE), tuple(links), marked)
        pieces.clear()
        links.clear()
        return made

    def say(text: str | None) -> None:
        if text and not skipped:
            pieces.append(text)
            if label is not None:
                label.append(text)

    for event, element in etree.iterwalk(tree, events=("start", "end")):
        name = element.tag if isinstance(element.tag, str) else "script"
        if name in _BLOCKS and label is None and (pieces or links):
            yield line()
            marked = False
        if event == "start":
            skipped += name in _SKIPPED
            marked = marked or name in _HEADS
            if name == "a" and element.get("href"):
                label, address = [], element.get("href").strip()
            say(element.text)
        else:
            skipped -= name in _SKIPPED
            if name == "a" and label is not None:
                links.append((address, plain_line("".join(label), _MAX_LINE)))
                label = None
            if name in _BLOCKS and label is not None:
                say(" ")
            say(element.tail)
    if pieces or links:
        yield line()


def _items(lines: Iterable[_Line]) -> Bulletin:
    found: list[BulletinItem] = []
    short: list[str] = []
    since = 0  # of `short`, those since the headline: who tells it, where a link of its own follows
    before: int | None = None  # the place of the headline that a link after it may belong to
    for line in lines:
        if len(found) >= MAX_ITEMS:
            break
        usable = [(address, words) for address, words in line.links if _is_news(address, words or line.text)]
        if not usable:
            if not line.links and _is_headline(line.text, marked=line.marked):
                before, since = len(found), len(short)
                found.append(_item(line.text))
            elif not line.links and _may_be_headline(line.text):
                short.append(line.text)
            continue
        for address, words in usable:
            rest = line.text.replace(words, " ", 1) if words else line.text
            if _tells(words):
                found.append(_item(words, address, rest))
            elif _tells(rest) and len(usable) == 1 and len(rest) <= _MAX_TITLE and not rest.endswith("."):
                found.append(_item(rest.strip(" -–—:|"), address))
            elif before is not None:
                found[before] = BulletinItem(found[before].title, address, found[before].outlet)
                del short[since:]
            else:
                found.append(BulletinItem(plain_line(rest, _MAX_TITLE) if _tells(rest) else "", address))
            before = None
    return Bulletin(merged(found), tuple(dict.fromkeys(short)))


def _item(title: str, address: str = "", rest: str = "") -> BulletinItem:
    """A headline without the outlet that stands behind it, in brackets or after a dash."""
    outlet = ""
    title = plain_line(title, _MAX_TITLE)
    aside = plain_line(rest).strip(" .,;:")
    if found := re.fullmatch(r"[–—|(\[-]\s*([^()\[\]]{2,50}?)\s*[)\]]?", aside):
        outlet = found[1]
    elif found := _BRACKETED.search(title) or _DASHED.search(title):
        named = found[1].strip()
        if len(named.split()) <= 5 and all(word[0].isupper() for word in re.findall(r"[^\W\d_]{4,}", named)):
            title, outlet = title[: found.start()].rstrip(), named
    return BulletinItem(title, address, outlet)


def _is_news(address: str, words: str) -> bool:
    """Whether a link leads to a report: no mail address, front page, social network or service of the bulletin itself."""
    if not address.lower().startswith(("http://", "https://")) or _FURNITURE.search(words):
        return False
    target = target_of(address)
    if target is None:
        return bool(words) or host_of(address) != ""
    parts = urlsplit(target)
    return (parts.path != "/" or bool(parts.query)) and not _NO_NEWS.search(host_of(target))


def _tells(words: str) -> bool:
    """Whether words may be a headline, not only lead to one."""
    return len(words.split()) >= 3 and not _LEADS_ON.fullmatch(words) and not _ADDRESS.match(words)


def _may_be_headline(text: str) -> bool:
    """Whether nothing but its length may tell that a line is none."""
    return (
        len(text.split()) >= 3 and len(text) <= _MAX_TITLE and text[-1] not in ".,:;…" and not _FURNITURE.search(text)
    )


def _is_headline(text: str, *, marked: bool) -> bool:
    """Whether a line without a link is a headline: no heading of a section, greeting or sentence."""
    words = text.split()
    if not _may_be_headline(text):
        return False
    named = _item(text).outlet != ""
    return (3 if named else 5) <= len(words) <= 30 and (text[0].isupper() or not text[0].isalpha() or marked)
