"""Forgetting a person everywhere: in the database and its file, in the outbox folder, and in Prefect's runs.

Prefect's runs are deleted by whoever calls, since the command runs without Prefect: see `flows.running.forgetting`.
"""

import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from models.settings import Settings
from models.store import recipients
from models.store.database import BUSY_SECONDS, Database

logger = logging.getLogger(__name__)

ForgetRuns = Callable[[Sequence[str]], Awaitable[None]]  # deletes the runs that hold one of these addresses
_READ_BYTES = 1 << 20
_LOOK_AGAIN_SECONDS = 0.2


async def erase(
    database: Database, settings: Settings, address: str, now: datetime, forget_runs: ForgetRuns | None = None
) -> None:
    """Erase one address at once.

    Raises:
        RecipientError: nothing is kept about it.
    """
    normal = recipients.check_address(address)
    with database.write() as session:
        recipients.erase(normal, now, session=session)
    await _erase_traces(database, settings, [normal], forget_runs)


async def erase_departed(
    database: Database, settings: Settings, now: datetime, forget_runs: ForgetRuns | None = None
) -> int:
    """Erase those who left 28 days ago or more; returns how many. For the daily upkeep."""
    with database.write() as session:
        departed = [row.address or "" for row in recipients.departed(now, session=session)]
        recipients.erase_departed(now, session=session)
    await _erase_traces(database, settings, departed, forget_runs)
    return len(departed)


async def _erase_traces(
    database: Database, settings: Settings, addresses: Sequence[str], forget_runs: ForgetRuns | None
) -> None:
    if not addresses:
        return
    _remove_files(settings.outbox, addresses)
    if forget_runs is not None:
        await forget_runs(addresses)
    files = [settings.data / "prefect" / "prefect.db"]
    if database.engine.dialect.name == "sqlite" and database.engine.url.database:
        files.append(Path(database.engine.url.database))
    for file in files:
        if file.is_file():
            clean_file(file, addresses)


def _remove_files(outbox: Path, addresses: Sequence[str]) -> None:
    """Earlier versions wrote an email to each address where no mail server was set."""
    for address in addresses:
        for week in outbox.glob("*/"):
            for suffix in ("eml", "part"):
                (week / f"{quote(address, safe='@+')}.{suffix}").unlink(missing_ok=True)


def clean_file(file: Path, words: Sequence[str]) -> None:
    """See to it that neither a SQLite file nor its write-ahead log holds what was deleted from it.

    SQLite overwrites what it deletes (`secure_delete`), but for the log; where it has left something, the file is
    written anew, which takes as long as the file is large.
    """
    with closing(sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        _empty_log(connection)
        if _holds(file, words):
            try:
                connection.execute("VACUUM")
            except sqlite3.OperationalError as error:
                logger.warning("%s could not be written anew (%s): 'VACUUM' it when nothing else runs", file, error)
            _empty_log(connection)


def empty_log(file: Path) -> None:
    """Take over what is in the write-ahead log of a SQLite file, and leave nothing in it."""
    with closing(sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
        _empty_log(connection)


def _empty_log(connection: sqlite3.Connection) -> None:
    until = time.monotonic() + BUSY_SECONDS
    while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] and time.monotonic() < until:
        time.sleep(_LOOK_AGAIN_SECONDS)  # another process reads from it


def _holds(file: Path, words: Sequence[str]) -> bool:
    wanted = [word.encode() for word in words]
    overlap = max(map(len, wanted))
    with file.open("rb") as opened:
        tail = b""
        while part := opened.read(_READ_BYTES):
            if any(word in tail + part for word in wanted):
                return True
            tail = part[-overlap:]
    return False
