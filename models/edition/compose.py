"""From the facts of a week to its edition: which stories, in which order, and what may be quoted of each.

Pure: the same facts and the same `now` make the same edition.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from models.edition.content import (
    MAX_OUTLET,
    Basis,
    Copy,
    EditionContent,
    GapKind,
    Selection,
    SourceGap,
    StoryItem,
    StoryTheme,
    ThemeNote,
    within_rights,
)
from models.edition.facts import ArticleFact, SourceFact, StoryFact, TagFact, WeekFacts
from models.links import web_address
from models.outcomes import PollOutcome
from models.rights import Rights, credit, quotation
from models.sources import Registry, Source
from models.text import MAX_SENTENCE
from models.text_safety import plain_line
from models.themes import Theme
from models.trends import ThemeHistory, Verdict, judge
from models.weeks import LONDON, Week

LEADS = 5
LEADS_PER_THEME = 2  # a lead of five on one subject would hide the rest of the week
MAX_TITLE = 200  # letters; a longer "headline" is a paragraph that lost its way

# The weights of `rank`. One strong theme is worth as much as three outlets or a week of freshness and a half.
THEME_WEIGHT = 1.0
THEMES_THAT_COUNT = 3
OUTLET_WEIGHT = 0.6
FRESH_WEIGHT = 0.6
RISING_WEIGHT = 0.5
HEADLINE_ONLY_PENALTY = 0.4

# A weekly newsletter that skips one week is not silent; one that skips two is worth a look.
SILENT_AFTER = timedelta(days=21)
FAILED_SHARE = 0.5  # of the week's polls: a source that missed fewer was seen
_BLOCKED = {PollOutcome.BLOCKED, PollOutcome.DISALLOWED, PollOutcome.REFUSED}

_BASES = {"full": Basis.TEXT, "teaser": Basis.OPENING, "paywalled": Basis.SUMMARY}


def compose(facts: WeekFacts, registry: Registry, themes: Sequence[Theme], now: datetime) -> EditionContent:
    """The edition of a week for everyone, its stories by rank."""
    complete = now >= facts.week.end
    trends = tuple(
        judge(facts.histories.get(theme.id, ThemeHistory(theme.id, {}, 0)), facts.collected, complete=complete)
        for theme in themes
    )
    rising = {trend.theme for trend in trends if trend.verdict is Verdict.RISING}
    known = {theme.id for theme in themes}
    items = [_item(story, registry, facts.week.end, known, rising) for story in facts.stories]
    this_week = [counts[-1] for counts in facts.collected.by_source.values() if counts]
    return EditionContent(
        week=str(facts.week),
        composed_at=now,
        complete=complete,
        themes=tuple(ThemeNote(t.id, t.name, t.group.id, t.number, t.group.numbered, t.group.heading) for t in themes),
        stories=tuple(sorted(items, key=_order)),
        trends=trends,
        gaps=find_gaps(_named(facts.sources, registry), facts.week, now),
        articles=sum(this_week),
        sources=sum(1 for count in this_week if count),
        sources_enabled=len(facts.sources),
        model=facts.model,
    )


def rights_of(article: ArticleFact, registry: Registry) -> Rights:
    """What may be shown of an article: what both the class it was stored under and today's allow."""
    return registry.rights_then_and_now(article.source, article.rights)


def show_story(story: StoryFact, registry: Registry, known: set[str]) -> StoryItem:
    """A story by itself, with the themes that are `known`, and no more of it than may be shown."""
    item = _item(story, registry, Week.of(story.shown.at).end, known, set())
    return within_rights(item, rights_of(story.shown, registry))


def rank(item: StoryItem, *, weight: float, week_end: datetime, at: datetime, rising: Iterable[str] = ()) -> float:
    """How much a story matters; the five highest lead the edition.

    source weight x (sum of the scores of its three strongest themes
                     + 0.6 log2(outlets that carry it)
                     + 0.6 x freshness, from 0 at the week's start to 1 at its end
                     + 0.5 if its strongest theme is rising
                     - 0.4 if only its headline was read)
    """
    strength = sum(theme.score for theme in item.themes[:THEMES_THAT_COUNT])
    age_days = (week_end - at) / timedelta(days=7)
    freshness = min(max(1 - age_days, 0.0), 1.0)
    return weight * (
        THEME_WEIGHT * strength
        + OUTLET_WEIGHT * math.log2(max(item.outlets, 1))
        + FRESH_WEIGHT * freshness
        + (RISING_WEIGHT if item.primary in set(rising) else 0.0)
        - (HEADLINE_ONLY_PENALTY if item.basis is Basis.HEADLINE else 0.0)
    )


def find_gaps(facts: Iterable[SourceFact], week: Week, now: datetime) -> tuple[SourceGap, ...]:
    """What the monitor could not see, so that a silence in the news is not confused with a silent feed.

    The watched sources that failed, were blocked, went silent or were never read, the worst first.
    """
    end = min(week.end, now)
    gaps = [gap for fact in facts if (gap := _gap(plain_line(fact.name or fact.id, MAX_OUTLET), fact, end)) is not None]
    order = list(GapKind)
    return tuple(sorted(gaps, key=lambda gap: (order.index(gap.kind), gap.name.casefold())))


def choose_leads(content: EditionContent) -> tuple[StoryItem, ...]:
    """The stories that matter: the highest ranks, at most two of one theme, each with a theme."""
    chosen: list[StoryItem] = []
    for story in content.stories:
        same = sum(other.primary == story.primary for other in chosen)
        if story.themes and same < LEADS_PER_THEME:
            chosen.append(story)
        if len(chosen) == LEADS:
            break
    return tuple(chosen)


def for_recipient(content: EditionContent, selection: Selection) -> EditionContent | None:
    """The edition narrowed to what someone chose; None where nothing is left (not even for those who chose all).

    UK-wide sources stay in for every nation. A story is listed under the strongest of the chosen themes. Trends and the
    sources that could not be seen stay as they are: they describe the week, not the selection.
    """
    wanted = set(selection.themes)
    stories = tuple(_with_chosen_first(story, wanted) for story in content.stories if _is_chosen(story, selection))
    if not stories:
        return None
    return _narrow(content, selection, stories)


def empty_for(content: EditionContent, selection: Selection) -> EditionContent:
    """The edition for someone who wants one even in a week with nothing for them."""
    return _narrow(content, selection, ())


def _narrow(content: EditionContent, selection: Selection, stories: tuple[StoryItem, ...]) -> EditionContent:
    wanted = selection.themes or tuple(theme.id for theme in content.themes)
    return replace(
        content,
        selection=selection,
        stories=stories,
        themes=tuple(theme for theme in content.themes if theme.id in wanted),
        trends=tuple(trend for trend in content.trends if trend.theme in wanted),
    )


def _is_chosen(story: StoryItem, selection: Selection) -> bool:
    return (
        (not selection.themes or any(theme.theme in selection.themes for theme in story.themes))
        and (not selection.nations or story.nation in (*selection.nations, "uk"))
        and (not selection.sectors or story.sector in selection.sectors)
    )


def _with_chosen_first(story: StoryItem, wanted: set[str]) -> StoryItem:
    if not wanted or story.primary in wanted:
        return story
    return replace(story, themes=tuple(sorted(story.themes, key=lambda theme: theme.theme not in wanted)))


def _item(
    story: StoryFact,
    registry: Registry,
    week_end: datetime,
    known: set[str],
    rising: set[str],
) -> StoryItem:
    shown = story.shown
    source = registry.by_id().get(shown.source)  # only for what the store does not know of an old article
    rights = rights_of(shown, registry)
    outlet = _name_outlet(shown, source)
    title = plain_line(shown.title, MAX_TITLE) or "(no headline)"
    themes = []
    for tag in _strongest(story, known):
        quoted = quotation(plain_line(tag.evidence, MAX_SENTENCE), rights)
        themes.append(
            StoryTheme(
                tag.theme,
                tag.score,
                quoted.text if _differs(quoted.text, title) else "",
                quoted.cut,
                by_person=tag.by_person,
            )
        )
    copies = _copies(story, registry, outlet)
    basis = _BASES.get(shown.text_status, Basis.HEADLINE)
    if basis is Basis.HEADLINE and any(_differs(tag.evidence, title) for tag in shown.tags):
        basis = Basis.SUMMARY  # a sentence that is not the headline can only come from there
    item = StoryItem(
        id=shown.id,
        title=title,
        url=web_address(shown.url),
        outlet=outlet,
        source=shown.source,
        day=shown.at.astimezone(LONDON).date(),
        day_is_published=shown.published_at is not None,
        nation=shown.nation or (source.nation if source else "uk"),
        sector=shown.sector or (source.sector if source else "health-and-care"),
        paywalled=shown.paywalled or shown.text_status == "paywalled",
        basis=basis,
        themes=tuple(themes),
        copies=copies,
        outlets=len({outlet, *(copy.outlet for copy in copies)}),
        rank=0.0,
        credit=plain_line(credit(rights, outlet)),
        late=story.late,
    )
    weight = shown.weight if shown.weight is not None else (source.weight if source else 1.0)
    return replace(item, rank=round(rank(item, weight=weight, week_end=week_end, at=shown.at, rising=rising), 4))


def _differs(sentence: str, title: str) -> bool:
    """Whether a sentence says anything beside the headline."""
    return plain_line(sentence).strip(" .…").casefold() not in {"", title.strip(" .…").casefold()}


def _strongest(story: StoryFact, known: set[str]) -> list[TagFact]:
    """The themes of a story, strongest first: those of its copies count, but only what is shown is quoted."""
    best: dict[str, TagFact] = {tag.theme: tag for tag in story.shown.tags if tag.theme in known}
    for copy in story.copies:
        for tag in copy.tags:
            if tag.theme in known and tag.theme not in best:
                best[tag.theme] = replace(tag, evidence="")
    return sorted(best.values(), key=lambda tag: (-tag.score, tag.theme))


def _copies(story: StoryFact, registry: Registry, outlet: str) -> tuple[Copy, ...]:
    sources = registry.by_id()
    copies: dict[str, Copy] = {}
    for article in sorted(story.copies, key=lambda article: (article.at, article.id)):
        name = _name_outlet(article, sources.get(article.source))
        if name != outlet:
            copies.setdefault(name, Copy(name, web_address(article.url)))
    return tuple(copies.values())


def _name_outlet(article: ArticleFact, source: Source | None) -> str:
    return plain_line(article.outlet or (source.label if source else article.source), MAX_OUTLET)


def _named(facts: Iterable[SourceFact], registry: Registry) -> list[SourceFact]:
    """Sources whose name is not on record, since no run has collected after an upgrade, under that of the registry."""
    known = registry.by_id()
    return [fact if fact.name or fact.id not in known else replace(fact, name=known[fact.id].label) for fact in facts]


def _gap(name: str, fact: SourceFact, end: datetime) -> SourceGap | None:
    if fact.last_polled_at is None:
        return SourceGap(name, GapKind.NEVER, None)
    failing = fact.failing_since is not None and fact.failing_since < end
    missed = fact.polls > 0 and fact.failed_polls >= FAILED_SHARE * fact.polls
    if failing or missed:
        blocked = fact.last_outcome in _BLOCKED
        since = fact.failing_since.astimezone(LONDON).date() if fact.failing_since and failing else None
        reason = fact.last_detail if failing else f"{fact.failed_polls} of {fact.polls} tries failed"
        return SourceGap(name, GapKind.BLOCKED if blocked else GapKind.FAILED, since, plain_line(reason, 120))
    if fact.last_new_at is not None and end - fact.last_new_at > SILENT_AFTER:
        return SourceGap(name, GapKind.SILENT, fact.last_new_at.astimezone(LONDON).date())
    return None


def _order(item: StoryItem) -> tuple[float, float, int]:
    return (-item.rank, -item.day.toordinal(), item.id)
