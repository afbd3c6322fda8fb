"""Queries of trained models: which one is the champion, which came before it."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Session, col, select

from models.store.tables import ModelVersion


class ModelState(StrEnum):
    """What a trained model is to the monitor."""

    CHAMPION = "champion"  # tags new articles; one at a time
    RETIRED = "retired"  # was champion; a rollback makes it champion again
    REJECTED = "rejected"  # measured worse than the champion of its day


def champion(*, session: Session) -> ModelVersion | None:
    """The model that tags, if one was ever trained."""
    return session.exec(select(ModelVersion).where(ModelVersion.state == ModelState.CHAMPION)).first()


def all_versions(*, session: Session) -> Sequence[ModelVersion]:
    """Every recorded model, newest first."""
    return session.exec(select(ModelVersion).order_by(col(ModelVersion.trained_at).desc())).all()


def record(
    version: str,
    *,
    facts: dict[str, Any],
    scores: dict[str, Any],
    state: ModelState,
    now: datetime,
    session: Session,
) -> None:
    """Record a trained model; a new champion retires the one before."""
    if state is ModelState.CHAMPION:
        _retire_others(version, session=session)
    session.merge(
        ModelVersion(
            version=version,
            trained_at=now,
            training_hash=str(facts.get("training_sha256", "")),
            code_version=str(facts.get("code_version", "")),
            encoder=str(facts.get("encoder", "")),
            file_sha256=str(facts.get("file_sha256", "")),
            scores=scores,
            state=state,
        )
    )


def make_champion(version: str, *, session: Session) -> bool:
    """Give the tagging to a recorded model; False where it is not recorded."""
    row = session.get(ModelVersion, version)
    if row is None:
        return False
    _retire_others(version, session=session)
    row.state = ModelState.CHAMPION
    session.add(row)
    return True


def _retire_others(version: str, *, session: Session) -> None:
    for row in session.exec(select(ModelVersion).where(ModelVersion.state == ModelState.CHAMPION)):
        if row.version != version:
            row.state = ModelState.RETIRED
            session.add(row)
    session.flush()
