"""Forgetting a person everywhere: in the database and its file, the demo's beside it, the outbox folder, and Prefect's runs.

Prefect's runs are deleted by whoever calls, since the command runs without Prefect: see `flows.running.forgetting`.
"""

import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from models.settings import Settings
from models.sources import Registry
from models.store import organisations, recipients
from models.store.database import BUSY_SECONDS, Database, open_database
from models.store.database_address import DatabaseError
from models.store.tables import Recipient
from models.store.upkeep import Upkeep, keep_up

logger = logging.getLogger(__name__)

ForgetRuns = Callable[[Sequence[str]], Awaitable[None]]  # deletes the runs that hold one of these addresses
_READ_BYTES = 1 << 20
_LOOK_AGAIN_SECONDS = 0.2


async def erase(
    database: Database, settings: Settings, address: str, now: datetime, forget_runs: ForgetRuns | None = None
) -> list[Path]:
    """Erase one address at once; returns the files below the data folder that hold it still, for people to delete.

    Raises:
        RecipientError: nothing is kept about it.
    """
    normal = recipients.check_address(address)
    was_in_demo = _erase_from_demo(settings, [normal], now)
    with database.write() as session:
        if not was_in_demo or recipients.by_address(normal, session=session) is not None:
            recipients.erase(normal, now, session=session)
    return await _erase_traces(database, settings, [normal], forget_runs)


async def erase_departed(
    database: Database, settings: Settings, now: datetime, forget_runs: ForgetRuns | None = None
) -> int:
    """Erase those who left 28 days ago or more; returns how many. For the daily upkeep."""
    with database.write() as session:
        departed = [row.address or "" for row in recipients.departed(now, session=session)]
        recipients.erase_departed(now, session=session)
    if departed:
        _erase_from_demo(settings, departed, now)
        warn_of(await _erase_traces(database, settings, departed, forget_runs))
    return len(departed)


async def upkeep(
    database: Database,
    registry: Registry,
    settings: Settings,
    *,
    now: datetime,
    forget_runs: ForgetRuns | None = None,
) -> Upkeep:
    """Delete what is past its time: texts, logged requests, those who left, and their traces in Prefect with `forget_runs`."""
    # First, while the database still knows whose traces there are elsewhere.
    erased = await erase_departed(database, settings, now, forget_runs)
    organisations.record_all(
        database, settings.own_organisations
    )  # before texts go: what they name can't be found later
    done = keep_up(database, registry, now=now)
    if database.engine.dialect.name == "sqlite" and database.engine.url.database:
        empty_log(Path(database.engine.url.database))  # which still holds the pages as they were
    return replace(done, recipients=erased + done.recipients)


def recipients_in(file: Path) -> Sequence[Recipient]:
    """The recipients of a SQLite file.

    Raises:
        DatabaseError: it can't be read.
    """
    with open_database(f"sqlite:///{file}") as database, database.read() as session:
        return recipients.everyone(session=session)


def move_recipients(people: Sequence[Recipient], file: Path, address: str, now: datetime) -> None:
    """Take the recipients of a SQLite file over into the database at `address`, and leave nobody in it.

    Cut short, it is done by another call: who is in both is taken out of the file alone.

    Raises:
        DatabaseError: the database at `address` can't be had; nothing has changed.
    """
    with open_database(address) as new, new.write() as session:
        recipients.take_over(people, session=session)
    with open_database(f"sqlite:///{file}") as old:
        _erase_all(old, file, [person.address or "" for person in people], now)


def warn_of(files: Sequence[Path]) -> None:
    """Log which files hold an erased address still, where nobody is there to be told."""
    if files:
        logger.warning("an erased address is still in %s: delete it there", ", ".join(map(str, files)))


def _erase_from_demo(settings: Settings, addresses: Sequence[str], now: datetime) -> bool:
    """Whether the demo that was moved aside knew one of them; earlier versions moved it with its recipients."""
    file = settings.demo / "culture.db"
    if not file.is_file():
        return False
    try:
        with open_database(f"sqlite:///{file}") as database:
            return _erase_all(database, file, addresses, now)
    except DatabaseError as error:  # damaged: where it holds an address, it is named in the end
        logger.warning("%s", error)
        return False


def _erase_all(database: Database, file: Path, addresses: Sequence[str], now: datetime) -> bool:
    with database.write() as session:
        known = [one for one in addresses if recipients.by_address(one, session=session) is not None]
        for address in known:
            recipients.erase(address, now, session=session)
    clean_file(file, addresses)
    return bool(known)


async def _erase_traces(
    database: Database, settings: Settings, addresses: Sequence[str], forget_runs: ForgetRuns | None
) -> list[Path]:
    _remove_files(settings.outbox, addresses)
    _remove_files(settings.demo / "outbox", addresses)
    if forget_runs is not None:
        await forget_runs(addresses)
    files = [settings.data / "prefect" / "prefect.db"]
    if database.engine.dialect.name == "sqlite" and database.engine.url.database:
        files.append(Path(database.engine.url.database))
    for file in files:
        if file.is_file():
            clean_file(file, addresses)
    # Prefect's own files are as clean as the step before has left them: its server writes them while we look.
    ours = (file for file in settings.data.rglob("*") if settings.data / "prefect" not in file.parents)
    return sorted(file for file in ours if file.is_file() and _holds(file, addresses))


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
    try:
        with file.open("rb") as opened:
            tail = b""
            while part := opened.read(_READ_BYTES):
                if any(word in (tail + part).lower() for word in wanted):
                    return True
                tail = part[-overlap:]
    except OSError as error:  # gone since it was listed, or not ours to read
        logger.info("%s: %s", file, error.strerror)
    return False
