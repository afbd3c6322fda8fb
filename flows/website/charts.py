"""Stories over time: counted by month and quarter, drawn as an inline SVG that needs no script and no picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlmodel import Session, col, select

from models.store.search import Hit, Wanted, by_period
from models.store.tables import Article
from models.weeks import LONDON

MONTHS = 24
WIDTH = 720  # of the drawing's own units
_GROUND, _TOP = 138, 14
LEAST_SCALE = 4  # stories that the tallest bar stands for at least: one lone story must not look like a peak


@dataclass(frozen=True, slots=True)
class Stretch:
    """A month or a quarter."""

    name: str
    first: date
    last: date

    @property
    def start(self) -> datetime:
        """Its first moment."""
        return datetime.combine(self.first, time(), tzinfo=LONDON).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Counted:
    """A month or a quarter with its stories."""

    name: str
    first: date
    last: date
    count: int | None  # None: before anything was collected
    newest: tuple[Hit, ...] = ()


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


def months(now: datetime, count: int = MONTHS) -> list[Stretch]:
    """The last months, the present one last."""
    last = _month(now)
    return [_stretch(place, 1) for place in range(last - count + 1, last + 1)]


def quarters(now: datetime, count: int) -> list[Stretch]:
    """The last quarters of a year, the present one last."""
    last = _month(now) // 3 * 3
    return [_stretch(last - 3 * back, 3) for back in reversed(range(count))]


def count_stories(
    wanted: Wanted, stretches: Sequence[Stretch], most: int = 1, *, session: Session
) -> tuple[list[Counted], int]:
    """Each stretch with its stories and the newest of them, in the order given; and how many there are in all, older ones too."""
    found = by_period(wanted, [one.start for one in stretches], most, session=session)
    began = session.exec(select(Article.first_seen_at).order_by(col(Article.first_seen_at)).limit(1)).first()
    counted = []
    for stretch, period in zip(stretches, found[1:], strict=True):
        seen = period.count or (began is not None and began.astimezone(LONDON).date() <= stretch.last)
        counted.append(
            Counted(stretch.name, stretch.first, stretch.last, period.count if seen else None, period.newest)
        )
    return counted, sum(period.count for period in found)


def draw(periods: Sequence[Counted]) -> list[Bar]:
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


def _stretch(place: int, length: int) -> Stretch:
    first, last = _first_day(place), _first_day(place + length) - timedelta(days=1)
    return Stretch(f"{first:%B %Y}" if length == 1 else f"{first:%B} to {last:%B %Y}", first, last)


def _first_day(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)
