"""The rules of what is owed, as pure functions: pauses, tries, days, live pages, whose word stands, who leads a story."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.admission import Listed, Stored, digest_of, headline, listed_as
from models.entries import Entry
from models.kinds import Kind
from models.outcomes import Outcome
from models.polling import new_entries
from models.revisits import MAX_DAYS, MAX_DAYS_UNTRIED, MAX_TRIES, PageDebt, after_visit, next_look
from models.sources import Registry, Source, UnknownSourceError
from models.stories import choose_lead
from models.urls import same_outlet

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
PAPER = Source(id="paper", url="https://feeds.paper.co.uk/rss")
BLOG = Source(id="blog", url="https://blog.example/feed")
SEARCH = Source(id="search", url="https://news.google.com/rss/search?q=nhs", kind=Kind.GOOGLE_NEWS)
ENTRY = Entry(url="https://www.paper.co.uk/news/1", title="As listed")


@pytest.mark.parametrize(
    ("outcome", "tries", "hours"),
    [
        (Outcome.DEFERRED, 0, 0),
        (Outcome.FAILED, 1, 1),
        (Outcome.FAILED, 2, 4),
        (Outcome.FAILED, 3, 12),
        (Outcome.FAILED, 7, 24),
        (Outcome.BLOCKED, 1, 24),
    ],
)
def test_an_owed_page_is_due_after_a_pause(outcome: Outcome, tries: int, hours: int) -> None:
    assert after_visit(outcome, owed_since=NOW, tries=tries, now=NOW) == PageDebt(NOW, NOW + hours * HOUR)


def test_a_host_that_says_when_to_come_back_is_taken_at_its_word() -> None:
    debt = after_visit(Outcome.DEFERRED, owed_since=NOW, tries=1, now=NOW, retry_after=NOW + 5 * HOUR)
    assert debt.due_at == NOW + 5 * HOUR


@pytest.mark.parametrize(
    ("tries", "days", "given_up"),
    [
        (1, MAX_DAYS - 1, False),
        (1, MAX_DAYS, True),
        (MAX_TRIES, 1, True),
        (0, MAX_DAYS, False),
        (0, MAX_DAYS_UNTRIED, True),
    ],
)
def test_a_page_is_given_up_after_so_many_tries_or_days_with_a_reason(tries: int, days: int, given_up: bool) -> None:
    debt = after_visit(Outcome.FAILED, owed_since=NOW - timedelta(days=days), tries=tries, now=NOW, detail="time-out")
    assert (debt.owed_since is None, bool(debt.given_up)) == (given_up, given_up)
    assert not given_up or (debt.given_up or "").endswith("failed time-out")


@given(outcome=st.sampled_from(Outcome), tries=st.integers(0, 50), days=st.integers(0, 50))
def test_a_page_is_owed_with_a_date_or_not_at_all(outcome: Outcome, tries: int, days: int) -> None:
    debt = after_visit(outcome, owed_since=NOW - timedelta(days=days), tries=tries, now=NOW)
    assert (debt.owed_since is None) == (debt.due_at is None)
    assert debt.owed_since is None or outcome.leaves_page_owed
    assert debt.owed_since is None or debt.given_up is None


@pytest.mark.parametrize(
    ("title", "path", "live"),
    [
        ("Live updates from the inquiry", "/news/1", True),
        ("Ward strike LIVE: porters walk out", "/news/1", True),
        ("Ward strike: live blog", "/news/1", True),
        ("The inquiry", "/news/live/2026/nov/20/the-inquiry", True),
        ("Nurses live far from their wards", "/news/living", False),
        ("Liver unit to close", "/news/deliver", False),
    ],
)
def test_a_live_page_is_looked_at_again_for_a_day(title: str, path: str, live: bool) -> None:
    url = f"https://www.paper.co.uk{path}"
    assert (next_look(title, url, says_live=False, first_seen_at=NOW, now=NOW) is not None) is live
    assert next_look(title, url, says_live=False, first_seen_at=NOW - 25 * HOUR, now=NOW) is None


def stored(source: Source, **more: object) -> Stored:
    facts: dict[str, object] = {
        "id": 1,
        "source": source.id,
        "title": "As stored",
        "summary": "",
        "listed_title": "As stored",
        "listed_digest": "0",
        "attempts": 0,
        "first_seen_at": NOW,
        "owed_since": None,
        "checked_at": NOW,
        "given_up": None,
        "has_text": True,
        "outcome": Outcome.NEW,
        "text_status": "full",
    }
    return Stored(**(facts | more))  # type: ignore[arg-type]


HEADLINE = {"checked_at": None, "has_text": False, "outcome": Outcome.HEADLINE, "text_status": "headline"}


@pytest.mark.parametrize(
    ("source", "first", "kept", "expected"),
    [
        (PAPER, None, None, Listed.NEW),
        (PAPER, BLOG, stored(BLOG), Listed.OWN),
        (PAPER, SEARCH, stored(SEARCH, **HEADLINE), Listed.OWN),
        (PAPER, None, stored(BLOG), Listed.OWN),  # the first source has left the registry
        (BLOG, SEARCH, stored(SEARCH, **HEADLINE), Listed.FULLER),
        (BLOG, PAPER, stored(PAPER), Listed.KNOWN),
        (BLOG, SEARCH, stored(SEARCH, **HEADLINE | {"owed_since": NOW}), Listed.KNOWN),
        (BLOG, SEARCH, stored(SEARCH, **HEADLINE | {"given_up": "tried"}), Listed.KNOWN),
        (PAPER, PAPER, stored(PAPER), Listed.CHANGED),
        (PAPER, PAPER, stored(PAPER, listed_digest=digest_of(ENTRY)), Listed.KNOWN),
        (PAPER, PAPER, stored(PAPER, listed_digest=None), Listed.KNOWN),
    ],
)
def test_whose_word_counts(source: Source, first: Source | None, kept: Stored | None, expected: Listed) -> None:
    found = listed_as(ENTRY, source, kept, first_source=first, may_read=True, oldest=NOW - timedelta(days=14))
    assert found is expected


def test_the_outlets_own_listing_stands_and_over_another_sites_the_page() -> None:
    assert headline("As listed", "As on the page", own_listing=True) == "As listed"
    assert headline("As listed", "As on the page", own_listing=False) == "As on the page"
    assert headline("As listed", "", own_listing=False) == "As listed"
    assert headline("", "As on the page", own_listing=True) == "As on the page"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://feeds.paper.co.uk/rss", "https://www.paper.co.uk/1", True),
        ("https://paper.co.uk/rss", "https://tabloid.co.uk/1", False),
        ("https://one.trust.nhs.uk/rss", "https://www.trust.nhs.uk/1", True),
        ("https://api.gov.example/x", "https://www.gov.example/1", True),
        ("http://127.0.0.1:8001/rss", "http://127.0.0.1:8002/1", False),
        ("http://127.0.0.1/rss", "http://10.0.0.1/1", False),
        ("not an address", "not an address", False),
    ],
)
def test_hosts_of_one_outlet(one: str, other: str, same: bool) -> None:
    assert same_outlet(one, other) is same


def test_the_guardians_api_speaks_for_the_guardian() -> None:
    source = Source(id="g", url="https://content.guardianapis.com/search", kind=Kind.GUARDIAN)
    assert source.speaks_for("https://www.theguardian.com/society/1")
    assert not source.speaks_for("https://www.paper.co.uk/1")
    assert not Source(id="s", url="https://www.paper.co.uk/search", kind=Kind.GDELT).speaks_for(ENTRY.url)


def test_what_is_a_new_entry_of_a_source() -> None:
    every = dict.fromkeys(Outcome, 1)
    assert new_entries(every) == len(Outcome) - 4
    assert new_entries({Outcome.KNOWN: 3, Outcome.TOO_OLD: 2, Outcome.INVALID: 1, Outcome.REFUSED: 1}) == 0


@pytest.mark.parametrize(
    ("members", "lead", "reviewed", "expected"),
    [
        ({1: True, 2: True}, 1, set(), 1),
        ({1: True, 2: True}, 2, set(), 2),
        ({1: False, 2: True}, 1, set(), 2),
        ({1: False, 2: True}, 1, {1}, 1),
        ({1: True, 2: True}, 1, {2}, 2),
        ({1: False, 2: False}, 2, set(), 2),
        ({2: True, 3: True}, 1, set(), 2),
        ({}, 1, {1}, None),
    ],
)
def test_who_leads_a_story(members: dict[int, bool], lead: int, reviewed: set[int], expected: int | None) -> None:
    assert choose_lead(members, lead, reviewed) == expected


def test_sources_are_chosen_once_each_and_a_wrong_id_is_named() -> None:
    registry = Registry(sources=(PAPER, BLOG), rights={})
    assert registry.choose(["blog", "paper", "blog"]) == [BLOG, PAPER]
    assert registry.choose([]) is None
    with pytest.raises(UnknownSourceError, match="'nobody' is not a source"):
        registry.choose(["nobody"])
