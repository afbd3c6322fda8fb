"""The tables of organisations and of where articles name them; `models.store.tables` hands them on with all others.

No `from __future__ import annotations` here: SQLModel reads the annotations when the class is made.
"""

from sqlalchemy import JSON, Column, Text, UniqueConstraint
from sqlmodel import Field, SQLModel


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
