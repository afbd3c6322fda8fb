"""One view of an edition: each story placed, each sentence written, each bar measured, for all forms alike. Pure.

Five stories at most lead; every other is listed once, under its strongest theme: group by group.
A theme whose story leads points to it, so that "No items this week" always means what it says.
The templates (`templates/email`, `web`, `text`, `artifact`) only decide how this looks; each escapes for its own form.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.edition import wording
from models.edition.compose import choose_leads
from models.edition.content import Copy, EditionContent, StoryItem, ThemeNote
from models.themes import load_framework
from models.trends import Trend

BAR_HEIGHT = 32  # pixels of the tallest bar
LEAST_SCALE = 4  # stories that the tallest bar stands for at least: one lone story must not look like a peak
# Of editions of the first release, which do not say it themselves.
_HEADINGS = {"finding": "Findings about culture", "recommendation": "The seven recommendations"}
_BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Links:
    """Where an edition points; empty where there is no such place."""

    web: str = ""
    archive: str = ""
    unsubscribe: str = ""  # https or mailto, with the recipient's token


@dataclass(frozen=True, slots=True)
class StoryView:
    """One story as every form shows it."""

    id: int  # of its article: what the form of `review` asks for
    lead: int  # its place among the stories that lead, from 1; 0 for the others
    title: str
    url: str  # http(s), or empty: then it is shown without a link
    meta: str  # outlet, date, nation, sector, and what limits it
    quote: str
    credit: str
    theme: str  # the name of the theme under which it is listed; empty for none
    other_themes: tuple[str, ...]
    themes_line: str  # the same in one line
    copies: tuple[Copy, ...]
    more_copies: int = 0


@dataclass(frozen=True, slots=True)
class SectionView:
    """One heading with its stories by rank; those that lead the edition apart, in `above`."""

    anchor: str
    heading: str
    stories: tuple[StoryView, ...]
    name: str = ""
    flag: str = ""
    numbers: str = ""
    above: tuple[StoryView, ...] = ()
    count: int = 0  # of all its stories
    empty: str = ""  # what is said where there are none
    more: int = 0  # stories left out here, for the web edition to show


@dataclass(frozen=True, slots=True)
class GroupView:
    """Themes that belong together, such as the findings about culture."""

    heading: str
    sections: tuple[SectionView, ...]


@dataclass(frozen=True, slots=True)
class BarView:
    """One week of a trend; `count` is None where nothing was collected."""

    count: int | None
    height: int  # pixels, at least 1 so that a week without stories is a line on the ground; 0 where `count` is None


@dataclass(frozen=True, slots=True)
class TrendView:
    """Twelve weeks of one theme."""

    name: str
    flag: str
    words: str
    chart_words: str
    bars: tuple[BarView, ...]
    spark: str  # the bars in one line of text; a dot for a week without data


@dataclass(frozen=True, slots=True)
class GapView:
    """A source that could not be seen."""

    name: str
    words: str
    reason: str


@dataclass(frozen=True, slots=True)
class EditionView:
    """All that an edition says to one reader, in reading order."""

    product: str
    subject: str
    preheader: str
    title: str
    standfirst: str
    brief_heading: str
    brief: tuple[str, ...]
    leads: tuple[StoryView, ...]
    groups: tuple[GroupView, ...]
    others: SectionView  # in scope, under none of the themes
    trends: tuple[TrendView, ...]
    trends_note: str
    trends_rule: str
    gaps: tuple[GapView, ...]
    gaps_note: str
    method: tuple[str, ...]
    licences: tuple[str, ...]
    receipt: str
    privacy: str
    links: Links
    more_gaps: int = 0


def view_edition(content: EditionContent, links: Links = Links()) -> EditionView:
    """What every form of an edition shows of it, nothing left out."""
    names = content.theme_names
    places = {story.id: place for place, story in enumerate(choose_leads(content), 1)}
    stories = {story.id: _view_story(story, names, places.get(story.id, 0)) for story in content.stories}
    trends = {trend.theme: trend for trend in content.trends}
    by_theme: dict[str, list[StoryView]] = {theme: [] for theme in names}
    others: list[StoryView] = []
    for story in content.stories:
        by_theme.get(story.primary, others).append(stories[story.id])
    groups = [
        GroupView(
            next(theme.group_heading for theme in content.themes if theme.group == group)
            or _HEADINGS.get(group, group),
            tuple(
                _view_section(content, theme, trends.get(theme.id), by_theme[theme.id])
                for theme in content.themes
                if theme.group == group
            ),
        )
        for group in dict.fromkeys(theme.group for theme in content.themes)
    ]
    return EditionView(
        product=wording.PRODUCT,
        subject=wording.write_subject(content),
        preheader=wording.write_preheader(content),
        title=wording.write_title(content),
        standfirst=wording.write_standfirst(content),
        brief_heading="This week in brief" + ("" if content.complete else ", so far"),
        brief=wording.write_brief(content),
        leads=tuple(stories[id_] for id_ in places),
        groups=tuple(groups),
        others=_view_others([story for story in others if not story.lead]),
        trends=tuple(_view_trend(names[trend.theme], trend) for trend in content.trends if trend.theme in names),
        trends_note=wording.explain_charts(content),
        trends_rule=wording.VERDICT_RULE,
        gaps=tuple(GapView(gap.name, wording.describe_gap(gap), gap.reason) for gap in content.gaps),
        gaps_note=wording.explain_gaps(content.gaps),
        method=wording.explain_method(content),
        licences=wording.list_licences(content),
        receipt=wording.explain_receipt(content),
        privacy=wording.PRIVACY,
        links=links,
    )


def shorten(view: EditionView, *, stories: int, copies: int | None = None, gaps: int | None = None) -> EditionView:
    """At most so many stories under one heading, copies of a story, and gaps; what is left out is counted."""

    def cut_copies(all_: Sequence[StoryView]) -> tuple[StoryView, ...]:
        if copies is None:
            return tuple(all_)
        return tuple(
            replace(one, copies=one.copies[:copies], more_copies=max(len(one.copies) - copies, 0)) for one in all_
        )

    def cut(section: SectionView) -> SectionView:
        left = max(len(section.stories) - stories, 0)
        return replace(section, stories=cut_copies(section.stories[:stories]), more=left)

    return replace(
        view,
        leads=cut_copies(view.leads),
        groups=tuple(replace(group, sections=tuple(map(cut, group.sections))) for group in view.groups),
        others=cut(view.others),
        gaps=view.gaps[:gaps],
        more_gaps=0 if gaps is None else max(len(view.gaps) - gaps, 0),
    )


def scale_bars(trend: Trend, tallest: int) -> list[int | None]:
    """The counts as heights from 0 to `tallest`; None for a week without data."""
    scale = max([count for count in trend.counts if count is not None] + [LEAST_SCALE])
    return [None if count is None else round(tallest * count / scale) for count in trend.counts]


def _view_story(story: StoryItem, names: dict[str, str], place: int) -> StoryView:
    theme = names.get(story.primary, "")
    others = tuple(names[tag.theme] for tag in story.themes[1:] if tag.theme in names)
    listed = [theme, *others] if place else others
    return StoryView(
        id=story.id,
        lead=place,
        title=story.title,
        url=story.url,
        meta=wording.describe_story(story),
        quote=wording.quote_story(story),
        credit=wording.credit_story(story),
        theme=theme,
        other_themes=others,
        themes_line=f"{'Themes' if place else 'Also on'}: {' · '.join(listed)}" if listed else "",
        copies=story.copies,
    )


def _view_section(
    content: EditionContent, theme: ThemeNote, trend: Trend | None, stories: list[StoryView]
) -> SectionView:
    return SectionView(
        anchor=theme.id,
        heading=theme.heading,
        stories=tuple(story for story in stories if not story.lead),
        name=theme.name,
        flag=wording.flag_trend(trend),
        numbers=wording.describe_section(content, trend) if stories else "",
        above=tuple(story for story in stories if story.lead),
        count=len(stories),
        empty="" if stories else wording.explain_no_items(content, theme.id),
    )


def _view_others(stories: list[StoryView]) -> SectionView:
    return SectionView("others", f"Also about {load_framework().scope}", tuple(stories), count=len(stories))


def _view_trend(name: str, trend: Trend) -> TrendView:
    heights, steps = scale_bars(trend, BAR_HEIGHT), scale_bars(trend, len(_BLOCKS) - 1)
    return TrendView(
        name=name,
        flag=wording.flag_trend(trend),
        words=wording.describe_trend(trend),
        chart_words=wording.describe_chart(trend),
        bars=tuple(
            BarView(count, 0 if height is None else max(height, 1))
            for count, height in zip(trend.counts, heights, strict=True)
        ),
        spark="".join("·" if step is None else _BLOCKS[step] for step in steps),
    )
