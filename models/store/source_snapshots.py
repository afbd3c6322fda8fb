"""What the registry of the last collecting run said of its sources: what an edition needs to know of them later.

An edition is made from the store alone, so it says the same whichever registry the command that composes it was given.
"""

from datetime import datetime

from sqlalchemy import delete, insert
from sqlmodel import Session, col, select

from models.sources import Registry
from models.store.tables import SourceSnapshot


def record_sources(registry: Registry, now: datetime, *, session: Session) -> None:
    """Keep what `registry` says; sources that have left it stay on record, disabled. Writes only what has changed."""
    before = source_snapshots(session=session)
    after = {
        source.id: SourceSnapshot(
            source=source.id, name=source.label, enabled=source.enabled, recorded_at=now, **source.origin
        )
        for source in registry.sources
    }
    for gone in before.keys() - after.keys():
        after[gone] = before[gone].model_copy(update={"enabled": False, "recorded_at": now})
    changed = [row for source, row in sorted(after.items()) if _said(row) != _said(before.get(source))]
    if not changed:
        return
    session.execute(delete(SourceSnapshot).where(col(SourceSnapshot.source).in_([row.source for row in changed])))
    session.execute(insert(SourceSnapshot), [row.model_dump() for row in changed])


def source_snapshots(*, session: Session) -> dict[str, SourceSnapshot]:
    """The sources on record, by id; none before the first run that collected."""
    return {row.source: row for row in session.exec(select(SourceSnapshot))}


def enabled_sources(*, session: Session) -> list[SourceSnapshot]:
    """The sources that the last run that collected watched, by id."""
    return [row for _, row in sorted(source_snapshots(session=session).items()) if row.enabled]


def _said(row: SourceSnapshot | None) -> dict[str, object]:
    return row.model_dump(exclude={"recorded_at"}) if row is not None else {}
