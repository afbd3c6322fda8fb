"""When a source is asked again: busy ones sooner, quiet and failing ones later, every one at least daily."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kinds import Kind
from models.outcomes import PollOutcome
from models.polling import MAX_SECONDS, MIN_SECONDS, NextPoll, max_age, next_poll

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
HOUR = 3600
DAY = timedelta(days=1)


def poll(outcome: PollOutcome = PollOutcome.ENTRIES, **given: Any) -> NextPoll:
    facts: dict[str, Any] = {
        "kind": Kind.FEED,
        "now": NOW,
        "interval_seconds": 2 * HOUR,
        "failures": 0,
        "last_new_at": NOW - timedelta(hours=1),
    }
    return next_poll(outcome=outcome, **facts | given)


def hours(found: NextPoll) -> float:
    return (found.at - NOW).total_seconds() / HOUR


def test_a_busy_source_is_asked_sooner_and_a_quiet_one_later() -> None:
    steady = poll(new_entries=1)
    assert hours(poll(new_entries=20)) < hours(steady) == 2
    assert hours(steady) < hours(poll(PollOutcome.NOT_MODIFIED)) < hours(poll(last_new_at=NOW - 30 * DAY))


def test_a_source_that_is_new_to_us_is_asked_again_after_a_few_hours() -> None:
    assert hours(poll(interval_seconds=0, new_entries=3)) == 3


@pytest.mark.parametrize(("failures", "after"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 24), (500, 24)])
def test_failures_double_the_pause_up_to_a_day(failures: int, after: int) -> None:
    found = poll(PollOutcome.FAILED, failures=failures)
    assert (hours(found), found.interval_seconds) == (after, 2 * HOUR)


@pytest.mark.parametrize(
    "outcome", [PollOutcome.BLOCKED, PollOutcome.DISALLOWED, PollOutcome.GONE, PollOutcome.REFUSED]
)
def test_a_source_that_refuses_us_is_left_alone_for_a_day(outcome: PollOutcome) -> None:
    assert hours(poll(outcome, failures=1)) == 24


def test_a_host_that_says_when_to_come_back_is_taken_at_its_word() -> None:
    rest = NOW + timedelta(hours=5)
    assert hours(poll(PollOutcome.BLOCKED, failures=1, retry_after=rest)) == 5
    deferred = poll(PollOutcome.DEFERRED, retry_after=rest)
    assert (hours(deferred), deferred.interval_seconds) == (5, 2 * HOUR)


def test_what_the_publisher_asks_for_is_heeded() -> None:
    assert hours(poll(new_entries=1, ttl_seconds=6 * HOUR)) == 6
    assert hours(poll(new_entries=1, max_age_seconds=5 * HOUR)) == 5
    assert hours(poll(new_entries=1, ttl_seconds=900 * HOUR)) == 24
    assert hours(poll(PollOutcome.FAILED, failures=1, retry_after=NOW + timedelta(hours=7))) == 7
    assert hours(poll(PollOutcome.FAILED, failures=1, retry_after=NOW + 90 * DAY)) == 24
    assert hours(poll(PollOutcome.FAILED, failures=3, retry_after=NOW + timedelta(minutes=1))) == 4


def test_search_services_are_asked_less_often_than_feeds() -> None:
    assert hours(poll(kind=Kind.GDELT, interval_seconds=HOUR, new_entries=50)) == 3


@given(
    kind=st.sampled_from(Kind),
    outcome=st.sampled_from(PollOutcome),
    interval=st.integers(0, 10**9),
    failures=st.integers(0, 10**6),
    new=st.integers(0, 10**6),
    ttl=st.none() | st.integers(0, 10**12),
    rest=st.none() | st.datetimes().map(lambda moment: moment.replace(tzinfo=UTC)),
)
def test_every_source_is_due_within_a_day_and_not_at_once(
    kind: Kind, outcome: PollOutcome, interval: int, failures: int, new: int, ttl: int | None, rest: datetime | None
) -> None:
    found = poll(
        outcome,
        kind=kind,
        interval_seconds=interval,
        failures=failures,
        new_entries=new,
        ttl_seconds=ttl,
        retry_after=rest,
    )
    assert timedelta(seconds=MIN_SECONDS) <= found.at - NOW <= timedelta(seconds=MAX_SECONDS)
    assert MIN_SECONDS <= found.interval_seconds <= MAX_SECONDS


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"cache-control": "public, max-age=600"}, 600),
        ({"cache-control": 'MAX-AGE="60"'}, 60),
        ({"cache-control": "no-cache, max-age=600"}, 0),
        ({"cache-control": "max-age=soon", "expires": "Fri, 20 Nov 2026 10:00:00 GMT"}, 3600),
        ({"cache-control": "max-age=99999999999999"}, MAX_SECONDS),
        ({"expires": "Fri, 20 Nov 2026 08:00:00 GMT"}, 0),
        ({"expires": "0"}, None),
        ({}, None),
    ],
)
def test_how_long_an_answer_stays_fresh(headers: dict[str, str], seconds: int | None) -> None:
    assert max_age(headers, NOW) == seconds
