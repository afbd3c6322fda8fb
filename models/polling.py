"""When to ask a source again: the whole policy, as one pure function.

A busy source is asked more often, a quiet one less, a failing one ever less; what the publisher asks for (a
feed's TTL, Cache-Control, Retry-After) is heeded; and every source is asked at least once a day.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from models.kinds import Kind
from models.outcomes import Outcome, PollOutcome

MIN_SECONDS = 30 * 60  # feeds are seldom rendered anew more often than that
MAX_SECONDS = 24 * 3600  # "every source at least daily"
FIRST_SECONDS = 3 * 3600  # somewhat more than the two hours between runs, as the settings have them
FAILURE_SECONDS = 3600  # the pause after a first failure; doubles with each
# Unless the host says when to come back, asking again soon changes nothing: a person has to look.
_SETTLED = frozenset(
    {
        PollOutcome.BLOCKED,
        PollOutcome.DISALLOWED,
        PollOutcome.GONE,
        PollOutcome.REFUSED,
        PollOutcome.TOO_LARGE,
    }
)
_BUSY_ENTRIES = 5  # as many new entries at once mean that the interval is too long
_QUIET_DAYS = 3  # without a new entry for so long, a source is quiet


@dataclass(frozen=True, slots=True)
class NextPoll:
    """When a source is due, and its own interval, to be handed back at the next poll."""

    at: datetime
    interval_seconds: int


def next_poll(
    *,
    kind: Kind,
    now: datetime,
    outcome: PollOutcome,
    interval_seconds: int,
    failures: int,
    new_entries: int = 0,
    last_new_at: datetime | None = None,
    ttl_seconds: int | None = None,
    max_age_seconds: int | None = None,
    retry_after: datetime | None = None,
) -> NextPoll:
    """When to ask again.

    Args:
        interval_seconds: the source's interval so far; 0 for one that was never asked.
        failures: failed polls in a row, this one included; 0 after a success.
        new_entries: entries of this poll that were not known before (`Outcome.is_new_entry`).
        last_new_at: when it last brought a new entry, before this poll.
        ttl_seconds, max_age_seconds: what feed and server ask for.
        retry_after: the moment until which the host asked to be left alone.
    """
    minimum = max(kind.traits.least_hours * 3600, MIN_SECONDS)
    interval = interval_seconds or FIRST_SECONDS
    if outcome is PollOutcome.DEFERRED:  # it was not asked: what it would have said changes nothing
        interval = pause = _bounded(interval, minimum)
    elif outcome.is_failure:
        interval = _bounded(interval, minimum)
        settled = outcome in _SETTLED and retry_after is None
        pause = MAX_SECONDS if settled else _after_failures(failures)
    else:
        interval = _bounded(_adapted(interval, now, new_entries, last_new_at), minimum)
        pause = max(interval, ttl_seconds or 0, max_age_seconds or 0)
    at = now + timedelta(seconds=_bounded(pause, minimum))
    if retry_after is not None:
        at = min(max(at, retry_after), now + timedelta(seconds=MAX_SECONDS))
    return NextPoll(at=at, interval_seconds=interval)


def new_entries(outcomes: Mapping[Outcome, int]) -> int:
    """How many entries of a poll were new, by what became of them; pages owed from earlier runs are no entries of a poll."""
    return sum(count for outcome, count in outcomes.items() if outcome.is_new_entry)


def max_age(headers: Mapping[str, str], now: datetime) -> int | None:
    """For how many seconds a reply stays fresh, by Cache-Control or else Expires; None where neither says.

    Args:
        headers: names in lower case.
    """
    for directive in headers.get("cache-control", "").lower().split(","):
        name, _, value = directive.strip().partition("=")
        if name in {"no-cache", "no-store"}:
            return 0
        if name == "max-age" and (digits := value.strip('" ')).isascii() and digits.isdigit():
            return min(int(digits[:9]), MAX_SECONDS)
    try:
        expires = parsedate_to_datetime(headers.get("expires", ""))
        expires = expires.replace(tzinfo=UTC) if expires.tzinfo is None else expires
        return int(min(max((expires - now).total_seconds(), 0), MAX_SECONDS))
    except (ValueError, TypeError, OverflowError):
        return None


def _adapted(interval: int, now: datetime, new_entries: int, last_new_at: datetime | None) -> int:
    if new_entries >= _BUSY_ENTRIES:
        return interval // 2
    if new_entries > 0:
        return interval
    quiet = last_new_at is None or now - last_new_at > timedelta(days=_QUIET_DAYS)
    return interval * 3 // 2 if quiet else interval * 6 // 5


def _after_failures(failures: int) -> int:
    doublings = min(max(failures, 1) - 1, 10)  # 2**10 hours is past any cap
    return FAILURE_SECONDS << doublings


def _bounded(seconds: int, minimum: int) -> int:
    return min(max(seconds, minimum), MAX_SECONDS)
