"""A monitor of one source on a real web server, the Vale Gazette, which lists one story."""

import asyncio
import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import select

from flows.publishing.exporting import stories_between, write_csv
from flows.running import jobs
from models.edition.content import StoryItem
from models.sources import Registry, load_registry
from models.store.database import Database
from models.store.tables import Article, Tag
from models.tagging.decisions import State
from models.themes import load_themes
from models.weeks import Week
from tests.support.fakes_feeds import rss
from tests.support.fakes_pages import page
from tests.support.fakes_web import Answer, FakeWeb
from tests.support.fakes_weekly import Weekly, weekly_monitor

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
WEEK = Week.of(NOW)
SENTENCE = " ".join(f"w{number}" for number in range(90)) + "."


class Desk(Weekly):
    """The monitor, its reader, the mail server and the web server."""

    web: FakeWeb
    folder: Path
    address: str

    def registry(self, *rows: dict[str, Any]) -> Registry:
        """A registry file with these sources."""
        lines = []
        for row in rows:
            lines += ["[[source]]", *(f"{key} = {_toml(value)}" for key, value in row.items())]
        file = self.folder / "sources.toml"
        file.write_text("\n".join(lines), encoding="utf-8")
        return load_registry(file)

    def gazette(self, **values: Any) -> dict[str, Any]:
        """The source's row, with changes."""
        row = {
            "id": "gazette", "name": "Vale Gazette", "url": self.web.url("/feed"), "sector": "regional",
            "nation": "wales", "rights": "open", "weight": 2.0,
        }  # fmt: skip
        return row | values

    def run(self, registry: Registry, now: datetime = NOW, scope: State = State.YES) -> None:
        """Collect, and tag what is new as a model would."""
        asyncio.run(jobs.collect(self.database, registry, self.settings, now=now, all_due=True))
        with self.database.read() as session:
            new = session.exec(select(Article).where(Article.model_version == None)).all()  # noqa: E711
        for article in new:
            self.tag(article, scope)
        with self.database.write() as session:
            for tag in session.exec(select(Tag)):
                tag.evidence = SENTENCE
                article = session.get_one(Article, tag.article_id)
                article.text = f"{article.text or ''}\n{SENTENCE}"  # else it would not be quoted
                session.add_all((tag, article))

    def shown(self, registry: Registry) -> StoryItem:
        """The one story, as the digest of a command with this registry has it."""
        self.digest(WEEK, registry, send=False)
        (story,) = self.edition(WEEK).stories
        return story

    def exported(self, registry: Registry) -> dict[str, str]:
        """The one story, as an export has it."""
        first = WEEK.monday
        stories = stories_between(
            self.database, registry, load_themes(), first=first, last=first + timedelta(days=6), now=NOW
        )
        (row,) = csv.DictReader(io.StringIO(write_csv(stories)))
        return row


def _toml(value: object) -> str:
    return str(value) if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else f'"{value}"'


@contextmanager
def desk_on(database: Database, address: str, folder: Path) -> Iterator[Desk]:
    with weekly_monitor(database, folder) as running, FakeWeb() as web:
        settings = running.settings.model_copy(
            update={"allow_hosts": frozenset({"127.0.0.1"}), "workers": 1, "host_gap_seconds": 0.0}
        )
        made = Desk(database, settings, running.mailboxes)
        made.web, made.folder, made.address = web, folder, address
        item = f"<item><title>Trust board quits</title><link>{web.url('/a')}</link></item>"
        web.pages |= {"/feed": Answer(rss(item).encode(), kind="application/rss+xml"), "/a": Answer(page().encode())}
        yield made
