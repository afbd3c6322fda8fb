"""Pages on which reading hangs, crashes, hoards memory or raises: each is recorded as failed, and all others are read."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
from sqlmodel import select

from flows.collecting import page_visits
from flows.reading.sources import read_entry_page
from flows.running import jobs
from models.entries import Page
from models.kinds import Kind
from models.outcomes import Outcome
from models.settings import load_settings
from models.sources import load_registry
from models.store.database import Database
from models.store.tables import Article
from tests.reading.test_workers import die, fail_oddly, hang, hoard
from tests.support.fakes_pages import page
from tests.support.fakes_web import Answer, FakeWeb

TROUBLE: dict[str, Callable[[], object]] = {"/hang": hang, "/die": die, "/hoard": hoard, "/odd": fail_oddly}
GOOD = [f"/good-{number}" for number in range(12)]
READ_SECONDS = 5.0


def read_or_break(kind: Kind, body: bytes, url: str, content_type: str) -> Page:
    """Read a page as ever, but for those that are trouble."""
    for path, act in TROUBLE.items():
        if url.endswith(path):
            act()
    return read_entry_page(kind, body, url, content_type)


@pytest.mark.parametrize("workers", [1, 2])
def test_each_page_that_breaks_its_reader_costs_itself_alone(
    sqlite: Database, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setattr(page_visits, "read_entry_page", read_or_break)
    monkeypatch.setattr(page_visits, "READ_SECONDS", READ_SECONDS)
    listed = [*GOOD[:2], *TROUBLE, *GOOD[2:]]
    pages = {path: Answer(page(f"<title>{path}</title>").replace("point", path).encode()) for path in listed}
    with FakeWeb(dict(pages)) as web:
        items = "".join(
            f"<item><title>Trust news {path}</title><link>{web.url(path)}</link>"
            f"<pubDate>{format_datetime(now)}</pubDate></item>"
            for path in listed
        )
        web.pages["/feed"] = Answer(f"<rss version='2.0'><channel><title>N</title>{items}</channel></rss>".encode())
        sources = tmp_path / "sources.toml"
        sources.write_text(f'[[source]]\nid = "one"\nurl = "{web.url("/feed")}"\n', encoding="utf-8")
        settings = load_settings(allow_hosts="127.0.0.1", workers=workers, encoder="tfidf")
        summary = asyncio.run(jobs.collect(sqlite, load_registry(sources), settings, now=now, all_due=True))
        with sqlite.read() as session:
            stored = {article.url.removeprefix(web.url("")): article for article in session.exec(select(Article))}
    assert summary.entries == len(listed)
    assert summary.outcomes[Outcome.FAILED] == len(TROUBLE)
    assert {path for path, article in stored.items() if article.outcome == Outcome.FAILED} == TROUBLE.keys()
    assert {stored[path].text_status for path in GOOD} == {"full"}
    assert len(stored) == len(listed)
