"""Keeps the demo's invented news apart from real news, in the same data folder and without losing either."""

import json
import shutil
from pathlib import Path

from models.private_files import write_whole
from models.settings import Settings

MARKER = "demo.json"  # stands in a data folder whose database holds the demo's news
_WRITTEN = ("culture.db", "culture.db-wal", "culture.db-shm", "outbox", "archive", "site", MARKER)


def demo_folder(data: Path) -> Path:
    """The folder for a demo run: `data` itself, or `data/demo` where `data` holds real news.

    An earlier demo is thrown away: its dates have grown stale, and its site was served on other ports.
    """
    folder = data
    if (data / "culture.db").exists() and not (data / MARKER).exists():
        folder = data / "demo"
    if (folder / MARKER).exists():
        for name in _WRITTEN:
            _remove(folder / name)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / MARKER, json.dumps({"what": "this folder holds the demo's invented news"}).encode() + b"\n")
    return folder


def leave_demo(settings: Settings) -> str:
    """Before real news comes in: move a demo's files aside, into `demo/`; a line for people where that was done."""
    if not (settings.data / MARKER).exists():
        return ""
    aside = settings.data / "demo"
    _remove(aside)
    aside.mkdir(parents=True)
    for name in _WRITTEN:
        if (settings.data / name).exists():
            shutil.move(settings.data / name, aside / name)
    return f"The demo's invented news was moved to {aside}, so that it does not mix with real news."


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
