"""When a theme may be called rising, quiet or new: only where the numbers, set against what was collected, bear it."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.trends import Collected, ThemeHistory, Trend, Verdict, judge

STEADY = (4, 3, 5, 4, 3, 4, 5, 4, 3, 4, 4)  # eleven weeks


def trend(
    now: int,
    before: tuple[int, ...] = STEADY,
    *,
    articles: int = 200,
    articles_now: int = 200,
    outlets: int = 3,
    complete: bool = True,
) -> Trend:
    collected = Collected({"a": [articles] * len(before) + [articles_now]})
    return judge(ThemeHistory("t", {"a": [*before, now]}, outlets), collected, complete=complete)


def test_a_clear_rise_is_flagged_with_its_numbers() -> None:
    found = trend(12)
    assert found.verdict is Verdict.RISING
    assert (found.now, found.usual, found.outlets) == (12, (3, 5), 3)
    assert found.chance is not None
    assert found.chance < 0.01


@pytest.mark.parametrize("now", [4, 5, 6, 7, 8])
def test_a_little_more_than_usual_is_not_a_rise(now: int) -> None:
    assert trend(now).verdict is Verdict.USUAL


def test_a_rise_needs_four_stories_and_two_outlets() -> None:
    rare = (0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
    assert trend(3, rare).verdict is Verdict.USUAL
    assert trend(4, rare).verdict is Verdict.RISING
    assert trend(4, rare, outlets=1).verdict is Verdict.USUAL
    assert trend(12, outlets=1).verdict is Verdict.USUAL


def test_more_articles_collected_explain_more_stories() -> None:
    assert trend(12, articles_now=600).verdict is Verdict.USUAL


def test_a_quiet_week_is_flagged_only_when_it_is_over_and_was_seen() -> None:
    busy = (9, 8, 10, 9, 11, 9, 8, 10, 9, 10, 9)
    assert trend(1, busy).verdict is Verdict.QUIET
    assert trend(1, busy, complete=False).verdict is Verdict.USUAL
    assert trend(1, busy, articles_now=30).verdict is Verdict.NOT_SEEN


def test_a_dead_feed_is_not_read_as_a_quiet_theme() -> None:
    collected = Collected({"union": [20] * 11 + [0], "paper": [200] * 12})
    history = ThemeHistory("t", {"union": [9] * 11 + [0], "paper": [1] * 12}, 1)
    assert judge(history, collected, complete=True).verdict is Verdict.USUAL
    alive = Collected({"union": [20] * 12, "paper": [200] * 12})
    assert judge(history, alive, complete=True).verdict is Verdict.QUIET


def test_a_feed_at_half_strength_is_measured_by_itself_not_by_the_pool() -> None:
    history = ThemeHistory("t", {"union": [9] * 11 + [2], "paper": [0] * 12}, 1)
    collected = Collected({"union": [20] * 11 + [5], "paper": [500] * 12})
    assert judge(history, collected, complete=True).verdict is Verdict.USUAL


def test_a_new_source_makes_no_rise() -> None:
    collected = Collected({"paper": [200] * 12, "added": [0] * 11 + [80]})
    history = ThemeHistory("t", {"paper": [*STEADY, 4], "added": [0] * 11 + [10]}, 5)
    assert judge(history, collected, complete=True).verdict is Verdict.USUAL


def test_the_first_stories_are_new_and_none_at_all_is_no_news() -> None:
    assert trend(2, (0,) * 11).verdict is Verdict.NEW
    assert trend(0, (0,) * 11).verdict is Verdict.NO_STORIES


def test_with_three_weeks_nothing_is_usual() -> None:
    found = trend(9, (1, 1, 1))
    assert (found.verdict, found.usual) == (Verdict.TOO_EARLY, None)


def test_weeks_without_collection_do_not_count_and_show_as_no_data() -> None:
    collected = Collected({"a": [0, 0, 0, 0, 0, 200, 200, 40, 200, 200, 200, 200]})
    found = judge(ThemeHistory("t", {"a": [0, 0, 0, 0, 0, 4, 4, 0, 5, 4, 4, 4]}, 2), collected, complete=True)
    assert found.counts == (None, None, None, None, None, 4, 4, 0, 5, 4, 4, 4)
    assert found.usual == (4, 5)  # the week of 40 articles was not seen well enough


def test_a_theme_without_history_is_judged_against_what_was_collected() -> None:
    assert judge(ThemeHistory("t", {}, 0), Collected({"a": [10] * 12}), complete=True).counts == (0,) * 12
    assert judge(ThemeHistory("t", {}, 0), Collected({}), complete=True).verdict is Verdict.TOO_EARLY


@given(st.lists(st.integers(0, 40), min_size=12, max_size=12), st.lists(st.integers(0, 900), min_size=12, max_size=12))
def test_any_history_gives_a_trend_that_keeps_the_rule(stories: list[int], articles: list[int]) -> None:
    found = judge(ThemeHistory("t", {"a": stories}, 3), Collected({"a": articles}), complete=True)
    assert len(found.counts) == 12
    if found.verdict is Verdict.RISING:
        assert found.usual is not None
        assert stories[-1] >= 4
        assert stories[-1] > found.usual[1]
    if found.verdict is Verdict.QUIET:
        assert found.usual is not None
        assert stories[-1] < found.usual[0]
    assert found.chance is None or 0 <= found.chance <= 1 + 1e-9


@pytest.mark.parametrize("seed", range(20))
def test_the_order_in_which_a_database_tells_its_sources_changes_no_digit(seed: int) -> None:
    """An edition is approved by the hash of its content, so the same numbers must give the same content."""
    random = Random(seed)
    sources = "abcdefg"
    articles = {name: [random.randint(20, 200) for _ in range(12)] for name in sources}
    stories = {name: [*(random.randint(0, 2) for _ in range(11)), random.randint(2, 5)] for name in sources}
    backwards = dict(reversed(stories.items()))
    first, second = (
        judge(ThemeHistory("t", one, 3), Collected(articles), complete=True) for one in (stories, backwards)
    )
    assert first == second
    assert first.chance is not None
