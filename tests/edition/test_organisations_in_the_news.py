"""Who is in the news: mentions are recorded with a run, kept when texts go, found again when the list changes, and shown."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from models.rights import load_rights
from models.sources import Registry, Source
from models.store import organisations as store
from models.store.database import Database, open_database
from models.store.organisations import record_all, record_recent
from models.store.tables import Article, RecognisedArticle, StoredMention, StoredOrganisation
from models.store.upkeep import keep_up
from models.weeks import utc_now
from tests.product.test_commands import command
from tests.support.fakes_store import add_lead

TEXT = "Barts Health NHS Trust apologised. The trust said that Meadow Homes and the CQC would help."
BARTS = "barts-health-nhs-trust"
OWN = "[england.care-provider]\nmeadow-homes = { name = 'Meadow Homes' }\n"


def article(now: datetime, number: int = 1, *, text: str | None = TEXT, title: str = "Hospital chair quits") -> Article:
    return Article(
        url=f"https://press.example/{number}", source="press", outlet="The Press", title=title, first_seen_at=now,
        text=text, words=len((text or "").split()), text_status="full", outcome="new", scope_state="yes",
        model_version="m1", attempts=1,
    )  # fmt: skip


def store_article(database: Database, one: Article) -> int:
    with database.write() as session:
        return add_lead(one, session=session)


def mentions(database: Database) -> list[tuple[int, str, str, str, int]]:
    with database.read() as session:
        found = session.exec(select(StoredMention).order_by("article_id", "place", "start_offset")).all()
    for one in found:
        assert one.end_offset - one.start_offset == len(one.surface)
    return [(one.article_id, one.organisation_id, one.place, one.surface, one.count) for one in found]


def test_mentions_of_new_articles_are_recorded_once(database: Database, now: datetime) -> None:
    first = store_article(database, article(now, title="CQC criticises hospital"))
    store_article(database, article(now, 2, text="Nobody of ours.", title="Nobody"))
    assert record_recent(database, None, now=now) == 2
    expected = [
        (first, BARTS, "text", "Barts Health NHS Trust", 2),
        (first, "care-quality-commission", "text", "CQC", 1),
        (first, "care-quality-commission", "title", "CQC", 1),
    ]
    assert mentions(database) == expected
    assert record_recent(database, None, now=now) == 0
    assert mentions(database) == expected


def test_an_article_whose_page_was_read_again_is_looked_at_again(database: Database, now: datetime) -> None:
    number = store_article(database, article(now, text=None))
    assert record_recent(database, None, now=now) == 1
    assert mentions(database) == []
    with database.write() as session:
        stored = session.get_one(Article, number)
        stored.text, stored.words, stored.attempts = TEXT, 12, 2
        session.add(stored)
    assert record_recent(database, None, now=now) == 1
    assert [one[1] for one in mentions(database)] == [BARTS, "care-quality-commission"]


def test_a_run_looks_at_four_weeks_and_upkeep_at_all(
    database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BATCH", 2)
    for number in range(5):
        store_article(database, article(now - timedelta(days=60), number))
    store_article(database, article(now, 9))
    assert record_recent(database, None, now=now) == 1
    assert record_all(database, None) == 5
    assert len({one[0] for one in mentions(database)}) == 6


def test_a_changed_list_has_every_article_looked_at_again(database: Database, now: datetime, tmp_path: Path) -> None:
    store_article(database, article(now))
    record_recent(database, None, now=now)
    own = tmp_path / "own.toml"
    own.write_text(OWN, encoding="utf-8")
    assert record_all(database, own) == 1
    assert "meadow-homes" in [one[1] for one in mentions(database)]
    with database.read() as session:
        assert session.get_one(StoredOrganisation, "meadow-homes").kind == "care-provider"
    assert record_all(database, None) == 1
    assert "meadow-homes" not in [one[1] for one in mentions(database)]
    with database.read() as session:
        assert session.get(StoredOrganisation, "meadow-homes") is None
        assert session.get_one(StoredOrganisation, BARTS).name == "Barts Health NHS Trust"


def test_mentions_outlive_the_text_and_keep_the_name_alone(database: Database, now: datetime, tmp_path: Path) -> None:
    number = store_article(database, article(now - timedelta(days=40), title="CQC criticises hospital"))
    record_all(database, None)
    before = mentions(database)
    registry = Registry(
        sources=(Source(id="press", url="https://press.example/", rights="headline"),), rights=load_rights()
    )
    assert keep_up(database, registry, now=now).texts == 1
    assert mentions(database) == before
    own = tmp_path / "own.toml"
    own.write_text(OWN, encoding="utf-8")
    assert record_all(database, own) == 1  # looks at the title alone now
    assert mentions(database) == before
    with database.read() as session:
        assert session.get_one(Article, number).text is None
        assert session.get_one(RecognisedArticle, number).vocabulary
    assert all(len(surface) < 60 for _, _, _, surface, _ in before)


def test_a_run_and_upkeep_at_once_record_each_article_once(
    database_address: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BATCH", 1)
    with open_database(database_address) as database:
        for number in range(20):
            store_article(database, article(now, number))
        with ThreadPoolExecutor(4) as pool:
            jobs = [pool.submit(record_all, database, None) for _ in range(2)]
            jobs += [pool.submit(record_recent, database, None, now=now) for _ in range(2)]
            assert sum(job.result() for job in jobs) == 20
        assert len(mentions(database)) == 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A monitor's folder with one story in scope."""
    now = utc_now()
    (tmp_path / "data").mkdir()
    with open_database(f"sqlite:///{tmp_path / 'data' / 'culture.db'}") as database:
        store_article(database, article(now - timedelta(days=2), title="Hospital chair quits over an email " * 3))
        store_article(database, article(now - timedelta(days=400), 2, title="An old story"))
        record_all(database, None)
    return tmp_path


def test_the_list_is_filtered_and_fits_a_terminal(folder: Path) -> None:
    ran = command(folder, "organisations", "list", "--nation", "england", "--kind", "nhs-trust", "--region", "London")
    assert ran.returncode == 0, ran.stderr
    assert "Barts Health NHS Trust" in ran.stdout
    assert "Bolton" not in ran.stdout
    assert "Whipps Cross University Hospital NHS Trust" not in ran.stdout
    with_gone = command(folder, "organisations", "list", "--kind", "nhs-trust", "--region", "london", "--gone")
    assert "Whipps Cross University Hospital NHS Trust" in with_gone.stdout
    everything = command(folder, "organisations", "list", "--gone")
    assert max(map(len, everything.stdout.splitlines())) <= 100  # an id alone may be longer than the line
    assert sum(len(line) > 80 for line in everything.stdout.splitlines()) < 5
    as_json = json.loads(command(folder, "organisations", "list", "--nation", "wales", "--json").stdout)
    assert {one["nation"] for one in as_json} == {"wales"}


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [("--nation", "walse", "scotland"), ("--kind", "trust", "nhs-trust"), ("--region", "Nowhere", "North West")],
)
def test_an_unknown_filter_is_told_with_those_that_are_known(
    tmp_path: Path, option: str, value: str, told: str
) -> None:
    ran = command(tmp_path, "organisations", "list", option, value)
    assert ran.returncode == 2
    assert value in ran.stderr
    assert told in ran.stderr


@pytest.mark.parametrize("which", ["R1H", "barts", BARTS, "Barts Health NHS trust"])
def test_one_is_shown_with_its_facts_and_latest_stories(folder: Path, which: str) -> None:
    ran = command(folder, "organisations", "show", which)
    assert ran.returncode == 0, ran.stderr
    for fact in ("Barts Health NHS Trust", "R1H", "London", "took over", "Whipps Cross University Hospital"):
        assert fact in ran.stdout
    assert "Hospital chair quits over an email" in ran.stdout
    assert "An old story" not in ran.stdout
    assert max(map(len, ran.stdout.splitlines())) <= 80


def test_a_merged_one_leads_to_its_successor(folder: Path) -> None:
    ran = command(folder, "organisations", "show", "Heart of England NHS Foundation Trust")
    assert "University Hospitals Birmingham NHS Foundation Trust" in ran.stdout
    assert "No story in scope" in ran.stdout


def test_an_unknown_one_is_told_with_those_that_are_near(tmp_path: Path) -> None:
    ran = command(tmp_path, "organisations", "show", "Bart Health NHS Trust")
    assert ran.returncode == 2
    assert BARTS in ran.stderr


def test_one_of_ones_own_is_added_found_and_refused_twice(folder: Path) -> None:
    add = ("organisations", "add", "Meadow Homes", "--kind", "care-provider", "--nation", "england")
    ran = command(folder, *add, "--alias", "Meadow Care")
    assert ran.returncode == 0, ran.stderr
    assert "meadow-homes" in ran.stdout
    assert "Meadow Care" in command(folder, "organisations", "show", "Meadow Homes").stdout
    again = command(folder, *add)
    assert again.returncode == 2
    assert "is the id of Meadow Homes already" in again.stderr
    taken = command(folder, "organisations", "add", "Barts", "--kind", "charity", "--nation", "england")
    assert taken.returncode == 2
    assert "is a name of Barts Health NHS Trust" in taken.stderr
    with open_database(f"sqlite:///{folder / 'data' / 'culture.db'}") as database:
        record_all(database, folder / "data" / "organisations.toml")
    assert "Hospital chair quits" in command(folder, "organisations", "show", "meadow-homes").stdout


def test_a_file_of_ones_own_may_lie_elsewhere_and_must_be_there(folder: Path) -> None:
    file = folder / "mine.toml"
    missing = command(folder, "organisations", "list", CULTURE_ORGANISATIONS=str(file))
    assert missing.returncode == 2
    assert "no such file" in missing.stderr
    file.write_text(OWN, encoding="utf-8")
    ran = command(folder, "organisations", "show", "Meadow Homes", CULTURE_ORGANISATIONS=str(file))
    assert ran.returncode == 0, ran.stderr


def test_a_run_records_whom_its_articles_name(tmp_path: Path) -> None:
    ran = command(tmp_path, "demo")
    assert ran.returncode == 0, ran.stderr
    with open_database(f"sqlite:///{tmp_path / 'data' / 'culture.db'}") as database:
        assert "nhs-england" in [one[1] for one in mentions(database)]
        with database.read() as session:
            looked = len(session.exec(select(RecognisedArticle)).all())
            assert looked == len(session.exec(select(Article)).all()) > 50
