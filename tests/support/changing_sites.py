"""A site or two on loopback that fail, move on and change, and runs on them at hours of a frozen clock."""

import asyncio
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from random import Random
from typing import Any

from sqlmodel import select

from flows.collecting.summary import CollectSummary
from flows.running import jobs
from models.settings import Settings, load_settings
from models.sources import Registry, load_registry
from models.store.database import Database
from models.store.tables import Article, Story
from tests.support.fakes_web import Answer, FakeWeb

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WORDS = (
    "managers nurses ward board rota noise letters vacancies complaints grievance audit survey budget theatre porters union "
    "inquiry evidence director consultant shift handover leaflet corridor ambulance midwife pharmacy bed winter plan staff "
    "apology payroll training mentor bully silence whistle regulator report visit kitchen roof car park bus clinic trust"
).split()
BUSY = Answer(b"later", 503)


def report(key: str, paragraphs: int = 14) -> str:
    """A text of its own for each key, by default too long for an opening; a longer one begins with the shorter one."""
    chance = Random(key)
    told = (" ".join(chance.choice(WORDS) for _ in range(22)) for _ in range(paragraphs))
    return "".join(f"<p>In the {key} the {words}.</p>" for words in told)


def page(title: str, text: str, head: str = "") -> Answer:
    html = f"<html lang=en><head><title>{title}</title>{head}</head><body><article><h1>{title}</h1>{text}</article></body></html>"
    return Answer(html.encode())


class World:
    """A site or two, the sources that list them, and runs at hours of a frozen clock."""

    def __init__(self, database: Database, folder: Path, now: datetime) -> None:
        self.database, self.now, self._folder = database, now, folder
        self.web, self.other = FakeWeb(), FakeWeb()
        self.rows: list[str] = []
        self.settings: Settings = load_settings(allow_hosts="127.0.0.1", host_gap_seconds=0, workers=1)

    def source(self, source_id: str, url: str, **more: str) -> None:
        rows = [f'{key} = "{value}"' for key, value in {"id": source_id, "url": url, **more}.items()]
        self.rows.append("\n".join(["[[source]]", *rows]))

    def feed(self, path: str, items: dict[str, str], *, web: FakeWeb | None = None) -> None:
        """A feed of {link: title}."""
        listed = "".join(
            f"<item><title>{title}</title><link>{link}</link><pubDate>{format_datetime(self.now)}</pubDate></item>"
            for link, title in items.items()
        )
        feed = f"<rss version='2.0'><channel><title>N</title>{listed}</channel></rss>"
        (web or self.web).pages[path] = Answer(feed.encode(), kind="application/rss+xml")

    def registry(self) -> Registry:
        file = self._folder / "sources.toml"
        file.write_text("\n".join(self.rows), encoding="utf-8")
        return load_registry(file)

    def run(self, after: timedelta = timedelta(0), *, all_due: bool = True, **settings: Any) -> CollectSummary:
        """A run so long after the first moment; its sum is checked."""
        summary = asyncio.run(
            jobs.collect(
                self.database,
                self.registry(),
                self.settings.model_copy(update=settings),
                now=self.now + after,
                all_due=all_due,
            )
        )
        assert summary.entries == sum(summary.outcomes.values())
        return summary

    def articles(self) -> dict[str, Article]:
        """By the last part of the address."""
        with self.database.read() as session:
            return {article.url.rpartition("/")[2]: article for article in session.exec(select(Article))}

    def article(self, name: str) -> Article:
        return self.articles()[name]

    def stories(self) -> dict[str, tuple[str, int]]:
        """By article: the lead of its story, and how many outlets the story counts."""
        with self.database.read() as session:
            found = {story.id: story for story in session.exec(select(Story))}
        articles = self.articles()
        names = {article.id: name for name, article in articles.items()}
        return {
            name: (names[found[a.story_id].lead_article_id or 0], found[a.story_id].outlets)
            for name, a in articles.items()
        }


def six_stories(world: World) -> dict[str, str]:
    for number in range(6):
        world.web.pages[f"/news/{number}"] = page(f"Report number {number} of the ward", report(f"case{number}"))
    items = {world.web.url(f"/news/{number}"): f"Report number {number} of the ward" for number in range(6)}
    world.feed("/feed", items)
    world.source("paper", world.web.url("/feed"))
    return items
