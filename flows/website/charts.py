"""Stories over time: counted by month and quarter, drawn as an inline SVG that needs no script and no picture."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from models.store.search import Hit
from models.weeks import LONDON

MONTHS = 24
WIDTH, HEIGHT = 720, 170  # of the drawing's own units
_GROUND, _TOP = 138, 14
LEAST_SCALE = 4  # stories that the tallest bar stands for at least: one lone story must not look like a peak


@dataclass(frozen=True, slots=True)
class Period:
    """A month or a quarter with its stories."""

    name: str
    first: date
    last: date
    count: int | None  # None: before anything was collected


@dataclass(frozen=True, slots=True)
class Bar:
    """One month as it is drawn."""

    x: float
    y: float
    width: float
    height: float
    middle: float
    count: int | None
    label: str  # under the bar; empty where there is no room


def by_month(hits: Iterable[Hit], now: datetime, began: datetime | None, months: int = MONTHS) -> list[Period]:
    """The stories of the last months, the present one last."""
    counts = Counter(_month(hit.at) for hit in hits)
    today = now.astimezone(LONDON).date()
    last = today.year * 12 + today.month - 1
    start = _month(began) if began else last
    return [_months(place, 1, counts, start) for place in range(last - months + 1, last + 1)]


def by_quarter(hits: Iterable[Hit], now: datetime, began: datetime | None, quarters: int) -> list[Period]:
    """The stories of the last quarters, the present one first."""
    counts = Counter(_month(hit.at) for hit in hits)
    today = now.astimezone(LONDON).date()
    this = today.year * 12 + (today.month - 1) // 3 * 3
    start = _month(began) if began else this
    return [_months(this - 3 * back, 3, counts, start) for back in range(quarters)]


def draw(periods: Sequence[Period]) -> list[Bar]:
    """The bars; every third month bears its name, and January its year."""
    scale = max([period.count or 0 for period in periods] + [LEAST_SCALE])
    step = WIDTH / len(periods)
    bars = []
    for place, period in enumerate(periods):
        height = 0.0 if not period.count else max((_GROUND - _TOP) * period.count / scale, 1.5)
        label = f"{period.first:%b}" if period.first.month % 3 == 1 else ""
        label += f" {period.first:%y}" if period.first.month == 1 else ""
        bars.append(
            Bar(
                x=round(place * step + step * 0.12, 1),
                y=round(_GROUND - height, 1),
                width=round(step * 0.76, 1),
                height=round(height, 1),
                middle=round(place * step + step / 2, 1),
                count=period.count,
                label=label,
            )
        )
    return bars


def _month(moment: datetime) -> int:
    day = moment.astimezone(LONDON)
    return day.year * 12 + day.month - 1


def _months(place: int, length: int, counts: Counter[int], began: int) -> Period:
    first, after = _first_day(place), _first_day(place + length)
    count = sum(counts[month] for month in range(place, place + length))
    name = f"{first:%B %Y}" if length == 1 else f"{first:%B} to {after - timedelta(days=1):%B %Y}"
    seen = count or place + length > began
    return Period(name, first, after - timedelta(days=1), count if seen else None)


def _first_day(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)
