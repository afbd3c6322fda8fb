"""Search over stored articles: `python -m tests.benchmarks.search --database ADDRESS --articles N`. Prints one line of JSON.

The mix: rare words, phrases and the commonest words, with facets and filters, as pages of the web edition, and what of that
is the search itself. An index of invented news is smaller than one of real news: it has few different words.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from models.settings import Settings
from models.store import search
from models.store.database import Database, open_database
from models.store.search import Wanted, facets, find, read_words
from tests.benchmarks.million import DAYS_OF_A_MILLION, LEAST_DAYS, NOW, size
from tests.support.fakes_website import Visitor, visitor
from tests.support.synthetic_store import fill, registry

ROUNDS = 5
TODAY = NOW.date()
QUERIES: dict[str, Wanted] = {
    "a number": Wanted(words=read_words("7777")),
    "the commonest word": Wanted(words=read_words("trust")),
    "two common words": Wanted(words=read_words("leaders staff")),
    "a common phrase": Wanted(words=read_words('"answer their staff"')),
    "common, without another": Wanted(words=read_words("trust -7777")),
    "common, of a theme": Wanted(words=read_words("trust"), theme="appraisal"),
    "common, of an outlet": Wanted(words=read_words("staff"), outlet="Outlet 20"),
    "common, of the last quarter": Wanted(words=read_words("trust"), since=TODAY - timedelta(days=90)),
    "common, of everything": Wanted(words=read_words("trust"), everything=True),
    "what is nowhere": Wanted(words=read_words("zephyrine")),
}
PAGES = (
    "/search?q=trust", "/search?q=7777", "/search?q=staff&theme=appraisal", "/themes/appraisal", "/recommendations",
    "/organisations", "/stories/{story}", "/feed.atom?theme=workforce", "/api/stories?q=trust",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", required=True)
    parser.add_argument("--articles", type=int, required=True)
    options = parser.parse_args()
    days = max(LEAST_DAYS, DAYS_OF_A_MILLION * options.articles // 1_000_000)
    with open_database(options.database) as database, tempfile.TemporaryDirectory() as folder:
        begin = time.monotonic()
        if is_empty(database):
            fill(database, articles=options.articles, days=days, now=NOW)
        answer: dict[str, Any] = {"articles": options.articles, "fill_seconds": time.monotonic() - begin}
        answer["index_bytes_per_article"] = index_bytes(database) / options.articles
        answer["megabytes"] = size(database)
        answer["search_ms"] = {name: cost(lambda w=wanted: ask(database, w)) for name, wanted in QUERIES.items()}  # type: ignore[misc]
        reader = visitor(database, Settings(data=Path(folder)), registry(), NOW)
        story = next(iter(found(database, QUERIES["the commonest word"])))
        answer["page_ms"] = {page: cost(lambda p=page: look(reader, p.format(story=story))) for page in PAGES}  # type: ignore[misc]
        begin = time.monotonic()
        with database.write() as session:
            search.rebuild(session=session)
        answer["rebuild_seconds"] = time.monotonic() - begin
    print(json.dumps(answer))


def is_empty(database: Database) -> bool:
    """Whether it is to be filled; one that was filled before is measured as it is."""
    with database.read() as session:
        return session.execute(text("SELECT 1 FROM article LIMIT 1")).first() is None


def ask(database: Database, wanted: Wanted) -> None:
    """One search with its facets."""
    with database.read() as session:
        facets(find(wanted, NOW, session=session).hits, session=session)


def found(database: Database, wanted: Wanted) -> list[int]:
    """The articles that are found."""
    with database.read() as session:
        return [hit.article_id for hit in find(wanted, NOW, session=session).hits]


def look(reader: Visitor, page: str) -> None:
    """One page."""
    assert reader.get(page).status_code in {200, 308}, page


def cost(act: Callable[[], object]) -> dict[str, float]:
    """Milliseconds: median and worst by the clock, median of this process's CPU (a database server's is not in it)."""
    clock, cpu = [], []
    for _ in range(ROUNDS):
        begin, spent = time.monotonic(), time.process_time()
        act()
        clock.append(round(1000 * (time.monotonic() - begin), 1))
        cpu.append(round(1000 * (time.process_time() - spent), 1))
    return {"median": statistics.median(clock), "worst": max(clock), "cpu": statistics.median(cpu)}


def index_bytes(database: Database) -> int:
    """What the index holds."""
    if database.engine.dialect.name == "sqlite":
        parts: tuple[str, ...] = (
            "SELECT sum(length(block)) FROM search_index_data",
            "SELECT sum(length(c0) + length(c1) + length(c2) + length(c3)) FROM search_index_content",
            "SELECT sum(length(sz)) FROM search_index_docsize",
        )
    else:
        parts = ("SELECT pg_total_relation_size('search_index')",)
    with database.read() as session:
        return sum(int(session.execute(text(part)).scalar_one() or 0) for part in parts)


if __name__ == "__main__":
    main()
