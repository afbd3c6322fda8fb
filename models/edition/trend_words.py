"""What is said of a theme's numbers: how many stories, what is usual, what rose or went quiet, and why something is not called so.

A story counts once under every theme that it shows, whoever carries it: `EditionContent.stories_on`. Subject, brief, headings,
trends and the web edition's list of themes all count by that.
"""

from collections import Counter
from collections.abc import Sequence

from models.edition.content import EditionContent
from models.sources import name_nation
from models.trends import CHANCE, LEAST_OUTLETS, LEAST_STORIES, Trend, Verdict
from models.weeks import Week

NAMED_IN_ONE_LINE = 3  # themes; a list of nine is not brief

VERDICT_RULE = (
    "“Usually” leaves out the highest and the lowest tenth of the weeks before. “Rising” needs at least "
    f"{LEAST_STORIES} stories from {LEAST_OUTLETS} outlets, more than usual, and less than a {CHANCE:.0%} chance of so "
    "many if nothing had changed, measured against how much was collected from the same sources; “quiet” is the "
    "reverse. “New” means the first story in the weeks shown."
)
RISE_IN_SHORT = (
    f"“Rising”: at least {LEAST_STORIES} stories from {LEAST_OUTLETS} outlets, "
    f"with less than a {CHANCE:.0%} chance of so many."
)
_FLAGS = {Verdict.RISING: "Rising", Verdict.QUIET: "Quiet", Verdict.NEW: "New"}


def count_stories(count: int) -> str:
    """ "1 story", "9 stories", "no stories"."""
    return "no stories" if count == 0 else f"{count:,} {'story' if count == 1 else 'stories'}"


def count_things(count: int, noun: str) -> str:
    """ "1 outlet", "1,200 outlets"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def is_part(content: EditionContent) -> bool:
    """Whether the edition has the stories of some nations or sectors only, while its trends are of all."""
    return bool(content.selection.nations or content.selection.sectors)


def flag_trend(trend: Trend | None) -> str:
    """The flag beside a trend; empty where there is nothing to flag."""
    return _FLAGS.get(trend.verdict, "") if trend else ""


def is_news(trend: Trend) -> bool:
    """Whether a trend is worth showing where only few are: it rose, went quiet, is new, or has many more than usual."""
    return trend.verdict in _FLAGS or (_is_above(trend) and trend.now >= LEAST_STORIES)


def say_usual(trend: Trend) -> str:
    """ ", usually 3 to 5 a week"; nothing where there is no usual."""
    if trend.usual is None:
        return ""
    low, high = trend.usual
    return f", usually {low if low == high else f'{low} to {high}'} a week"


def describe_section(content: EditionContent, theme: str) -> str:
    """ "6 stories from 7 outlets, usually 0 to 1 a week": the numbers beside a theme's heading."""
    stories = content.stories_on(theme)
    trend = next((trend for trend in content.trends if trend.theme == theme), None)
    if trend is None or is_part(content):
        return count_stories(len(stories))
    late = sum(story.late for story in stories)
    own = sum(not story.added for story in stories)
    if content.editing.withheld and own < trend.now + late:
        return f"{own} of {count_stories(trend.now + late)}{say_usual(trend)}"  # the editor left the others out
    if trend.now + late != len(stories):  # an editor added some, or an edition of an earlier release counted otherwise
        return count_stories(len(stories))
    of_before = f", {late} of {'it' if len(stories) == 1 else 'them'} of earlier weeks" if late else ""
    not_called = "; not called a rise" if _is_above(trend) and is_news(trend) else ""  # the brief says why
    return f"{_count(len(stories), trend)}{of_before}{say_usual(trend)}{not_called}"


def describe_trend(trend: Trend, *, complete: bool = True) -> str:
    """The numbers of one row of trends, with what may be said of them."""
    text = f"{_count(trend.now, trend)}{say_usual(trend)}"
    return {
        Verdict.NEW: f"{count_stories(trend.now)}, the first in the weeks shown",
        Verdict.NO_STORIES: "no stories in the weeks shown",
        Verdict.NOT_SEEN: f"{text}: too little was collected to call it quiet",
        Verdict.TOO_EARLY: f"{text}: too early to say what is usual",
    }.get(trend.verdict, f"{text}{_say_why_not(trend, complete=complete)}")


def describe_chart(trend: Trend, week: Week) -> str:
    """A trend's bars in words, the last of `week`: "Stories a week: week 46 no data, week 47 5"."""
    counts = zip(weeks_of(trend, week), trend.counts, strict=True)
    said = (f"week {one.number}: {'no data' if count is None else count}" for one, count in counts)
    return f"Stories a week. {'; '.join(said).capitalize()}."


def weeks_of(trend: Trend, week: Week) -> list[Week]:
    """The weeks of a trend's bars, the last of them `week`."""
    return [week.plus(-back) for back in reversed(range(len(trend.counts)))]


def name_weeks(trend: Trend, week: Week) -> str:
    """ "weeks 36 to 47": what a trend's bars are of."""
    return f"weeks {weeks_of(trend, week)[0].number} to {week.number}" if trend.counts else "no week"


def explain_charts(content: EditionContent) -> str:
    """How to read the bars."""
    last = "this week" if content.complete else "this week so far"
    everywhere = ", over all nations and sectors" if is_part(content) else ""
    weeks = f", {name_weeks(content.trends[0], content.as_week())}" if content.trends else ""
    return (
        f"Stories a week{weeks}{everywhere}; the last bar is {last}. A story counts once under every theme that "
        "it has, whichever nation it is from. Each chart has its own scale."
    )


def say_changes(content: EditionContent) -> tuple[str, ...]:
    """Which themes rose, are new or went quiet, against what, and where; where none did, why what is unusual is not called so."""
    said = []
    before = _name_weeks_before(content)
    for verdict, words in (
        (Verdict.RISING, f"Themes that rise{before}"),
        (Verdict.NEW, "Themes that are new, with no story in the weeks before"),
        (Verdict.QUIET, f"Themes that went quiet{before}"),
    ):
        if found := trends_with(content, verdict):
            said.append(f"{words}: {_list(content, found)}.")
    above = [t for t in content.trends if _is_above(t) and is_news(t)]
    for reason in dict.fromkeys(_say_why_not(trend, complete=content.complete) for trend in above):
        alike = [trend for trend in above if _say_why_not(trend, complete=content.complete) == reason]
        said.append(
            f"Themes with more stories than usual: {_list(content, sorted(alike, key=lambda trend: -trend.now))}{reason}."
        )
    if not said and content.stories:
        said.append(_say_no_change(content))
    if said and is_part(content):
        said[0] = f"Over all nations and sectors: {said[0][0].lower()}{said[0][1:]}"
    return tuple(said)


def say_rise(content: EditionContent) -> str:
    """ "speaking up rises to 7 stories", of the clearest rise; empty where nothing rises."""
    rising = trends_with(content, Verdict.RISING)
    if not rising or is_part(content):
        return ""
    name = content.theme_names.get(rising[0].theme, rising[0].theme)
    verb = "rise" if " and " in name else "rises"
    return f"{in_a_sentence(name)} {verb} to {count_stories(rising[0].now)}"


def trends_with(content: EditionContent, verdict: Verdict) -> list[Trend]:
    """The trends of one verdict, the least explained by chance first, then by stories."""
    found = [trend for trend in content.trends if trend.verdict is verdict]
    return sorted(found, key=lambda trend: (trend.chance if trend.chance is not None else 1.0, -trend.now))


def in_a_sentence(name: str) -> str:
    """ "Speaking up" is "speaking up" inside a sentence, "NHS pay" stays."""
    return name[0].lower() + name[1:] if name[1:2].islower() else name


def _count(stories: int, trend: Trend) -> str:
    outlets = f" from {count_things(trend.outlets, 'outlet')}" if trend.verdict is Verdict.RISING else ""
    return f"{count_stories(stories)}{outlets}"


def _is_above(trend: Trend) -> bool:
    """Whether there are more stories than usual, and yet no rise was found."""
    return trend.verdict is Verdict.USUAL and trend.usual is not None and trend.now > trend.usual[1]


def _say_why_not(trend: Trend, *, complete: bool) -> str:
    """Why a number outside the usual is not called a rise, or quiet; nothing for one within it."""
    if _is_above(trend):
        if trend.now < LEAST_STORIES:
            return ": too few to be called a rise"
        if trend.outlets < LEAST_OUTLETS:
            return ": all from one outlet, so not called a rise"
        return ": chance could explain it, source by source, so not called a rise"
    if complete and trend.verdict is Verdict.USUAL and trend.usual is not None and trend.now < trend.usual[0]:
        return ": chance could explain it, so not called quiet"
    return ""


def _say_no_change(content: EditionContent) -> str:
    judged = [t for t in content.trends if t.verdict not in {Verdict.TOO_EARLY, Verdict.NO_STORIES}]
    so_far = "" if content.complete else " so far"
    if not judged:
        return "It is too early to say what is usual: trends need four weeks of collecting."
    if any(_say_why_not(trend, complete=content.complete) or trend.verdict is Verdict.NOT_SEEN for trend in judged):
        return f"No theme is called rising or quiet{so_far}: what is unusual is too little to tell from chance."
    return f"No theme has more or fewer stories than usual{so_far}."


def _list(content: EditionContent, trends: Sequence[Trend]) -> str:
    shown, left = trends[:NAMED_IN_ONE_LINE], len(trends) - NAMED_IN_ONE_LINE
    names = content.theme_names
    named = [f"{names.get(trend.theme, trend.theme)} ({_say(trend)}{_say_where(content, trend)})" for trend in shown]
    return ", ".join([*named, f"and {left} more under Trends"] if left > 0 else named)


def _say(trend: Trend) -> str:
    if trend.verdict is Verdict.NEW:
        return count_stories(trend.now)
    return f"{_count(trend.now, trend)}{say_usual(trend)}"


def _name_weeks_before(content: EditionContent) -> str:
    """ " against the 10 weeks before": those of which there is data."""
    before = max((sum(count is not None for count in trend.counts[:-1]) for trend in content.trends), default=0)
    return f" against the {before} weeks before" if before else ""


def _say_where(content: EditionContent, trend: Trend) -> str:
    """ "; 1 story from Scotland, 1 from Wales": the nations beside England whose news a theme's number counts as well.

    Only of what rose or is new, and where the stories at hand are those that were counted.
    """
    counted = [story for story in content.stories_on(trend.theme) if not story.late and not story.added]
    if trend.verdict not in _FLAGS or is_part(content) or len(counted) != trend.now:
        return ""
    nations = Counter(story.nation for story in counted if story.nation not in {"uk", "england"})
    if not nations:
        return ""
    (nation, count), *others = sorted(nations.items())
    if count == len(counted):
        return f"; {'all ' * (count > 1)}from {name_nation(nation)}"
    first = f"{count_stories(count)} from {name_nation(nation)}"
    return f"; {', '.join([first, *(f'{more} from {name_nation(other)}' for other, more in others)])}"
