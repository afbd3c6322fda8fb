"""Small sites in a fake web, collected by the product's own job into a database: what became of each entry."""

import asyncio
import random
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import select

from flows.collecting.summary import CollectSummary
from flows.running.jobs import collect
from models.settings import load_settings
from models.sources import load_registry
from models.store.database import Database
from models.store.tables import Article
from tests.support.fakes_web import Answer, FakeWeb

RSS = "application/rss+xml"
NOUNS = (
    "board ward rota audit nurse chair porter review budget clinic manager survey bed matron plan shift letter union unit "
    "patient report kitchen window garden winter record meeting corridor visitor ledger"
).split()
VERBS = "closed opened praised audited moved cut funded reviewed delayed merged trained paused renamed counted".split()


def prose(seed: object, paragraphs: int = 6) -> list[str]:
    """Paragraphs of some 60 words, the same for the same seed and unlike those of any other."""
    chance = random.Random(str(seed))

    def sentence() -> str:
        one, two, three, four = (chance.choice(NOUNS) for _ in range(4))
        return (
            f"The {one} of the {two} was {chance.choice(VERBS)} after {chance.randint(2, 99)} weeks, and the {three} said that "
            f"the {four} had {chance.choice(VERBS)} it."
        )

    return [" ".join(sentence() for _ in range(3)) for _ in range(paragraphs)]


def story(title: str, *, seed: object = None, head: str = "", paragraphs: int = 6) -> bytes:
    """A page of news under that headline."""
    text = "".join(f"<p>{paragraph}</p>" for paragraph in prose(seed or title, paragraphs))
    return (
        f'<!doctype html><html lang="en-GB"><head><meta charset="utf-8"><title>{title}</title>{head}</head><body><main><article>'
        f"<h1>{title}</h1>{text}</article></main></body></html>"
    ).encode()


def item(link: str, title: str, date: str = "", **more: str) -> str:
    """An item of a feed."""
    parts = {"title": title, "link": link} | ({"pubDate": date} if date else {}) | more
    return f"<item>{''.join(f'<{name}>{value}</{name}>' for name, value in parts.items())}</item>"


def feed(*items: str, **answer: Any) -> Answer:
    """A feed of these items."""
    body = f'<?xml version="1.0"?><rss version="2.0"><channel><title>N</title>{"".join(items)}</channel></rss>'
    return Answer(body.encode(), kind=RSS, **answer)


def rfc(moment: datetime) -> str:
    """A date as feeds write it."""
    return moment.strftime("%a, %d %b %Y %H:%M:%S +0000")


class Collected:
    """What a run made of its sources."""

    def __init__(self, summary: CollectSummary, database: Database) -> None:
        self.summary = summary
        self.outcomes = Counter({str(outcome): count for outcome, count in summary.outcomes.items() if count})
        self.details = " ".join(result.detail for result in summary.results)
        self.polls = [str(result.poll) for result in summary.results]
        with database.read() as session:
            self.articles = list(session.exec(select(Article).order_by(Article.id)))  # type: ignore[arg-type]

    @property
    def stories(self) -> int:
        """In how many stories the articles are."""
        return len({article.story_id for article in self.articles})

    @property
    def one(self) -> Article:
        """The only article."""
        assert len(self.articles) == 1, [article.url for article in self.articles]
        return self.articles[0]

    def paths(self, web: FakeWeb) -> list[str]:
        """Under which paths articles are stored."""
        return sorted(article.url.replace(web.url(""), "") for article in self.articles)


def collected(
    web: FakeWeb,
    database: Database,
    folder: Path,
    now: datetime,
    sources: dict[str, str] | None = None,
    **settings: Any,
) -> Collected:
    """Collect from `sources` (path to kind; by default the feed at /feed), all of which are due."""
    rows = [
        f'[[source]]\nid = "s{number}"\nurl = "{web.url(path)}"\nkind = "{kind}"\n'
        for number, (path, kind) in enumerate((sources or {"/feed": "feed"}).items())
    ]
    (folder / "sources.toml").write_text("\n".join(rows), encoding="utf-8")
    given = load_settings(**{"allow_hosts": "127.0.0.1", "workers": 1} | settings)
    registry = load_registry(folder / "sources.toml")
    return Collected(asyncio.run(collect(database, registry, given, now=now, all_due=True)), database)


HOUR = timedelta(hours=1)
