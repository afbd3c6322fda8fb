"""An edition in words: its subject, preheader, "This week in brief", and the sentence beside each trend.

One editorial standard: never claim more than the numbers show. Each sentence carries the numbers that it rests on, a rise
or a quiet is said only where `models.trends` found one, and a week that is not over is called "so far".
"""

from datetime import date, timedelta

from models.edition import EditionContent, GapKind, StoryItem, ThemeNote
from models.trends import Trend, Verdict
from models.weeks import Week

PRODUCT = "NHS Culture Monitor"
_BRIEF_NAMES = 3  # themes named in one line; a list of nine is not brief

NATIONS = {
    "uk": "UK-wide",
    "england": "England",
    "scotland": "Scotland",
    "wales": "Wales",
    "northern-ireland": "Northern Ireland",
}
SECTORS = {
    "nhs": "NHS",
    "social-care": "Social care",
    "local-government": "Local government",
    "health-and-care": "Health and care",
    "national": "National press",
    "regional": "Regional press",
    "parliament": "Parliament",
}


def subject(content: EditionContent) -> str:
    """The most important thing, then the product and week: "Speaking up rises: 9 stories from 6 outlets · …"."""
    so_far = "" if content.complete else " so far"
    return f"{_news(content)} · {PRODUCT}, week {content.as_week().number}{so_far}"


def preheader(content: EditionContent) -> str:
    """The line that an inbox shows after the subject; says something else than the subject."""
    top = content.stories[0].title if content.stories else "What the monitor read, and what it could not see"
    return f"{dates(content)}. {top}"


def dates(content: EditionContent) -> str:
    """The days of an edition: "16 to 22 November 2026"."""
    return week_dates(content.as_week())


def week_dates(week: Week) -> str:
    """ "16 to 22 November 2026", the months and years named once where they are the same."""
    first = week.monday
    last = first + timedelta(days=6)
    if first.year != last.year:
        return f"{long_date(first)} to {long_date(last)}"
    if first.month != last.month:
        return f"{first.day} {first:%B} to {long_date(last)}"
    return f"{first.day} to {long_date(last)}"


def in_brief(content: EditionContent) -> tuple[str, ...]:
    """Three to five lines: how much was read, what rises, what is new, what has gone quiet, what could not be seen."""
    lines = [_how_much(content)]
    rising = _with(content, Verdict.RISING)
    new = _with(content, Verdict.NEW)
    quiet = _with(content, Verdict.QUIET)
    lines += [_rising(content, rising)] if rising else []
    lines += [f"New, with no story in the weeks before: {_listed(content, new)}."] if new else []
    lines += [f"Gone quiet: {_listed(content, quiet)}."] if quiet else []
    if not (rising or quiet) and content.stories:
        lines.append(_no_change(content))
    if len(lines) < 4 and (most := _most_covered(content)):
        lines.append(most)
    if content.gaps:
        lines.append(_not_seen(content))
    return tuple(lines)


def trend_words(trend: Trend) -> str:
    """ "9 stories, usually 3 to 5", with what may be said of it."""
    text = f"{stories(trend.now)}{usually(trend)}"
    match trend.verdict:
        case Verdict.RISING:
            return f"{stories(trend.now)} from {outlets(trend.outlets)}{usually(trend)}"
        case Verdict.NEW:
            return f"{stories(trend.now)}, the first in the weeks shown"
        case Verdict.NO_STORIES:
            return "no stories in the weeks shown"
        case Verdict.NOT_SEEN:
            return f"{text}; too little was collected to call it quiet"
        case Verdict.TOO_EARLY:
            return f"{text}; too early to say what is usual"
        case _:
            return text


def verdict_word(trend: Trend) -> str:
    """The flag beside a trend; empty where there is nothing to flag."""
    return {Verdict.RISING: "Rising", Verdict.QUIET: "Quiet", Verdict.NEW: "New"}.get(trend.verdict, "")


def chart_words(trend: Trend) -> str:
    """A trend's bars in words, oldest week first."""
    counts = ", ".join("no data" if count is None else str(count) for count in trend.counts)
    return f"Stories a week, oldest first: {counts}."


def story_labels(story: StoryItem) -> str:
    """Nation and sector as people say them."""
    return f"{nation_name(story.nation)} · {sector_name(story.sector)}"


def nation_name(nation: str) -> str:
    """A nation as people say it; words of a registry's own as they are."""
    return NATIONS.get(nation) or nation.replace("-", " ").title()


def sector_name(sector: str) -> str:
    """A sector as people say it; words of a registry's own as they are."""
    return SECTORS.get(sector) or sector.replace("-", " ").capitalize()


def gap_words(kind: GapKind, since: date | None) -> str:
    """Why a source could not be seen and since when."""
    reason = {
        GapKind.FAILED: "failed",
        GapKind.BLOCKED: "blocked the monitor",
        GapKind.SILENT: "nothing new",
        GapKind.NEVER: "not read yet",
    }[kind]
    return f"{reason} since {short_date(since)}" if since else reason


def selection_words(content: EditionContent) -> str:
    """What a recipient chose, in words; empty for everything."""
    chosen = content.selection
    names = [theme.name for theme in content.themes] if chosen.themes else []
    parts = [
        ", ".join(names),
        ", ".join(nation_name(nation) for nation in chosen.nations),
        ", ".join(sector_name(sector) for sector in chosen.sectors),
    ]
    return "; ".join(part for part in parts if part)


def stories(count: int) -> str:
    """ "1 story", "9 stories", "no stories"."""
    return "no stories" if count == 0 else f"{count:,} {'story' if count == 1 else 'stories'}"


def outlets(count: int) -> str:
    """ "1 outlet", "6 outlets"."""
    return f"{count:,} outlet{'' if count == 1 else 's'}"


def long_date(day: date) -> str:
    """ "22 November 2026"."""
    return f"{day.day} {day:%B %Y}"


def short_date(day: date) -> str:
    """ "22 November"."""
    return f"{day.day} {day:%B}"


def weekday_date(day: date) -> str:
    """ "Tue 17 Nov"."""
    return f"{day:%a} {day.day} {day:%b}"


def _news(content: EditionContent) -> str:
    rising = _with(content, Verdict.RISING)
    if rising:
        trend = rising[0]
        name = _name(content, trend)
        verb = "rise" if " and " in name else "rises"
        return f"{name} {verb}: {stories(trend.now)} from {outlets(trend.outlets)}"
    if not content.stories:
        return "No stories this week" if content.complete else "No stories yet"
    top = max(content.trends, key=lambda trend: trend.now, default=None)
    count = f"{stories(len(content.stories))} from {outlets(content.outlets)}"
    if top is None or top.now < 2 or content.selection.nations or content.selection.sectors:
        return count
    return f"{count}, most on {_in_sentence(_name(content, top))}"


def _how_much(content: EditionContent) -> str:
    found = f"{stories(len(content.stories)).capitalize()}"
    if content.stories:
        found += f" from {outlets(content.outlets)}"
    for_you = " for your choice" if content.selection else ""
    read = f"{content.articles:,} article{'' if content.articles == 1 else 's'}"
    from_sources = f"{content.sources:,} source{'' if content.sources == 1 else 's'}"
    return f"{found}{for_you}, out of {read} collected from {from_sources}."


def _most_covered(content: EditionContent) -> str:
    counts: dict[str, int] = {}
    for story in content.stories:
        for theme in story.themes:
            counts[theme.theme] = counts.get(theme.theme, 0) + 1
    names = {theme.id: theme.name for theme in content.themes}
    top = sorted((id_ for id_ in counts if id_ in names), key=lambda id_: (-counts[id_], list(names).index(id_)))
    if not top or counts[top[0]] < 2:
        return ""
    return f"Most covered: {', '.join(f'{names[id_]} ({counts[id_]})' for id_ in top[:_BRIEF_NAMES])}."


def _no_change(content: EditionContent) -> str:
    if all(trend.verdict in {Verdict.TOO_EARLY, Verdict.NO_STORIES} for trend in content.trends):
        return "It is too early to say what is usual: trends need four weeks of collecting."
    if content.complete:
        return "No theme rose or went quiet by more than chance would explain."
    return "No theme has risen by more than chance would explain, so far."


def _not_seen(content: EditionContent) -> str:
    count = len(content.gaps)
    verb = "was" if count == 1 else "were"
    return f"{count} of {content.sources_enabled} sources {verb} not seen or silent; they are listed below."


def _rising(content: EditionContent, rising: list[Trend]) -> str:
    top = rising[0]
    name = _name(content, top)
    text = f"{name} {'are' if ' and ' in name else 'is'} rising: {stories(top.now)} from {outlets(top.outlets)}{usually(top)}"
    return f"{text}. Also rising: {_listed(content, rising[1:])}." if rising[1:] else f"{text}."


def _listed(content: EditionContent, trends: list[Trend]) -> str:
    named = [f"{_name(content, trend)} ({_numbers(trend)})" for trend in trends[:_BRIEF_NAMES]]
    if len(trends) > _BRIEF_NAMES:
        named.append(f"and {len(trends) - _BRIEF_NAMES} more under Trends")
    return ", ".join(named)


def _numbers(trend: Trend) -> str:
    if trend.verdict is Verdict.RISING:
        return f"{trend.now} from {outlets(trend.outlets)}{usually(trend)}"
    return f"{stories(trend.now)}{usually(trend) if trend.verdict is Verdict.QUIET else ''}"


def usually(trend: Trend) -> str:
    """ ", usually 3 to 5"; nothing where there is no usual."""
    if trend.usual is None:
        return ""
    low, high = trend.usual
    return f", usually {low}" if low == high else f", usually {low} to {high}"


def _with(content: EditionContent, verdict: Verdict) -> list[Trend]:
    """The trends of one verdict, the least explained by chance first, then by stories."""
    found = [trend for trend in content.trends if trend.verdict is verdict]
    return sorted(found, key=lambda trend: (trend.chance if trend.chance is not None else 1.0, -trend.now))


def _name(content: EditionContent, trend: Trend) -> str:
    return next((theme.name for theme in content.themes if theme.id == trend.theme), trend.theme)


def _in_sentence(name: str) -> str:
    """A theme's name inside a sentence: "Speaking up" becomes "speaking up", "NHS pay" stays."""
    return name[0].lower() + name[1:] if len(name) > 1 and name[1].islower() else name


def note_of(content: EditionContent, theme: str) -> ThemeNote | None:
    """The note of a theme by its id."""
    return next((note for note in content.themes if note.id == theme), None)
