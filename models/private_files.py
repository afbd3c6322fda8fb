"""Files of the data folder hold addresses, tokens and texts: they are their owner's alone, whoever's umask a program starts with."""

import os
import stat
from errno import EISDIR
from pathlib import Path
from typing import BinaryIO

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # Windows has none


def keep_private() -> None:
    """Let whatever this process and its children make from now on be its owner's alone: 0600, folders 0700.

    Called once where a program or a run begins. By the umask, since SQLite, Prefect and NumPy make files too.
    """
    os.umask(_OTHERS)


def open_new(file: Path) -> BinaryIO:
    """A file that is made anew for writing, its owner's alone: what was left there, with whatever rights, makes room.

    Raises:
        OSError: it can't be made.
    """
    file.unlink(missing_ok=True)
    return open(file, "xb", opener=lambda name, flags: os.open(name, flags, 0o600))


def open_to_append(file: Path) -> BinaryIO:
    """A file to be added to, or to be held as a lock: its owner's alone where it is made, and no link of its name is followed.

    Raises:
        OSError: it can't be had.
    """
    if file.is_symlink():
        file.unlink(missing_ok=True)
    return open(file, "a+b", opener=lambda name, flags: os.open(name, flags | _NO_LINK, 0o600))


def write_whole(file: Path, content: bytes) -> Path:
    """Write a file so that a reader (or a kill) never meets half of it; a link of its name is replaced, not followed.

    Raises:
        OSError: it can't be written.
    """
    if file.is_dir() and not file.is_symlink():
        raise IsADirectoryError(EISDIR, "is a folder where a file is to be written; move it away", str(file))
    part = file.with_name(f".{file.name}.part")
    with open_new(part) as stream:
        stream.write(content)
    part.replace(file)
    return file


def find_loose(folder: Path, *files: Path) -> list[Path]:
    """What others may read or write in this folder, itself included, and of these files.

    An older version, another program or a person left it so.
    """
    if os.name == "nt":  # Windows has no such rights
        return []
    inside = (folder, *sorted(folder.rglob("*"))) if folder.is_dir() else ()
    found = dict.fromkeys((*inside, *files))
    return [path for path in found if not path.is_symlink() and _mode(path) & _OTHERS]


def tighten(paths: list[Path]) -> int:
    """Take the rights of others away; how many there were.

    Raises:
        OSError: one of them is somebody else's.
    """
    for path in paths:
        path.chmod(_mode(path) & ~_OTHERS)
    return len(paths)


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.lstat().st_mode)
    except FileNotFoundError:
        return 0  # gone since it was listed
