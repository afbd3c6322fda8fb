"""Dates as feeds and pages write them, as aware UTC times: the one parser of them. Pure.

A form that can be read in more than one way is read in this order: by its year of four digits, day before month as in
Britain, month before day, year first; a weekday that is named decides. A list of dates decides together
(`models.date_lists`), since a publisher writes all of its dates in one way.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape

from models.zones import HOME, zone_after

# Before the web had news; an earlier date is a default value such as 1970-01-01.
EARLIEST = datetime(1995, 1, 1, tzinfo=UTC)
_MAX_MARKUP = 1000
_MAX_LETTERS = 120
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january ionawr", "feb febr february chwefror", "mar march mawrth", "apr april ebrill", "may mai",
            "jun june mehefin", "jul july gorffennaf", "aug august awst", "sep sept september medi",
            "oct october hydref", "nov november tachwedd", "dec december rhagfyr",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_WEEKDAYS = {name: number for number, name in enumerate("mon tue wed thu fri sat sun".split())}
_ATTRIBUTE = re.compile(r"(?i)\b(?:datetime|content)\s?=\s?[\"']([^\"'<>]{6,60})[\"']")
_TAG = re.compile(r"<[^<>]*>")
_PUBLISHED = re.compile(r"(?i)\b(?:published|posted|created|issued)\b")
_WORD = re.compile(r"[^\W\d_]{3,12}")
_ISO = re.compile(r"(?<!\d)(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)")
_COMPACT = re.compile(r"(?<!\d)(\d{4})(\d{2})(\d{2})(?:[T\s]?(\d{2})(\d{2})(\d{2})?)?(?!\d)")
_ORDINAL = re.compile(r"(?<![\d\-])(\d{4})-(\d{3})(?![\d\-])")
_NUMBERS = re.compile(r"(?<![\d/.\-])(\d{1,2})\s?([-/.])\s?(\d{1,2})\s?\2\s?(\d{4}|\d{2})(?![\d/])")
_DAY_BEFORE = re.compile(
    r"(?i)(?<![\d:.,])(\d{1,2})(?:st|nd|rd|th|af|ail|ydd|fed|eg|ain)?(?:\s(?:o|of|day of))?[\s\-/.,]{0,4}$"
)
_YEAR_BEFORE = re.compile(r"(?<!\d)(\d{4})[\s\-/.,]*$")
_DAY_AFTER = re.compile(r"\.?[\s\-/.,]*(\d{1,2})(?:st|nd|rd|th)?(?![\d:])", re.IGNORECASE)
_YEAR_AFTER = re.compile(r"\.?[\s\-/.,'\u2019]*(\d{4}|\d{2})(?![\d:])")
_YEAR = re.compile(r"(?<![\d+\-:.])((?:19|20)\d{2})(?![\d:])")
_TIME = re.compile(
    r"(?i)(?<![\d:.+\-])(\d{1,2})(?:[:.h](\d{2})(?:[:.](\d{2})(?:[.,]\d{1,9})?)?|(?=\s?[ap]\.?m))(?!\d)"
    r"\s?([ap]\.?m\b\.?)?"
)
_COMPACT_TIME = re.compile(r"^\s?T(\d{2})(\d{2})(\d{2})?(?!\d)")
_EPOCH = re.compile(r"(\d{9,10})(?:\.\d{1,9})?|(\d{12,13})|(\d{15,16})")
UNDOUBTED = "undoubted"


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a date: `form` names the order of its parts, where there is more than one."""

    moment: datetime
    form: str = UNDOUBTED
    weekday_fits: bool = True  # or none is named


def parse_date(text: object) -> datetime | None:
    """The time that `text` states, in UTC; None where it states none, or one before the web.

    A date without a time is noon in London: the right day in every zone near by. Numbers are seconds or milliseconds
    since 1970.
    """
    found = readings(text)
    return found[0].moment if found else None


def readings(text: object) -> tuple[Reading, ...]:
    """All ways to read a date, the most likely first; () where there is none."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        text = f"{text:.0f}" if abs(text) < 1e17 else ""
    if not isinstance(text, str) or not text:
        return ()
    for part in _parts(text):
        found = tuple(reading for reading in _read(part) if reading.moment >= EARLIEST)
        if found:
            # A stable order: where a weekday is named, what agrees with it comes first, and what does not goes.
            fitting = tuple(reading for reading in found if reading.weekday_fits)
            return fitting or found
    return ()


def first_date(stated: Iterable[object]) -> datetime | None:
    """The first date that is stated; where it may be read in two ways, as another one of them confirms."""
    chosen: tuple[Reading, ...] = ()
    for text in stated:
        found = readings(text)
        if not chosen:
            chosen = found
        elif len(found) == 1:
            agreed = (r.moment for r in chosen if r.moment.date() == found[0].moment.date())
            if (moment := next(agreed, None)) is not None:
                return moment
        if len(chosen) == 1:
            return chosen[0].moment
    return chosen[0].moment if chosen else None


def same_day_otherwise(one: datetime, other: datetime) -> bool:
    """Whether the days are the same once day and month of the first change places."""
    return (one.year, one.day, one.month) == (other.year, other.month, other.day) and one.day != one.month


def _parts(text: str) -> list[str]:
    """What to read, in this order: the value of an attribute for machines, what is said to be published, all of it."""
    text = text[:_MAX_MARKUP]
    if "&" in text:
        text = unescape(unescape(text))
    parts = [found[1] for found in _ATTRIBUTE.finditer(text)][:2] if "=" in text else []
    plain = " ".join(_TAG.sub(" ", text).split())
    if said := _PUBLISHED.search(plain):
        parts.append(plain[said.end() :][:_MAX_LETTERS])
    parts.append(plain[:_MAX_LETTERS])
    return parts


def _read(text: str) -> list[Reading]:
    text = " ".join(text.split())
    if found := _EPOCH.fullmatch(text):
        return _since_1970(text, found)
    if found := _ISO.search(text):
        year, first, second = int(found[1]), int(found[3]), int(found[4])
        day = (year, first, second, UNDOUBTED) if first < 13 else (year, second, first, "ydm")
        return _made(text, found.start(), found.end(), [day])
    if found := _ORDINAL.search(text):
        numbered = _day_of_year(int(found[1]), int(found[2]))
        days = [(numbered.year, numbered.month, numbered.day, UNDOUBTED)] if numbered else []
        return _made(text, found.start(), found.end(), days)
    if options := _by_month_name(text):
        return options
    if found := _NUMBERS.search(text):
        return _made(text, found.start(), found.end(), _numeric_orders(found[1], found[3], found[4]))
    if found := _COMPACT.search(text):
        return _compact(text, found)
    return []


def _since_1970(text: str, found: re.Match[str]) -> list[Reading]:
    compact = _COMPACT.fullmatch(text)
    if compact and text.startswith(("19", "20")) and (options := _compact(text, compact)):
        return options
    seconds = int(found[1] or (found[2] or found[3])[: 10 if len(text) in {13, 16} else 9])
    return [Reading(datetime.fromtimestamp(seconds, tz=UTC))]


def _compact(text: str, found: re.Match[str]) -> list[Reading]:
    """A day such as 20261126, with or without a time; the rest of the text may hold its time or zone."""
    day = [(int(found[1]), int(found[2]), int(found[3]), UNDOUBTED)]
    if found[4] is None:
        return _made(text, found.start(), found.end(), day)
    time = f"T{found[4]}{found[5]}{found[6] or '00'}"
    return _made(f"{time}{text[found.end() :]}", 0, 0, day)


def _day_of_year(year: int, number: int) -> datetime | None:
    try:
        day = datetime(year, 1, 1) + timedelta(days=number - 1)  # noqa: DTZ001 - a calendar day
    except (ValueError, OverflowError):
        return None
    return day if day.year == year else None


def _numeric_orders(one: str, two: str, three: str) -> list[tuple[int, int, int, str]]:
    first, second, third = int(one), int(two), _full_year(three)
    orders = [(third, second, first, "dmy"), (third, first, second, "mdy")]
    if len(three) == 2:
        orders.append((_full_year(one), second, int(three), "ymd"))
    possible = [order for order in orders if 1 <= order[1] <= 12 and 1 <= order[2] <= 31]
    # 5/5/2026 is one day in both orders.
    return list({order[:3]: order for order in reversed(possible)}.values())[::-1]


def _by_month_name(text: str) -> list[Reading]:
    for word in _WORD.finditer(text):
        month = _MONTHS.get(word[0].lower())
        if month is None:
            continue
        left, right = text[: word.start()], text[word.end() :]
        if before := _YEAR_BEFORE.search(left):
            after = _DAY_AFTER.match(right)
            start, end, year, day = before.start(), after.end() if after else 0, before[1], after[1] if after else ""
        elif (before := _DAY_BEFORE.search(left)) and 1 <= int(before[1]) <= 31:
            after = _YEAR_AFTER.match(right) or _YEAR.search(right)
            start, end, year, day = before.start(), after.end() if after else 0, after[1] if after else "", before[1]
        elif after := _DAY_AFTER.match(right):
            rest = right[after.end() :]
            year_found = _YEAR.search(rest)
            day, year = after[1], year_found[1] if year_found else ""
            start, end = word.start(), after.end()
            if year_found and not rest[: year_found.start()].strip(" ,-/.'"):
                end += year_found.end()
            elif year_found:  # "Nov 26 10:00:00 GMT 2026": the time stands between
                text = text[: word.end() + end] + rest[: year_found.start()]
        else:
            continue
        if day and year:
            return _made(text, start, word.end() + end, [(_full_year(year), month, int(day), UNDOUBTED)])
    return []


def _made(text: str, start: int, end: int, days: list[tuple[int, int, int, str]]) -> list[Reading]:
    """The readings of a date that stands from `start` to `end` in `text`, with the time and zone around it."""
    weekday = next((_WEEKDAYS[w[0].lower()[:3]] for w in _WORD.finditer(text) if _is_weekday(w[0])), None)
    found = []
    for year, month, day, form in days:
        moment = _at(year, month, day, text[end:]) or _at(year, month, day, text[:start])
        try:
            named = datetime(year, month, day, 12, tzinfo=HOME)
            moment = (moment or named).astimezone(UTC)
        except (ValueError, OverflowError):  # a 31 June, a year past 9999
            continue
        found.append(Reading(moment, form, weekday is None or weekday == named.weekday()))
    return found


def _is_weekday(word: str) -> bool:
    lower = word.lower()
    return lower[:3] in _WEEKDAYS and (len(lower) <= 4 or lower.endswith("day"))


def _at(year: int, month: int, day: int, text: str) -> datetime | None:
    """The moment of that day which `text` states; None where it states no possible one."""
    time = _COMPACT_TIME.match(text) or _TIME.search(text)
    if time is None:
        return None
    hour, minute, second = int(time[1]), int(time[2] or 0), int(time[3] or 0)
    half = time[4] if time.re is _TIME else None
    if half and hour <= 12:
        hour = hour % 12 + (12 if half[0].lower() == "p" else 0)
    later = timedelta(0)
    if hour == 24 and minute == 0:  # ISO 8601 lets a day end so
        hour, later = 0, timedelta(days=1)
    try:
        # A leap second is the second before it.
        local = datetime(year, month, day, hour, minute, 59 if second == 60 else second)  # noqa: DTZ001 - see below
        return local.replace(tzinfo=zone_after(text[time.end() :], local)) + later
    except (ValueError, OverflowError):
        return None


def _full_year(text: str) -> int:
    year = int(text)
    return year if year > 99 else year + (2000 if year < 70 else 1900)
