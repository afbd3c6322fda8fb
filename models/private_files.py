"""Files of the data folder hold addresses, tokens and texts: they are their owner's alone, whoever's umask a program starts with."""

import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EISDIR
from pathlib import Path
from typing import BinaryIO

if sys.platform != "win32":
    import fcntl

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # Windows has none
_TURN_SECONDS = 5.0  # for which another program that writes into a folder is waited for


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
    with in_turn(file.parent):
        with open_new(part) as stream:
            stream.write(content)
        part.replace(file)
    return file


@contextmanager
def in_turn(folder: Path, seconds: float = _TURN_SECONDS) -> Iterator[None]:
    """Change files of a folder while no other program of ours does: both would write the same half-written file.

    The lock is the folder's own, so that none is left behind. Who holds it for more than `seconds`, or where there is none, is
    not waited for.
    """
    if sys.platform == "win32":
        yield
        return
    descriptor, until = os.open(folder, os.O_RDONLY), time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.005)
            except OSError:  # a file system that has no such locks
                break
            else:
                break
        yield
    finally:
        os.close(descriptor)


def find_loose(folder: Path, *files: Path) -> list[Path]:
    """What others may read or write in this folder, itself included, and of these files.

    An older version, another program or a person left it so. The folder and the files may be links, which a person set;
    links in the folder are not followed, whoever set them.
    """
    if os.name == "nt":  # Windows has no such rights
        return []
    named = [Path(os.path.realpath(path)) if path.is_symlink() else path for path in (folder, *files)]
    inside = sorted(folder.rglob("*")) if folder.is_dir() else ()
    return [path for path in dict.fromkeys((*named, *inside)) if not path.is_symlink() and _mode(path) & _OTHERS]


def tighten(paths: list[Path]) -> tuple[int, list[str]]:
    """Take the rights of others away; of how many, and which could not be changed, with why."""
    changed, left = 0, []
    for path in paths:
        try:
            path.chmod(stat.S_IMODE(path.lstat().st_mode) & ~_OTHERS)
            changed += 1
        except FileNotFoundError:  # gone since it was found
            continue
        except OSError as error:
            left.append(f"{path} ({error.strerror})")
    return changed, left


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.lstat().st_mode)
    except FileNotFoundError:
        return 0  # gone since it was listed
