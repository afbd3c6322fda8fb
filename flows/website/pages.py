"""The pages of what the news is about: themes, recommendations, organisations, a story."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

from sqlalchemy import func, select
from sqlmodel import select as select_rows
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from flows.website import charts
from flows.website.site import (
    LAST_PAGE,
    PAGE_STORIES,
    StoryCard,
    keep,
    organisation_names,
    organisations_named,
    page_number,
    site_of,
)
from models.edition.compose import rights_of
from models.sources import name_nation
from models.store.in_scope import members
from models.store.search import Wanted, find, stories_of, story_of
from models.store.story_relations import continued_by
from models.store.tables import (
    LARGEST_ID,
    Article,
    ArticleEdition,
    EarlierHeadline,
    StoredMention,
    StoredOrganisation,
    Tag,
)
from models.tagging.decisions import State
from models.themes import load_themes

QUARTERS = 8  # of the recommendations at a glance
QUARTERS_TOLD = 4  # of which the newest stories are told
STORIES_OF_QUARTER = 2
NEIGHBOURS = 12
ORGANISATIONS_SINCE = timedelta(days=92)


def themes(request: Request) -> Response:
    """All themes with what each stands for."""
    groups = [(group, list(of_group)) for group, of_group in groupby(load_themes(), key=lambda theme: theme.group)]
    return site_of(request).page(request, "themes.html", title="Themes", groups=groups)


@keep
def theme(request: Request) -> Response:
    """One theme: what it stands for, its two years, its stories by month."""
    site = site_of(request)
    shown = site.theme(request.path_params["theme"])
    if shown is None:
        raise HTTPException(404)
    number = page_number(request.query_params.get("page", "1"))
    with site.database.read() as session:
        found = find(Wanted(theme=shown.id), site.now(), session=session)
        months, total = charts.count_stories(Wanted(theme=shown.id), charts.months(site.now()), session=session)
        here = found.hits[PAGE_STORIES * (number - 1) : PAGE_STORIES * number]
        cards = site.cards(here, theme=shown.id, session=session)
        named = organisations_named(found.hits, NEIGHBOURS, session=session)
    return site.page(
        request,
        "theme.html",
        title=shown.heading,
        at="/themes",
        theme=shown,
        months=months,
        bars=charts.draw(months),
        by_month=_by_month(cards),
        total=total,
        page=number,
        pages=min(-(-len(found.hits) // PAGE_STORIES), LAST_PAGE),
        organisations=named,
        feed=f"/feed.atom?theme={shown.id}",
    )


@keep
def recommendations(request: Request) -> Response:
    """What was reported on each numbered theme, quarter by quarter, the newest first."""
    site = site_of(request)
    numbered = [one for one in load_themes() if one.number]
    stretches = charts.quarters(site.now(), QUARTERS)
    with site.database.read() as session:
        counted = [
            charts.count_stories(Wanted(theme=one.id), stretches, STORIES_OF_QUARTER, session=session)
            for one in numbered
        ]
        newest_first = [quarters[::-1] for quarters, _ in counted]
        asked = [
            (one.id, quarter.newest)
            for one, quarters in zip(numbered, newest_first, strict=True)
            for quarter in quarters[:QUARTERS_TOLD]
        ]
        cards = iter(site.lists(asked, session=session))
    sections = [
        (one, quarters, [(quarter, next(cards)[1]) for quarter in quarters[:QUARTERS_TOLD]], total)
        for one, quarters, (_, total) in zip(numbered, newest_first, counted, strict=True)
    ]
    heading = numbered[0].group.heading if numbered else "Recommendations"
    return site.page(request, "recommendations.html", title=f"{heading} at a glance", sections=sections)


@keep
def organisations(request: Request) -> Response:
    """The organisations that stories of the last three months name."""
    site = site_of(request)
    mention = StoredMention.__table__.c  # type: ignore[attr-defined]
    article = Article.__table__.c  # type: ignore[attr-defined]
    with site.database.read() as session:
        recent = members([article.id], site.now() - ORGANISATIONS_SINCE, site.now() + timedelta(days=1)).subquery()
        query = (
            select(mention.organisation_id, func.count(mention.article_id.distinct()).label("reports"))
            .where(mention.article_id.in_(select(recent.c.id)))
            .group_by(mention.organisation_id)
        )
        counts: dict[str, int] = {row[0]: row[1] for row in session.execute(query)}
        names = organisation_names(list(counts), session=session)
    rows = sorted(((names[one], one, counts[one]) for one in names), key=lambda row: (-row[2], row[0].casefold()))
    return site.page(request, "organisations.html", title="Organisations in the news", rows=rows)


@keep
def organisation(request: Request) -> Response:
    """One organisation: its stories, its themes, whom the same stories name."""
    site = site_of(request)
    wanted = request.path_params["organisation"]
    number = page_number(request.query_params.get("page", "1"))
    with site.database.read() as session:
        shown = session.get(StoredOrganisation, wanted)
        if shown is None:
            raise HTTPException(404)
        found = find(Wanted(organisation=wanted), site.now(), session=session)
        months, total = charts.count_stories(Wanted(organisation=wanted), charts.months(site.now()), session=session)
        cards = site.cards(found.hits[PAGE_STORIES * (number - 1) : PAGE_STORIES * number], session=session)
        every = stories_of(found.hits, session=session)
        neighbours = [
            row for row in organisations_named(found.hits, NEIGHBOURS + 1, session=session) if row[0] != wanted
        ]
        followed = organisation_names(shown.successors, session=session)
    carried = [tag for fact in every for tag in {tag.theme for one in (fact.shown, *fact.copies) for tag in one.tags}]
    counts = sorted(((carried.count(one), one) for one in site.theme_names if one in carried), reverse=True)
    return site.page(
        request,
        "organisation.html",
        title=shown.name,
        at="/organisations",
        organisation=shown,
        nation=name_nation(shown.nation),
        followed=followed,
        months=months,
        bars=charts.draw(months),
        by_month=_by_month(cards),
        total=total,
        page=number,
        pages=min(-(-len(found.hits) // PAGE_STORIES), LAST_PAGE),
        themes=[(one, site.theme_names[one], count) for count, one in counts],
        neighbours=neighbours,
        feed=f"/feed.atom?organisation={wanted}",
    )


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a story bears a theme."""

    theme: str
    name: str
    score: float
    by_person: bool
    quote: str
    cut: bool
    terms: tuple[str, ...]
    version: str


def story(request: Request, *, note: str = "", status: int = 200) -> Response:
    """One story: its reports, why it was tagged and by what, and the form for "is this wrong?"."""
    site = site_of(request)
    number = request.path_params["story"]
    with site.database.read() as session:
        hit = story_of(number, session=session) if number <= LARGEST_ID else None
        facts = stories_of([hit], session=session) if hit else []
        in_scope = bool(facts)
        facts = facts or (stories_of([hit], everything=True, session=session) if hit else [])
        if not facts:
            raise HTTPException(404)
        fact = facts[0]
        if fact.shown.id != number:
            return RedirectResponse(f"{site.base}/stories/{fact.shown.id}", 308)
        row = session.get_one(Article, fact.shown.id)
        card = site.card(fact, row.summary)
        tags = {tag.theme: tag for tag in session.exec(select_rows(Tag).where(Tag.article_id == fact.shown.id))}
        placed = session.get(ArticleEdition, fact.shown.id)
        earlier = session.exec(select_rows(EarlierHeadline).where(EarlierHeadline.article_id == fact.shown.id)).all()
        named = organisations_named([hit] if hit else [], NEIGHBOURS, session=session)
        before, after = continued_by(row.story_id, session=session) if row.story_id else ([], [])
        hits = [one for number in (*before, *after) if (one := story_of(number, session=session))]
        others = {one.id: one for one in site.cards(hits, session=session)}
    may_quote = rights_of(fact.shown, site.registry).quotation_words > 0
    reasons = []
    for told in card.item.themes:
        tag = tags.get(told.theme)
        terms = tuple(tag.terms) if tag is not None and may_quote and told.quote else ()
        version = tag.model_version if tag is not None else ""
        name = site.theme_names.get(told.theme, told.theme)
        reasons.append(Reason(told.theme, name, told.score, told.by_person, told.quote, told.cut, terms, version))
    return site.page(
        request,
        "story.html",
        status=status,
        title=card.title,
        at="",
        feed="/feed.atom",
        card=card,
        in_scope=in_scope,
        scope_score=row.in_scope,
        unsure=row.scope_state == State.UNCERTAIN,
        version=row.model_version,
        reasons=reasons,
        reports=sorted((fact.shown, *fact.copies), key=lambda one: (one.at, one.id)),
        placed=placed,
        earlier=[one.title for one in earlier],
        named=named,
        follows=[others[one] for one in before if one in others],
        followed=[others[one] for one in after if one in others],
        note=note,
        themes=site.theme_names,
        has=[reason.theme for reason in reasons],
    )


def _by_month(cards: Sequence[StoryCard]) -> list[tuple[str, list[StoryCard]]]:
    return [(name, list(of_month)) for name, of_month in groupby(cards, key=lambda card: f"{card.item.day:%B %Y}")]
