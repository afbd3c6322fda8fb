"""Time as the monitor keeps it: UTC inside, London weeks and words where a person reads them."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from models.errors import UserError

LONDON = ZoneInfo("Europe/London")
_WEEK_FORM = re.compile(r"(\d{4})-W(\d{2})")
# No news of the NHS lies outside, and twelve weeks before and after there are still dates.
EARLIEST_YEAR, LATEST_YEAR = 1948, 2199


def utc_now() -> datetime:
    """The time now, aware, in UTC; called at the edges only, decisions take `now` as an argument."""
    return datetime.now(UTC)


class WeekError(UserError, ValueError):
    """What a person wrote names no week, or one that can't be meant; the message says why."""


@dataclass(frozen=True, slots=True, order=True)
class Week:
    """An ISO week as London lives it: from Monday 00:00 to the next Monday 00:00, Europe/London."""

    year: int
    number: int

    @classmethod
    def of(cls, moment: datetime) -> "Week":
        """The week that holds an aware `moment`."""
        year, number, _ = moment.astimezone(LONDON).isocalendar()
        return cls(year, number)

    @classmethod
    def parse(cls, text: str) -> "Week":
        """The week written as `2026-W47`.

        Raises:
            WeekError: not of that form, the year has no such week, or it can't be meant.
        """
        found = _WEEK_FORM.fullmatch(text.strip())
        if found is None:
            raise WeekError(f"week {text!r} is not of the form 2026-W47")
        try:
            date.fromisocalendar(int(found[1]), int(found[2]), 1)
        except ValueError as error:
            raise WeekError(f"week {text!r}: the year {found[1]} has no week {int(found[2])}") from error
        if not EARLIEST_YEAR <= int(found[1]) <= LATEST_YEAR:
            raise WeekError(f"week {text!r}: name one of the years {EARLIEST_YEAR} to {LATEST_YEAR}")
        return cls(int(found[1]), int(found[2]))

    @property
    def monday(self) -> date:
        """Its first day."""
        return date.fromisocalendar(self.year, self.number, 1)

    @property
    def start(self) -> datetime:
        """Monday 00:00 in London, as UTC."""
        return _london_midnight(self.monday)

    @property
    def end(self) -> datetime:
        """The next Monday 00:00 in London, as UTC; the week holds every moment before it."""
        return _london_midnight(self.monday + timedelta(days=7))

    @property
    def dates(self) -> str:
        """ "16 to 22 November 2026", the month and the year named once where they are the same."""
        first, last = self.monday, self.monday + timedelta(days=6)
        if first.year != last.year:
            return f"{format_long_date(first)} to {format_long_date(last)}"
        if first.month != last.month:
            return f"{format_short_date(first)} to {format_long_date(last)}"
        return f"{first.day} to {format_long_date(last)}"

    def plus(self, weeks: int) -> "Week":
        """The week so many weeks later (or, below zero, earlier)."""
        year, number, _ = (self.monday + timedelta(weeks=weeks)).isocalendar()
        return Week(year, number)

    def __str__(self) -> str:
        return f"{self.year}-W{self.number:02d}"


def format_long_date(day: date) -> str:
    """ "22 November 2026"."""
    return f"{day.day} {day:%B %Y}"


def format_short_date(day: date) -> str:
    """ "22 November"."""
    return f"{day.day} {day:%B}"


def format_weekday(day: date) -> str:
    """ "Tue 17 Nov"."""
    return f"{day:%a} {day.day} {day:%b}"


def _london_midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC)
