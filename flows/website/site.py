"""What every page of the web edition draws on: the store, the registry, the templates, and a story as pages show it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property, wraps
from typing import Any, cast
from urllib.parse import quote
from weakref import WeakValueDictionary

from jinja2 import ChoiceLoader, Environment, FileSystemLoader
from sqlalchemy import func, select
from sqlmodel import Session
from sqlmodel import select as select_rows
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from flows.publishing.rendering import html_templates
from models.edition.compose import rights_of, show_story
from models.edition.content import Copy, StoryItem
from models.edition.facts import StoryFact
from models.edition.news import PRODUCT
from models.edition.trend_words import count_stories, count_things
from models.edition.wording import describe_story, quote_story
from models.rights import quotation
from models.sources import Registry
from models.store.columns import chunks
from models.store.database import Database
from models.store.in_scope import article
from models.store.search import Hit, named_organisations, stories_by_key
from models.store.tables import Review, StoredOrganisation
from models.text_safety import plain_line
from models.themes import Theme, load_framework, load_themes, theme_ids
from models.weeks import LONDON, format_long_date

MAX_PAGE_BYTES = 150_000
PAGE_STORIES = 20  # on one page of a list
LAST_PAGE = 50
PAGES_KEPT = 200  # that count years of stories, in memory: 30 MB at most
KEPT_FOR = timedelta(minutes=1)
MENU = (
    ("/", "Latest"),
    ("/index.html", "Every week"),
    ("/themes", "Themes"),
    ("/recommendations", "Recommendations"),
    ("/organisations", "Organisations"),
    ("/search", "Search"),
    ("/sources", "Sources"),
    ("/about", "About"),
)


@dataclass(frozen=True, slots=True)
class StoryCard:
    """A story in a list: no more of it than its rights class allows."""

    id: int
    title: str
    url: str  # http(s), or empty
    meta: str
    quote: str
    summary: str  # where there is no quotation, as much of it as may be shown
    credit: str
    themes: tuple[tuple[str, str], ...]  # id and name
    copies: tuple[Copy, ...]
    item: StoryItem


@dataclass(frozen=True)
class Site:
    """The web edition of one installation."""

    database: Database
    registry: Registry
    now: Callable[[], datetime]
    base: str  # the path of its public address
    base_url: str  # its public address, or that of this machine: for feeds, which are read elsewhere

    @cached_property
    def kept(self) -> dict[tuple[str, int], tuple[int | None, datetime, Response]]:
        """The pages that `keep` has kept: by path and number of the page, the last review that they know, since when."""
        return {}

    @cached_property
    def making(self) -> WeakValueDictionary[tuple[str, int], asyncio.Lock]:
        """Each held while its page is made: who asks for that meanwhile waits for it, and does not make it too.

        They hold up nobody who asks for something else, and none of the threads in which pages are made.
        """
        return WeakValueDictionary()

    @cached_property
    def templates(self) -> Environment:
        """For HTML: every value is escaped. The parts of an edition are those of the static archive."""
        own = FileSystemLoader(str(__file__).removesuffix("site.py") + "templates")
        made = html_templates().overlay(loader=ChoiceLoader([own, cast(Any, html_templates().loader)]))
        made.globals.update(
            base=self.base,
            menu=MENU,
            product=PRODUCT,
            framework=load_framework(),
            long_date=lambda moment: format_long_date(moment.astimezone(LONDON).date()),
            count_stories=count_stories,
            count_things=count_things,
            quote_path=lambda value: quote(value, safe=""),
        )
        return made

    def page(self, request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """A page; `at` is the entry of the menu that it belongs to, `feed` what follows it: without one, that of all stories."""
        values = {"at": request.scope["path"], "description": "", **values}
        values.setdefault(
            "feed", "/feed.atom" if values["at"] else ""
        )  # none on a reader's own page, or one that is not there
        return HTMLResponse(self.templates.get_template(template).render(values), status)

    def cards(
        self, hits: Sequence[Hit], *, theme: str = "", everything: bool = False, session: Session
    ) -> list[StoryCard]:
        """These stories as a list shows them; of a `theme`, its own evidence is quoted and no other."""
        ((_, cards),) = self.lists([(theme, hits)], everything=everything, session=session)
        return cards

    def lists(
        self, asked: Sequence[tuple[str, Sequence[Hit]]], *, everything: bool = False, session: Session
    ) -> list[tuple[str, list[StoryCard]]]:
        """Several such lists, each with its theme, read from the database together."""
        facts = stories_by_key([hit for _, hits in asked for hit in hits], everything=everything, session=session)
        summaries: dict[int, str] = {}
        for chunk in chunks([fact.shown.id for fact in facts.values()]):
            rows = session.execute(select(article.id, article.summary).where(article.id.in_(chunk)))
            summaries.update((number, summary) for number, summary in rows)

        def card(hit: Hit, theme: str) -> StoryCard:
            fact = facts[hit.story]
            return self.card(fact, summaries.get(fact.shown.id, ""), theme=theme)

        return [(theme, [card(hit, theme) for hit in hits if hit.story in facts]) for theme, hits in asked]

    def card(self, fact: StoryFact, summary: str = "", *, theme: str = "") -> StoryCard:
        """One story within the rights of its source."""
        item = show_story(fact, self.registry, set(theme_ids()))
        told = replace(item, themes=tuple(tag for tag in item.themes if tag.theme == theme)) if theme else item
        text = "" if any(tag.quote for tag in item.themes) else plain_line(summary)
        names = self.theme_names
        return StoryCard(
            id=item.id,
            title=item.title,
            url=item.url,
            meta=describe_story(item),
            quote=quote_story(told),
            summary=quotation(text, rights_of(fact.shown, self.registry)).text if text != item.title else "",
            credit=item.credit if item.credit != item.outlet else "",
            themes=tuple((tag.theme, names[tag.theme]) for tag in item.themes if tag.theme in names),
            copies=item.copies,
            item=item,
        )

    @cached_property
    def theme_names(self) -> Mapping[str, str]:
        """Theme id -> name, in their order."""
        return {one.id: one.name for one in load_themes()}

    def theme(self, theme_id: str) -> Theme | None:
        """One theme in use."""
        return next((one for one in load_themes() if one.id == theme_id), None)


def site_of(request: Request) -> Site:
    """The web edition that is asked."""
    site: Site = request.app.state.site
    return site


def keep(page: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
    """A page that hangs on its path, its number and the news alone: made once a minute, and anew where a person has spoken."""

    def make(request: Request, asked: tuple[str, int]) -> Response:
        site, now = site_of(request), site_of(request).now()
        with site.database.read() as session:
            last_review = session.exec(select_rows(func.max(Review.id))).one()
        made = site.kept.get(asked)
        if made is None or made[0] != last_review or now - made[1] >= KEPT_FOR:
            if len(site.kept) >= PAGES_KEPT:
                site.kept.clear()
            made = site.kept[asked] = (last_review, now, page(request))
        return HTMLResponse(made[2].body, made[2].status_code)

    @wraps(page)
    async def kept(request: Request) -> Response:
        asked = request.scope["path"], page_number(request.query_params.get("page", "1"))
        async with site_of(request).making.setdefault(asked, asyncio.Lock()):
            return await run_in_threadpool(make, request, asked)

    return kept


def organisation_names(ids: Sequence[str], *, session: Session) -> dict[str, str]:
    """Id -> name of those that are on record."""
    table = StoredOrganisation.__table__.c  # type: ignore[attr-defined]
    rows = session.execute(select(table.id, table.name).where(table.id.in_(list(ids))))
    return {row[0]: row[1] for row in rows}


def organisations_named(hits: Sequence[Hit], most: int, *, session: Session) -> list[tuple[str, str, int]]:
    """Id, name and number of stories of the organisations that these stories name, the most named first."""
    counts = named_organisations((hit.article_id for hit in hits), session=session)
    top = counts.most_common(most)
    names = organisation_names([one for one, _ in top], session=session)
    return [(one, names[one], count) for one, count in top if one in names]


def page_number(given: str) -> int:
    """The page that is asked for, from 1; whatever is no such number is the first."""
    return min(max(int(given), 1), LAST_PAGE) if given.isascii() and given.isdecimal() and len(given) < 6 else 1
