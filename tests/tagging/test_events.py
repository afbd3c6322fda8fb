"""Which stories are reports of one event, which continue one: the floors on labelled reports, and the rules one by one."""

from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest

from models.events import Account, Compared, find_event, find_followed
from tests.quality.events import SETS, UNSEEN, grouped, invented

MONDAY = datetime(2026, 11, 23, 8, tzinfo=UTC)
CHAIR = (
    "Chair of Ashcombe Hospitals quits over midwife's email",
    "Dame Rosalind Peake has stepped down as chair of Ashcombe Hospitals after an email from midwife Joanna Tull went "
    "unanswered for eleven months. Colin Marsh takes over.",
)
AGAIN = (
    "Ashcombe chair resigns after unanswered email",
    "Rosalind Peake resigned as chair of Ashcombe Hospitals last night. A message in which Joanna Tull, a midwife, raised "
    "concerns was never passed on. Her deputy Colin Marsh will act.",
)
PARKING = (
    "Ashcombe nurses vote on parking charges",
    "Nurses at Ashcombe Hospitals are to vote on a strike about parking.",
)
ASHCOMBE = {"ashcombe": frozenset({"Ashcombe", "Hospitals"})}


def account(
    key: int, told: tuple[str, str], outlet: str, *, days: float = 0, bodies: dict[str, frozenset[str]] = ASHCOMBE
) -> Compared:
    return Compared(Account(key, frozenset({outlet}), *told, MONDAY + timedelta(days=days), bodies))


FIRST = account(1, CHAIR, "Echo")


def pairs_of(file: str) -> list[tuple[bool, bool]]:
    """Every pair of a file's reports: whether they tell one event, and whether they are put together."""
    reports = invented(file)
    event_of = {id(one): number for number, told in grouped(reports).items() for one in told}
    return [
        (one.event == other.event, event_of[id(one)] == event_of[id(other)]) for one, other in combinations(reports, 2)
    ]


@pytest.mark.parametrize("file", ["reports_two.toml", "reports_four.toml", "reports_five.toml", UNSEEN])
def test_labelled_reports_are_put_together_rightly(file: str) -> None:
    pairs = pairs_of(file)
    joined = [same for same, together in pairs if together]
    found = [together for same, together in pairs if same]
    assert sum(joined) / len(joined) >= 0.95
    assert sum(found) / len(found) >= 0.60


def test_of_all_sets_few_pairs_are_put_together_wrongly() -> None:
    pairs = [pair for file in SETS for pair in pairs_of(file)]
    joined = [same for same, together in pairs if together]
    assert len(joined) >= 200
    assert sum(joined) / len(joined) >= 0.95


def test_another_outlet_reports_the_event() -> None:
    found = find_event(account(2, AGAIN, "Gazette", days=0.5), {7: [FIRST]})
    assert found is not None
    assert found[0] == 7


def test_the_paper_of_the_town_need_not_name_its_trust() -> None:
    local = (
        "Boss leaves",
        "The chair of the hospitals has stepped down. She had read no email, and said she was sorry.",
    )
    assert find_event(account(2, local, "Ashcombe Gazette", days=0.5, bodies={}), {7: [FIRST]}) is not None
    assert find_event(account(2, local, "Thornley Gazette", days=0.5, bodies={}), {7: [FIRST]}) is None


def test_another_story_of_the_trust_may_quote_the_same_chair() -> None:
    another = (
        "Prize for Ashcombe's gardeners",
        "Ashcombe Hospitals has won a prize for its roses, said Rosalind Peake.",
    )
    assert find_event(account(2, another, "Gazette", days=0.5), {7: [FIRST]}) is None


@pytest.mark.parametrize(
    "other",
    [
        account(2, AGAIN, "Echo", days=0.5),  # the outlet's second report is no report by another
        account(2, AGAIN, "Gazette", days=4),  # it has other news by then
        account(2, PARKING, "Gazette"),
        account(2, AGAIN, "Gazette", bodies={"thornley": frozenset({"Thornley"})}),
        account(2, ("The week in brief: Ashcombe chair resigns", AGAIN[1]), "Gazette"),
        account(2, (AGAIN[0], AGAIN[1] + " I have sat on such boards. My own chair read every message."), "Gazette"),
        account(2, AGAIN, "Gazette", bodies={name: frozenset({name}) for name in ("ashcombe", "thornley", "vale")}),
    ],
    ids=[
        "same outlet",
        "days later",
        "another event of the trust",
        "another trust",
        "a round-up",
        "a comment",
        "a list of trusts",
    ],
)
def test_what_is_no_report_of_the_event(other: Compared) -> None:
    assert find_event(other, {7: [FIRST]}) is None


def test_a_report_that_quotes_somebody_in_the_first_person_is_no_comment() -> None:
    quoting = account(
        2, (AGAIN[0], AGAIN[1] + ' "I lost sight of my inbox," she said. “I don\'t blame anyone.”'), "Gazette"
    )
    assert find_event(quoting, {7: [FIRST]}) is not None


def test_what_a_person_separated_stays_apart() -> None:
    assert find_event(account(2, AGAIN, "Gazette"), {7: [FIRST]}, {frozenset({1, 2})}) is None
    assert find_followed(account(2, AGAIN, "Gazette", days=20), [FIRST], {frozenset({1, 2})}) is None


def test_a_story_of_later_weeks_continues_it() -> None:
    later = account(
        3,
        ("Ashcombe names new chair after Peake's email", f"Ashcombe Hospitals has a new chair. {AGAIN[1]}"),
        "Echo",
        days=41,
    )
    found = find_followed(later, [account(2, PARKING, "Echo"), FIRST])
    assert found is not None
    assert found[0] == 1
    assert find_followed(account(4, PARKING, "Echo", days=41), [FIRST]) is None
    assert find_followed(account(4, AGAIN, "Echo", days=100), [FIRST]) is None
