"""feedparser within bounds: what would cost it more than its share is left out or refused.

Its parsers look an attribute, a namespace or a category up by going through all of them, resolve every address against a base
of any length, and look for an address in an author by trying every letter: a feed of 40 kB may take many seconds. The bounds stand
where its parsers tell what they found, so that no encoding and no error of form leads past them.
"""

import codecs
import io
import re
import xml.sax
from typing import Any

from feedparser.api import LooseFeedParser, StrictFeedParser
from feedparser.encodings import convert_to_utf8
from feedparser.sanitizer import replace_doctype
from feedparser.util import FeedParserDict

MAX_ATTRIBUTES = 100  # of one tag
MAX_NAMESPACES = 100
MAX_ADDRESS = 2000  # letters of a base or of a namespace
MAX_LETTERS = 10 * 1024 * 1024  # of all texts; only entities that stand for long ones make more of what may be fetched
MAX_HEAD = 10_000  # bytes before the first element
_MAX_DECLARATION = 300
_MAX_LANGUAGE = 100
_MAX_PEOPLE = 200
_PEOPLE = {"author", "publisher"}  # what feedparser calls the elements in which it looks for an address
_CATEGORIES = {
    "category",
    "keywords",
    "subject",
    "tags",
}  # nobody uses them, and it would compare each with all before it
_MARKS = (  # byte order marks, and how a declaration begins without one; UTF-32 first, whose mark begins as another does
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    *(("<?".encode(name), name) for name in ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")),
    ("<?xm".encode("cp037"), "cp037"),
)
_DECLARATION = re.compile(r"^\s*<\?xml[^<>]{0,200}\?>")
_FIRST_ELEMENT = re.compile(rb"<\w")
_BLANKS = re.compile(rb"\s{2,}")


class TooMuchError(ValueError):
    """A feed holds more of something than any that is meant to be read; the message says of what."""


def parse(body: bytes, url: str, content_type: str = "") -> Any:
    """What feedparser makes of a feed, its categories left out; `url` is the base of relative links.

    Raises:
        TooMuchError: it is not read, for the reason in the message.
    """
    result = FeedParserDict(bozo=False, entries=[], feed=FeedParserDict())
    body, content_type = in_utf8(body, content_type)
    if body.startswith(b"<?"):  # on a line of its own, all of which feedparser searches
        end = body.find(b"?>", 0, _MAX_DECLARATION) + 2
        if end < 2:
            raise TooMuchError("its declaration has no end")
        body = body[:end] + b"\n" + body[end:]
    data = convert_to_utf8({"content-type": content_type, "content-location": url}, body, result)
    result["version"], data, entities = replace_doctype(_short_head(data))
    parser = _Strict(url, None, "utf-8") if result["encoding"] else None
    if parser is not None:
        try:
            _read_strictly(parser, data)
        except xml.sax.SAXException as error:
            result.update(bozo=True, bozo_exception=parser.exc or error)
            parser = None
    if parser is None:
        parser = _Loose(url, None, "utf-8", entities)
        parser.feed(data.decode("utf-8", "replace"))
    result.update(feed=parser.feeddata, entries=parser.entries, version=result["version"] or parser.version)
    return result


def in_utf8(body: bytes, content_type: str) -> tuple[bytes, str]:
    """A feed behind a byte order mark in UTF-8, and its type without another charset: the mark decides, whoever says otherwise."""
    for mark, name in _MARKS:
        if body.startswith(mark):
            text = _DECLARATION.sub("", body.decode(name, "replace").lstrip("\ufeff"), count=1)
            return text.encode("utf-8", "ignore"), content_type.partition(";")[0]
    return body, content_type


def _read_strictly(parser: Any, data: bytes) -> None:
    reader = xml.sax.make_parser()  # noqa: S317 - it reads nothing from outside, and texts are counted
    reader.setFeature(xml.sax.handler.feature_namespaces, True)
    reader.setFeature(xml.sax.handler.feature_external_ges, False)
    reader.setContentHandler(parser)
    reader.setErrorHandler(parser)
    source = xml.sax.xmlreader.InputSource()
    source.setByteStream(io.BytesIO(data))
    reader.parse(source)


def _short_head(data: bytes) -> bytes:
    """The document with single blanks before its first element, where each of many is tried as the start of a declaration."""
    first = _FIRST_ELEMENT.search(data)
    if first is None:
        return data
    head = _BLANKS.sub(b"\n", data[: first.start()])
    _check(len(head), MAX_HEAD, "bytes before its first element")
    return head + data[first.start() :]


def _check(count: int, most: int, what: str) -> None:
    if count > most:
        raise TooMuchError(f"it has more than {most:,} {what}")


def _name(tag: str) -> str:
    """The tag, of a category one that means nothing to feedparser."""
    return "unused" if tag.rpartition(":")[2].lower() in _CATEGORIES else tag


class _Bounded:
    """What both parsers do with what they found."""

    # Of the parser that this class is put before.
    baseuri: str
    lang: str | None
    langstack: list[str | None]
    elementstack: list[list[Any]]
    namespaces_in_use: dict[str, str]
    resolve_relative_uris = sanitize_html = False  # all markup is dropped anyway
    _letters = 0

    def unknown_starttag(self, tag: str, attrs: list[tuple[str, str]]) -> None:
        _check(len(attrs), MAX_ATTRIBUTES, "attributes in one tag")
        super().unknown_starttag(_name(tag), attrs)  # type: ignore[misc]
        _check(len(self.baseuri), MAX_ADDRESS, "letters in the base of its links")
        if len(self.lang or "") > _MAX_LANGUAGE:
            self.lang = self.langstack[-1] = None

    def unknown_endtag(self, tag: str) -> None:
        super().unknown_endtag(_name(tag))  # type: ignore[misc]

    def track_namespace(self, prefix: str | None, uri: str) -> None:
        _check(len(uri), MAX_ADDRESS, "letters in the name of a namespace")
        super().track_namespace(prefix, uri)  # type: ignore[misc]
        _check(len(self.namespaces_in_use), MAX_NAMESPACES, "namespaces")

    def handle_data(self, text: str, escape: int = 1) -> None:
        self._count(text)
        super().handle_data(text, escape)  # type: ignore[misc]

    def _count(self, text: str) -> None:
        self._letters += len(text)
        _check(self._letters, MAX_LETTERS, "letters")

    def pop(self, element: str, strip_whitespace: int = 1) -> Any:
        """The text of an element that ends. Blanks before it go at once: feedparser would take away each by itself."""
        pieces = self.elementstack[-1][2] if self.elementstack else None
        if isinstance(pieces, list):
            del pieces[: next((at for at, piece in enumerate(pieces) if piece.strip()), len(pieces))]
            if element in _PEOPLE:
                pieces[:] = ["".join(pieces)[:_MAX_PEOPLE]]
        return super().pop(element, strip_whitespace)  # type: ignore[misc]


class _Strict(_Bounded, StrictFeedParser):  # type: ignore[misc]
    def startElementNS(self, name: Any, qname: Any, attrs: Any) -> None:  # noqa: N802 - its name in SAX
        _check(len(attrs), MAX_ATTRIBUTES, "attributes in one tag")  # each is looked for among all on the way
        super().startElementNS(name, qname, attrs)


class _Loose(_Bounded, LooseFeedParser):  # type: ignore[misc]
    def handle_entityref(self, ref: str) -> None:
        self._count(self.entities.get(ref, ""))
        super().handle_entityref(ref)
