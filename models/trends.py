"""Whether a theme rises or has gone quiet: a stated rule on weekly counts, corrected for what was collected.

**Usual.** The range between the 10th and the 90th percentile of the theme's stories in the weeks before (up to eleven),
in whole stories. Weeks in which under half of the usual number of articles were collected do not count, and with fewer
than four weeks that do, nothing is called usual.

**Rising.** All of: at least 4 stories from at least 2 outlets; more than usual; and a test says that chance gives so
many in fewer than 1 week of 100. **Quiet**: fewer than usual in a whole week, by the same test. Fifteen themes at 1 in 100
give a false rise about once in seven weeks at most; the numbers always stand beside the word.

**The test** is exact and conditional on each source. If a source carried m stories of the theme over all weeks, and n
of its N articles were collected this week, each of the m falls in this week with chance n/N when nothing has changed. The
sum over the sources is compared with what came. So a source that was down this week (n = 0), or that is new (n = N),
says nothing for or against a rise, and a dead feed is not read as a quiet theme.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

WEEKS_SHOWN = 12  # a quarter of a year: what fits as bars on a phone, and long enough to know what is usual
LEAST_STORIES = 4
LEAST_OUTLETS = 2
LEAST_WEEKS = 4  # before that, "usual" would be a claim about three numbers
CHANCE = 0.01
SEEN_SHARE = 0.5  # of the median week's articles: below it, the week was not seen well enough to count
LOW, HIGH = 0.1, 0.9


class Verdict(StrEnum):
    """What may be said of a theme this week."""

    RISING = "rising"
    QUIET = "quiet"
    NEW = "new"  # the first in all the weeks that count; a fact, not a claim about chance
    USUAL = "usual"
    NO_STORIES = "no-stories"  # neither this week nor before
    TOO_EARLY = "too-early"  # too few weeks to say what is usual
    NOT_SEEN = "not-seen"  # this week's collection was too thin to judge


@dataclass(frozen=True, slots=True)
class Collected:
    """What was collected: articles of each source in each week, oldest week first, the edition's week last."""

    by_source: Mapping[str, Sequence[int]]  # source -> articles a week, all of one length

    def totals(self) -> tuple[int, ...]:
        """Articles a week."""
        return tuple(sum(week) for week in zip(*self.by_source.values(), strict=True))


@dataclass(frozen=True, slots=True)
class ThemeHistory:
    """The stories of one theme, each counted once, under the source that had it first."""

    theme: str
    by_source: Mapping[str, Sequence[int]]  # source -> stories a week, as long as the weeks of `Collected`
    outlets: int  # that carried the theme this week, copies included


@dataclass(frozen=True, slots=True)
class Trend:
    """Twelve weeks of one theme and what may be said of the last."""

    theme: str
    counts: tuple[int | None, ...]  # oldest first; None: a week in which nothing was collected
    usual: tuple[int, int] | None  # the usual range, both ends included
    outlets: int
    verdict: Verdict
    chance: float | None = None  # of so many (or so few) stories if nothing had changed

    @property
    def now(self) -> int:
        """The stories of the edition's week."""
        return (self.counts[-1] or 0) if self.counts else 0  # nothing was ever collected


def judge(history: ThemeHistory, collected: Collected, *, complete: bool) -> Trend:
    """The trend of one theme by the rule above; in a week that is not `complete`, nothing is called quiet."""
    totals = collected.totals()
    stories = [sum(week) for week in zip(*history.by_source.values(), strict=True)] or [0] * len(totals)
    counts = tuple(count if total else None for count, total in zip(stories, totals, strict=True))
    weeks = _weeks_that_count(totals)
    before = [stories[week] for week in weeks]
    now = stories[-1] if stories else 0
    usual = _usual(before) if len(before) >= LEAST_WEEKS else None

    def trend(verdict: Verdict, chance: float | None = None) -> Trend:
        return Trend(history.theme, counts, usual, history.outlets, verdict, chance)

    if usual is None:
        return trend(Verdict.TOO_EARLY)
    if now == 0 and not any(before):
        return trend(Verdict.NO_STORIES)
    more, fewer = _chances(history, collected, weeks)
    if now >= LEAST_STORIES and history.outlets >= LEAST_OUTLETS and now > usual[1] and more < CHANCE:
        return trend(Verdict.RISING, more)
    if now and not any(before):
        return trend(Verdict.NEW)
    if complete and now < usual[0] and fewer < CHANCE:
        return trend(Verdict.QUIET, fewer)
    if complete and now < usual[0] and not _seen(totals, weeks):
        return trend(Verdict.NOT_SEEN)
    return trend(Verdict.USUAL)


def _weeks_that_count(totals: Sequence[int]) -> list[int]:
    """The weeks before the last that were seen well enough."""
    seen = [total for total in totals[:-1] if total]
    if not seen:
        return []
    least = SEEN_SHARE * median(seen)
    return [week for week, total in enumerate(totals[:-1]) if total and total >= least]


def _seen(totals: Sequence[int], weeks: Sequence[int]) -> bool:
    return totals[-1] >= SEEN_SHARE * median(totals[week] for week in weeks)


def _usual(counts: Sequence[int]) -> tuple[int, int]:
    """The 10th and 90th percentile, by the nearest rank: always counts that really occurred."""
    ordered = sorted(counts)
    last = len(ordered) - 1
    return ordered[round(LOW * last)], ordered[round(HIGH * last)]


def _chances(history: ThemeHistory, collected: Collected, weeks: Sequence[int]) -> tuple[float, float]:
    """The chance of at least, and of at most, as many stories as came this week from sources seen in both periods."""
    import numpy as np  # here: a seventh of a second, for which every command that shows a recipient would wait

    sums = np.ones(1)
    came = 0
    for source, stories in sorted(history.by_source.items()):  # in one order, so that the last digit is always the same
        articles = collected.by_source.get(source, ())
        if not articles or not articles[-1] or not any(articles[week] for week in weeks):
            continue
        now, before = articles[-1], sum(articles[week] for week in weeks)
        of_theme = stories[-1] + sum(stories[week] for week in weeks)
        came += stories[-1]
        sums = np.convolve(sums, _binomial(of_theme, now / (now + before)))
    return float(sums[came:].sum()), float(sums[: came + 1].sum())


def _binomial(n: int, p: float) -> "npt.NDArray[np.float64]":
    """The chances of 0 to n successes in n tries, by logarithms so that large n does not underflow."""
    import numpy as np

    if p >= 1:
        certain: npt.NDArray[np.float64] = np.eye(1, n + 1, n)[0]
        return certain
    ranks = np.arange(1, n + 1)
    logs = np.concatenate(([0.0], np.cumsum(np.log((n - ranks + 1) / ranks))))
    successes = np.arange(n + 1)
    chances: npt.NDArray[np.float64] = np.exp(logs + successes * np.log(p) + (n - successes) * np.log1p(-p))
    return chances
