"""Coming dates in a text: labelled sentences, and what the reader hands on."""

import tomllib
from datetime import date
from pathlib import Path

import pytest

from models.dates_ahead import MOST, DateAhead, Precision, dates_ahead

WEDNESDAY = date(2026, 11, 25)
LABELLED = tomllib.loads((Path(__file__).parents[1] / "quality" / "dates_ahead.toml").read_text(encoding="utf-8"))[
    "sentence"
]


@pytest.mark.parametrize("row", LABELLED, ids=lambda row: row["text"][:40])
def test_labelled_sentences(row: dict[str, str]) -> None:
    found = dates_ahead(row["text"], WEDNESDAY)
    shown = [one.day.strftime("%Y-%m" if one.precision is Precision.MONTH else "%Y-%m-%d") for one in found]
    assert shown == ([row["ahead"]] if row["ahead"] else [])


def test_the_sentence_is_word_for_word_and_each_day_is_named_once() -> None:
    told = "Dr. Mirza “welcomed” it.\nThe inquiry will report on 14 December.  The inquiry is due to report on 14 December, she said."
    assert dates_ahead(told, WEDNESDAY) == [
        DateAhead(date(2026, 12, 14), Precision.DAY, "The inquiry will report on 14 December.")
    ]


def test_a_day_that_has_come_is_not_ahead() -> None:
    assert dates_ahead("The inquiry will report on 14 December 2026.", date(2026, 12, 14)) == []
    assert dates_ahead("The inquiry will report on 31 February 2027.", WEDNESDAY) == []


@pytest.mark.parametrize("year", ["1999", "2031", "2999", "9999", "12026", "9" * 300])
@pytest.mark.parametrize(
    "named", ["in July {}", "on 3 December {}", "on 3 December, {}", "on December 3 {}", "on December 3, {}"]
)
def test_a_year_that_is_not_near_names_no_day_of_this_one(named: str, year: str) -> None:
    assert dates_ahead(f"The inquiry will report {named.format(year)}.", WEDNESDAY) == []


def test_a_week_and_a_month_end_with_their_last_day() -> None:
    week, month = dates_ahead("The board meets next week. The report is due next month.", WEDNESDAY)
    assert (week.last, month.last) == (date(2026, 12, 6), date(2026, 12, 31))


def test_a_calendar_is_cut() -> None:
    text = " ".join(f"The hearing begins on {day} December." for day in range(1, 20))
    assert len(dates_ahead(text, WEDNESDAY)) == MOST
