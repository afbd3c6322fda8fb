"""The tables of what is found in articles: organisations and where they are named, and the events that stories report.

`models.store.tables` hands them on with all others.

No `from __future__ import annotations` here: SQLModel reads the annotations when the class is made.
"""

from datetime import datetime

from sqlalchemy import JSON, Column, Text, UniqueConstraint
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


class StoredOrganisation(SQLModel, table=True):
    """An organisation of the vocabulary, for queries; `seeds/organisations.toml` and the user's own file are its home."""

    __tablename__ = "organisation"

    id: str = Field(primary_key=True)
    name: str
    kind: str = Field(index=True)
    nation: str = Field(index=True)
    region: str = ""
    ods: str = ""
    successors: list[str] = Field(
        default_factory=list, sa_column=Column(JSON, nullable=False)
    )  # ids of the organisations that took over
    is_current: bool = True
    vocabulary: str  # the version of the vocabulary that it was last in


class StoredMention(SQLModel, table=True):
    """An organisation named in an article's title, summary or text: where first, by which words, how often.

    It outlives the article's text: what it keeps of that is the name alone.
    """

    __tablename__ = "mention"
    __table_args__ = (UniqueConstraint("article_id", "organisation_id", "place"),)

    id: int | None = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key="article.id", index=True)
    organisation_id: str = Field(index=True)  # no reference: an organisation may leave the vocabulary
    place: str  # title | summary | text
    start_offset: int
    end_offset: int
    surface: str = Field(default="", sa_column=Column(Text, nullable=False))
    count: int = 1


class RecognisedArticle(SQLModel, table=True):
    """An article in which organisations were looked for, though it may name none."""

    __tablename__ = "recognised_article"

    article_id: int = Field(foreign_key="article.id", primary_key=True)
    vocabulary: str  # the version of the vocabulary
    attempts: int  # at reading its page, as the article had them then: with another one its text may be new
