"""The dates of one list, read alike and checked against each other: a publisher writes all of its dates in one way. Pure."""

from datetime import datetime, timedelta
from itertools import pairwise

from models.dates import UNDOUBTED, Reading

# A date further back than this says nothing of how this week's dates are written.
_LATELY = timedelta(days=45)
_AHEAD = timedelta(hours=26)  # clocks differ, and a day alone may lie ahead in another zone
_OUT_OF_LINE = timedelta(days=60)


def settle_dates(stated: "list[tuple[Reading, ...]]", now: datetime) -> list[datetime | None]:
    """The dates of one list, read alike and checked against each other and `now`, in the order of the list.

    None where a date is doubtful and would age its entry: it can be read as one of these days as well, contradicts its
    weekday, or lies far outside a list that is in order otherwise.
    """
    form = _common_form(stated, now)
    misfits = sum(bool(options) and not options[0].weekday_fits for options in stated)
    weekdays_count = misfits <= max(1, len(stated) // 5)  # else the publisher's program can't tell them
    found: list[datetime | None] = []
    for options in stated:
        if not options:
            found.append(None)
            continue
        chosen = next((reading for reading in options if reading.form == form), options[0])
        recent = now - _LATELY
        rivals = [r.moment for r in options if form == "" and recent <= r.moment <= now + _AHEAD]
        doubtful = bool(rivals) or (weekdays_count and not chosen.weekday_fits)
        found.append(None if doubtful and chosen.moment < recent else chosen.moment)
    return _without_outliers(found, now)


def _common_form(stated: "list[tuple[Reading, ...]]", now: datetime) -> str:
    """The order of parts in which all ambiguous dates can be read; "" where two orders are as good."""
    doubted = [options for options in stated if len(options) > 1 or (options and options[0].form != UNDOUBTED)]
    forms = list(dict.fromkeys(reading.form for options in doubted for reading in options))
    if not forms:
        return UNDOUBTED

    def faults(form: str) -> tuple[int, int]:
        moments = [[r.moment for r in options if r.form == form] for options in doubted]
        read = [moment[0] for moment in moments if moment]
        impossible = len(moments) - len(read) + sum(moment > now + _AHEAD for moment in read)
        return impossible, min(_steps(read, True), _steps(read, False))

    judged = {form: faults(form) for form in forms}
    best = min(judged.values())
    good = [form for form in forms if judged[form] == best]
    if len(good) == 1:
        return good[0]
    lately = [form for form in good if _is_of_late(form, doubted, now)]
    if not lately or lately[0] == good[0]:
        return good[0]
    # Only an unusual order makes news of the list. Where all of several dates are of late by it, that is no chance.
    moments = {r.moment for options in doubted for r in options if r.form == lately[0]}
    return lately[0] if len(moments) > 1 and min(moments) >= now - _LATELY else ""


def _is_of_late(form: str, doubted: "list[tuple[Reading, ...]]", now: datetime) -> bool:
    return any(now - _LATELY <= r.moment <= now + _AHEAD for options in doubted for r in options if r.form == form)


def _steps(moments: list[datetime], rising: bool) -> int:
    """How often a list goes against its order."""
    return sum((later < earlier) if rising else (later > earlier) for earlier, later in pairwise(moments))


def _without_outliers(found: list[datetime | None], now: datetime) -> list[datetime | None]:
    """The dates without such as stand far apart from both neighbours in a list that is in order without them."""
    places = [place for place, moment in enumerate(found) if moment is not None]
    dated = [moment for moment in found if moment is not None]
    odd = {
        places[at]
        for at in range(1, len(dated) - 1)
        if min(dated[at - 1], dated[at + 1]) > now - _LATELY
        and dated[at] < min(dated[at - 1], dated[at + 1]) - _OUT_OF_LINE
    }
    rest = [moment for place, moment in enumerate(found) if moment is not None and place not in odd]
    if not odd or len(odd) > max(1, len(dated) // 10) or min(_steps(rest, True), _steps(rest, False)):
        return found
    return [None if place in odd else moment for place, moment in enumerate(found)]
