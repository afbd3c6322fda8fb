"""Who receives emails, what was sent and posted, what readers leave, editors change and reviewers are asked.

`models.store.tables` hands these on with all other tables. No `from __future__ import annotations` here: SQLModel reads the
annotations when the class is made.
"""

from datetime import datetime

from sqlalchemy import Column, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.store.columns import json_column, text_column, time_column


class Recipient(SQLModel, table=True):
    """Someone who receives the digest. Erasing empties `address` and `name`."""

    id: int | None = Field(default=None, primary_key=True)
    address: str | None = Field(default=None, sa_column=Column(Text, unique=True, nullable=True))
    name: str = ""
    themes: list[str] = json_column(list)  # none: all
    nations: list[str] = json_column(list)
    sectors: list[str] = json_column(list)
    watch: list[str] = json_column(list)  # ids of organisations whose stories come first
    daily: bool = False  # an email on weekdays, too, with what is new
    alerts: list[str] = json_column(list)  # themes of which a story is told at once, and `models.edition.short.WATCHED`
    send_empty: bool = False  # an email even in a week with nothing for them
    active: bool = True
    token: str = Field(unique=True)
    joined_at: datetime = time_column()
    left_at: datetime | None = time_column(optional=True)


class Delivery(SQLModel, table=True):
    """One email to one recipient: pending, sending, sent, failed, skipped (nothing for them, or they left) or expired."""

    __table_args__ = (UniqueConstraint("edition_id", "recipient_id"),)

    id: int | None = Field(default=None, primary_key=True)
    edition_id: int | None = Field(
        default=None, foreign_key="edition.id", index=True
    )  # None: a daily email or an alert
    recipient_id: int = Field(foreign_key="recipient.id", index=True)
    kind: str = "weekly"  # weekly | daily | alert
    opened_at: datetime | None = time_column(optional=True, index=True)  # of a daily email or an alert
    state: str = Field(index=True)
    message_id: str = text_column()
    attempts: int = 0
    updated_at: datetime = time_column()
    sent_at: datetime | None = time_column(optional=True)
    error: str | None = text_column(optional=True)
    message: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))  # to be repeated


class ToldStory(SQLModel, table=True):
    """A story, by an article of it, that a daily email or an alert tells: no other of them tells it to the same reader."""

    __tablename__ = "told_story"

    delivery_id: int = Field(primary_key=True, foreign_key="delivery.id")
    article_id: int = Field(primary_key=True, foreign_key="article.id", index=True)


class Suggestion(SQLModel, table=True):
    """A reader's word that a tag is wrong. It waits for a reviewer until one has spoken on it, and changes nothing itself."""

    id: int | None = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key="article.id", index=True)
    theme: str  # or `in-scope`
    verdict: bool  # whether it applies
    note: str = text_column()
    at: datetime = time_column(index=True)


class AuditedStory(SQLModel, table=True):
    """A story drawn to see how much the tagger misses, as it stood then. Never changed; the answer is a `review` of its scope."""

    __tablename__ = "audited_story"
    __table_args__ = (UniqueConstraint("week", "article_id"),)

    id: int | None = Field(default=None, primary_key=True)  # in the order in which they are asked
    week: str  # 2026-W47, in which the story was first seen
    article_id: int = Field(foreign_key="article.id", index=True)  # that led the story
    stratum: str  # shown | doubtful | near | far; see `models.audit.Stratum`
    stratum_size: int  # stories of that stratum in that week
    chance: float  # with which each of them was drawn
    score: float  # probability that it is in scope, as the tagger had it
    model_version: str  # that said so
    drawn_at: datetime = time_column(index=True)


class ChannelPost(SQLModel, table=True):
    """One edition, or the alert of one story, to one channel, by the channel's name: the states of a delivery."""

    __tablename__ = "channel_post"
    __table_args__ = (UniqueConstraint("edition_id", "channel"),)

    id: int | None = Field(default=None, primary_key=True)
    edition_id: int | None = Field(default=None, foreign_key="edition.id")
    article_id: int | None = Field(default=None, foreign_key="article.id", index=True)  # of the story of an alert
    opened_at: datetime | None = time_column(optional=True)  # of an alert
    channel: str  # its address stands in no table
    state: str = Field(index=True)
    attempts: int = 0
    updated_at: datetime = time_column()
    sent_at: datetime | None = time_column(optional=True)
    error: str | None = text_column(optional=True)


class StoredEdit(SQLModel, table=True):
    """What an editor changed of the edition of a week. Rows are only added: an undoing names the edit that it undoes."""

    __tablename__ = "edit"

    id: int | None = Field(default=None, primary_key=True)
    week: str = Field(index=True)  # 2026-W47
    kind: str  # see `models.edition.edits.Kind`
    article_id: int | None = Field(default=None, foreign_key="article.id")
    theme: str = ""
    text: str = text_column()  # the note, or the editor's sentence
    title: str = text_column()  # its headline then; an added one's as the editor gives it
    outlet: str = ""
    url: str = text_column()  # of what is added
    reviewed: dict[str, list[bool]] = json_column(dict)  # by moving: theme -> what stood before, and since
    undoes: int | None = None
    editor: str
    at: datetime = time_column()
