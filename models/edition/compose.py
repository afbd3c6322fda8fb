"""From the facts of a week to its edition: which stories, in which order, and what may be quoted of each.

Pure: the same facts and the same `now` make the same edition.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from models.edition.content import (
    MAX_OUTLET,
    Basis,
    Copy,
    DateNote,
    EditionContent,
    Followed,
    OrganisationNote,
    OtherReport,
    StoryItem,
    StoryTheme,
    ThemeNote,
    within_rights,
)
from models.edition.edits import edit_stories
from models.edition.facts import ArticleFact, StoryFact, TagFact, WeekFacts, by_event, find_gaps
from models.rights import Rights, credit, quotation
from models.sources import Registry, Source
from models.text import MAX_SENTENCE
from models.text_safety import plain_line, web_address
from models.themes import Theme
from models.trends import ThemeHistory, Verdict, judge
from models.weeks import LONDON, Week

MAX_TITLE = 200  # letters; a longer "headline" is a paragraph that lost its way

# What a story is about: whom its headline or summary names, and whom its text names more than once.
PLACE_WEIGHTS = {"title": 10, "summary": 3, "text": 1}
ABOUT = 2
MAX_ORGANISATIONS = 6
# "First mention" is a claim about the weeks before: fewer than four say nothing.
LEAST_WEEKS_NAMED = 4

# The weights of `rank`. One strong theme is worth as much as three outlets or a week of freshness and a half.
THEME_WEIGHT = 1.0
THEMES_THAT_COUNT = 3
OUTLET_WEIGHT = 0.6
FRESH_WEIGHT = 0.6
RISING_WEIGHT = 0.5
HEADLINE_ONLY_PENALTY = 0.4

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
    until = min(now, facts.week.end).astimezone(LONDON).date()
    told = []
    for event in by_event(facts.stories):
        articles = frozenset(one.id for report in event for one in report.articles)
        told.append((_event(event, registry, facts.week.end, known, rising, until), articles))
    told.sort(key=lambda pair: _order(pair[0]))
    archive = [_item(one, (), registry, facts.week.end, known, rising, until) for one in facts.archive]
    items, editing = edit_stories(told, archive, facts.edits, known)
    this_week = [counts[-1] for counts in facts.collected.by_source.values() if counts]
    weeks_named = _weeks_named(facts)
    named = dict.fromkeys(organisation.id for item in items for organisation in item.organisations)
    return EditionContent(
        week=str(facts.week),
        composed_at=now,
        complete=complete,
        themes=tuple(ThemeNote(t.id, t.name, t.group.id, t.number, t.group.numbered, t.group.heading) for t in themes),
        stories=tuple(items),
        trends=trends,
        gaps=find_gaps(facts.sources, registry, facts.week, now),
        articles=sum(this_week),
        sources=sum(1 for count in this_week if count),
        sources_enabled=len(facts.sources),
        model=facts.model,
        first_named=tuple(id_ for id_ in named if weeks_named and id_ not in (facts.named_before or ())),
        weeks_named=weeks_named,
        misquoted=tuple(
            story.shown.id
            for story in facts.stories
            if not all(tag.verbatim for tag in story.shown.tags if tag.theme in known)
        ),
        editing=editing,
    )


def rights_of(article: ArticleFact, registry: Registry) -> Rights:
    """What may be shown of an article: what both the class it was stored under and today's allow."""
    return registry.rights_then_and_now(article.source, article.rights)


def show_story(story: StoryFact, registry: Registry, known: set[str]) -> StoryItem:
    """A story by itself, with the themes that are `known`, and no more of it than may be shown."""
    item = _item(story, (), registry, Week.of(story.shown.at).end, known, set(), story.shown.at.date())
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


def _event(
    event: Sequence[StoryFact], registry: Registry, week_end: datetime, known: set[str], rising: set[str], until: date
) -> StoryItem:
    """What tells an event: its best report, with the themes of all and the others beside it."""
    if len(event) == 1:
        return _item(event[0], (), registry, week_end, known, rising, until)
    alone = {id(one): _item(one, (), registry, week_end, known, rising, until) for one in event}
    best, *others = sorted(event, key=lambda one: _order(alone[id(one)]))
    reports = [alone[id(one)] for one in others]
    item = _item(best, others, registry, week_end, known, rising, until)
    follows = next((one.follows for one in (item, *reports) if one.follows), None)
    return replace(
        item,
        follows=follows,
        reports=tuple(OtherReport(one.id, one.title, one.outlet, one.url) for one in reports),
    )


def _item(
    story: StoryFact,
    others: Sequence[StoryFact],
    registry: Registry,
    week_end: datetime,
    known: set[str],
    rising: set[str],
    until: date,
) -> StoryItem:
    shown = story.shown
    source = registry.by_id().get(shown.source)  # only for what the store does not know of an old article
    rights = rights_of(shown, registry)
    outlet = _name_outlet(shown, source)
    title = plain_line(shown.title, MAX_TITLE) or "(no headline)"
    themes = []
    for tag in _strongest(story, others, known):
        quoted = quotation(plain_line(tag.evidence if tag.verbatim else "", MAX_SENTENCE), rights)
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
        outlets=len({outlet, *(copy.outlet for copy in copies), *_outlets_of(others, registry)}),
        rank=0.0,
        credit=plain_line(credit(rights, outlet)),
        late=story.late,
        organisations=_organisations((story, *others)),
        follows=_followed(story),
        ahead=_ahead(shown, rights, themes, until),
    )
    weight = shown.weight if shown.weight is not None else (source.weight if source else 1.0)
    return replace(item, rank=round(rank(item, weight=weight, week_end=week_end, at=shown.at, rising=rising), 4))


def _differs(sentence: str, title: str) -> bool:
    """Whether a sentence says anything beside the headline."""
    return plain_line(sentence).strip(" .…").casefold() not in {"", title.strip(" .…").casefold()}


def _outlets_of(stories: Iterable[StoryFact], registry: Registry) -> set[str]:
    sources = registry.by_id()
    return {_name_outlet(one, sources.get(one.source)) for story in stories for one in story.articles}


def _followed(story: StoryFact) -> Followed | None:
    """The earlier story that one continues; not one of the same headline, which says nothing more."""
    if story.follows is None:
        return None
    title = plain_line(story.follows.title, MAX_TITLE)
    return Followed(title, web_address(story.follows.url), str(story.follows.week)) if title else None


def _ahead(shown: ArticleFact, rights: Rights, themes: Sequence[StoryTheme], until: date) -> tuple[DateNote, ...]:
    """The dates that are still to come, the next first; a sentence only as a whole, and within what may be quoted in all."""
    left = rights.quotation_words - max((len(theme.quote.split()) for theme in themes), default=0)
    notes = []
    for one in sorted(shown.ahead, key=lambda one: one.day):
        sentence = plain_line(one.sentence)
        if one.last < until:
            continue
        fits = bool(sentence) and len(sentence.split()) <= left
        left -= len(sentence.split()) if fits else 0
        notes.append(DateNote(one.day, one.precision, sentence if fits else ""))
    return tuple(notes)


def _strongest(story: StoryFact, others: Sequence[StoryFact], known: set[str]) -> list[TagFact]:
    """The themes of a story, strongest first: those of its copies and other reports count, but only what is shown is quoted."""
    best: dict[str, TagFact] = {tag.theme: tag for tag in story.shown.tags if tag.theme in known}
    for copy in (*story.copies, *(one for other in others for one in other.articles)):
        for tag in copy.tags:
            if tag.theme in known and tag.theme not in best:
                best[tag.theme] = replace(tag, evidence="")
    return sorted(best.values(), key=lambda tag: (-tag.score, tag.theme))


def _organisations(stories: Iterable[StoryFact]) -> tuple[OrganisationNote, ...]:
    """Whom an event is about, the most prominent first: as the article that is shown says, else as copies and others do."""
    for article in (one for story in stories for one in story.articles):
        weights: dict[str, int] = {}
        for mention in article.mentions:
            weight = PLACE_WEIGHTS.get(mention.place, 1) * mention.count
            weights[mention.organisation_id] = weights.get(mention.organisation_id, 0) + weight
        names = {mention.organisation_id: mention.name for mention in article.mentions}
        about = sorted((id_ for id_ in weights if weights[id_] >= ABOUT), key=lambda id_: (-weights[id_], names[id_]))
        if not about and len(weights) == 1:
            about = list(weights)  # nobody else is named: it can be about no other
        if about:
            return tuple(OrganisationNote(id_, names[id_]) for id_ in about[:MAX_ORGANISATIONS])
    return ()


def _weeks_named(facts: WeekFacts) -> int:
    """The weeks in which organisations were looked for, this one included; 0 where they are too few to call one new."""
    weeks = sum(1 for count in facts.collected.totals()[:-1] if count)
    return weeks + 1 if facts.named_before is not None and weeks >= LEAST_WEEKS_NAMED else 0


def _copies(story: StoryFact, registry: Registry, outlet: str) -> tuple[Copy, ...]:
    sources = registry.by_id()
    copies: dict[str, Copy] = {}
    for article in sorted(story.copies, key=lambda article: (article.at, article.source, article.id)):
        name = _name_outlet(article, sources.get(article.source))
        if name != outlet:
            copies.setdefault(name, Copy(name, web_address(article.url)))
    return tuple(copies.values())


def _name_outlet(article: ArticleFact, source: Source | None) -> str:
    return plain_line(article.outlet or (source.label if source else article.source), MAX_OUTLET)


def _order(item: StoryItem) -> tuple[float, int, str, str, int]:
    # Not by number alone: after a killed run other numbers are given, and the same news must make the same edition.
    return (-item.rank, -item.day.toordinal(), item.title, item.outlet, item.id)
