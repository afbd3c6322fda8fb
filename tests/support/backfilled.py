"""What the tests of a backfill share: a time, archives of its pages, and all that was stored of them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import select

from flows.past.archives import ArchiveJob, read_into
from flows.past.backfilling import archive_jobs
from flows.past.parts import ReadSummary
from flows.reading.sources import Window
from models.folding import cluster_unassigned
from models.settings import Settings
from models.sources import Registry
from models.store.database import Database
from models.store.tables import Article, ArticleAlias, Story
from tests.support.archives import Captured, write_archive

THEN = datetime(2022, 9, 1, 9, 0, tzinfo=UTC)
PAST = Window(THEN - timedelta(days=80), THEN)
TAGS = {"in_scope", "scope_state", "model_version"}  # given afterwards, to whatever was read
Row = tuple[Any, ...]


def spread(pages: Sequence[Captured], folder: Path, files: int = 4) -> list[Path]:
    """The pages over several archives, as a crawler's machines would have kept them."""
    return [write_archive(folder / f"{n}.warc.gz", pages[n::files]) for n in range(files)]


def jobs_of(paths: Sequence[Path], registry: Registry, settings: Settings, window: Window = PAST) -> list[ArchiveJob]:
    return archive_jobs(paths, registry, settings, window=window, sources=registry.enabled())


def read(database: Database, jobs: Sequence[ArchiveJob]) -> ReadSummary:
    summary = ReadSummary()
    for job in jobs:
        summary.add(read_into(database, job))
    cluster_unassigned(database)
    return summary


def rows_of(database: Database) -> list[Row]:
    """All that reading and folding stored, without the numbers of rows, which depend on the order."""
    with database.read() as session:
        articles = {article.id: article for article in session.exec(select(Article))}
        stories = {story.id: story for story in session.exec(select(Story))}
        aliases = sorted((a.url, articles[a.article_id].url) for a in session.exec(select(ArticleAlias)))
    found: list[Row] = []
    for article in articles.values():
        story = stories[article.story_id]
        facts = article.model_dump(exclude={"id", "story_id"} | TAGS)
        found.append(
            (
                article.url,
                *sorted(facts.items()),
                story.outlets,
                story.first_seen_at,
                articles[story.lead_article_id].url,
            )
        )
    return [*sorted(found, key=lambda row: row[0]), *aliases]
