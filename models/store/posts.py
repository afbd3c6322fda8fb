"""Which edition was posted to which channel: the states of a delivery, by the channel's name, never by its address.

An edition's number is None where alerts are meant, each of one story.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, update
from sqlmodel import Session, col, select

from models.store.columns import chunks
from models.store.deliveries import NOT_CONFIRMED, NOT_TOLD, OUT_OF_DATE, UNDER_WAY, DeliveryState
from models.store.tables import ChannelPost, Edition


def open_posts(edition_id: int, wanted: Iterable[tuple[str, bool]], now: datetime, *, session: Session) -> None:
    """Open one post per (channel, whether there is something for it)."""
    for channel, has_news in wanted:
        state = DeliveryState.PENDING if has_news else DeliveryState.SKIPPED
        session.add(ChannelPost(edition_id=edition_id, channel=channel, state=state.value, updated_at=now))
    session.flush()


def under_way(*, session: Session) -> list[int]:
    """The editions with posts that are pending, or were left `sending`; oldest first."""
    query = select(ChannelPost.edition_id).where(col(ChannelPost.state).in_(UNDER_WAY)).distinct()
    return sorted(edition for edition in session.exec(query) if edition is not None)


def all_waiting(*, session: Session) -> Sequence[ChannelPost]:
    """The posts that are still to be sent, alerts among them."""
    return session.exec(
        select(ChannelPost).where(col(ChannelPost.state).in_(UNDER_WAY)).order_by(col(ChannelPost.id))
    ).all()


def waiting(edition_id: int | None, *, session: Session) -> Sequence[ChannelPost]:
    """The posts of one edition, or the alerts, that are still to be sent."""
    return [one for one in all_waiting(session=session) if one.edition_id == edition_id]


def open_alert(channel: str, article_id: int, now: datetime, *, session: Session) -> None:
    """Open the alert of a story, named by an article of it, to a channel."""
    state = DeliveryState.PENDING.value
    session.add(ChannelPost(channel=channel, article_id=article_id, opened_at=now, state=state, updated_at=now))
    session.flush()


def alerted(article_ids: Iterable[int], *, session: Session) -> Sequence[ChannelPost]:
    """The alerts of stories with these articles that reached their channel, or are about to."""
    found: list[ChannelPost] = []
    for chunk in chunks(sorted(article_ids)):
        of_story = col(ChannelPost.article_id).in_(chunk)
        found += session.exec(select(ChannelPost).where(of_story, col(ChannelPost.state).not_in(NOT_TOLD)))
    return found


def recover(edition_id: int | None, now: datetime, *, session: Session) -> int:
    """What a dead sender left `sending` is pending again. Only the one sender may call it."""
    mine = (col(ChannelPost.edition_id) == edition_id, col(ChannelPost.state) == DeliveryState.SENDING.value)
    return _change(session, *mine, state=DeliveryState.PENDING.value, error=NOT_CONFIRMED, updated_at=now)


def expire(edition_id: int | None, now: datetime, keep_for: timedelta, *, session: Session) -> list[str]:
    """Give up what is pending of an edition that was sealed, or an alert that was opened, too long ago; those channels."""
    sealed_at = session.get_one(Edition, edition_id).sealed_at if edition_id is not None else None
    late = [
        post
        for post in waiting(edition_id, session=session)
        if post.state == DeliveryState.PENDING.value and _is_late(post.opened_at or sealed_at, now, keep_for)
    ]
    mine = col(ChannelPost.id).in_([post.id for post in late])
    _change(session, mine, state=DeliveryState.EXPIRED.value, error=OUT_OF_DATE, updated_at=now)
    return [post.channel for post in late]


def _is_late(since: datetime | None, now: datetime, keep_for: timedelta) -> bool:
    return since is not None and now - since >= keep_for


def claim(post: ChannelPost, now: datetime, *, session: Session) -> bool:
    """From pending to sending; False where another has it."""
    mine = (col(ChannelPost.id) == post.id, col(ChannelPost.state) == DeliveryState.PENDING.value)
    return _change(session, *mine, state=DeliveryState.SENDING.value, updated_at=now) == 1


def settle(post: ChannelPost, problem: str, now: datetime, *, session: Session) -> None:
    """Record what came of it: sent, or pending again with what was wrong."""
    mine = (col(ChannelPost.id) == post.id, col(ChannelPost.state) == DeliveryState.SENDING.value)
    values: dict[str, object] = {"attempts": col(ChannelPost.attempts) + 1, "error": problem or None, "updated_at": now}
    if problem:
        _change(session, *mine, state=DeliveryState.PENDING.value, **values)
    else:
        _change(session, *mine, state=DeliveryState.SENT.value, sent_at=now, **values)


def withdraw(post: ChannelPost, why: str, now: datetime, *, session: Session) -> None:
    """Post no more to a channel that has left the list, or wants nothing of this edition any more."""
    mine = (col(ChannelPost.id) == post.id, col(ChannelPost.state) == DeliveryState.PENDING.value)
    _change(session, *mine, state=DeliveryState.SKIPPED.value, error=why, updated_at=now)


def count_states(edition_id: int, *, session: Session) -> dict[DeliveryState, int]:
    """How many posts of an edition are in each state."""
    rows = session.exec(
        select(ChannelPost.state, func.count())
        .where(ChannelPost.edition_id == edition_id)
        .group_by(col(ChannelPost.state))
    )
    found = dict(rows.all())
    return {state: found.get(state.value, 0) for state in DeliveryState}


def _change(session: Session, *where: ColumnElement[bool], **values: object) -> int:
    return int(session.execute(update(ChannelPost).where(*where).values(**values)).rowcount)  # type: ignore[attr-defined]
