"""Lists of feeds in OPML, the form in which feed readers exchange them; and as rows of a registry file."""

import json
import re
from collections import Counter
from collections.abc import Container, Iterable
from datetime import date
from xml.sax.saxutils import quoteattr

from models.foreign_xml import parse_xml
from models.seeds import DataFileError
from models.sources import MAX_ID_LETTERS, Source
from models.text import clean_text
from models.urls import host_of, normalise_url

MAX_BYTES = 5 * 1024 * 1024
MAX_OUTLINES = 5_000
MAX_ATTRIBUTES = 100  # of one; the library looks for each among all
_NOT_ID = re.compile(r"[^a-z0-9]+")


def read_opml(data: bytes) -> tuple[Source, ...]:
    """The feeds of an OPML file as sources of the default rights class, each with an id of its own.

    Raises:
        DataFileError: not OPML, too large, or without a single feed.
    """
    if len(data) > MAX_BYTES:
        raise DataFileError(f"the file is {len(data):,} bytes; an OPML file may have {MAX_BYTES:,}: is it one?")
    try:
        root = parse_xml(data)
    except ValueError as error:
        raise DataFileError(f"the file is not XML: {error}; export OPML from your feed reader again") from error
    if root is None or not isinstance(root.tag, str) or root.tag.lower() != "opml":
        raise DataFileError(
            "the file is not OPML: it does not begin with <opml>; export it from your feed reader again"
        )
    sources: dict[str, Source] = {}
    seen: set[str] = set()
    tried: Counter[str] = Counter()
    for number, outline in enumerate(root.iter("outline")):
        if number >= MAX_OUTLINES:
            break
        if len(outline.attrib) > MAX_ATTRIBUTES:
            continue
        address = next((value for name, value in outline.attrib.items() if str(name).lower() == "xmlurl"), "")
        url = normalise_url(str(address)) if address else None
        if url is None or url in seen:
            continue
        seen.add(url)
        name = clean_text(str(outline.get("title") or outline.get("text") or ""))[:200] or host_of(url)
        source = Source(id=free_id(name, url, sources, tried), name=" ".join(name.split()), url=url)
        sources[source.id] = source
    if not sources:
        raise DataFileError("the file lists no feed: no <outline> in it has an xmlUrl that begins with http")
    return tuple(sources.values())


def write_opml(sources: Iterable[Source], title: str = "NHS Culture Monitor") -> str:
    """An OPML file of those sources that are feeds, grouped by sector."""
    groups: dict[str, list[Source]] = {}
    for source in sources:
        if source.kind.traits.is_feed:
            groups.setdefault(source.sector, []).append(source)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<opml version="2.0">']
    lines.append(f"  <head><title>{_escaped(title)}</title></head>")
    lines.append("  <body>")
    for sector, members in groups.items():
        lines.append(f"    <outline text={_attribute(sector)}>")
        lines += [
            f'      <outline type="rss" text={_attribute(source.label)} title={_attribute(source.label)}'
            f" xmlUrl={_attribute(source.url)}/>"
            for source in members
        ]
        lines.append("    </outline>")
    return "\n".join([*lines, "  </body>", "</opml>", ""])


def source_toml(sources: Iterable[Source]) -> str:
    """`[[source]]` tables to append to a registry file."""
    tables = []
    for source in sources:
        given = source.model_dump(exclude_defaults=True)
        lines = ["[[source]]", *(f"{name} = {toml_value(value)}" for name, value in given.items())]
        tables.append("\n".join(lines) + "\n")
    return "\n".join(tables)


def free_id(name: str, url: str, taken: Container[str], tried: Counter[str] | None = None) -> str:
    """An id made of a name, else of the host of an address, that is not among the `taken`.

    Whoever makes many hands on what was `tried`: else thousands of one name cost their square.
    """
    tried = Counter() if tried is None else tried
    base = _NOT_ID.sub("-", name.lower()).strip("-") or _NOT_ID.sub("-", host_of(url)).strip("-") or "source"
    base = base[: MAX_ID_LETTERS - 5].strip("-")
    found = base
    while found in taken:
        tried[base] += 1
        found = f"{base}-{tried[base] + 1}"
    return found


def toml_value(value: str | bool | int | float | date) -> str:
    """A value as TOML writes it."""
    if isinstance(value, date):
        return value.isoformat()
    # A JSON text is a TOML basic string but for the one letter that TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _escaped(text: str) -> str:
    return _attribute(text)[1:-1]


def _attribute(text: str) -> str:
    return quoteattr(clean_text(text), {'"': "&quot;"})
