"""One `start` for each data folder: a lock that the operating system gives back when its holder dies."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.private_files import open_to_append

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


@contextmanager
def only_instance(file: Path) -> Iterator[int | None]:
    """Hold the lock; gives None, or the process that holds it already (0 where that is not known)."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with open_to_append(file) as held:
        if not _lock(held.fileno()):
            held.seek(0)
            words = held.read(20).strip()
            yield int(words) if words.isdigit() else 0
            return
        held.seek(0)
        held.truncate()
        held.write(str(os.getpid()).encode())
        held.flush()
        yield None


def _lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, 0x7FFFFFF0, os.SEEK_SET)  # beyond the text, which others must be able to read
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
