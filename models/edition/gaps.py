"""What the monitor could not see in a week, so that a silence in the news is not confused with a silent feed."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from models.edition.content import MAX_OUTLET, GapKind, SourceGap
from models.edition.facts import SourceFact
from models.outcomes import PollOutcome
from models.sources import Registry
from models.text_safety import plain_line
from models.weeks import LONDON, Week

# A weekly newsletter that skips one week is not silent; one that skips two is worth a look.
SILENT_AFTER = timedelta(days=21)
FAILED_SHARE = 0.5  # of the week's polls: a source that missed fewer was seen
_BLOCKED = {PollOutcome.BLOCKED, PollOutcome.DISALLOWED, PollOutcome.REFUSED}


def find_gaps(facts: Iterable[SourceFact], registry: Registry, week: Week, now: datetime) -> tuple[SourceGap, ...]:
    """What the monitor could not see, so that a silence in the news is not confused with a silent feed.

    The watched sources that failed, were blocked, went silent or were never read, the worst first.
    """
    end = min(week.end, now)
    gaps = [
        gap
        for fact in _named(facts, registry)
        if (gap := _gap(plain_line(fact.name or fact.id, MAX_OUTLET), fact, end)) is not None
    ]
    order = list(GapKind)
    return tuple(sorted(gaps, key=lambda gap: (order.index(gap.kind), gap.name.casefold())))


def _named(facts: Iterable[SourceFact], registry: Registry) -> list[SourceFact]:
    """Sources whose name is not on record, since no run has collected after an upgrade, under that of the registry."""
    known = registry.by_id()
    return [fact if fact.name or fact.id not in known else replace(fact, name=known[fact.id].label) for fact in facts]


def _gap(name: str, fact: SourceFact, end: datetime) -> SourceGap | None:
    if fact.last_polled_at is None:
        return SourceGap(name, GapKind.NEVER, None)
    failing = fact.failing_since is not None and fact.failing_since < end
    missed = fact.polls > 0 and fact.failed_polls >= FAILED_SHARE * fact.polls
    if failing or missed:
        blocked = fact.last_outcome in _BLOCKED
        since = fact.failing_since.astimezone(LONDON).date() if fact.failing_since and failing else None
        reason = fact.last_detail if failing else f"{fact.failed_polls} of {fact.polls} tries failed"
        return SourceGap(name, GapKind.BLOCKED if blocked else GapKind.FAILED, since, plain_line(reason, 120))
    if fact.last_new_at is not None and end - fact.last_new_at > SILENT_AFTER:
        return SourceGap(name, GapKind.SILENT, fact.last_new_at.astimezone(LONDON).date())
    return None
