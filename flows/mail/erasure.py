"""Forgetting a person everywhere: in the database, and in the outbox folder's files that bear their address."""

from datetime import datetime
from pathlib import Path

from flows.mail.outbox import outbox_name
from models.store import recipients
from models.store.database import Database


def erase(database: Database, outbox: Path, address: str, now: datetime) -> None:
    """Erase one address at once.

    Raises:
        RecipientError: nothing is kept about it.
    """
    _remove_files(outbox, recipients.check_address(address))
    with database.write() as session:
        recipients.erase(address, now, session=session)


def erase_departed(database: Database, outbox: Path, now: datetime) -> int:
    """Erase those who left 28 days ago or more; returns how many. For the daily upkeep."""
    with database.read() as session:
        departed = [row.address or "" for row in recipients.departed(now, session=session)]
    for address in departed:
        _remove_files(outbox, address)
    with database.write() as session:
        return recipients.erase_departed(now, session=session)


def _remove_files(outbox: Path, address: str) -> None:
    for suffix in ("eml", "part"):
        for week in outbox.glob("*/"):
            (week / f"{outbox_name(address)}.{suffix}").unlink(missing_ok=True)
