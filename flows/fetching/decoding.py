"""Undo Content-Encoding within a limit, whatever the server packed: no bomb gets past `limit` bytes."""

import json
import re
import zlib
from collections.abc import Callable
from typing import Any

import brotli  # type: ignore[import-untyped]
import zstandard

ACCEPTED = "gzip, deflate, br, zstd"
# Layers of encoding that a server may stack; real ones use one.
MAX_LAYERS = 2
# Of one gzip body; a real one has one, a log that was appended to a few hundred.
MAX_MEMBERS = 1000
_PIECE = 16 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
# What servers write there that says nothing of packing.
_NO_CODING = frozenset(
    {"identity", "none", "null", "binary", "plain", "text", "7bit", "8bit", "chunked", "aws-chunked"}
)
_CHARSET = re.compile(r"(?:utf|ucs|iso|windows|cp|latin|ascii|us-ascii|x-sjis|text/|application/)[\w\-_/+.;= ]{0,40}")
# A zstd frame may ask for a window of gigabytes; RFC 9659 lets web clients stop at 8 MB.
_ZSTD_WINDOW = 8 * 1024 * 1024


class EncodingError(ValueError):
    """The body is not what its Content-Encoding says."""


class TooManyBytesError(ValueError):
    """The body unpacks to more than the limit."""


def decode(body: bytes, encoding: str, limit: int) -> bytes:
    """The unpacked body, at most `limit` bytes.

    Like browsers, this reads what was never packed under a coding that nobody knows ("UTF-8", "none"), and what was
    packed without a word of it.

    Raises:
        EncodingError: corrupt, cut short at its very start, or an unknown encoding.
        TooManyBytesError: unpacks to more than `limit` bytes.
    """
    layers = [name.strip().lower() for name in encoding.split(",", 2 * MAX_LAYERS) if name.strip()]
    layers = [name for name in layers if name not in _NO_CODING and not _CHARSET.fullmatch(name)]
    if len(layers) > MAX_LAYERS:
        raise EncodingError(f"{len(layers)} layers of encoding")
    undone = 0
    for name in reversed(layers):
        undo = _DECODERS.get(name)
        if undo is None:
            if is_markup(body):
                continue
            raise EncodingError(f"unknown encoding {name[:40]!r}")
        try:
            body = _bounded(undo, body, limit)
        except (zlib.error, brotli.error, zstandard.ZstdError) as error:
            if is_markup(body):
                continue
            raise EncodingError(f"not valid {name}: {error}") from error
        undone += 1
    if undone < MAX_LAYERS and (undo := is_packed(body)) is not None:
        try:
            body = _bounded(undo, body, limit)
        except (zlib.error, zstandard.ZstdError) as error:
            raise EncodingError(f"not valid as the file that it looks like: {error}") from error
    return body


def is_packed(body: bytes) -> "Callable[[bytes, int], bytes] | None":
    """What unpacks a body that is packed by its first bytes, whatever was said of it; None for all others."""
    if body.startswith(_GZIP_MAGIC):
        return _gzip
    return _zstd if body.startswith(_ZSTD_MAGIC) else None


def is_markup(body: bytes) -> bool:
    """Whether a body is plainly a document: XML, HTML or JSON."""
    return body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"<", b"{", b"["}


def _bounded(undo: Callable[[bytes, int], bytes], body: bytes, limit: int) -> bytes:
    found = undo(body, limit + 1)
    if len(found) > limit:
        raise TooManyBytesError(f"unpacks to more than {limit} bytes")
    return found


def _gzip(body: bytes, limit: int) -> bytes:
    """A gzip body may hold several members; each is fed in pieces, since zlib copies all that follows its end."""
    pieces: list[bytes] = []
    size = at = members = 0
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # gzip or zlib by its header
    while at < len(body) and size < limit:
        piece = body[at : at + _PIECE]
        found = unpacker.decompress(piece, limit - size)
        pieces.append(found)
        size += len(found)
        at += len(piece) - len(unpacker.unused_data)
        if unpacker.eof:
            members += 1
            if body[at : at + 2] != _GZIP_MAGIC:
                break
            if members == MAX_MEMBERS:
                raise EncodingError(f"more than {MAX_MEMBERS} members of gzip")
            unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    return b"".join(pieces)


def _deflate(body: bytes, limit: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(body, limit)
    except zlib.error:  # many servers send the bare stream, without zlib's header
        return zlib.decompressobj(wbits=-zlib.MAX_WBITS).decompress(body, limit)


def _brotli(body: bytes, limit: int) -> bytes:
    unpacker = brotli.Decompressor()
    found: bytes = unpacker.process(body, output_buffer_limit=limit)
    while len(found) < limit and not unpacker.is_finished():
        more = unpacker.process(b"", output_buffer_limit=limit - len(found))
        if not more:
            break
        found += more
    return found


def _zstd(body: bytes, limit: int) -> bytes:
    unpacker = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    with unpacker.stream_reader(body, read_across_frames=True) as reader:
        pieces: list[bytes] = []
        size = 0
        while size < limit and (piece := reader.read(min(65536, limit - size))):
            pieces.append(piece)
            size += len(piece)
    return b"".join(pieces)


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}


def load_json(body: bytes) -> Any:
    """The JSON value in `body`; None where it is none, or nested past any sense."""
    try:
        return json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None
