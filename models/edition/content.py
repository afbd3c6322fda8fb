"""An edition as data: what it says, apart from how it looks. Kept as JSON with the edition, so that it never changes.

Everything here has passed the rights rule already: a `quote` is what may be shown, not the sentence it came from.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from models.dates_ahead import Precision
from models.rights import Rights, quotation
from models.themes import numbered_heading
from models.trends import Trend
from models.weeks import Week

MAX_OUTLET = 60  # letters of an outlet's or source's name


class Basis(StrEnum):
    """What of an article the tagger could read."""

    TEXT = "text"
    OPENING = "opening"
    SUMMARY = "summary"
    HEADLINE = "headline"
    UNREAD = "unread"  # an editor added it by its address


class GapKind(StrEnum):
    """Why a source could not be seen."""

    FAILED = "failed"
    BLOCKED = "blocked"
    SILENT = "silent"  # answers, but with nothing new
    NEVER = "never"  # has not been read yet


@dataclass(frozen=True, slots=True)
class StoryTheme:
    """One theme of a story and the words that may be quoted for it."""

    theme: str
    score: float  # calibrated probability; 1 where a person said so
    quote: str
    cut: bool = False  # whether the quote is shorter than the sentence
    by_person: bool = False


@dataclass(frozen=True, slots=True)
class Copy:
    """The same report elsewhere."""

    outlet: str
    url: str  # http(s), or empty


@dataclass(frozen=True, slots=True)
class OtherReport:
    """Another outlet's own report of the same event."""

    id: int  # of its article
    title: str
    outlet: str
    url: str  # http(s), or empty


@dataclass(frozen=True, slots=True)
class Followed:
    """The story of an earlier week that one continues."""

    title: str
    url: str  # http(s), or empty
    week: str  # 2026-W44


@dataclass(frozen=True, slots=True)
class DateNote:
    """A coming date that a story's text names."""

    day: date  # or the first of its week or month
    precision: Precision
    quote: str  # the sentence, whole; empty where its source lets no more be quoted


@dataclass(frozen=True, slots=True)
class OrganisationNote:
    """An organisation's id, and its name as it was when the edition was made."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class StoryItem:
    """One story as the edition shows it."""

    id: int  # of the article that is shown
    title: str
    url: str  # http(s), or empty: then it is shown without a link
    outlet: str
    source: str
    day: date  # of publication, in London; the day it was first seen where that is not known
    day_is_published: bool
    nation: str
    sector: str
    paywalled: bool
    basis: Basis
    themes: tuple[StoryTheme, ...]  # strongest first; empty: in scope, but under no theme
    copies: tuple[Copy, ...]
    outlets: int
    rank: float  # see `models.edition.compose.rank`
    credit: str  # the credit line of its rights class
    late: bool = False  # of a week before: it came into scope after the edition of its week was made
    organisations: tuple[OrganisationNote, ...] = ()  # that it is about, the most prominent first
    reports: tuple[OtherReport, ...] = ()  # of the same event, the best first
    follows: Followed | None = None
    ahead: tuple[DateNote, ...] = ()  # the next first
    added: bool = False  # by an editor, who chose it; the monitor would not have told it
    words: str = ""  # an editor's own sentence about it: no quotation
    words_by: str = ""

    @property
    def named(self) -> tuple[str, ...]:
        """The names of the organisations that it is about, but for the one that published it."""
        names = (organisation.name for organisation in self.organisations)
        return tuple(name for name in names if name.casefold() != self.outlet.casefold())

    @property
    def primary(self) -> str:
        """The theme under which it is listed; empty for none."""
        return self.themes[0].theme if self.themes else ""


def within_rights(item: StoryItem, rights: Rights) -> StoryItem:
    """The story with as many quotations, strongest theme first, as its class allows words of one article in all."""
    left = rights.quotation_words
    shown = set[str]()
    themes = []
    for theme in item.themes:
        quoted = quotation(theme.quote.removesuffix(" …"), rights)
        # The ellipsis of a quotation that was cut to the allowed words is not one of them.
        words = 0 if quoted.text in shown else len(quoted.text.removesuffix(" …").split())
        if words > left:
            themes.append(replace(theme, quote="", cut=True))
            continue
        left -= words
        shown.add(quoted.text)
        themes.append(theme if not quoted.cut else replace(theme, quote=quoted.text, cut=True))
    ahead = []
    for note in item.ahead:
        words = len(note.quote.split())
        ahead.append(note if words <= left else replace(note, quote=""))
        left -= words if words <= left else 0
    return replace(item, themes=tuple(themes), ahead=tuple(ahead))


@dataclass(frozen=True, slots=True)
class ThemeNote:
    """A theme's name as it was when the edition was made."""

    id: str
    name: str
    group: str
    number: int | None = None
    numbered: str = "Recommendation"  # what the number counts; editions of the first release do not say
    group_heading: str = ""  # not in editions of the first release

    @property
    def heading(self) -> str:
        """ "Recommendation 3: Management standards", or the name of a theme without a number."""
        return numbered_heading(self.name, self.number, self.numbered)


@dataclass(frozen=True, slots=True)
class SourceGap:
    """A source that the monitor could not see."""

    name: str
    kind: GapKind
    since: date | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ModelNote:
    """The classifier that tagged the week, in one honest line."""

    version: str = ""
    quality: str = ""
    mixed: bool = False  # earlier weeks of the trends were tagged by another version
    recall: str = ""  # how many stories of ten it finds, in one sentence; empty while that is not known


@dataclass(frozen=True, slots=True)
class Selection:
    """What a recipient chose; empty means everything."""

    themes: tuple[str, ...] = ()
    nations: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    watch: tuple[OrganisationNote, ...] = ()  # stories about these come first, whatever else was chosen

    @property
    def is_narrowed(self) -> bool:
        """Whether stories may be left out by it."""
        return bool(self.themes or self.nations or self.sectors)

    def watches(self, story: StoryItem) -> bool:
        """Whether a story is about an organisation that is watched."""
        watched = {organisation.id for organisation in self.watch}
        return any(organisation.id in watched for organisation in story.organisations)


@dataclass(frozen=True, slots=True)
class Withheld:
    """A story that an editor left out: its article and those of other reports, and whose decision it was."""

    articles: tuple[int, ...]
    by: str


@dataclass(frozen=True, slots=True)
class Editing:
    """What people changed of an edition before it went; empty where it is as it was composed."""

    by: tuple[str, ...] = ()  # names, in the order of their first edit
    note: str = ""  # Markdown
    lead: int = 0  # the story that was put first
    moved: int = 0  # stories that stand under another theme
    withheld: tuple[Withheld, ...] = ()


@dataclass(frozen=True, slots=True)
class EditionContent:
    """Everything that one edition says; `selection` tells for whom it was narrowed."""

    week: str  # 2026-W47
    composed_at: datetime
    complete: bool  # composed after the week's end
    themes: tuple[ThemeNote, ...]  # in their fixed order
    stories: tuple[StoryItem, ...]  # the one that an editor has lead, then by rank, highest first
    trends: tuple[Trend, ...]  # one a theme, in the same order
    gaps: tuple[SourceGap, ...]
    articles: int  # collected in the week
    sources: int  # that they came from
    sources_enabled: int
    model: ModelNote
    selection: Selection = Selection()
    first_named: tuple[str, ...] = ()  # organisations that no story of the weeks before was about
    weeks_named: int = 0  # that this was looked for in, the edition's included; 0: too few to say it
    misquoted: tuple[int, ...] = ()  # articles of which a sentence was left out, since it is not in what is stored
    editing: Editing = Editing()

    @property
    def found(self) -> int:
        """How many stories it has that no editor added."""
        return sum(not story.added for story in self.stories)

    @property
    def outlets(self) -> int:
        """Different outlets among its stories, copies and other reports included; not of what an editor added."""
        stories = [story for story in self.stories if not story.added]
        own, copies = {one.outlet for one in stories}, {c.outlet for one in stories for c in one.copies}
        return len(own | copies | {report.outlet for one in stories for report in one.reports})

    @property
    def theme_names(self) -> dict[str, str]:
        """Theme id -> name, in the themes' fixed order."""
        return {theme.id: theme.name for theme in self.themes}

    def stories_on(self, theme: str) -> tuple[StoryItem, ...]:
        """Its stories that carry a theme, the strongest theme or another: what every number of the edition counts."""
        return tuple(story for story in self.stories if any(tag.theme == theme for tag in story.themes))

    def as_week(self) -> Week:
        """`week`, parsed."""
        return Week.parse(self.week)

    def to_json(self) -> dict[str, Any]:
        """As plain values for the database."""
        plain: dict[str, Any] = _adapter().dump_python(self, mode="json")
        return plain


def content_from_json(plain: dict[str, Any]) -> EditionContent:
    """An edition as it was kept.

    Raises:
        pydantic.ValidationError: it was not written by `EditionContent.to_json`.
    """
    return _adapter().validate_python(plain)


@cache
def _adapter() -> TypeAdapter[EditionContent]:
    return TypeAdapter(EditionContent)
