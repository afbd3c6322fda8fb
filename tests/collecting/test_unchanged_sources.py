"""A second run over sources that have nothing new: one conditional request each, no page, little work."""

import asyncio
import time
from datetime import datetime
from pathlib import Path

from flows.running.jobs import collect
from models.outcomes import PollOutcome
from models.settings import load_settings
from models.sources import load_registry
from models.store.database import Database
from tests.support.fakes_web import Answer, FakeWeb

SOURCES = 100
PARAGRAPHS = "".join(f"<p>The board of the trust met on day {day} and spoke of its nurses.</p>" for day in range(9))


def site() -> FakeWeb:
    """A hundred feeds with one story each."""
    web = FakeWeb()
    for number in range(SOURCES):
        item = f"<item><title>Report number {number}</title><link>/story/{number}</link></item>"
        feed = f"<rss version='2.0'><channel><title>N</title>{item}</channel></rss>".encode()
        web.pages[f"/feed/{number}"] = Answer(feed, etag=f'"{number}"')
        web.pages[f"/story/{number}"] = Answer(f"<html><body><article>{PARAGRAPHS}</article></body></html>".encode())
    return web


def test_unchanged_sources_are_asked_once_and_no_page_is_fetched(
    sqlite: Database, tmp_path: Path, now: datetime
) -> None:
    settings = load_settings(allow_hosts="127.0.0.1", workers=1)
    with site() as web:
        rows = [f'[[source]]\nid = "s{number}"\nurl = "{web.url(f"/feed/{number}")}"\n' for number in range(SOURCES)]
        (tmp_path / "sources.toml").write_text("\n".join(rows), encoding="utf-8")
        registry = load_registry(tmp_path / "sources.toml")
        first = asyncio.run(collect(sqlite, registry, settings, now=now, all_due=True))
        assert first.entries == SOURCES
        asked = len(web.seen)
        begin = time.process_time()
        second = asyncio.run(collect(sqlite, registry, settings, now=now, all_due=True))
        spent = time.process_time() - begin
    again = web.seen[asked:]
    assert sorted(seen.path for seen in again) == sorted(f"/feed/{number}" for number in range(SOURCES))
    assert all("if-none-match" in seen.headers for seen in again)
    assert {result.poll for result in second.results} == {PollOutcome.NOT_MODIFIED}
    assert (second.entries, spent < 4) == (0, True)
