"""The news of a sequence: two papers and a search service on real web servers, whose feeds and pages do what sites do."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from html import escape
from random import Random
from typing import Self

from tests.support.fakes_web import Answer, FakeWeb
from tests.support.small_seeds import passages

PAPERS = ("gazette", "echo")
SEARCH = "search"
SEARCH_PATH = "/search?hl=en-GB&gl=GB&ceid=GB%3Aen"
PAGE_STATES = {
    "open": 200,
    "blocked": 403,
    "failing": 503,
    "gone": 404,
    "later": 503,  # with Retry-After
}
LATER_SECONDS = 7200
WORDS = "rota ward audit porter budget theatre union inquiry shift corridor ambulance pharmacy winter plan payroll mentor".split()


@dataclass(slots=True)
class Report:
    """A page of a paper."""

    number: int
    paper: str
    title: str
    paragraphs: list[str]
    published: datetime | None
    state: str = "open"
    own_title: str = ""  # the page's, where it differs from the listing's

    @property
    def path(self) -> str:
        """Of its address."""
        return f"/news/{self.number}"

    def answer(self) -> Answer:
        """What its site says at this moment."""
        if self.state == "later":
            return Answer(b"later", 503, headers={"Retry-After": str(LATER_SECONDS)})
        if self.state != "open":
            return Answer(b"not now", PAGE_STATES[self.state])
        title = escape(self.own_title or self.title)
        text = "".join(f"<p>{escape(one)}</p>" for one in self.paragraphs)
        html = f"<html lang=en><head><title>{title}</title></head><body><article><h1>{title}</h1>{text}</article></body></html>"
        return Answer(html.encode())


@dataclass(slots=True)
class Feed:
    """What a source lists, newest last, and whether it can be had."""

    items: dict[str, tuple[str, datetime | None]] = field(default_factory=dict)  # by address
    is_open: bool = True

    def answer(self) -> Answer:
        """What its site says at this moment."""
        if not self.is_open:
            return Answer(b"broken", 503)
        listed = "".join(
            f"<item><title>{escape(title)}</title><link>{escape(link)}</link>"
            + (f"<pubDate>{format_datetime(at)}</pubDate>" if at else "")
            + "</item>"
            for link, (title, at) in reversed(self.items.items())
        )
        body = f"<rss version='2.0'><channel><title>N</title>{listed}</channel></rss>"
        return Answer(body.encode(), kind="application/rss+xml")


class Newsroom:
    """The web servers of a process; `start_afresh` begins another sequence on them."""

    def __init__(self) -> None:
        self.webs = {name: FakeWeb() for name in (*PAPERS, SEARCH)}
        self._passages = passages()
        self.start_afresh(Random(0))

    def __enter__(self) -> Self:
        for web in self.webs.values():
            web.__enter__()
        return self

    def __exit__(self, *reason: object) -> None:
        for web in self.webs.values():
            web.__exit__(None, None, None)

    def start_afresh(self, chance: Random) -> None:
        """No news yet; which will come, and in which order, is chosen now."""
        self.reports: list[Report] = []
        self.feeds = {name: Feed() for name in self.webs}
        self._order = list(range(len(self._passages)))
        # Those that the model was trained on come more often, so that some stories are surely in scope.
        chance.shuffle(self._order)
        self._order.sort(key=lambda number: chance.random() * (1 if number < 60 else 3))
        for web in self.webs.values():
            web.pages.clear()
            web.seen.clear()
        self.publish()

    def url(self, report: Report) -> str:
        """The address of a page."""
        return self.webs[report.paper].url(report.path)

    def feed_url(self, source: str) -> str:
        """The address of a listing."""
        return self.webs[source].url(SEARCH_PATH if source == SEARCH else "/feed")

    def report(self, paper: str, now: datetime, chance: Random, like: Report | None = None) -> Report:
        """A new page, listed by its own paper; a copy of another paper's where it is `like` it."""
        number = len(self.reports)
        if like is None:
            told = self._passages[self._order[number % len(self._order)]]
            title, paragraphs = (
                f"{told.get('title') or 'Letters to the editor'} ({number})",
                str(told["text"]).split("\n"),
            )
            paragraphs.append(f"It was report {number} on the {chance.choice(WORDS)}.")
        else:
            title, paragraphs = f"{like.title} as it was wired", list(like.paragraphs)
        age = chance.choice([None, 0, 0, 3, 30])  # hours
        published = None if age is None else now - timedelta(hours=age)
        made = Report(number, paper, title, paragraphs, published)
        self.reports.append(made)
        self.feeds[paper].items[self.url(made)] = (made.title, made.published)
        return made

    def publish(self) -> None:
        """Have the servers answer as things are now."""
        for name, feed in self.feeds.items():
            self.webs[name].pages[SEARCH_PATH if name == SEARCH else "/feed"] = feed.answer()
        for report in self.reports:
            self.webs[report.paper].pages[report.path] = report.answer()
