"""A database of a million articles, or fewer: `python -m tests.benchmarks.million --database ADDRESS --articles N [--fill]`.

Filled once, then measured in a process of its own: the start of a run, and a week's digest composed and written. Prints one
line of JSON.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flows.collecting.article_writer import ArticleWriter
from flows.publishing.weekly import weekly_digest
from models.settings import load_settings
from models.store import collecting, tagging
from models.store.database import Database, open_database
from models.weeks import Week
from tests.support.synthetic_store import fill, registry

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
DAYS_OF_A_MILLION = 730  # two years of some 1,400 articles a day
LEAST_DAYS = 28  # a smaller database is younger; its weeks are fuller than those of two years would be


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", required=True)
    parser.add_argument("--articles", type=int, default=1_000_000)
    parser.add_argument("--fill", action="store_true")
    options = parser.parse_args()
    begin = time.monotonic()
    answer: dict[str, Any] = {"articles": options.articles}
    with open_database(options.database) as database:
        if options.fill:
            fill(
                database,
                articles=options.articles,
                days=max(LEAST_DAYS, DAYS_OF_A_MILLION * options.articles // 1_000_000),
                now=NOW,
            )
            answer["fill_seconds"] = time.monotonic() - begin
        else:
            answer["open"] = _cost(lambda: None, since=begin)
            answer["run_start"] = _cost(lambda: run_start(database))
            answer["copies_index"] = _cost(lambda: copies_index(database))
            answer["digest"], answer["stories"] = digest(database)
            answer["digest_again"], _ = digest(database)
        answer["megabytes"] = size(database)
    answer["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps(answer))


def run_start(database: Database) -> None:
    """All that a run asks of the database before its first request, for 200 sources, and before it tags."""
    urls = [f"https://source-{n % 200:03d}.example/news/{1_000_000 - n}" for n in range(5000)]
    with database.write() as session:
        collecting.start_run("collect", NOW, session=session)
        collecting.source_states(session=session)
        collecting.host_states(session=session)
    with database.read() as session:
        collecting.stored_at(urls, session=session)
        sources = [source.id for source in registry().sources]
        collecting.owed_articles(NOW, sources, 2000, session=session)
        collecting.articles_to_recheck(NOW, sources, 10, all_due=False, session=session)
        tagging.count_untagged(session=session)
        tagging.untagged(64, session=session)


def copies_index(database: Database) -> None:
    """A fortnight of articles to compare new ones with: loaded when the first article is stored."""
    writer = ArticleWriter(database, 1, NOW)
    writer._stories()


def digest(database: Database) -> tuple[dict[str, float], int]:
    """The edition of the last whole week, composed and written as files."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(data=Path(folder))
        stories = 0

        def compose() -> None:
            nonlocal stories
            week = Week.of(NOW - timedelta(days=7))
            result = weekly_digest(database, registry(), settings, week=week, now=NOW, dry_run=True, send=False)
            stories = result.stories

        return _cost(compose), stories


def size(database: Database) -> float:
    """The database's size on disk."""
    if database.engine.dialect.name == "sqlite":
        return Path(database.engine.url.database or "").stat().st_size / 1e6
    with database.engine.connect() as connection:
        query = "SELECT pg_database_size(current_database())"
        return float(connection.exec_driver_sql(query).scalar_one()) / 1e6


def _cost(act: Callable[[], object], since: float | None = None) -> dict[str, float]:
    wall, cpu = since or time.monotonic(), time.process_time()
    act()
    return {"seconds": time.monotonic() - wall, "cpu_seconds": time.process_time() - cpu}


if __name__ == "__main__":
    main()
