"""Coming dates that a text names: an inquiry's report, a hearing, a board's meeting, with the sentence word for word.

Precision first: a sentence counts where it says of something that is held, decided or published that it is to come, and
names its day, week or month after that. What has no such word, is told as past, or has a date before the article's is left.
Work is in proportion to the text's length.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from models.text import MAX_CHARACTERS, split_sentences

FURTHEST = timedelta(days=550)  # a date further off is a plan, not an appointment
MOST = 3  # of one text: more are a calendar, not news
MAX_SENTENCE = 400  # letters; a longer one is quoted by nobody
_WITHIN = 70  # letters between the words that say that something comes and its date

_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTH = "|".join(name.capitalize() for name in _MONTHS)
_DAY = "|".join(name.capitalize() for name in _DAYS)
_NUMBER = r"(?:[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?"
_YEAR = r"[1-9]\d{3,}"  # any: without it, a day of the year 2999 would be one of this year
_DATE = re.compile(
    rf"\b(?:(?:(?:{_DAY}),? (?:the )?)?(?P<d>{_NUMBER}) (?:of )?(?P<dm>{_MONTH})\b(?:,? (?P<dy>{_YEAR})\b)?"
    rf"|(?:(?:{_DAY}),? )?(?P<mm>{_MONTH}) (?P<md>{_NUMBER})\b(?:,? (?P<my>{_YEAR})\b)?"
    rf"|(?P<m>{_MONTH})\b(?: (?P<y>{_YEAR})\b)?"
    rf"|(?P<next>next|this coming) (?P<what>week|month|{_DAY})\b"
    rf"|(?P<tomorrow>tomorrow)\b"
    rf"|(?P<weekday>{_DAY})\b)"
)
# What is held, decided or made public.
_MATTER = re.compile(
    r"\b(?:inquir(?:y|ies)|inquests?|hearings?|tribunals?|trial|court|judges?|judgment|ruling|verdict|review|report|findings|"
    r"reports|publish(?:ed|es)?|publication|survey|inspect(?:ors|ion)|board|governors|council|committee|MPs|panel|commission|"
    r"meet(?:s|ing)?|vot(?:e|es|ing)|ballot|strikes?|walkout|consultation|debate|bill|deadline|decision|decide|appeal|"
    r"interviews|guidance|standards|regulations?|plan|strategy|summit|election|minister|ministers)\b",
    re.IGNORECASE,
)
# That it is to come; "would" of what is announced alone, not of what might be.
_COMING = re.compile(
    r"\b(?:will|would (?:report|give|publish|hold|decide|rule|announce|begin|meet|open|close|vote|respond)|is to|are to|"
    r"(?:is|are) (?:due|expected|scheduled|set|planned)|(?:has|have) (?:until|been set)|meets(?: again)?|opens|begins|starts|"
    r"closes|ends|resumes|takes place|runs until)\b"
)
_PAST = re.compile(
    r"\b(?:was|were|had been|had) (?:due|expected|scheduled|set|planned|promised|to have|said)\b|\bhad said\b"
)
# Before a date: it is when something was, or what a text is about.
_ABOUT = re.compile(
    r"\b(?:since|between|after|before|in the year to|year to|year ending|until last|events (?:on|of|in)|said (?:on|in|last)|"
    r"(?<!be )(?:held|heard|met|made|found|died|happened|began|published|announced|told|released|resigned|left|took place|visited|"
    r"inspected|signed|sent|dismissed|sacked|suspended|appointed|born|reported)[^,;]{0,24} (?:on|in|at|last)) ?$"
)
_SAID = re.compile(r"\b(?:said|told|announced|warned|ruled|called|urged|admitted|confirmed|found|heard)\b")
_AFTERWARDS = re.compile(r"\s*(?:last year|last|that year|\(?19\d\d|\(?20[01]\d)\b")


class Precision(StrEnum):
    """How exactly a date is named."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class DateAhead:
    """A coming date and the sentence that names it, as it stands in the text.

    `day` is the day itself, or the first of its week or month.
    """

    day: date
    precision: Precision
    sentence: str

    @property
    def last(self) -> date:
        """The last day that it may mean."""
        return last_day(self.day, self.precision)


def last_day(day: date, precision: Precision) -> date:
    """The last day that a date named so exactly may mean."""
    if precision is Precision.WEEK:
        return day + timedelta(days=6)
    if precision is Precision.MONTH:
        return day.replace(day=monthrange(day.year, day.month)[1])
    return day


def dates_ahead(text: str, written: date) -> list[DateAhead]:
    """The coming dates in clean text of an article of the day `written` (in London), in its order, each day once."""
    found: dict[tuple[date, Precision], DateAhead] = {}
    for sentence in split_sentences(text[:MAX_CHARACTERS]):
        if len(sentence) <= MAX_SENTENCE and (one := _in_sentence(sentence, written)) is not None:
            found.setdefault((one.day, one.precision), one)
            if len(found) == MOST:
                break
    return list(found.values())


def _in_sentence(sentence: str, written: date) -> DateAhead | None:
    """The first coming date of one sentence."""
    coming = [match.end() for match in _COMING.finditer(sentence)]
    if not coming or _MATTER.search(sentence) is None or _PAST.search(sentence) is not None:
        return None
    said = _SAID.search(sentence)
    for match in _DATE.finditer(sentence):
        before = sentence[max(0, match.start() - 60) : match.start()]
        if _ABOUT.search(before) or _AFTERWARDS.match(sentence, match.end()):
            continue
        if not _belongs(match, coming, said.start() if said else len(sentence)):
            continue
        known = _resolve(match, before, written)
        if known is not None and known[0] - written <= FURTHEST:
            return DateAhead(known[0], known[1], sentence)
    return None


def _belongs(date_named: re.Match[str], coming: list[int], said: int) -> bool:
    """Whether a date follows soon on words that say that something comes, or opens the sentence before them.

    "On Monday the board said that it will" names the day on which it said so.
    """
    start, end = date_named.span()
    if any(0 <= start - word <= _WITHIN for word in coming):
        return True
    return start <= 12 and any(end < word < said for word in coming)


def _resolve(match: re.Match[str], before: str, written: date) -> tuple[date, Precision] | None:
    year = match["dy"] or match["my"] or match["y"]
    if year and not 0 <= int(year) - written.year <= 2:
        return None
    if match["d"]:
        return _day(match["dy"], match["dm"], match["d"], written)
    if match["md"]:
        return _day(match["my"], match["mm"], match["md"], written)
    if match["m"]:
        return _month(match["m"], match["y"], before, written)
    if match["tomorrow"]:
        return written + timedelta(days=1), Precision.DAY
    if match["next"]:
        return _next(match["what"], written)
    if re.search(r"\b(?:on|until|by|from|for) $", before) is None:
        return None
    ahead = (_DAYS.index(match["weekday"].lower()) - written.weekday() - 1) % 7 + 1
    return written + timedelta(days=ahead), Precision.DAY


def _day(year: str | None, month: str, number: str, written: date) -> tuple[date, Precision] | None:
    numbered = int(re.sub(r"\D", "", number))
    for candidate in [int(year)] if year else [written.year, written.year + 1]:
        try:
            day = date(candidate, _MONTHS.index(month.lower()) + 1, numbered)
        except ValueError:
            return None
        if day > written:
            # Without a year, a day most of a year off is more likely one that has passed.
            return (day, Precision.DAY) if year or day - written <= timedelta(days=240) else None
    return None


def _month(name: str, year: str | None, before: str, written: date) -> tuple[date, Precision] | None:
    if re.search(r"\b(?:in|by|until|for|early|late|mid|of|from|this) $", before) is None:
        return None  # a name: Theresa May, Mr Justice March
    number = _MONTHS.index(name.lower()) + 1
    first = date(int(year) if year else written.year, number, 1)
    if not year and first <= written:
        first = first.replace(year=first.year + 1)
        if first - written > timedelta(days=240):
            return None
    return (first, Precision.MONTH) if first > written else None


def _next(what: str, written: date) -> tuple[date, Precision]:
    if what == "week":
        return written + timedelta(days=7 - written.weekday()), Precision.WEEK
    if what == "month":
        return (written.replace(day=1) + timedelta(days=32)).replace(day=1), Precision.MONTH
    ahead = (_DAYS.index(what.lower()) - written.weekday() - 1) % 7 + 1
    return written + timedelta(days=ahead), Precision.DAY
