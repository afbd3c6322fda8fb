"""What every form of an edition shows, as plain values: `flows.publishing.layout` makes it, the templates decide how it looks.

The templates (`templates/email`, `web`, `text`, `artifact`) each escape for their own form.
"""

from dataclasses import dataclass, replace

from models.edition.content import Copy, OtherReport
from models.edition.news import bare_headline
from models.text_safety import plain_line

LINK_LETTERS = 40  # of a headline that is only pointed to


@dataclass(frozen=True, slots=True)
class Links:
    """Where an edition points; empty where there is no such place."""

    web: str = ""
    archive: str = ""
    unsubscribe: str = ""  # https or mailto, with the recipient's token
    preferences: str = ""  # the reader's own page, with their token


NOWHERE = Links()


@dataclass(frozen=True, slots=True)
class StoryLink:
    """A story that stands in full elsewhere in the edition."""

    id: int
    number: int  # in reading order, from 1: what plain text points with
    title: str  # shortened
    url: str


@dataclass(frozen=True, slots=True)
class FollowedView:
    """The story of an earlier week that one continues."""

    title: str
    url: str
    week: str


@dataclass(frozen=True, slots=True)
class DateView:
    """A coming date, in words, with the sentence that names it where it may be quoted, and stories that stand in full elsewhere."""

    when: str
    quote: str = ""
    stories: tuple[StoryLink, ...] = ()
    more: int = 0  # stories that tell it as well


@dataclass(frozen=True, slots=True)
class StoryView:
    """One story as every form shows it."""

    id: int  # of its article: what the form of `review` asks for
    number: int  # in reading order, from 1
    title: str
    url: str  # http(s), or empty: then it is shown without a link
    who: str  # the organisations that it is about; may be empty
    meta: str  # outlet, day, nation, and what limits it
    quote: str
    credit: str
    themes: str  # why it counts: the names of its themes, the strongest first
    copies: tuple[Copy, ...]
    more_copies: int = 0
    reports: tuple[OtherReport, ...] = ()  # of the same event by other outlets, the best first
    count: str = ""  # of all reports, in words
    more_reports: int = 0
    follows: FollowedView | None = None
    dates: tuple[DateView, ...] = ()
    words: str = ""  # an editor's own, shown without quotation marks
    author: str = ""  # that they are an editor's, and whose

    def link(self) -> StoryLink:
        """What points to it."""
        return StoryLink(self.id, self.number, plain_line(bare_headline(self.title), LINK_LETTERS), self.url)


@dataclass(frozen=True, slots=True)
class SectionView:
    """One heading with its stories by rank, and the stories of other sections that belong to it as well."""

    anchor: str
    heading: str
    stories: tuple[StoryView, ...]
    name: str = ""
    flag: str = ""
    numbers: str = ""
    also: tuple[StoryLink, ...] = ()
    more_also: int = 0
    count: int = 0  # of all its stories, here and elsewhere
    total: str = ""  # the same in words
    more: int = 0  # stories left out here, for the web edition to show
    chart: "TrendView | None" = None  # where the theme rose or has more stories than usual


@dataclass(frozen=True, slots=True)
class NewsView:
    """One line of the brief."""

    who: str
    outlets: str
    link: StoryLink


@dataclass(frozen=True, slots=True)
class OrganisationView:
    """An organisation in the news."""

    name: str
    words: str
    stories: tuple[StoryLink, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class BarView:
    """One week of a trend; `count` is None where nothing was collected."""

    week: int  # its number in the year
    count: int | None
    height: int  # pixels, at least 1 so that a week without stories is a line on the ground; 0 where `count` is None


@dataclass(frozen=True, slots=True)
class TrendView:
    """Twelve weeks of one theme."""

    name: str
    flag: str
    words: str
    chart_words: str
    weeks: str  # which the bars are of: "weeks 36 to 47"
    numbers: str  # of the bars, oldest first
    bars: tuple[BarView, ...]
    spark: str  # the bars in one line of text; a dot for a week without data
    is_news: bool  # it rose, went quiet, or has more stories than usual


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
    note: str  # an editor's, in Markdown: the templates' filter `note` makes it safe
    brief_heading: str
    news: tuple[NewsView, ...]
    brief: tuple[str, ...]  # the numbers, then what rose or went quiet
    watched: SectionView  # stories about what the reader watches
    unnamed: str  # what they watch and nothing is about
    sections: tuple[SectionView, ...]  # themes with stories of their own; last, those of no theme
    elsewhere: tuple[SectionView, ...]  # themes whose stories all stand under others
    empty: str  # the themes without stories
    organisations: tuple[OrganisationView, ...]  # of several stories
    newcomers: tuple[OrganisationView, ...]  # of one story, the first in weeks
    newcomers_words: str
    more_organisations: int
    dates: tuple[DateView, ...]  # named in the stories, the next first
    trends: tuple[TrendView, ...]
    trends_note: str
    trends_rule: str
    gaps: tuple[GapView, ...]
    gaps_note: str
    method: tuple[str, ...]
    method_in_short: str
    licences: tuple[str, ...]
    receipt: str
    privacy: str
    links: Links
    more_gaps: int = 0

    @property
    def shown(self) -> frozenset[int]:
        """The stories that stand in it in full."""
        return frozenset(story.id for section in (self.watched, *self.sections) for story in section.stories)


def shorten(
    view: EditionView, *, stories: int, also: int | None = None, copies: int | None = None, gaps: int | None = None
) -> EditionView:
    """At most so many stories under one heading, links in one line, copies of a story, and gaps; what is left out is counted."""

    def cut_copies(one: StoryView) -> StoryView:
        if copies is None:
            return one
        return replace(
            one,
            copies=one.copies[:copies],
            more_copies=max(len(one.copies) - copies, 0),
            reports=one.reports[:copies],
            more_reports=max(len(one.reports) - copies, 0),
        )

    def cut(section: SectionView) -> SectionView:
        left = max(len(section.stories) - stories, 0)
        kept = section.also[:also]
        return replace(
            section,
            stories=tuple(map(cut_copies, section.stories[:stories])),
            more=left,
            also=kept,
            more_also=section.more_also + len(section.also) - len(kept),
        )

    return replace(
        view,
        watched=cut(view.watched),
        sections=tuple(map(cut, view.sections)),
        elsewhere=tuple(map(cut, view.elsewhere)),
        gaps=view.gaps[:gaps],
        more_gaps=0 if gaps is None else max(len(view.gaps) - gaps, 0),
    )
