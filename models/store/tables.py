"""Every table of the database. Names of tables and columns are a contract with those who query it.
No `from __future__ import annotations` here: SQLModel reads the annotations when the class is made.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Column, Index, LargeBinary, Text, UniqueConstraint, false
from sqlmodel import Field, SQLModel

from models.store.columns import json_column as _json
from models.store.columns import text_column as _text
from models.store.columns import time_column as _time
from models.store.reader_tables import ChannelPost as ChannelPost
from models.store.reader_tables import Delivery as Delivery
from models.store.reader_tables import Recipient as Recipient
from models.store.reader_tables import StoredEdit as StoredEdit
from models.store.reader_tables import Suggestion as Suggestion
from models.store.reader_tables import ToldStory as ToldStory
from models.store.recognition_tables import EventReport as EventReport
from models.store.recognition_tables import RecognisedArticle as RecognisedArticle
from models.store.recognition_tables import Separation as Separation
from models.store.recognition_tables import StoredMention as StoredMention
from models.store.recognition_tables import StoredOrganisation as StoredOrganisation

LARGEST_ID = 2**31 - 1  # of any table; PostgreSQL fails where it is asked for more


class Run(SQLModel, table=True):
    """One run of the pipeline; `outcomes` counts what became of every entry: {source: {outcome: count}}."""

    id: int | None = Field(default=None, primary_key=True)
    flow: str
    started_at: datetime = _time(index=True)
    finished_at: datetime | None = _time(optional=True)
    entries: int = 0
    outcomes: dict[str, dict[str, int]] = _json(dict)


class SourceState(SQLModel, table=True):
    """What the monitor remembers of a source between polls."""

    __tablename__ = "source_state"

    source: str = Field(primary_key=True)
    url: str
    etag: str | None = None
    last_modified: str | None = None
    next_poll_at: datetime | None = _time(optional=True)
    failures: int = 0
    failing_since: datetime | None = _time(optional=True)
    failure_told_at: datetime | None = _time(optional=True)  # to a person, once; empty when it answers again
    last_outcome: str | None = None
    last_detail: str | None = _text(optional=True)
    last_polled_at: datetime | None = _time(optional=True)
    last_success_at: datetime | None = _time(optional=True)
    last_new_at: datetime | None = _time(optional=True)
    interval_seconds: int = 0


class HostState(SQLModel, table=True):
    """What the monitor remembers of a host: its robots.txt, and until when it asked to be left alone."""

    __tablename__ = "host_state"

    host: str = Field(primary_key=True)
    robots: str | None = _text(optional=True)
    robots_status: int | None = None
    robots_fetched_at: datetime | None = _time(optional=True)
    retry_after: datetime | None = _time(optional=True)
    blocked_until: datetime | None = _time(optional=True)  # it answered 401, 403 or a block page


class FetchEvent(SQLModel, table=True):
    """One request, whatever came of it. Kept 90 days."""

    __tablename__ = "fetch_event"

    id: int | None = Field(default=None, primary_key=True)
    run_id: int | None = Field(default=None, foreign_key="run.id", index=True)
    source: str = Field(index=True)
    kind: str  # source | page | robots
    url: str = _text()
    started_at: datetime = _time(index=True)
    status: int | None = None
    bytes: int = 0
    seconds: float = 0.0
    outcome: str
    detail: str = _text()


class Story(SQLModel, table=True):
    """One report with all its copies: the article that was seen first leads, of those with a text where there is one."""

    id: int | None = Field(default=None, primary_key=True)
    lead_article_id: int | None = Field(default=None, index=True)
    first_seen_at: datetime = _time(index=True)
    outlets: int = 1


class Article(SQLModel, table=True):
    """One page, by its normalised address, or one entry whose page may not or could not be read."""

    __table_args__ = (
        # A week among a million articles: all that its sums need is in the index, since rows with texts spread over pages.
        Index("ix_article_scope_when", "scope_state", "published_at", "first_seen_at", "story_id", "source"),
        Index("ix_article_when", "published_at", "first_seen_at", "source"),
        Index("ix_article_untagged", "model_version", "first_seen_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    url: str = Field(sa_column=Column(Text, unique=True, nullable=False))
    source: str = Field(index=True)
    outlet: str = ""  # who published it, where the source is a search service; else the source's name
    title: str = _text()
    summary: str = _text()
    author: str | None = _text(optional=True)
    published_at: datetime | None = _time(optional=True)
    first_seen_at: datetime = _time(index=True)
    language: str | None = None
    text: str | None = _text(optional=True)
    text_status: str = Field(index=True)
    words: int = 0
    paywalled: bool = False
    attempts: int = 0  # at reading its page
    outcome: str  # of the run that stored it
    fingerprint: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    in_scope: float | None = None  # calibrated probability
    scope_state: str | None = Field(default=None, index=True)  # yes | uncertain | no
    model_version: str | None = None  # that decided the scope
    story_id: int | None = Field(default=None, foreign_key="story.id", index=True)
    page_owed_since: datetime | None = _time(optional=True)  # until it is read, refused or given up
    page_due_at: datetime | None = _time(optional=True, index=True)  # when it is asked for next
    page_given_up: str | None = _text(optional=True)  # why it is asked for no more
    page_checked_at: datetime | None = _time(optional=True)  # when it was last read, or looked at for changes
    page_title: str | None = _text(optional=True)  # its own headline, as last read
    page_etag: str | None = _text(optional=True)
    page_sha256: str | None = None  # of what was sent
    listed_title: str | None = _text(optional=True)  # what its source's listing last called it
    listed_digest: str | None = None  # of all that the listing last said of it
    nation: str | None = None  # this and the next three: what the registry said of its source when it was stored
    sector: str | None = None
    rights: str | None = None  # the class; of this one and today's, the stricter rules
    weight: float | None = None
    # By a backfill: it is part of the trends of its own week, and news for no edition.
    backfilled: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))


class EarlierHeadline(SQLModel, table=True):
    """A headline that an article had before its source, or the page's own outlet, gave another."""

    __tablename__ = "earlier_headline"
    __table_args__ = (UniqueConstraint("article_id", "title"),)

    id: int | None = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key="article.id", index=True)
    title: str = _text()
    replaced_at: datetime = _time()


class SourceSnapshot(SQLModel, table=True):
    """A source as the registry of the last run that collected had it; `enabled` is false once it has left."""

    __tablename__ = "source_snapshot"

    source: str = Field(primary_key=True)
    name: str = ""
    nation: str
    sector: str
    rights: str
    weight: float
    enabled: bool
    recorded_at: datetime = _time()


class ArticleEdition(SQLModel, table=True):
    """The one edition that told an article's story, or why none has so far. Written when an edition is sealed."""

    __tablename__ = "article_edition"

    article_id: int = Field(primary_key=True, foreign_key="article.id")
    week: str | None = Field(default=None, index=True)  # of the edition; None: told in none
    reason: str = ""  # where week is None; see `models.store.placing.Reason`
    at: datetime = _time()


class ArticleAlias(SQLModel, table=True):
    """Another address of an article: one that redirected to it, or that its page calls not the canonical one."""

    __tablename__ = "article_alias"

    url: str = Field(sa_column=Column(Text, primary_key=True))
    article_id: int = Field(foreign_key="article.id", index=True)


class Tag(SQLModel, table=True):
    """One theme of one article, with the sentence that earned it. `no` is kept only where a person said so."""

    __table_args__ = (UniqueConstraint("article_id", "theme"), Index("ix_tag_theme_state", "theme", "state"))

    id: int | None = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key="article.id", index=True)
    theme: str
    score: float
    state: str  # yes | uncertain | no
    evidence: str = _text()
    terms: list[str] = _json(list)  # that weighed most, where the model can say so
    model_version: str


class Review(SQLModel, table=True):
    """A person's verdict on one theme of one article, or on its scope (theme `in-scope`)."""

    id: int | None = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key="article.id", index=True)
    theme: str
    verdict: bool
    reviewer: str
    note: str = _text()
    at: datetime = _time(index=True)


class ModelVersion(SQLModel, table=True):
    """A trained classifier: where it came from and how well it did."""

    __tablename__ = "model_version"

    version: str = Field(primary_key=True)
    trained_at: datetime = _time()
    training_hash: str
    code_version: str
    encoder: str
    file_sha256: str = ""
    scores: dict[str, Any] = _json(dict)
    state: str = Field(index=True)  # champion | challenger | retired | rejected
    reviews_learned: int = 0  # reviewed articles that it was trained on
    reviews_until: datetime | None = _time(optional=True)  # of the latest review that was there when it was trained
    pinned: bool = False  # a person went back to it, and nothing but a person or a measured challenger ends that


class Edition(SQLModel, table=True):
    """The digest of one week, as everyone could read it. Never changed once a delivery has begun."""

    id: int | None = Field(default=None, primary_key=True)
    week: str = Field(unique=True)  # 2026-W47
    composed_at: datetime = _time()
    subject: str = _text()
    html: str = _text()
    text: str = _text()
    content: dict[str, Any] = _json(dict)  # the edition as data, from which each recipient's email is made
    counts: dict[str, Any] = _json(dict)
    sealed: bool = False  # a delivery has begun
    sealed_at: datetime | None = _time(optional=True)
    preview: bool = False  # a digest would have sent it, but no mail server was set
    decision: str = ""  # a person's: approved | held
    decision_hash: str = ""  # SHA-256 of the content that was decided on
    decision_by: str = ""
    latest_review: int = 0  # the newest when it was composed
    latest_edit: int = 0  # the newest of its week when it was composed


class BackfillPart(SQLModel, table=True):
    """A finished part of a backfill: one archive file, or some days of one source. It is not read again."""

    __tablename__ = "backfill_part"

    part: str = Field(sa_column=Column(Text, primary_key=True))
    finished_at: datetime = _time()
    read: int = 0  # pages, or entries of a source, that were looked at
    stored: int = 0
    outcomes: dict[str, int] = _json(dict)
