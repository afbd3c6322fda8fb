"""Where each story of an edition stands, and every sentence about it, for all forms alike. Pure.

Every story stands once in full: under what its reader watches, else under its strongest theme. The sections are in the order
of their best story; a theme whose stories all stand elsewhere is one line of links, the themes without any share one line.
"""

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from flows.publishing.view import (
    NOWHERE,
    BarView,
    DateView,
    EditionView,
    FollowedView,
    GapView,
    Links,
    NewsView,
    OrganisationView,
    SectionView,
    StoryLink,
    StoryView,
    TrendView,
)
from models.edition import news, trend_words, wording
from models.edition.choosing import list_matters
from models.edition.content import EditionContent, StoryItem, ThemeNote
from models.edition.news import NewsLine, bare_headline
from models.text_safety import plain_line
from models.themes import load_framework
from models.trends import Trend
from models.weeks import LONDON

logger = logging.getLogger(__name__)

BAR_HEIGHT = 24  # pixels of the tallest bar
LEAST_SCALE = 4  # stories that the tallest bar stands for at least: one lone story must not look like a peak
LINKS_IN_LINE = 12  # stories that one line points to; the rest is counted
LINKS_OF_ONE = 3  # stories that an organisation, or a date, points to
ORGANISATIONS = 10  # that are in the news
DATES = 12  # ahead: some weeks of them
DATE_LETTERS = 100  # of the sentence that names one, which stands in full at its story
_BLOCKS = "▁▂▃▄▅▆▇█"
_WATCHED, _OTHERS = "*watched", "*others"  # no theme's id holds a star


def view_edition(content: EditionContent, links: Links = NOWHERE) -> EditionView:
    """What every form of an edition shows of it, nothing left out."""
    groups = _place(content)
    stories: dict[int, StoryView] = {}
    for story in (story for group in groups.values() for story in group):
        stories[story.id] = _view_story(story, content, len(stories) + 1)
    themes = {theme.id: theme for theme in content.themes}
    watched = tuple(stories[story.id] for story in groups.pop(_WATCHED, ()))
    others = tuple(stories[story.id] for story in groups.pop(_OTHERS, ()))
    sections = [_view_section(content, themes[theme], stories, own) for theme, own in groups.items()]
    if others:
        sections.append(SectionView("others", f"Also about {load_framework().scope}", others, count=len(others)))
    naming = _name_organisations(content, stories)
    return EditionView(
        product=news.PRODUCT,
        subject=news.write_subject(content),
        preheader=news.write_preheader(content),
        title=wording.write_title(content),
        standfirst=wording.write_standfirst(content),
        note=content.editing.note,
        brief_heading="In brief" + ("" if content.complete else ", so far"),
        news=tuple(_view_news(line, stories) for line in news.write_news(content)),
        brief=tuple(filter(None, (news.say_numbers(content), " ".join(trend_words.say_changes(content))))),
        watched=SectionView("watched", "What you watch", watched, count=len(watched)),
        unnamed=wording.explain_unnamed(content),
        sections=tuple(sections),
        elsewhere=tuple(
            _view_section(content, theme, stories, ())
            for theme in content.themes
            if theme.id not in groups and content.stories_on(theme.id)
        ),
        empty=wording.explain_empty(content),
        organisations=tuple(one for one in naming[:ORGANISATIONS] if len(one.stories) > 1),
        newcomers=tuple(one for one in naming[:ORGANISATIONS] if len(one.stories) == 1),
        newcomers_words=wording.describe_naming(1, is_first=True, weeks=content.weeks_named).capitalize(),
        more_organisations=max(len(naming) - ORGANISATIONS, 0),
        dates=_list_dates(content, stories),
        trends=tuple(_view_trend(content, trend) for trend in content.trends if trend.theme in themes),
        trends_note=trend_words.explain_charts(content),
        trends_rule=trend_words.VERDICT_RULE,
        gaps=tuple(GapView(gap.name, wording.describe_gap(gap), gap.reason) for gap in content.gaps),
        gaps_note=wording.explain_gaps(content.gaps),
        method=wording.explain_method(content),
        method_in_short=wording.explain_in_short(content),
        licences=wording.list_licences(content),
        receipt=wording.explain_receipt(content),
        privacy=wording.PRIVACY,
        links=links,
    )


def scale_bars(trend: Trend, tallest: int) -> list[int | None]:
    """The counts as heights from 0 to `tallest`; None for a week without data."""
    scale = max([count for count in trend.counts if count is not None] + [LEAST_SCALE])
    return [None if count is None else round(tallest * count / scale) for count in trend.counts]


def _place(content: EditionContent) -> dict[str, list[StoryItem]]:
    """Every story under one heading: what is watched, each theme in the order of its best story, those of no theme."""
    names = content.theme_names
    groups: dict[str, list[StoryItem]] = {_WATCHED: []}
    others: list[StoryItem] = []
    for story in content.stories:
        if content.selection.watches(story):
            groups[_WATCHED].append(story)
        elif story.primary in names:
            groups.setdefault(story.primary, []).append(story)
        else:
            others.append(story)
    return {**groups, _OTHERS: others}


def _view_story(story: StoryItem, content: EditionContent, number: int) -> StoryView:
    names, week, follows = content.theme_names, wording.name_followed_week(story), story.follows
    return StoryView(
        id=story.id,
        number=number,
        title=story.title,
        url=story.url,
        who=", ".join(story.named),
        meta=wording.describe_story(story),
        quote=_quote(story),
        credit=wording.credit_story(story),
        themes=" · ".join(names[tag.theme] for tag in story.themes if tag.theme in names),
        copies=story.copies,
        reports=story.reports,
        count=wording.count_reports(story),
        follows=FollowedView(bare_headline(follows.title), follows.url, week) if follows else None,
        dates=tuple(
            DateView(wording.describe_date(one, _composed(content)), wording.quote_date(one)) for one in story.ahead
        ),
        words=story.words,
        author=wording.name_author(story),
    )


def _composed(content: EditionContent) -> date:
    return content.composed_at.astimezone(LONDON).date()


def _list_dates(content: EditionContent, stories: dict[int, StoryView]) -> tuple[DateView, ...]:
    """The dates that the stories name, one line for each matter of a date, whichever stories tell it."""
    return tuple(
        DateView(
            wording.describe_date(one.note, _composed(content)),
            plain_line(wording.quote_date(one.note), DATE_LETTERS),
            stories=tuple(stories[id_].link() for id_ in one.stories[:LINKS_OF_ONE]),
            more=max(len(one.stories) - LINKS_OF_ONE, 0),
        )
        for one in list_matters(content.stories)[:DATES]
    )


def _quote(story: StoryItem) -> str:
    """What is shown of a story's sentence; nothing, and a line in the log, where that is not what was kept."""
    shown = wording.quote_story(story)
    if shown and not wording.is_verbatim(shown, story):
        logger.error("article %d: a quotation is not the sentence that was stored; it was left out", story.id)
        return ""
    return shown


def _view_section(
    content: EditionContent, theme: ThemeNote, stories: dict[int, StoryView], own: Iterable[StoryItem]
) -> SectionView:
    here = tuple(stories[story.id] for story in own)
    all_ = content.stories_on(theme.id)
    shown = {story.id for story in here}
    also = [stories[story.id].link() for story in all_ if story.id not in shown]
    trend = next((trend for trend in content.trends if trend.theme == theme.id), None)
    return SectionView(
        anchor=theme.id,
        heading=theme.heading,
        stories=here,
        name=theme.name,
        flag=trend_words.flag_trend(trend),
        numbers=trend_words.describe_section(content, theme.id),
        also=tuple(also[:LINKS_IN_LINE]),
        more_also=max(len(also) - LINKS_IN_LINE, 0),
        count=len(all_),
        total=trend_words.count_stories(len(all_)),
        chart=_view_trend(content, trend) if trend and here and trend_words.is_news(trend) else None,
    )


def _view_news(line: NewsLine, stories: dict[int, StoryView]) -> NewsView:
    return NewsView(line.who, line.outlets, replace(stories[line.story].link(), title=line.what))


def _name_organisations(content: EditionContent, stories: dict[int, StoryView]) -> tuple[OrganisationView, ...]:
    """The organisations of several stories, most stories first, then those that are named for the first time in weeks."""
    named: dict[str, list[StoryLink]] = {}
    names: dict[str, str] = {}
    for story in content.stories:
        for organisation in story.organisations:
            names[organisation.id] = organisation.name
            named.setdefault(organisation.id, []).append(stories[story.id].link())
    first = set(content.first_named)
    chosen = sorted(
        (id_ for id_ in named if len(named[id_]) > 1 or id_ in first),
        key=lambda id_: (-len(named[id_]), id_ not in first),
    )
    return tuple(
        OrganisationView(
            names[id_],
            wording.describe_naming(len(named[id_]), is_first=id_ in first, weeks=content.weeks_named),
            tuple(named[id_][:LINKS_OF_ONE]),
            max(len(named[id_]) - LINKS_OF_ONE, 0),
        )
        for id_ in chosen
    )


def _view_trend(content: EditionContent, trend: Trend) -> TrendView:
    heights, steps = scale_bars(trend, BAR_HEIGHT), scale_bars(trend, len(_BLOCKS) - 1)
    return TrendView(
        name=content.theme_names[trend.theme],
        flag=trend_words.flag_trend(trend),
        words=trend_words.describe_trend(trend, complete=content.complete),
        chart_words=trend_words.describe_chart(trend, content.as_week()),
        weeks=trend_words.name_weeks(trend, content.as_week()),
        numbers=", ".join("–" if count is None else str(count) for count in trend.counts),
        bars=tuple(
            BarView(week.number, count, 0 if height is None else max(height, 1))
            for week, count, height in zip(
                trend_words.weeks_of(trend, content.as_week()), trend.counts, heights, strict=True
            )
        ),
        spark="".join("·" if step is None else _BLOCKS[step] for step in steps),
        is_news=trend_words.is_news(trend),
    )
