"""What the registry of the last collecting run said of its sources: what an edition needs to know of them later.

An edition is made from the store alone, so it says the same whichever registry the command that composes it was given.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from models.sources import Registry
from models.store.tables import Article, SourceSnapshot


def record_sources(registry: Registry, now: datetime, *, session: Session) -> None:
    """Keep what `registry` says; sources that have left it stay on record, disabled. Writes only what has changed.

    Articles of an earlier release, stored without what was known of their source, get what is known when the source is
    first put on record, once.
    """
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
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement: Any = insert(SourceSnapshot)
    columns = {name: statement.excluded[name] for name in SourceSnapshot.model_fields if name != "source"}
    # Two first runs may begin at once: the later word stays.
    statement = statement.on_conflict_do_update(index_elements=["source"], set_=columns)
    session.execute(statement, [row.model_dump() for row in changed])
    for row in changed:
        if row.source not in before:
            origin = {"nation": row.nation, "sector": row.sector, "rights": row.rights, "weight": row.weight}
            old = update(Article).where(col(Article.source) == row.source, col(Article.nation).is_(None))
            session.execute(old.values(origin))


def source_snapshots(*, session: Session) -> dict[str, SourceSnapshot]:
    """The sources on record, by id; none before the first run that collected."""
    return {row.source: row for row in session.exec(select(SourceSnapshot))}


def enabled_sources(*, session: Session) -> list[SourceSnapshot]:
    """The sources that the last run that collected watched, by id."""
    return [row for _, row in sorted(source_snapshots(session=session).items()) if row.enabled]


def _said(row: SourceSnapshot | None) -> dict[str, object]:
    return row.model_dump(exclude={"recorded_at"}) if row is not None else {}
