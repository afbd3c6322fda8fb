"""Dates as feeds and pages write them, as aware UTC times. Pure; never guesses a day from words around it."""

import re
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

# Where a British publisher states no time zone, it means its own.
HOME = ZoneInfo("Europe/London")
# Before the web had news; an earlier date is a default value such as 1970-01-01.
EARLIEST = datetime(1995, 1, 1, tzinfo=UTC)
_MAX_LETTERS = 80
_ZONES = {
    "UT": 0, "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "BST": 1, "IST": 1, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2,
    "EEST": 3, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "AEST": 10,
    "AEDT": 11,
}  # fmt: skip
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january ionawr", "feb february chwefror", "mar march mawrth", "apr april ebrill", "may mai",
            "jun june mehefin", "jul july gorffennaf", "aug august awst", "sep sept september medi",
            "oct october hydref", "nov november tachwedd", "dec december rhagfyr",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_TIME = r"(\d{1,2})[:.h](\d{2})(?:[:.](\d{2})(?:[.,]\d+)?)?\s*([ap]\.?m\.?)?"
_ZONE = r"\s*(?:(Z|[A-Za-z]{2,4})\b|(?:GMT|UTC)?([+-]\d{2}):?(\d{2})?)?"
_ISO = re.compile(rf"(\d{{4}})-?(\d{{2}})-?(\d{{2}})(?:[T\s,]+{_TIME}{_ZONE})?(?=\D|$)")
_ISO_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})T?(\d{2})(\d{2})(\d{2})(Z?)$")
_DAY_FIRST = re.compile(
    rf"(?:[A-Za-z]+\.?,?\s+)?(\d{{1,2}})(?:st|nd|rd|th)?[\s\-/.]+([A-Za-z]{{3,12}})\.?,?[\s\-/.]+(\d{{4}}|\d{{2}})"
    rf"(?:[\s,T]+(?:at\s+)?{_TIME}{_ZONE})?"
)
_MONTH_FIRST = re.compile(
    rf"(?:[A-Za-z]+\.?,?\s+)?([A-Za-z]{{3,12}})\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}})"
    rf"(?:[\s,T]+(?:at\s+)?{_TIME}{_ZONE})?"
)
_C_TIME = re.compile(
    r"[A-Za-z]{3}\s+([A-Za-z]{3})\s+(\d{1,2})\s+(\d{2}):(\d{2}):(\d{2})\s+(?:([A-Z]{3,4})\s+)?(\d{4})$"
)
_SLASHED = re.compile(rf"(\d{{1,2}})/(\d{{1,2}})/(\d{{4}})(?:[\s,T]+{_TIME}{_ZONE})?")


def parse_date(text: str | None) -> datetime | None:
    """The time that `text` states, in UTC; None where it states none, or one before the web.

    A date without a time is noon in London: the right day in every zone near by.
    """
    if not text:
        return None
    text = " ".join(text[: 2 * _MAX_LETTERS].split())[:_MAX_LETTERS]
    try:
        found = _parse(text)
    except (ValueError, OverflowError):  # a 31 June, a year past 9999
        return None
    if found is None:
        return None
    try:
        found = found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if found >= EARLIEST else None


def _parse(text: str) -> datetime | None:
    if m := _ISO_COMPACT.match(text):
        year, month, day, hour, minute, second = (int(part) for part in m.groups()[:6])
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC if m[7] else HOME)
    if m := _ISO.match(text):
        return _made(int(m[1]), int(m[2]), int(m[3]), m.groups()[3:])
    if m := _DAY_FIRST.match(text):
        month_name = _MONTHS.get(m[2].lower())
        return _made(_full_year(m[3]), month_name, int(m[1]), m.groups()[3:]) if month_name else None
    if m := _MONTH_FIRST.match(text):
        month_name = _MONTHS.get(m[1].lower())
        return _made(int(m[3]), month_name, int(m[2]), m.groups()[3:]) if month_name else None
    if m := _C_TIME.match(text):
        month_name = _MONTHS.get(m[1].lower())
        time = (m[3], m[4], m[5], None, m[6], None, None)
        return _made(int(m[7]), month_name, int(m[2]), time) if month_name else None
    if m := _SLASHED.match(text):  # day first, as in Britain
        return _made(int(m[3]), int(m[2]), int(m[1]), m.groups()[3:])
    if text.isascii() and text.isdigit() and len(text) in {10, 13}:  # seconds or milliseconds since 1970
        return datetime.fromtimestamp(int(text[:10]), tz=UTC)
    return None


def _made(year: int, month: int, day: int, time: tuple[str | None, ...]) -> datetime:
    hour_text, minute_text, second_text, half, zone_name, zone_hours, zone_minutes = time
    if hour_text is None or minute_text is None:
        return datetime(year, month, day, 12, tzinfo=HOME)
    hour = int(hour_text)
    if half and hour <= 12:
        hour = hour % 12 + (12 if half[0].lower() == "p" else 0)
    later = timedelta(0)
    if hour == 24:  # ISO 8601 lets a day end so
        hour, later = 0, timedelta(days=1)
    zone = _zone(zone_name, zone_hours, zone_minutes)
    # A leap second is the second before it.
    return datetime(year, month, day, hour, int(minute_text), min(int(second_text or 0), 59), tzinfo=zone) + later


def _zone(name: str | None, hours: str | None, minutes: str | None) -> timezone | ZoneInfo:
    if hours is not None:
        sign = -1 if hours.startswith("-") else 1
        return timezone(sign * timedelta(hours=abs(int(hours)), minutes=int(minutes or 0)))
    if name is not None and name.upper() in _ZONES:
        return timezone(timedelta(hours=_ZONES[name.upper()]))
    return HOME


def _full_year(text: str) -> int:
    year = int(text)
    return year if year > 99 else year + (2000 if year < 70 else 1900)
