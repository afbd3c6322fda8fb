"""What a check of a source changes in the registry: what it answered, a new address, whether it is asked at all. Pure."""

from dataclasses import dataclass
from datetime import date

from models.outcomes import PollOutcome
from models.registry_file import Value
from models.source_proposal import already_listed
from models.sources import Registry, Source

# What asking again changes nothing of. A server that fails (5xx, too slow) is not among them: those come back.
_DEAD = frozenset(
    {
        PollOutcome.GONE,
        PollOutcome.NOT_A_FEED,
        PollOutcome.UNREACHABLE,
        PollOutcome.BLOCKED,
        PollOutcome.DISALLOWED,
    }
)
_FEED_IS_ELSEWHERE = frozenset({PollOutcome.GONE, PollOutcome.NOT_A_FEED})
_SEEN = frozenset({PollOutcome.ENTRIES, PollOutcome.EMPTY})
_BY_CHECK = "check of "  # how a reason begins that a check gave, and may take back


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How a source answered a check."""

    outcome: PollOutcome
    entries: int
    moved_to: str  # its new address, where the server says that it moved for good
    problem: str  # one line
    comes_back: bool  # the server said when to come back


@dataclass(frozen=True, slots=True)
class SourceUpkeep:
    """The keys of a source's row that change, and what of it is worth a line to a person."""

    changes: dict[str, Value | None]
    words: str = ""


def is_dead(outcome: PollOutcome, *, comes_back: bool) -> bool:
    """Whether a source is to be switched off for such an answer."""
    return outcome in _DEAD and not comes_back


def may_be_elsewhere(outcome: PollOutcome) -> bool:
    """Whether the publisher may have the feed at another address."""
    return outcome in _FEED_IS_ELSEWHERE


def upkeep_of(source: Source, result: CheckResult, registry: Registry, today: date, *, online: bool) -> SourceUpkeep:
    """What the registry is to say of a source from now on; a choice that a person made is not touched.

    Args:
        online: whether any source answered in the same check, so that one that can't be reached is itself to blame.
    """
    changes: dict[str, Value | None] = {
        "checked_on": today,
        "checked_outcome": str(result.outcome),
        "checked_entries": result.entries,
    }
    if is_dead(result.outcome, comes_back=result.comes_back):
        if not source.enabled:
            return SourceUpkeep(changes)
        if result.outcome is PollOutcome.UNREACHABLE and not online:
            return SourceUpkeep(changes, "can't be reached, and stays on: nothing else was asked that answered")
        reason = f"{_BY_CHECK}{today}: {result.outcome}: {result.problem}".rstrip(": ")
        return _off(changes, reason)
    if result.outcome not in _SEEN:
        return SourceUpkeep(changes)
    words = []
    if result.moved_to:
        other = already_listed(result.moved_to, registry)
        if other is not None and other.id != source.id:
            if not source.enabled:
                return SourceUpkeep(changes)
            return _off(changes, f"{_BY_CHECK}{today}: has moved to the address of {other.id}")
        changes["url"] = result.moved_to
        words.append(f"has moved for good: its address is now {result.moved_to}")
    if not source.enabled and source.disabled_because.startswith(_BY_CHECK):
        changes |= {"enabled": True, "disabled_because": None}
        words.append("answers again: switched on")
    return SourceUpkeep(changes, "; ".join(words))


def _off(changes: dict[str, Value | None], reason: str) -> SourceUpkeep:
    return SourceUpkeep(changes | {"enabled": False, "disabled_because": reason}, f"switched off ({reason})")
