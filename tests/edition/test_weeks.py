"""Weeks are London's ISO weeks, also when the clocks change."""

from datetime import UTC, datetime, timedelta

import pytest

from models.weeks import Week


def test_a_week_runs_from_monday_to_monday_in_london() -> None:
    week = Week.parse("2026-W47")
    assert week.start == datetime(2026, 11, 16, tzinfo=UTC)
    assert week.end == datetime(2026, 11, 23, tzinfo=UTC)
    assert str(week) == "2026-W47"
    assert Week.of(week.start) == week
    assert Week.of(week.end - timedelta(seconds=1)) == week
    assert Week.of(week.end) == week.plus(1)


@pytest.mark.parametrize(("text", "hours"), [("2026-W13", 167), ("2026-W43", 169), ("2026-W20", 168)])
def test_the_weeks_in_which_the_clocks_change_are_an_hour_off(text: str, hours: int) -> None:
    week = Week.parse(text)
    assert week.end - week.start == timedelta(hours=hours)
    assert Week.of(week.start) == Week.of(week.end - timedelta(seconds=1)) == week


def test_summer_midnight_is_londons() -> None:
    assert Week.of(datetime(2026, 7, 5, 23, 30, tzinfo=UTC)) == Week.parse("2026-W28")  # 00:30 on Monday in London


def test_the_year_of_a_week_is_the_iso_year() -> None:
    assert Week.of(datetime(2027, 1, 1, tzinfo=UTC)) == Week.parse("2026-W53")
    assert Week.parse("2026-W53").plus(1) == Week.parse("2027-W01")


@pytest.mark.parametrize("text", ["2026-47", "2026-W60", "2025-W53", "last", "", "2026-W00"])
def test_a_bad_week_is_an_error_that_names_it(text: str) -> None:
    with pytest.raises(ValueError, match="week"):
        Week.parse(text)
