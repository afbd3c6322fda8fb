"""Random sequences of all that happens to a monitor: nothing lost, forgotten, or said that did not happen. See tests/sequences."""

from collections.abc import Iterator

import pytest

from tests.sequences.databases import postgres_databases, sqlite_databases
from tests.sequences.driver import Driver, plan_of
from tests.support.postgres import Postgres

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    with Driver(sqlite_databases(tmp_path_factory.mktemp("sequences"))) as driver:
        yield driver


@pytest.fixture(scope="module")
def on_postgresql(postgres: Postgres) -> Iterator[Driver]:
    with Driver(postgres_databases(postgres)) as driver:
        yield driver


def check(driver: Driver, seed: int) -> None:
    outcome = driver.run(plan_of(seed))
    if outcome.problems:
        raise AssertionError(f"seed {seed}\n{driver.shortest(plan_of(seed))[1]}") from outcome.error


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_what_was_seen_decided_and_said_stays_true(on_sqlite: Driver, seed: int) -> None:
    check(on_sqlite, seed)


@pytest.mark.parametrize("seed", range(1000, 1002))
def test_on_postgresql_too(on_postgresql: Driver, seed: int) -> None:
    check(on_postgresql, seed)


def test_the_same_seed_does_the_same(on_sqlite: Driver) -> None:
    assert plan_of(7) == plan_of(7)
    assert plan_of(7) != plan_of(8)
    assert on_sqlite.run(plan_of(7, 8)).done == on_sqlite.run(plan_of(7, 8)).done
