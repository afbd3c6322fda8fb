"""Undo Content-Encoding within a limit, whatever the server packed: no bomb gets past `limit` bytes."""

import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]
import zstandard

ACCEPTED = "gzip, deflate, br, zstd"
# Layers of encoding that a server may stack; real ones use one.
MAX_LAYERS = 2
# A zstd frame may ask for a window of gigabytes; RFC 9659 lets web clients stop at 8 MB.
_ZSTD_WINDOW = 8 * 1024 * 1024


class EncodingError(ValueError):
    """The body is not what its Content-Encoding says."""


class TooManyBytesError(ValueError):
    """The body unpacks to more than the limit."""


def decode(body: bytes, encoding: str, limit: int) -> bytes:
    """The unpacked body, at most `limit` bytes.

    Raises:
        EncodingError: corrupt, cut short at its very start, or an unknown encoding.
        TooManyBytesError: unpacks to more than `limit` bytes.
    """
    layers = [name.strip().lower() for name in encoding.split(",") if name.strip()]
    layers = [name for name in layers if name != "identity"]
    if len(layers) > MAX_LAYERS:
        raise EncodingError(f"{len(layers)} layers of encoding")
    for name in reversed(layers):
        undo = _DECODERS.get(name)
        if undo is None:
            raise EncodingError(f"unknown encoding {name[:40]!r}")
        try:
            body = undo(body, limit + 1)
        except (zlib.error, brotli.error, zstandard.ZstdError) as error:
            raise EncodingError(f"not valid {name}: {error}") from error
        if len(body) > limit:
            raise TooManyBytesError(f"unpacks to more than {limit} bytes")
    return body


def _gzip(body: bytes, limit: int) -> bytes:
    found = b""
    while body and len(found) < limit:  # a gzip body may hold several members
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # gzip or zlib by its header
        found += unpacker.decompress(body, limit - len(found))
        if not unpacker.eof or unpacker.unused_data[:2] != b"\x1f\x8b":
            break
        body = unpacker.unused_data
    return found


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
