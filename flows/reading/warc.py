"""Web archive files (WARC), such as Common Crawl's news archive: the pages of wanted hosts, streamed one at a time.

Host, day, status, type and language are judged before a page is handed on, cheapest first: of a gigabyte of the
world's news a few megabytes are British, and unpacking costs a thousandth of extraction.
"""

import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastwarc.warc import ArchiveIterator, WarcRecordType

from flows.fetching.decoding import EncodingError, TooManyBytesError, decode
from flows.reading.page import is_html
from flows.reading.parsing import tell_language
from flows.reading.sources import Window
from models.admission import ENGLISH
from models.entries import MAX_PAGE_BYTES
from models.urls import bare_host, host_of, normalise_url

_SAMPLE_BYTES = 60_000  # of a page's head and body, in which its language is looked for
_SAMPLE_LETTERS = 3_000
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[^\r\n]{0,200}\r\n")
_GZIP = b"\x1f\x8b"
_PIECE = 64 * 1024
_LANGUAGE = re.compile(rb"(?i)<html[^>]{0,500}?\s(?:xml:)?lang\s*=\s*[\"']?([a-z]{2,3})\b")
_SILENT_NAMES = (b"script", b"style", b"noscript", b"svg", b"head")
_SILENT = re.compile(rb"(?i)<(?:(%s)\b|!--)" % b"|".join(_SILENT_NAMES))
_ENDS = {name: re.compile(rb"(?i)</%s\s*>" % name) for name in _SILENT_NAMES} | {b"": re.compile(b"-->")}
_TAG = re.compile(rb"<[^<>]*>")
_FEED_PREFIXES = ("feeds.", "feed.", "rss.")


class ArchiveDamaged(Exception):  # noqa: N818 - it says what happened
    """The archive can't be read, or ends in the middle; what was handed on before is whole."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which captures are read: of these hosts (as `site_of` names them), captured within the window."""

    hosts: frozenset[str]
    window: Window


@dataclass(frozen=True, slots=True)
class Capture:
    """One archived page, its body unpacked."""

    url: str  # normalised
    captured_at: datetime
    content_type: str
    body: bytes


def site_of(host: str) -> str:
    """The host by which an archive is filtered: without `www.` and the like."""
    for prefix in _FEED_PREFIXES:
        if host.startswith(prefix) and "." in host.removeprefix(prefix):
            return host.removeprefix(prefix)
    return bare_host(host)


def captures(path: Path, wanted: Wanted, passed_over: Counter[str]) -> Iterator[Capture]:
    """The wanted pages of an archive in its order; `passed_over` counts the others by reason.

    Memory holds one page, whatever the size of the file.

    Raises:
        ArchiveDamaged: see there.
    """
    position = 0
    try:
        records = ArchiveIterator(
            str(path), record_types=WarcRecordType.response, parse_http=False, quirks_mode=True, fsspec_args=False
        )
        for record in records:
            position = record.stream_pos
            capture = _judge(record, wanted, passed_over)
            if capture is not None:
                yield capture
    except (OSError, ValueError) as error:
        raise ArchiveDamaged(f"{path}: can't be read further ({error})") from error
    if not position:
        raise ArchiveDamaged(f"{path}: holds no web page; is it a WARC file?")
    if _is_cut(path, position):
        raise ArchiveDamaged(f"{path}: ends in the middle of a record; was it copied whole?")


def _judge(record: Any, wanted: Wanted, passed_over: Counter[str]) -> Capture | None:
    """The page of a record; None, and a reason counted, where it is not wanted."""
    address = record.headers.get("WARC-Target-URI", "").strip("<>")
    if site_of(host_of(address)) not in wanted.hosts:
        passed_over["other-host"] += 1
        return None
    captured_at = _captured_at(record)
    if captured_at is None or not wanted.window.holds(captured_at):
        passed_over["other-day"] += 1
        return None
    reason, capture = _read(record, address, captured_at)
    if capture is None:
        passed_over[reason] += 1
    return capture


def _read(record: Any, address: str, captured_at: datetime) -> tuple[str, Capture | None]:
    try:
        record.parse_http(quirks_mode=True, auto_decode="none")
    except (OSError, ValueError):
        return "broken", None
    headers = record.http_headers
    if headers is None or headers.status_code != 200:
        return "not-a-page", None
    content_type = headers.get("Content-Type", "")
    try:
        body = _unpack(record.reader.read(MAX_PAGE_BYTES + 1), headers)
    except TooManyBytesError:
        return "too-large", None
    except EncodingError:
        return "broken", None
    url = normalise_url(address)
    if url is None or not is_html(content_type, body):
        return "not-html", None
    if _language(body) not in {ENGLISH, None}:
        return "other-language", None
    return "", Capture(url, captured_at, content_type, body)


def _unpack(body: bytes, headers: Any) -> bytes:
    """The body as a browser has it. Done here, since the library's own unpacking of a broken body ends the archive."""
    if len(body) > MAX_PAGE_BYTES:
        raise TooManyBytesError(f"more than {MAX_PAGE_BYTES} bytes")
    if "chunked" in headers.get("Transfer-Encoding", "").lower() and _CHUNK.match(body):
        parts, at = [], 0
        while (size := _CHUNK.match(body, at)) and (length := int(size[1], 16)):
            parts.append(body[size.end() : size.end() + length])
            at = size.end() + length + 2  # the line end after each chunk
        body = b"".join(parts)
    encoding = headers.get("Content-Encoding", "")
    # Many crawlers keep the header and unpack the body.
    if not encoding or body.lstrip()[:1] == b"<":
        return body
    return decode(body, encoding, MAX_PAGE_BYTES)


def _captured_at(record: Any) -> datetime | None:
    try:
        found: datetime | None = record.record_date
    except ValueError:
        return None
    return found.astimezone(UTC) if found is not None else None


def _language(body: bytes) -> str | None:
    """The language by a sample of the visible words, else as declared; None where neither tells."""
    declared = _LANGUAGE.search(body[:4096])
    start = max(body.find(b"<body"), 0)
    text = _TAG.sub(b" ", _without_silent(body[start : start + _SAMPLE_BYTES]))
    sample = text.decode("utf-8", "replace")
    middle = max(len(sample) - _SAMPLE_LETTERS, 0) // 2  # menus stand at both ends
    return tell_language(sample[middle : middle + _SAMPLE_LETTERS], declared[1].decode() if declared else None)


def _without_silent(body: bytes) -> bytes:
    """The body without what no reader sees; an end that is missing is looked for once, not from each beginning."""
    parts, kept, at, endless = [], 0, 0, set[bytes]()
    while begin := _SILENT.search(body, at):
        name = (begin[1] or b"").lower()
        end = None if name in endless else _ENDS[name].search(body, begin.end())
        if end is None:
            endless.add(name)
            at = begin.end()
            continue
        parts.append(body[kept : begin.start()])
        kept = at = end.end()
    return b" ".join([*parts, body[kept:]])


def _is_cut(path: Path, position: int) -> bool:
    """Whether a gzipped archive ends within a record, where its reader just stops; `position` is the last one's.

    A piece at a time, since a megabyte may unpack to a gigabyte, and zlib copies all that follows the end of a member.
    """
    with path.open("rb") as file:
        if file.read(2) != _GZIP:
            return False
        file.seek(position)
        member, fed = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16), False
        while block := file.read(_PIECE):
            is_full = False
            while block or is_full:
                try:
                    is_full = len(member.decompress(block, _PIECE)) == _PIECE
                except zlib.error:
                    return True
                fed, block = True, member.unconsumed_tail
                if member.eof:
                    block = member.unused_data
                    member, fed, is_full = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16), False, False
        return fed
