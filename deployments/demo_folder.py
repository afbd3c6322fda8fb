"""Keeps the demo's invented news apart from real news, in the same data folder and without losing either."""

import json
import shutil
from pathlib import Path

from flows.publishing.erasure import move_recipients, recipients_in
from models.private_files import write_whole
from models.settings import Settings
from models.store.database_address import DatabaseError
from models.weeks import utc_now

MARKER = "demo.json"  # stands in a data folder whose database holds the demo's news
_WRITTEN = ("culture.db", "culture.db-wal", "culture.db-shm", "outbox", "archive", "site", MARKER)  # the marker last
_LEAVING = (
    "demo.leaving"  # what goes, until its recipients are elsewhere; a call that is cut short is taken up by the next
)


def demo_folder(data: Path) -> Path:
    """The folder for a demo run: `data` itself, or `data/demo` where `data` holds real news.

    An earlier demo is thrown away: its dates have grown stale, and its site was served on other ports. Its recipients,
    who are real people, stay on the list.
    """
    folder = data
    if (data / "culture.db").exists() and not (data / MARKER).exists():
        folder = data / "demo"
    if (folder / MARKER).exists():
        _set_aside(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _carry_over(folder, f"sqlite:///{folder / 'culture.db'}")
    write_whole(folder / MARKER, json.dumps({"what": "this folder holds the demo's invented news"}).encode() + b"\n")
    _remove(folder / _LEAVING)
    return folder


def leave_demo(settings: Settings) -> str:
    """Before real news comes in: move a demo's files aside, into `demo/`; a line for people where that was done.

    Its recipients come over into the database of the real news.
    """
    if (settings.data / MARKER).exists():
        _set_aside(settings.data)
    leaving = settings.data / _LEAVING
    if not leaving.exists():
        return ""
    words = _carry_over(settings.data, settings.database_address)
    _remove(settings.demo)
    leaving.rename(settings.demo)
    return f"The demo's invented news was moved to {settings.demo}, so that it does not mix with real news.{words}"


def _set_aside(folder: Path) -> None:
    leaving = folder / _LEAVING
    leaving.mkdir(exist_ok=True)
    for name in _WRITTEN:
        if (folder / name).exists():
            (folder / name).replace(leaving / name)


def _carry_over(folder: Path, address: str) -> str:
    """Move the recipients of the demo that goes into the database at `address`; what came of it, where there were any."""
    file = folder / _LEAVING / "culture.db"
    if not file.is_file():
        return ""
    try:
        people = recipients_in(file)
    except DatabaseError as error:
        return f" Its list of recipients can't be read: {error}."
    if not people:
        return ""
    move_recipients(people, file, address, utc_now())
    count = f"{len(people)} recipient{'s' * (len(people) != 1)}"
    return f" The list of {count} came over from it: they receive the real news."


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
