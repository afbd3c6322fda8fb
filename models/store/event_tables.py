"""The tables of events: which stories report one, which continues which, and what a person has separated.

No `from __future__ import annotations` here: SQLModel reads the annotations when the class is made.
"""

from datetime import datetime

from sqlmodel import Field, SQLModel

from models.store.columns import text_column as _text
from models.store.columns import time_column as _time


class EventReport(SQLModel, table=True):
    """A story in scope as the report of an event, and the earlier story that it continues; made anew when it changes."""

    __tablename__ = "event_report"

    story_id: int = Field(primary_key=True, foreign_key="story.id")
    event_id: int = Field(index=True)  # the story that reported it first: stories of one number are of one event
    follows_story_id: int | None = Field(default=None, index=True)
    lead_article_id: int = Field(index=True)  # what was compared: the story's lead as it was then
    words: int = 0  # of its text then
    at: datetime = _time(index=True)  # when it was published, else first seen


class Separation(SQLModel, table=True):
    """A person's word that two articles are neither reports of one event nor one the continuation of the other."""

    __tablename__ = "separation"

    article_id: int = Field(primary_key=True, foreign_key="article.id")  # the smaller number
    other_id: int = Field(primary_key=True, foreign_key="article.id", index=True)
    reviewer: str
    note: str = _text()
    at: datetime = _time()
