"""A bulletin that people made beside the edition of a week: what each has that the other has not, and why. Reads alone."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, select
from sqlmodel import Session

from models.bulletins import BulletinItem, Headline, match, same_name, variants_of
from models.edition.compose import compose
from models.edition.content import EditionContent, StoryItem, content_from_json
from models.organisations import plain_name
from models.reviews import IN_SCOPE
from models.sources import Registry, Source
from models.store.collecting import article_ids_of
from models.store.columns import chunks
from models.store.editions import edition_of
from models.store.edits import gather_edited
from models.store.in_scope import article, review, tag
from models.store.placing import editions_near, is_kept, listed_articles, weeks_told
from models.store.tables import Article, ArticleAlias, ArticleEdition
from models.tagging.decisions import State
from models.themes import Theme
from models.urls import bare_host, host_of
from models.weeks import Week

# A headline without an address is looked for among what was published around the week: bulletins carry older reports.
BEFORE, AFTER = timedelta(days=28), timedelta(days=14)


class Reason(StrEnum):
    """Why an edition does not tell a report that a bulletin tells: four where nothing is stored, then of what is stored the
    first that applies.
    """

    NOT_IN_REGISTRY = "source-not-in-registry"
    SWITCHED_OFF = "source-switched-off"
    NOT_COLLECTED = "not-collected"
    NOT_FOUND = "not-found"  # the bulletin names neither an outlet nor an address that can be read
    FOLDED = "folded"
    OTHER_WEEK_TOLD = "told-by-another-week"
    NOT_TAGGED = "not-tagged"
    LEFT_OUT = "left-out-by-a-person"
    LEFT_OUT_BY_EDITOR = "left-out-by-editor"
    OUT_OF_SCOPE = "out-of-scope"
    OTHER_WEEK = "not-in-the-week"
    NOT_LISTED = "not-listed"  # in scope and of the week, but not in the edition as it is kept


@dataclass(frozen=True, slots=True)
class Missed:
    """A report of the bulletin that the edition does not tell as a story of its own."""

    item: BulletinItem
    reason: Reason
    detail: str  # for people
    article: int | None = None
    score: float | None = None  # of its scope, where that is the reason
    story: StoryItem | None = None  # into which it is folded
    week: str = ""  # of the edition that told it, or of its date
    by_headline: bool = False  # whether the article was found by no address: its headline is then worth a look


@dataclass(frozen=True, slots=True)
class Shared:
    """A report that both tell. Without a theme: what scored highest below the threshold, and how high; else ("", 0)."""

    item: BulletinItem
    story: StoryItem
    below: tuple[str, float] = ("", 0.0)
    by_headline: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """One bulletin and one edition, each in its own order."""

    week: Week
    kept: bool  # whether the edition is the one that is kept; else it was composed for this
    shared: tuple[Shared, ...]
    missed: tuple[Missed, ...]
    only_ours: tuple[StoryItem, ...]


def compare(
    items: Sequence[BulletinItem],
    week: Week,
    registry: Registry,
    themes: Sequence[Theme],
    now: datetime,
    *,
    session: Session,
) -> Comparison:
    """What a bulletin has that the edition of `week` has not, and the other way round."""
    content, kept = _content(week, registry, themes, now, session=session)
    withheld = {number: one.by for one in content.editing.withheld for number in one.articles}
    stories = {number: story for story in content.stories for number in (story.id, *(one.id for one in story.reports))}
    shown = {story.id for story in content.stories}
    by_story = _by_story(stories, session=session)
    headlines = _headlines(week, stories, by_story, shown, session=session)
    addresses = _addresses(items, session=session)
    numbers = match(items, headlines, addresses)
    facts = _facts([number for number in numbers if number is not None], session=session)
    elsewhere = _told_elsewhere(week, list(facts), session=session)
    themeless = [number for number in facts if number in shown and not stories[number].themes]
    below = _strongest(themeless, session=session)
    shared, missed, had = [], [], set[int]()
    for item, number in zip(items, numbers, strict=True):
        if number is None or number not in facts:
            missed.append(_unknown(item, registry))
            continue
        row, by_headline = facts[number], item.address not in addresses
        story = stories.get(number) or by_story.get(row.story_id)
        if story is not None:
            had.add(story.id)
        if story is not None and (number == story.id or same_name(row.outlet, story.outlet)):
            shared.append(Shared(item, story, below.get(number, ("", 0.0)), by_headline))
        elif story is not None:
            detail = f"folded into “{story.title}” ({story.outlet})"
            missed.append(Missed(item, Reason.FOLDED, detail, number, story=story, by_headline=by_headline))
        else:
            untold = _untold(item, row, week, elsewhere.get(number, ""), withheld.get(number, ""))
            missed.append(replace(untold, by_headline=by_headline))
    return Comparison(
        week, kept, tuple(shared), tuple(missed), tuple(story for story in content.stories if story.id not in had)
    )


@dataclass(frozen=True, slots=True)
class _Fact:
    """A stored article that a bulletin tells."""

    id: int
    story_id: int | None
    outlet: str
    at: datetime
    in_scope: float | None
    scope_state: str | None
    said: bool | None  # a person's last word on its scope
    why_untold: str


def _content(
    week: Week, registry: Registry, themes: Sequence[Theme], now: datetime, *, session: Session
) -> tuple[EditionContent, bool]:
    edition = edition_of(week, session=session)
    if edition is not None and is_kept(edition):
        return content_from_json(edition.content), True
    return compose(gather_edited(week, session=session), registry, themes, now), False


def _by_story(stories: Mapping[int, StoryItem], *, session: Session) -> dict[int | None, StoryItem]:
    """The items of an edition by the numbers of the stories that they tell."""
    found: dict[int | None, StoryItem] = {}
    for chunk in chunks(sorted(stories)):
        for number, story in session.execute(select(article.id, article.story_id).where(article.id.in_(chunk))):
            found |= {story: stories[number]} if story is not None else {}
    return found


def _headlines(
    week: Week,
    stories: Mapping[int, StoryItem],
    by_story: Mapping[int | None, StoryItem],
    shown: Collection[int],
    *,
    session: Session,
) -> list[Headline]:
    start, end = week.start - BEFORE, week.end + AFTER
    columns = (article.id, article.title, article.outlet, article.source, article.url, article.story_id)
    rows: dict[int, Any] = {}
    for inside in (
        and_(article.published_at >= start, article.published_at < end),
        and_(article.published_at.is_(None), article.first_seen_at >= start, article.first_seen_at < end),
    ):
        rows |= {row.id: row for row in session.execute(select(*columns).where(inside))}
    return [
        Headline(
            row.id,
            row.title,
            row.outlet or row.source,
            row.url,
            rank=2 * (row.id in shown) + (row.id in stories or row.story_id in by_story),
        )
        for row in rows.values()
    ]


def _addresses(items: Iterable[BulletinItem], *, session: Session) -> dict[str, int]:
    """The articles that are stored under the items' addresses, or had them before."""
    forms = {address: variants_of(address) for item in items if (address := item.address)}
    wanted = sorted({form for one in forms.values() for form in one})
    known = article_ids_of(wanted, session=session)
    alias = ArticleAlias.__table__.c  # type: ignore[attr-defined]
    for chunk in chunks(wanted):
        query = select(alias.url, alias.article_id).where(alias.url.in_(chunk))
        for url, number in session.execute(query):
            known.setdefault(url, number)
    return {address: known[form] for address, one in forms.items() for form in reversed(one) if form in known}


def _facts(ids: Collection[int], *, session: Session) -> dict[int, _Fact]:
    found: dict[int, _Fact] = {}
    placed = ArticleEdition.__table__.c  # type: ignore[attr-defined]
    for chunk in chunks(sorted(set(ids))):
        said: dict[int, bool] = {}
        words = select(review.article_id, review.verdict).where(review.article_id.in_(chunk), review.theme == IN_SCOPE)
        said.update((number, verdict) for number, verdict in session.execute(words.order_by(review.at, review.id)))
        reasons = select(placed.article_id, placed.reason).where(placed.article_id.in_(chunk), placed.week.is_(None))
        why = dict(session.execute(reasons).tuples().all())
        for row in session.scalars(select(Article).where(article.id.in_(chunk))):
            number = row.id or 0
            at = row.published_at or row.first_seen_at
            outlet = row.outlet or row.source
            found[number] = _Fact(
                number, row.story_id, outlet, at, row.in_scope, row.scope_state, said.get(number), why.get(number, "")
            )
    return found


def _strongest(ids: Collection[int], *, session: Session) -> dict[int, tuple[str, float]]:
    """The theme of each article that scored highest."""
    found: dict[int, tuple[str, float]] = {}
    for chunk in chunks(sorted(ids)):
        query = select(tag.article_id, tag.theme, tag.score).where(tag.article_id.in_(chunk)).order_by(tag.score)
        found.update((number, (theme, score)) for number, theme, score in session.execute(query))
    return found


def _told_elsewhere(week: Week, ids: Collection[int], *, session: Session) -> dict[int, str]:
    """The weeks of the other editions that tell these articles, sealed or as they are kept."""
    near = editions_near(week, session=session)
    told = {number: name for name, edition in near.items() for number in listed_articles(edition)}
    told |= weeks_told(ids, session=session)
    return {number: name for number, name in told.items() if name != str(week)}


def _untold(item: BulletinItem, row: _Fact, week: Week, told: str, withheld_by: str) -> Missed:
    own = str(Week.of(row.at))
    score = "" if row.in_scope is None else f" (score {row.in_scope:.2f})"
    if told:
        return Missed(item, Reason.OTHER_WEEK_TOLD, f"told by the edition of {told}", row.id, week=told)
    if withheld_by:
        return Missed(item, Reason.LEFT_OUT_BY_EDITOR, f"left out by editor {withheld_by}", row.id)
    if row.said is False:
        return Missed(item, Reason.LEFT_OUT, "a person said that it is not in scope", row.id)
    if row.said is None and row.scope_state is None:
        return Missed(item, Reason.NOT_TAGGED, "collected, but not tagged yet", row.id)
    if row.said is None and row.scope_state != State.YES.value:
        doubt = "in doubt, so it waits for review" if row.scope_state == State.UNCERTAIN.value else "out of scope"
        return Missed(item, Reason.OUT_OF_SCOPE, f"the model has it {doubt}{score}", row.id, score=row.in_scope)
    if own != str(week):
        return Missed(item, Reason.OTHER_WEEK, f"of week {own} by its date", row.id, week=own)
    why = f": {row.why_untold.replace('-', ' ')}" if row.why_untold else "; it came into scope after that was made"
    return Missed(item, Reason.NOT_LISTED, f"in scope, but not in the edition{why}", row.id)


def _unknown(item: BulletinItem, registry: Registry) -> Missed:
    """Of what is not stored: whether a source would have had it."""
    address = item.address
    if not address and not item.outlet:
        hidden = "its link hides where it leads" if item.url else "it has no link"
        return Missed(item, Reason.NOT_FOUND, f"no stored headline is like it; {hidden}, and no outlet is named")
    sources = [source for source in registry.sources if _may_have(source, address, item.outlet)]
    where = bare_host(host_of(address)) or item.outlet
    if not sources:
        return Missed(item, Reason.NOT_IN_REGISTRY, f"{where}: no source of the registry")
    named = ", ".join(source.label for source in sources[:3]) + (" …" if len(sources) > 3 else "")
    # Of an outlet whose sources are "BBC News: health" and "BBC News: sitemap", that which is on may have another host.
    outlets = {source.label.partition(":")[0] for source in sources}
    on = [one for one in registry.sources if one.enabled and one.label.partition(":")[0] in outlets]
    if not on:
        because = next((f": {source.disabled_because}" for source in sources if source.disabled_because), "")
        return Missed(item, Reason.SWITCHED_OFF, f"{named}: switched off in the registry{because}")
    named = ", ".join(source.label for source in on)
    return Missed(item, Reason.NOT_COLLECTED, f"{named}: switched on, but nothing like it is stored")


def _may_have(source: Source, address: str, outlet: str) -> bool:
    if address:
        return source.speaks_for(address)
    site = bare_host(host_of(source.url)).partition(".")[0]
    return same_name(source.label, outlet) or (bool(site) and plain_name(outlet).replace(" ", "") == site)
