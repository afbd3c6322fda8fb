"""An edition in words: every sentence that its forms (email, web page, plain text, artifact) share, so that all say the same.

One editorial standard: never claim more than the numbers show. Each sentence carries the numbers that it rests on, a rise
or a quiet is said only where `models.trends` found one, and a week that is not over is called "so far".
"""

from collections.abc import Sequence
from datetime import date

from models.dates_ahead import Precision
from models.edition.content import Basis, DateNote, EditionContent, GapKind, SourceGap, StoryItem
from models.edition.news import PRODUCT
from models.edition.trend_words import RISE_IN_SHORT, count_stories, say_rise
from models.sources import name_nation, name_sector
from models.text import split_sentences
from models.themes import load_framework
from models.weeks import LONDON, Week, format_long_date, format_short_date, format_weekday

PRIVACY = (
    "Privacy: your address and what you chose are kept to send you this and for nothing else. No pictures, no tracking, "
    "no counting of clicks. Leave, and your address is erased within 28 days."
)

_BASIS_NOTES = {
    Basis.TEXT: "",
    Basis.OPENING: "from its opening only",
    Basis.SUMMARY: "from headline and summary only",
    Basis.HEADLINE: "from the headline only",
    Basis.UNREAD: "not read by the monitor",
}
_ONE_MARK = str.maketrans('“”‘’"', "'" * 5)
_GAP_REASONS = {
    GapKind.FAILED: "failed",
    GapKind.BLOCKED: "blocked the monitor",
    GapKind.SILENT: "nothing new",
    GapKind.NEVER: "not read yet",
}


def write_title(content: EditionContent) -> str:
    """The heading of the edition."""
    so_far = "" if content.complete else ", so far"
    return f"Week {content.as_week().number}{so_far}: {content.as_week().dates}"


def write_standfirst(content: EditionContent) -> str:
    """One line under the heading: what this is, and what its reader chose."""
    framework = load_framework()
    return " ".join(
        [f"What the news says about {framework.subject}, read against {framework.name}.", *say_choice(content)]
    )


def say_choice(content: EditionContent) -> list[str]:
    """What a reader chose and whom they watch, a sentence each; nothing of who chose nothing."""
    chosen = content.selection
    parts = (
        content.theme_names.values() if chosen.themes else (),
        map(name_nation, chosen.nations),
        map(name_sector, chosen.sectors),
    )
    choice = "; ".join(filter(None, map(", ".join, parts)))
    said = [f"Your choice: {choice}."] if choice else []
    return said + ([f"You watch {', '.join(one.name for one in chosen.watch)}."] if chosen.watch else [])


def describe_story(story: StoryItem) -> str:
    """Outlet, day, nation where it is not England, whatever limits what the monitor knew, and whether an editor added it."""
    day = format_weekday(story.day) if story.day_is_published else f"seen {format_weekday(story.day)}"
    day = "" if story.basis is Basis.UNREAD else day  # which is the day of the edit
    limits = (
        "£ subscribers only" if story.paywalled else "",
        _BASIS_NOTES[story.basis],
        "came after its week’s edition" if story.late else "",
        "added by the editor" if story.added else "",
    )
    nation = "" if story.nation in {"uk", "england"} else name_nation(story.nation)
    return " · ".join(filter(None, (story.outlet, day, nation, *limits)))


def quote_story(story: StoryItem) -> str:
    """The evidence for a story's strongest theme, as far as it may be quoted; without marks at its ends, which each form sets."""
    text = next((theme.quote for theme in story.themes if theme.quote), "").rstrip(" ;,:")
    if text[:1].islower():  # an item of a list, or a sentence that was cut off at its beginning
        text = f"… {text}"
    if len(text) > 2 and text[0] in '“"' and text[-1] in '”"' and not set(text[1:-1]) & set('“”"'):
        return text[1:-1].strip()
    return text.replace("“", "‘").replace("”", "’")


def is_verbatim(shown: str, story: StoryItem) -> bool:
    """Whether the words that a form shows between its marks stand, letter by letter, in a quotation kept with the story."""
    words = _bare(shown)
    return any(words in _bare(theme.quote) for theme in story.themes if theme.quote)


def _bare(text: str) -> str:
    """A quotation without the marks that an edition sets itself: its outer ones, the inner ones' form, what was left out."""
    return text.translate(_ONE_MARK).removeprefix("… ").removesuffix(" …").strip("'")


def credit_story(story: StoryItem) -> str:
    """The credit line beside a quotation, where it says more than the outlet's name, which is shown anyway."""
    return story.credit if quote_story(story) and not story.credit.startswith(story.outlet) else ""


def list_licences(content: EditionContent) -> tuple[str, ...]:
    """The licence lines that the quoted sources ask for, each once."""
    lines = {
        story.credit
        for story in content.stories
        if quote_story(story) and story.credit.startswith(story.outlet) and story.credit != story.outlet
    }
    return tuple(sorted(lines, key=str.casefold))


def count_reports(story: StoryItem) -> str:
    """ "3 reports", where other outlets have reported the event as well; else empty."""
    return f"{1 + len(story.reports)} reports" if story.reports else ""


def name_followed_week(story: StoryItem) -> str:
    """ "week 44", of the story that one follows; with the year where that is not the edition's."""
    if story.follows is None:
        return ""
    week = Week.parse(story.follows.week)
    year = "" if week.year == story.day.isocalendar().year else f" of {week.year}"
    return f"week {week.number}{year}"


def describe_date(note: DateNote, composed: date) -> str:
    """When something is to come: "Monday 14 December", "week of 30 November", "January 2027"; the year where it is another."""
    year = f" {note.day.year}" if note.day.year != composed.year else ""
    if note.precision is Precision.MONTH:
        return f"{note.day:%B}{year}"
    if note.precision is Precision.WEEK:
        return f"week of {note.day.day} {note.day:%B}{year}"
    return f"{note.day:%A} {note.day.day} {note.day:%B}{year}"


def quote_date(note: DateNote) -> str:
    """The sentence that names a date, without marks at its ends, which each form sets."""
    return note.quote.replace("“", "‘").replace("”", "’")


def describe_naming(count: int, *, is_first: bool, weeks: int) -> str:
    """What brings an organisation into "Who is in the news": "3 stories", "first mention in 12 weeks"."""
    first = f"first mention in {weeks} weeks" if is_first else ""
    return ", ".join(filter(None, (count_stories(count) if count > 1 else "", first)))


def explain_empty(content: EditionContent) -> str:
    """The themes without a story, in one line; empty where there are none."""
    names = [theme.name for theme in content.themes if not content.stories_on(theme.id)]
    if content.editing.withheld:  # of which some may have had a theme's only story
        counted = {trend.theme for trend in content.trends if trend.now}
        names = [theme.name for theme in content.themes if theme.name in names and theme.id not in counted]
    so_far = "" if content.complete else " so far"
    return f"Nothing this week{so_far} on: {'; '.join(names)}." if names else ""


def explain_unnamed(content: EditionContent) -> str:
    """The organisations that a reader watches and no story is about, in one line; empty where there are none."""
    named = {one.id for story in content.stories for one in story.organisations}
    names = [one.name for one in content.selection.watch if one.id not in named]
    so_far = "" if content.complete else " so far"
    return f"No story this week{so_far} on: {'; '.join(names)}." if names else ""


def describe_gap(gap: SourceGap) -> str:
    """Why a source could not be seen and since when."""
    return f"{_GAP_REASONS[gap.kind]} since {format_short_date(gap.since)}" if gap.since else _GAP_REASONS[gap.kind]


def explain_gaps(gaps: Sequence[SourceGap]) -> str:
    """What the list of gaps, or its absence, means."""
    silent = "Every source answered, and none has been silent for three weeks."
    return "What these sources published may be missing above." if gaps else silent


def explain_method(content: EditionContent) -> tuple[str, ...]:
    """How the edition was made and how to put it right, one paragraph each."""
    framework = load_framework()
    earlier = " Part of the weeks before was tagged by an earlier version." if content.model.mixed else ""
    version = f" (version {content.model.version})" if content.model.version else ""
    return (
        f"{explain_making(content, ' unless a reviewer corrected a tag')} "
        f"Every article that was read was compared, sentence by sentence, with the "
        f"themes of {framework.title}{', ' if framework.note else ''}{framework.note}.",
        f"The tags come from a statistical model{version}. {content.model.quality}{earlier} {content.model.recall}".strip(),
        f"{_explain_quotations(content)} Stories that the model was unsure of are not shown; they wait for a reviewer.",
        "Is a tag wrong? Reply with the headline and what is right, or use the form “review” of the monitor. A correction "
        "counts from the next edition on, and when the model next learns.",
    )


def explain_in_short(content: EditionContent) -> str:
    """The same for the email, whose other part, in plain text, has it in full."""
    count = len(content.misquoted)
    left_out = f"; {count} that did not match {'was' if count == 1 else 'were'} left out" if count else ""
    rising = f"{RISE_IN_SHORT} " if say_rise(content) else ""
    measured = " ".join(filter(None, ((split_sentences(content.model.quality) or [""])[0], content.model.recall)))
    return (
        f"{explain_making(content)} Every quotation was compared, word for word, with what is stored{left_out}. {measured} "
        f"{rising}Is a tag wrong? Reply, and say so."
    )


def explain_making(content: EditionContent, unless: str = "") -> str:
    """By whom it was made: by machine alone, or edited, with the names and what they did."""
    when = content.composed_at.astimezone(LONDON)
    made = f"Composed by machine on {format_long_date(when.date())} at {when:%H:%M}"
    if not content.editing.by:
        return f"{made}: no person chose or checked these stories{unless}."
    *first, last = content.editing.by
    names = f"{', '.join(first)} and {last}" if first else last
    return f"{made}, and edited by {names}: {', '.join(list_edits(content))}. {_explain_others(content, unless)}"


def list_edits(content: EditionContent) -> list[str]:
    """What was edited: "a note", "1 story left out (the trends count it)"."""
    editing = content.editing
    did = ["a note"] if editing.note else []
    did += ["the choice of the lead story"] if editing.lead else []
    if out := len(editing.withheld):
        did.append(f"{count_stories(out)} left out (the trends count {'it' if out == 1 else 'them'})")
    for what, count in (
        ("moved to another theme", editing.moved),
        ("added", sum(story.added for story in content.stories)),
        ("commented on", sum(bool(story.words) and not story.added for story in content.stories)),
    ):
        did += [f"{count_stories(count)} {what}"] if count else []
    return did


def name_author(story: StoryItem) -> str:
    """Whose the words about a story are, set before them."""
    return f"Editor’s words ({story.words_by})" if story.words else ""


def _explain_others(content: EditionContent, unless: str) -> str:
    own_words = "Editor’s words are the editor’s own, and no quotation. "
    words = own_words if content.editing.note or any(story.words for story in content.stories) else ""
    return f"{words}No person chose or checked the rest{unless}."


def _explain_quotations(content: EditionContent) -> str:
    count = len(content.misquoted)
    left_out = f" {count} that did not match {'was' if count == 1 else 'were'} left out." if count else ""
    return (
        "Everything between quotation marks is the sentence that earned the tag or names a coming date, word for word as it "
        "was stored, as long as its publisher’s terms allow: each was compared with the stored article when this was "
        f"made.{left_out}"
    )


def explain_receipt(content: EditionContent) -> str:
    """Why someone receives this."""
    chosen = "your choice of themes, nations and sectors" if content.selection.is_narrowed else "all themes"
    chosen += ", with the organisations that you watch first" if content.selection.watch else ""
    return f"You receive this because your address is on the {PRODUCT}’s list for a weekly email on {chosen}."
