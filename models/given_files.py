"""Files that a person names: regular ones alone, and within a limit. A pipe is waited for, a device read, without end, and
what is written in the place of either is the end of it."""

import os
import stat
from errno import EFBIG, EINVAL
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import BinaryIO

MOST_BYTES = 20_000_000  # of a file that people write; the largest that is shipped has 0.4 MB


def open_given(file: Path) -> BinaryIO:
    """A regular file, opened to be read.

    Raises:
        OSError: it can't be read, or is no regular file; `strerror` tells which.
    """
    stream = open(file, "rb", opener=_at_once)  # noqa: SIM115 - it is the caller's
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise OSError(EINVAL, "is a pipe or a device; name a regular file", str(file))
    return stream


def is_device(file: Path) -> bool:
    """Whether a pipe, a device or the like is there, or a link to one: what is written whole would take its place."""
    return file.exists() and not (file.is_file() or file.is_dir())


def read_given(file: Path | Traversable, most: int = MOST_BYTES) -> bytes:
    """What is in `file`.

    Raises:
        OSError: it can't be read, is no regular file, or is larger than `most`; `strerror` tells which.
    """
    if not isinstance(file, Path):  # shipped, within an archive
        return file.read_bytes()
    with open_given(file) as stream:
        is_larger = os.fstat(stream.fileno()).st_size > most
        content = b"" if is_larger else stream.read(most + 1)
    if is_larger or len(content) > most:
        raise OSError(EFBIG, f"is larger than {most / 1_000_000:.0f} MB", str(file))
    return content


def read_given_text(file: Path | Traversable, most: int = MOST_BYTES, *, encoding: str = "utf-8") -> str:
    """What is in `file` as text, its lines ended as Python does.

    Raises:
        OSError: as `read_given`.
        UnicodeDecodeError: it is not of this encoding.
    """
    return read_given(file, most).decode(encoding).replace("\r\n", "\n").replace("\r", "\n")


def _at_once(name: str, flags: int) -> int:
    """Opens without waiting for somebody who writes into a pipe."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))
