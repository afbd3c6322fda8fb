"""Queries of trained models: which one is the champion, which came before it."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Session, col, select

from models.errors import UserError
from models.store.tables import ModelVersion


class ModelError(UserError, ValueError):
    """The model that is asked for can't be used; the message says why and what to run. Nothing was changed."""


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


def pinned(*, session: Session) -> ModelVersion | None:
    """The model that a person went back to, until a person or a measured challenger ends that."""
    return session.exec(select(ModelVersion).where(col(ModelVersion.pinned).is_(True))).first()


def learned_from_the_same(until: datetime, *, code_version: str, encoder: str, session: Session) -> ModelVersion | None:
    """A model of this code and encoder that has learned from the reviews up to a moment, whatever became of it."""
    query = select(ModelVersion).where(
        ModelVersion.reviews_until == until,
        ModelVersion.code_version == code_version,
        ModelVersion.encoder == encoder,
    )
    return session.exec(query).first()


def was_rejected_since(until: datetime | None, *, code_version: str, encoder: str, session: Session) -> bool:
    """Whether a model of this code and encoder, with reviews later than `until`, measured worse than the champion of its day."""
    query = select(ModelVersion).where(
        ModelVersion.state == ModelState.REJECTED,
        ModelVersion.code_version == code_version,
        ModelVersion.encoder == encoder,
    )
    later = col(ModelVersion.reviews_until) > until if until else col(ModelVersion.reviews_until).is_not(None)
    return session.exec(query.where(later)).first() is not None


def record(
    version: str,
    *,
    facts: dict[str, Any],
    scores: dict[str, Any],
    state: ModelState,
    now: datetime,
    reviews_until: datetime | None = None,
    session: Session,
) -> None:
    """Record a trained model; a new champion retires the one before. What a person pinned stays so."""
    if state is ModelState.CHAMPION:
        _retire_others(version, session=session)
    known = session.get(ModelVersion, version)
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
            reviews_learned=int(facts.get("reviews", 0)),
            reviews_until=reviews_until,
            pinned=known is not None and known.pinned,
        )
    )


def note_reviews(version: str, until: datetime | None, *, session: Session) -> None:
    """Say of a model that it has seen all reviews up to a moment: what came since would make the same model."""
    row = session.get_one(ModelVersion, version)
    row.reviews_until = until
    session.add(row)


def make_champion(version: str, *, pin: bool = True, session: Session) -> bool:
    """Give the tagging to a recorded model, and `pin` it as a person's choice; False where it is not recorded."""
    row = session.get(ModelVersion, version)
    if row is None:
        return False
    _retire_others(version, session=session)
    row.state = ModelState.CHAMPION
    session.add(row)
    if pin:
        unpin(session=session)
        row.pinned = True
    return True


def unpin(*, session: Session) -> None:
    """End what a person went back to: a measured challenger took over, or a person chose another."""
    for row in session.exec(select(ModelVersion).where(col(ModelVersion.pinned).is_(True))):
        row.pinned = False
        session.add(row)
    session.flush()


def _retire_others(version: str, *, session: Session) -> None:
    for row in session.exec(select(ModelVersion).where(ModelVersion.state == ModelState.CHAMPION)):
        if row.version != version:
            row.state = ModelState.RETIRED
            session.add(row)
    session.flush()
