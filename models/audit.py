"""How much the tagger misses: which stories of a week are drawn for a person to judge, and what their answers allow to be said.

A stratified sample. Each story of the week belongs to one stratum by what stood of it, and within a stratum all have the same
chance, which is kept. Each answer thus stands for as many stories as its stratum has for each one that was answered. Pure.
"""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

WEEKS = 26  # of which the answers count: half a year of decisions, by whichever version made them
NEAR = 0.03  # from this probability on, a `no` is near: of a general stream one story in thirty
CLAIMED_WITHIN = 0.15  # nothing is said to readers before the interval is as narrow as this on either side
_RUNS = 20_000
_NONE = 1e-9  # a beta distribution needs more than nothing
_NUMBERS = ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class Stratum(StrEnum):
    """What stood of a story when the sample was drawn."""

    SHOWN = "shown"  # in scope: by the tagger, or by a person's word
    DOUBTFUL = "doubtful"  # left to a person, or taken out by one
    NEAR = "near"  # `no`, with a probability of `NEAR` and more
    FAR = "far"  # `no`, below that: nearly all news, so chance alone finds what is missed there


# A week's questions: most where most of the uncertainty is. `shown` is there since what is found must be right to count.
QUESTIONS: Mapping[Stratum, int] = {Stratum.SHOWN: 4, Stratum.DOUBTFUL: 4, Stratum.NEAR: 8, Stratum.FAR: 24}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A story that may be drawn, by the article that leads it."""

    article_id: int
    stratum: Stratum
    score: float  # probability that it is in scope, 0 to 1
    model_version: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A story that was drawn, with the size of its stratum and the chance that it had."""

    candidate: Candidate
    stratum_size: int
    chance: float  # above 0, at most 1


@dataclass(frozen=True, slots=True)
class Answer:
    """A drawn story with a person's last word on whether it is in scope; None while nobody has spoken."""

    week: str
    stratum: Stratum
    stratum_size: int
    verdict: bool | None


@dataclass(frozen=True, slots=True)
class Recall:
    """Of the stories in scope, the share that was shown, with its 95% interval; all from 0 to 1."""

    checked: int
    drawn: int
    share: float
    low: float
    high: float

    @property
    def margin(self) -> float:
        """The longer side of the interval."""
        return max(self.high - self.share, self.share - self.low)

    @property
    def is_claimed(self) -> bool:
        """Whether it is narrow enough to be told to readers."""
        return self.margin < CLAIMED_WITHIN


def stratum_of(state: str | None, score: float, *, stands: bool) -> Stratum:
    """The stratum of a story by the tagger's state (yes | uncertain | no) and score, and by whether it `stands` in scope."""
    if stands:
        return Stratum.SHOWN
    if state != "no":
        return Stratum.DOUBTFUL
    return Stratum.NEAR if score >= NEAR else Stratum.FAR


def draw(week: str, candidates: Iterable[Candidate]) -> list[Drawn]:
    """The sample of a week, in the order in which it is asked: the same for the same week and stories, whoever draws.

    The order is by hash and so by chance, over all strata: whoever answers only the first questions answers a sample too.
    """
    by_stratum: dict[Stratum, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        by_stratum[candidate.stratum].append(candidate)
    drawn = []
    for stratum, found in by_stratum.items():
        count = min(QUESTIONS[stratum], len(found))
        first = sorted(found, key=lambda one: _lot(week, one))[:count]
        drawn += [Drawn(one, len(found), count / len(found)) for one in first]
    return sorted(drawn, key=lambda one: _lot(week, one.candidate))


def _lot(week: str, candidate: Candidate) -> str:
    return hashlib.sha256(f"audit {week} {candidate.article_id}".encode()).hexdigest()


def estimate(answers: Sequence[Answer]) -> Recall | None:
    """What the answers of some weeks say; None where nobody has answered, or all of them are out of scope.

    A stratum's stories in scope are its answers, weighed by the inverse of their chance (Horvitz and Thompson). The interval
    is of the tagger, not of these weeks alone, so a small week that was answered whole is no certainty. It is simulated: each
    stratum's share comes from a beta distribution over its answers (their effective number, where weeks weigh unlike). Its
    lower end has Jeffreys' prior, so that none of `n` still leaves room for some; at the upper end, where that would rule out
    that none are missed, what is missed has the lower bound of Clopper and Pearson.
    """
    import numpy as np  # here: a seventh of a second, for which commands that say nothing of this would wait

    weeks = {one.week for one in answers if one.verdict is not None}
    counted = [one for one in answers if one.week in weeks]
    asked = [one for one in counted if one.verdict is not None]
    random = np.random.default_rng(17)
    shown = missed = 0.0
    shown_runs, missed_runs, least_runs = np.zeros(_RUNS), np.zeros(_RUNS), np.zeros(_RUNS)
    for stratum in Stratum:
        of_stratum = [one for one in asked if one.stratum is stratum]
        size = sum({one.week: one.stratum_size for one in counted if one.stratum is stratum}.values())
        per_week = Counter(one.week for one in of_stratum)
        weights = np.array([one.stratum_size / per_week[one.week] for one in of_stratum])
        verdicts = np.array([bool(one.verdict) for one in of_stratum])
        share = float(weights @ verdicts / weights.sum()) if of_stratum else 0.5
        number = float(weights.sum() ** 2 / (weights @ weights)) if of_stratum else 0.0
        yes, no = share * number, (1 - share) * number
        likely, least = random.beta(yes + 0.5, no + 0.5, _RUNS), random.beta(max(yes, _NONE), no + 1, _RUNS)
        if stratum is Stratum.SHOWN:
            shown, shown_runs = share * size, likely * size
        else:
            missed, missed_runs, least_runs = (
                missed + share * size,
                missed_runs + likely * size,
                least_runs + least * size,
            )
    if not asked or not shown + missed:
        return None
    found = shown / (shown + missed)
    low = np.quantile(_share(shown_runs, missed_runs), 0.025)
    high = np.quantile(_share(shown_runs, least_runs), 0.975)
    return Recall(len(asked), len(counted), found, min(float(low), found), max(float(high), found))


def _share(shown: Any, missed: Any) -> Any:
    """The share of each run; 1 where nothing was shown and nothing missed, as where no such stories were drawn."""
    import numpy as np

    both = shown + missed
    return np.divide(shown, both, out=np.ones_like(both), where=both > 0)


def tell_readers(recall: Recall | None) -> str:
    """One sentence for an edition; empty while nothing may be claimed."""
    if recall is None or not recall.is_claimed:
        return ""
    tenths = round(10 * recall.share)
    about = "nearly all" if tenths == 10 else f"about {_NUMBERS[tenths]}" if tenths else "hardly any"
    return (
        f"Of ten stories like these the monitor finds {about} ({_percent(recall.low)} to {_percent(recall.high)} at 95% "
        f"confidence): a person checked {recall.checked:,}."
    )


def tell_operators(recall: Recall | None, waiting: int) -> str:
    """For the model card: the estimate or how many answers it lacks, and how many questions wait."""
    asks = f"{waiting:,} question{'' if waiting == 1 else 's'} of it wait{'s' if waiting == 1 else ''} in the review queue."
    if recall is None:
        return f"How much is missed is not known: no answer to the audit sample names a story in scope yet. {asks}"
    found = (
        f"{recall.checked:,} of {recall.drawn:,} drawn stories are answered. Of the stories in scope {_percent(recall.share)} "
        f"were shown; 95% interval {_percent(recall.low)} to {_percent(recall.high)}"
    )
    if recall.is_claimed:
        return f"{found}. {asks}"
    # Twice as narrow takes four times as many; where nothing was found in a large stratum, twice as many do.
    more = math.ceil(recall.checked * ((recall.margin / CLAIMED_WITHIN) ** 2 - 1) / 10 + 0.1) * 10
    return f"{found}: too wide to tell readers. About {more:,} more answers would do. {asks}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"
