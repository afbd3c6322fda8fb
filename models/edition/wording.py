"""An edition in words: every sentence that its forms (email, web page, plain text, artifact) share, so that all say the same.

One editorial standard: never claim more than the numbers show. Each sentence carries the numbers that it rests on, a rise
or a quiet is said only where `models.trends` found one, and a week that is not over is called "so far".
"""

from collections.abc import Sequence

from models.edition.content import Basis, EditionContent, GapKind, SourceGap, StoryItem
from models.sources import name_nation, name_sector
from models.themes import load_framework
from models.trends import CHANCE, LEAST_OUTLETS, LEAST_STORIES, Trend, Verdict
from models.weeks import LONDON, format_long_date, format_short_date, format_weekday

PRODUCT = "NHS Culture Monitor"
NAMED_IN_ONE_LINE = 3  # themes or headlines; a list of nine is not brief

VERDICT_RULE = (
    "“Usually” leaves out the highest and the lowest tenth of the weeks before. “Rising” needs at least "
    f"{LEAST_STORIES} stories from {LEAST_OUTLETS} outlets, more than usual, and less than a {CHANCE:.0%} chance of so "
    "many if nothing had changed, measured against how much was collected from the same sources; “quiet” is the "
    "reverse. “New” means the first story in the weeks shown."
)
PRIVACY = (
    "Privacy: the monitor keeps your address and what you chose, to send you this and for nothing else. No pictures, "
    "no tracking, no counting of clicks. Leave, and your address is erased within 28 days."
)

_BASIS_NOTES = {
    Basis.TEXT: "",
    Basis.OPENING: "tagged from the opening only",
    Basis.SUMMARY: "tagged from the headline and summary only",
    Basis.HEADLINE: "tagged from the headline only",
}
_FLAGS = {Verdict.RISING: "Rising", Verdict.QUIET: "Quiet", Verdict.NEW: "New"}
_GAP_REASONS = {
    GapKind.FAILED: "failed",
    GapKind.BLOCKED: "blocked the monitor",
    GapKind.SILENT: "nothing new",
    GapKind.NEVER: "not read yet",
}


def write_subject(content: EditionContent) -> str:
    """The most important thing, then the product and week: "Speaking up rises: 9 stories from 6 outlets · …"."""
    so_far = "" if content.complete else " so far"
    return f"{_lead_with(content)} · {PRODUCT}, week {content.as_week().number}{so_far}"


def write_preheader(content: EditionContent) -> str:
    """The line that an inbox shows after the subject; says something else than the subject."""
    top = content.stories[0].title if content.stories else "What the monitor read, and what it could not see"
    return f"{content.as_week().dates}. {top}"


def write_title(content: EditionContent) -> str:
    """The heading of the edition."""
    so_far = "" if content.complete else ", so far"
    return f"Week {content.as_week().number}{so_far}: {content.as_week().dates}"


def write_standfirst(content: EditionContent) -> str:
    """One line under the heading: what this is, and what its reader chose."""
    chosen = content.selection
    parts = (
        content.theme_names.values() if chosen.themes else (),
        map(name_nation, chosen.nations),
        map(name_sector, chosen.sectors),
    )
    choice = "; ".join(filter(None, map(", ".join, parts)))
    text = f"What the news says about {load_framework().subject}."
    return f"{text} Your choice: {choice}." if choice else text


def write_brief(content: EditionContent) -> tuple[str, ...]:
    """Three to five lines: how much was read, what rises, what is new, what has gone quiet, what could not be seen."""
    lines = [_say_how_much(content)]
    rising, new, quiet = (_trends_with(content, one) for one in (Verdict.RISING, Verdict.NEW, Verdict.QUIET))
    if rising:
        name, are = _theme_and_verb(content, rising[0], "are", "is")
        also = f" Also rising: {_list_trends(content, rising[1:])}." if rising[1:] else ""
        lines.append(f"{name} {are} rising: {_count_trend(rising[0])}.{also}")
    if new:
        lines.append(f"New, with no story in the weeks before: {_list_trends(content, new)}.")
    if quiet:
        lines.append(f"Gone quiet: {_list_trends(content, quiet)}.")
    if not (rising or quiet) and content.stories:
        lines.append(_say_no_change(content))
    if len(lines) < 4 and (most := _say_most_covered(content)):
        lines.append(most)
    if count := len(content.gaps):
        were = "was" if count == 1 else "were"
        lines.append(f"{count} of {content.sources_enabled} sources {were} not seen or silent; they are listed below.")
    return tuple(lines)


def describe_story(story: StoryItem) -> str:
    """Outlet, date, nation and sector, and whatever limits what the monitor knew."""
    day = format_weekday(story.day) if story.day_is_published else f"seen {format_weekday(story.day)}"
    limits = (
        "£ subscribers only" if story.paywalled else "",
        _BASIS_NOTES[story.basis],
        "came after its week’s edition" if story.late else "",
    )
    return " · ".join([story.outlet, day, name_nation(story.nation), name_sector(story.sector), *filter(None, limits)])


def quote_story(story: StoryItem) -> str:
    """The evidence for a story's strongest theme, as far as it may be quoted; without marks at its ends, which each form sets."""
    text = next((theme.quote for theme in story.themes if theme.quote), "").rstrip(" ;,:")
    if text[:1].islower():  # an item of a list, or a sentence that was cut off at its beginning
        text = f"… {text}"
    if len(text) > 2 and text[0] in '“"' and text[-1] in '”"' and not set(text[1:-1]) & set('“”"'):
        return text[1:-1].strip()
    return text.replace("“", "‘").replace("”", "’")


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


def describe_section(content: EditionContent, trend: Trend | None) -> str:
    """The numbers under the heading of a theme that has stories; they count all nations and sectors, or are left out."""
    if trend is None or not trend.now or content.selection.nations or content.selection.sectors:
        return ""
    verb = "carries" if trend.now == 1 else "carry"
    return f"{count_stories(trend.now).capitalize()} {verb} this theme{say_usual(trend)}"


def explain_no_items(content: EditionContent, theme: str) -> str:
    """What a theme without stories of its own says; it never calls silent what is only listed elsewhere."""
    so_far = "" if content.complete else " so far"
    elsewhere = [story.title for story in content.stories if any(tag.theme == theme for tag in story.themes)]
    if not elsewhere:
        return f"No items this week{so_far}."
    left = len(elsewhere) - NAMED_IN_ONE_LINE
    named = "; ".join(elsewhere[:NAMED_IN_ONE_LINE]) + (f" and {left} more" if left > 0 else "")
    return f"No items of its own this week{so_far}. Under a stronger theme: {named}."


def describe_trend(trend: Trend) -> str:
    """ "9 stories, usually 3 to 5", with what may be said of it."""
    text = f"{count_stories(trend.now)}{say_usual(trend)}"
    return {
        Verdict.RISING: _count_trend(trend),
        Verdict.NEW: f"{count_stories(trend.now)}, the first in the weeks shown",
        Verdict.NO_STORIES: "no stories in the weeks shown",
        Verdict.NOT_SEEN: f"{text}; too little was collected to call it quiet",
        Verdict.TOO_EARLY: f"{text}; too early to say what is usual",
    }.get(trend.verdict, text)


def flag_trend(trend: Trend | None) -> str:
    """The flag beside a trend; empty where there is nothing to flag."""
    return _FLAGS.get(trend.verdict, "") if trend else ""


def describe_chart(trend: Trend) -> str:
    """A trend's bars in words, oldest week first."""
    counts = ", ".join("no data" if count is None else str(count) for count in trend.counts)
    return f"Stories a week, oldest first: {counts}."


def explain_charts(content: EditionContent) -> str:
    """How to read the bars."""
    last = "this week" if content.complete else "this week so far"
    everywhere = ", over all nations and sectors" if content.selection.nations or content.selection.sectors else ""
    return (
        f"Stories a week{everywhere}; the last bar is {last}. A story counts once under every theme that it has. "
        "Each chart has its own scale."
    )


def describe_gap(gap: SourceGap) -> str:
    """Why a source could not be seen and since when."""
    return f"{_GAP_REASONS[gap.kind]} since {format_short_date(gap.since)}" if gap.since else _GAP_REASONS[gap.kind]


def explain_gaps(gaps: Sequence[SourceGap]) -> str:
    """What the list of gaps, or its absence, means."""
    silent = "Every source answered, and none has been silent for three weeks."
    return "What these sources published may be missing above." if gaps else silent


def explain_method(content: EditionContent) -> tuple[str, ...]:
    """How the edition was made and how to put it right, one paragraph each."""
    when = content.composed_at.astimezone(LONDON)
    framework = load_framework()
    earlier = " Part of the weeks before was tagged by an earlier version." if content.model.mixed else ""
    version = f" (version {content.model.version})" if content.model.version else ""
    return (
        f"Composed by machine on {format_long_date(when.date())} at {when:%H:%M}: no person chose or checked these stories "
        f"unless a reviewer corrected a tag. Every article that was read was compared, sentence by sentence, with the "
        f"themes of {framework.title}{', ' if framework.note else ''}{framework.note}.",
        f"The tags come from a statistical model{version}. {content.model.quality}{earlier}".strip(),
        "A quotation is the sentence that earned the tag, as long as its publisher’s terms allow. "
        "Stories that the model was unsure of are not shown; they wait for a reviewer.",
        "Is a tag wrong? Reply with the headline and what is right, or use the form “review” of the monitor. A correction "
        "counts from the next edition on, and when the model next learns.",
    )


def explain_receipt(content: EditionContent) -> str:
    """Why someone receives this."""
    chosen = "your choice of themes, nations and sectors" if content.selection else "all themes"
    return f"You receive this because your address is on the {PRODUCT}’s list for a weekly email on {chosen}."


def count_stories(count: int) -> str:
    """ "1 story", "9 stories", "no stories"."""
    return "no stories" if count == 0 else f"{count:,} {'story' if count == 1 else 'stories'}"


def count_things(count: int, noun: str) -> str:
    """ "1 outlet", "1,200 outlets"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def say_usual(trend: Trend) -> str:
    """ ", usually 3 to 5"; nothing where there is no usual."""
    if trend.usual is None:
        return ""
    low, high = trend.usual
    return f", usually {low}" if low == high else f", usually {low} to {high}"


def _lead_with(content: EditionContent) -> str:
    if rising := _trends_with(content, Verdict.RISING):
        name, rises = _theme_and_verb(content, rising[0], "rise", "rises")
        return f"{name} {rises}: {count_stories(rising[0].now)} from {count_things(rising[0].outlets, 'outlet')}"
    if not content.stories:
        return "No stories this week" if content.complete else "No stories yet"
    top = max(content.trends, key=lambda trend: trend.now, default=None)
    count = f"{count_stories(len(content.stories))} from {count_things(content.outlets, 'outlet')}"
    if top is None or top.now < 2 or content.selection.nations or content.selection.sectors:
        return count
    name, _ = _theme_and_verb(content, top)  # "Speaking up" is "speaking up" inside a sentence, "NHS pay" stays
    return f"{count}, most on {name[0].lower() + name[1:] if name[1:2].islower() else name}"


def _say_how_much(content: EditionContent) -> str:
    found = count_stories(len(content.stories)).capitalize()
    if content.stories:
        found += f" from {count_things(content.outlets, 'outlet')}"
    for_you = " for your choice" if content.selection else ""
    read, sources = count_things(content.articles, "article"), count_things(content.sources, "source")
    return f"{found}{for_you}, out of {read} collected from {sources}."


def _say_most_covered(content: EditionContent) -> str:
    tagged = [theme.theme for story in content.stories for theme in story.themes]
    counts = {name: tagged.count(id_) for id_, name in content.theme_names.items()}
    top = sorted(filter(counts.get, counts), key=lambda name: -counts[name])[:NAMED_IN_ONE_LINE]
    if not top or counts[top[0]] < 2:
        return ""
    return f"Most covered: {', '.join(f'{name} ({counts[name]})' for name in top)}."


def _say_no_change(content: EditionContent) -> str:
    if all(trend.verdict in {Verdict.TOO_EARLY, Verdict.NO_STORIES} for trend in content.trends):
        return "It is too early to say what is usual: trends need four weeks of collecting."
    if content.complete:
        return "No theme rose or went quiet by more than chance would explain."
    return "No theme has risen by more than chance would explain, so far."


def _trends_with(content: EditionContent, verdict: Verdict) -> list[Trend]:
    """The trends of one verdict, the least explained by chance first, then by stories."""
    found = [trend for trend in content.trends if trend.verdict is verdict]
    return sorted(found, key=lambda trend: (trend.chance if trend.chance is not None else 1.0, -trend.now))


def _list_trends(content: EditionContent, trends: list[Trend]) -> str:
    shown, left = trends[:NAMED_IN_ONE_LINE], len(trends) - NAMED_IN_ONE_LINE
    named = [f"{_theme_and_verb(content, trend)[0]} ({_count_trend(trend, noun=False)})" for trend in shown]
    return ", ".join([*named, f"and {left} more under Trends"] if left > 0 else named)


def _count_trend(trend: Trend, *, noun: bool = True) -> str:
    if trend.verdict is Verdict.RISING:
        number = count_stories(trend.now) if noun else str(trend.now)
        return f"{number} from {count_things(trend.outlets, 'outlet')}{say_usual(trend)}"
    return f"{count_stories(trend.now)}{say_usual(trend) if trend.verdict is Verdict.QUIET else ''}"


def _theme_and_verb(content: EditionContent, trend: Trend, plural: str = "", singular: str = "") -> tuple[str, str]:
    """A theme's name, and the verb's form that agrees with it: "Blame and accountability rise"."""
    name = content.theme_names.get(trend.theme, trend.theme)
    return name, plural if " and " in name else singular
