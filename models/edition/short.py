"""Daily emails and alerts: which stories they tell, and their words. Pure.

A daily email tells what no email has told its reader yet; an alert tells one story at once, at most three a day, and what is
over goes into the next daily email, or into the weekly edition, which is the record and holds everything again.
"""

from collections.abc import Collection, Iterable
from datetime import date, timedelta
from enum import StrEnum

from models.edition.choosing import choose_leads
from models.edition.content import EditionContent, StoryItem
from models.edition.news import LONGEST, PRODUCT, bare_headline
from models.edition.trend_words import count_stories
from models.edition.wording import say_choice
from models.text_safety import plain_line
from models.weeks import format_short_date

WATCHED = "watched"  # among a recipient's alerts: stories about the organisations that they watch; else a theme's id
ALERTS_A_DAY = 3
# An alert is of a story that was first seen today: what was over three yesterday has its place. One that was published
# earlier than this was found late, or its source is new. Two days, since some sources date by the day, and the night is long.
ALERT_WITHIN = timedelta(days=2)


class Kind(StrEnum):
    """What an email is."""

    WEEKLY = "weekly"
    DAILY = "daily"
    ALERT = "alert"


def find_alerts(content: EditionContent, alerts: Collection[str]) -> tuple[StoryItem, ...]:
    """Of the stories that a reader gets, those that they want to hear of at once; by rank."""
    found = [
        story
        for story in content.stories
        if (WATCHED in alerts and content.selection.watches(story))
        or any(theme.theme in alerts for theme in story.themes)
    ]
    return tuple(sorted(found, key=lambda story: (-story.rank, story.id)))


def write_short_subject(content: EditionContent, kind: Kind) -> str:
    """The lead headline first, then how many more there are; an alert says that it is one."""
    lead = (choose_leads(content) or content.stories)[0]
    before = "Alert: " if kind is Kind.ALERT else ""
    more = len(content.stories) - 1
    after = f" (and {more} more)" if more else ""
    return f"{before}{plain_line(bare_headline(lead.title), LONGEST - len(before + after))}{after}"


def write_short_title(kind: Kind, day: date) -> str:
    """The heading: "New on Tuesday 24 November"."""
    return f"{'Alert' if kind is Kind.ALERT else 'New'} on {day:%A} {format_short_date(day)}"


def write_short_standfirst(content: EditionContent, kind: Kind, alerts: Collection[str]) -> str:
    """One line under the heading: what this is, and what its reader chose."""
    if kind is Kind.DAILY:
        count = len(content.stories)
        return " ".join([f"{count_stories(count)} that no email has told you yet.".capitalize(), *say_choice(content)])
    (story,) = content.stories
    watched = {one.id for one in content.selection.watch}
    about = [one.name for one in story.organisations if one.id in watched] if WATCHED in alerts else []
    names = content.theme_names
    on = [names[theme.theme] for theme in story.themes if theme.theme in alerts and theme.theme in names]
    parts = [f"about {_listed(about)}, which you watch" if about else "", f"on {_listed(on)}" if on else ""]
    return f"A story {' and '.join(filter(None, parts))}: you asked to be told at once."


def explain_short_receipt(kind: Kind) -> str:
    """Why someone receives this, and what comes beside it."""
    what = (
        f"alerts: at most {ALERTS_A_DAY} a day, the rest is in your next email"
        if kind is Kind.ALERT
        else "a daily email on weekdays, when there is something new"
    )
    return (
        f"You receive this because your address is on the {PRODUCT}’s list for {what}. "
        "The weekly edition comes as well, and has every story of the week."
    )


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
