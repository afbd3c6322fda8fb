"""Time zones as feeds and pages name them, whatever the form. Pure."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from models.weeks import LONDON

# Where a British publisher states no time zone, it means its own.
HOME = LONDON
_HOURS = {
    "UT": 0, "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "BST": 1, "IST": 1, "WEST": 1, "MEZ": 1, "CET": 1, "MET": 1, "WAT": 1,
    "CEST": 2, "MESZ": 2, "MEST": 2, "EET": 2, "SAST": 2, "CAT": 2, "EEST": 3, "MSK": 3, "EAT": 3, "TRT": 3, "GST": 4,
    "PKT": 5, "ICT": 7, "WIB": 7, "HKT": 8, "SGT": 8, "PHT": 8, "AWST": 8, "JST": 9, "KST": 9, "ACST": 9.5, "ACDT": 10.5,
    "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13, "NST": -3.5, "NDT": -2.5, "AST": -4, "ADT": -3, "ART": -3, "BRT": -3,
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "AKST": -9, "AKDT": -8,
    "HST": -10,
}  # fmt: skip
# Named in words or by what American sites write for both halves of the year.
_PLACES = {
    "ET": "America/New_York", "CT": "America/Chicago", "MT": "America/Denver", "PT": "America/Los_Angeles",
    "EASTERN": "America/New_York", "CENTRAL": "America/Chicago", "MOUNTAIN": "America/Denver",
    "PACIFIC": "America/Los_Angeles", "GREENWICH": "UTC", "COORDINATED": "UTC", "UNIVERSAL": "UTC",
    "LONDON": "Europe/London", "UK": "Europe/London",
}  # fmt: skip
_WORDS = {
    "british summer": 1, "irish standard": 1, "western european summer": 1, "central european summer": 2,
    "central european": 1, "eastern european summer": 3, "eastern european": 2, "eastern standard": -5,
    "eastern daylight": -4, "central standard": -6, "central daylight": -5, "mountain standard": -7,
    "mountain daylight": -6, "pacific standard": -8, "pacific daylight": -7, "india standard": 5.5,
    "australian eastern standard": 10, "australian eastern daylight": 11,
}  # fmt: skip
_PREFIX = r"(?:GMT|UTC|UT|Z)?"
_OFFSET = re.compile(rf"\W{{0,3}}{_PREFIX}\s?([+\-\u2212])(\d{{1,2}})(?:[:.]?(\d{{2}}))?(?!\d)", re.IGNORECASE)
_IANA = re.compile(r"[^A-Za-z]{0,3}([A-Z][A-Za-z_]{1,20}/[A-Za-z_+\-0-9]{2,30}(?:/[A-Za-z_]{2,30})?)")
_NAME = re.compile(r"[^A-Za-z]{0,3}(?:GMT[\s(]+(?=[A-Za-z]))?([A-Za-z]{1,12})\b")
_LONG = re.compile(r"[^A-Za-z]{0,3}([A-Za-z]+(?:\s[A-Za-z]+){0,2})\s(?:time|zeit)\b", re.IGNORECASE)
_MAX_OFFSET = timedelta(hours=14)  # of any place on earth; more is a slip, and the time is read as ours


def zone_after(text: str, day: datetime) -> tzinfo:
    """The zone that `text`, which follows a time of day, begins with; London where it names none.

    Args:
        day: the local time without zone, since some names mean another zone in another season.
    """
    if found := _OFFSET.match(text):
        return _by_offset(found[1], found[2], found[3])
    if found := _IANA.match(text):
        return _by_place(found[1])
    if (found := _LONG.match(text)) and (hours := _WORDS.get(" ".join(found[1].lower().split()))) is not None:
        return timezone(timedelta(hours=hours))
    if found := _NAME.match(text):
        return _by_name(found[1], day)
    return HOME


def _by_offset(sign: str, hours: str, minutes: str | None) -> tzinfo:
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
    if offset > _MAX_OFFSET:
        return HOME
    return timezone(offset if sign == "+" else -offset)


def _by_place(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # ZoneInfo raises all of them for names that it does not know
        return HOME


def _by_name(name: str, day: datetime) -> tzinfo:
    upper = name.upper()
    if upper == "IST" and not day.replace(tzinfo=HOME).dst():  # no Irish summer: India's time
        return timezone(timedelta(hours=5, minutes=30))
    if upper in _HOURS:
        return timezone(timedelta(hours=_HOURS[upper])) if _HOURS[upper] else UTC
    return _by_place(_PLACES[upper]) if upper in _PLACES else HOME
