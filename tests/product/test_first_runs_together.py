"""Two first runs at once, on one database and one data folder: one trains, the other waits and takes what it made."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlmodel import select

from models.store.database import open_database
from models.store.tables import Article, ModelVersion
from models.weeks import utc_now
from tests.support.fakes_store import add_lead
from tests.support.postgres import Postgres

# What a scheduled run does with what waits; the barrier lets both begin to open the tagger at once.
RUN = """
import asyncio, sys, time
from pathlib import Path
from flows.running import jobs
from models.settings import load_settings
from models.store.database import open_database
from models.tagging.versions import load_tagger
from models.weeks import utc_now
settings = load_settings(data=Path("data"), encoder="tfidf", workers=1)
with open_database(settings.database_address) as database:
    Path(f"ready-{sys.argv[1]}").touch()
    while not Path("go").exists():
        time.sleep(0.01)
    print(asyncio.run(jobs.tag(database, settings, now=utc_now())))
"""


def run_twice(folder: Path, address: str, seeds: Path) -> list[str]:
    """Two processes that open the tagger at the same time; what each said."""
    environment = {**os.environ, "CULTURE_DATABASE_URL": address, "CULTURE_FRAMEWORK": str(seeds)}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", RUN, str(number)],
            cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        )
        for number in (1, 2)
    ]  # fmt: skip
    while not all(
        (folder / f"ready-{number}").exists() or one.poll() is not None for number, one in enumerate(both, 1)
    ):
        time.sleep(0.01)
    (folder / "go").touch()
    said = [one.communicate(timeout=240)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    return said


@pytest.mark.parametrize("engine", ["postgresql", "sqlite"])
def test_one_trains_and_the_other_waits(
    request: pytest.FixtureRequest, tmp_path: Path, engine: str, small_seeds_folder: Path
) -> None:
    if engine == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        with postgres.new_database() as address:
            check(tmp_path, address, small_seeds_folder)
    else:
        check(tmp_path, f"sqlite:///{tmp_path / 'data' / 'culture.db'}", small_seeds_folder)


def check(folder: Path, address: str, seeds: Path) -> None:
    with open_database(address) as database:
        with database.write() as session:
            add_lead(
                Article(
                    url="https://example.org/1", source="s", title="Trust chair resigns", first_seen_at=utc_now(),
                    text="The chair of the trust resigned after a report on bullying.", text_status="full", outcome="new",
                ),
                session=session,
            )  # fmt: skip
        said = run_twice(folder, address, seeds)
        assert sum("trained now" in one for one in said) == 1
        with database.read() as session:
            assert len(session.exec(select(ModelVersion)).all()) == 1
    assert not list((folder / "data").rglob("*.part"))
