"""Files of the data folder hold addresses, tokens and texts: they are their owner's alone, whoever's umask a program starts with."""

import os
import stat
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def keep_private() -> None:
    """Let whatever this process and its children make from now on be its owner's alone: 0600, folders 0700.

    Called once where a program or a run begins. By the umask, since SQLite, Prefect and NumPy make files too.
    """
    os.umask(_OTHERS)


def find_loose(folder: Path) -> list[Path]:
    """What others may read or write in this folder, itself included: an older version, or another program, left it so."""
    if not folder.is_dir():
        return []
    return [path for path in (folder, *sorted(folder.rglob("*"))) if not path.is_symlink() and _mode(path) & _OTHERS]


def tighten(paths: list[Path]) -> None:
    """Take the rights of others away.

    Raises:
        OSError: one of them is somebody else's.
    """
    for path in paths:
        path.chmod(_mode(path) & ~_OTHERS)


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.lstat().st_mode)
    except FileNotFoundError:
        return 0  # gone since it was listed
