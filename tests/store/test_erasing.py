"""Who was erased is nowhere any more: not in a table, not in a file below the data folder, not in Prefect's API."""

import asyncio
import json
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from pydantic import SecretStr
from sqlalchemy import inspect, text

from deployments import demo_folder
from flows.publishing import erasure
from models.reviews import check_decision
from models.settings import Settings
from models.store import recipients, reviews
from models.store.database import Database, open_database
from models.store.database_address import DatabaseError
from models.store.tables import Article, Delivery, Review
from models.weeks import utc_now
from tests.support import fakes_edition as fakes
from tests.support.fakes_delivery import edition_settings, join, send, states
from tests.support.fakes_mail import Mailboxes, smtp_server
from tests.support.prefect_server import Product

ADDRESS = "ann.reader@elsewhere.example.org"
__all__ = ["edition_settings"]  # a fixture


def files_with(folder: Path, words: str = ADDRESS) -> list[Path]:
    """The files that hold an address, in their bytes or in their name."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    named = (words, quote(words))
    return [
        file for file in files if any(one in str(file) or one.encode() in file.read_bytes().lower() for one in named)
    ]


def rows_with(database: Database, words: str = ADDRESS) -> list[str]:
    """The tables that hold an address in any column."""
    with database.read() as session:
        connection = session.connection()
        tables = [table for table in database_tables(database) if table != "alembic_version"]
        return [
            table
            for table in tables
            if any(
                words in (value.decode("latin-1") if isinstance(value, bytes) else str(value)).lower()
                for row in connection.execute(text(f'SELECT * FROM "{table}"'))
                for value in row
            )
        ]


def database_tables(database: Database) -> list[str]:
    return inspect(database.engine).get_table_names()


@pytest.fixture(params=["leaves no message", "a message is kept"])
def kept(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "a message is kept")


def test_erased_during_a_pause_it_is_in_no_row_and_in_no_file(
    database_address: str, settings: Settings, tmp_path: Path, kept: bool
) -> None:
    # A dropped connection leaves the whole message with the delivery, since the server may have taken it.
    fault = "drop-after-data" if kept else "rcpt-451"
    mailboxes = Mailboxes(lambda number, to: fault if to == ADDRESS else "")
    old = settings.outbox / "2026-W40" / f"{ADDRESS}.eml"  # as an earlier version wrote them
    old.parent.mkdir(parents=True)
    old.write_text(f"To: {ADDRESS}")
    with smtp_server(mailboxes) as port, open_database(database_address) as database:
        fakes.fill(database, weeks=1)
        others = join(database, 30)
        with database.write() as session:
            recipients.add(ADDRESS, fakes.MONDAY_7, name="Ann", session=session)
            session.add(Review(article_id=1, theme="in-scope", verdict=True, reviewer=ADDRESS.title(), at=utc_now()))
            wide = check_decision(in_scope=True, reviewer=ADDRESS.replace("@", "＠"), note=ADDRESS.replace("@", "﹫"))
            reviews.record(session.get_one(Article, 2), wide, utc_now(), session=session)

        def erase(seconds: float) -> None:
            assert set(rows_with(database)) == {"recipient", "review"} | ({"delivery"} if kept else set())
            mailboxes.fault = lambda number, address: ""
            asyncio.run(erasure.erase(database, settings, ADDRESS, fakes.MONDAY_7))

        result = send(database, settings, port, sleep=erase, pauses=(60.0,))
        assert (result.sent, result.waiting) == (30, 0)
        assert rows_with(database) == rows_with(database, "ann.reader") == []
        assert files_with(tmp_path) == []
        assert states(database) == {"sent": 30, "skipped": 1}
    assert mailboxes.counts() == dict.fromkeys(others, 1)


def test_what_a_server_says_about_someone_after_they_were_erased_names_nobody(
    settings: Settings, tmp_path: Path
) -> None:
    address = f"sqlite:///{tmp_path / 'culture.db'}"
    mailboxes = Mailboxes(lambda number, to: "rcpt-550")
    with open_database(address) as database:
        fakes.fill(database, weeks=1)
        with database.write() as session:
            recipients.add(ADDRESS, fakes.MONDAY_7, session=session)

        def erase() -> None:  # while the server thinks about them
            with open_database(address) as other:
                asyncio.run(erasure.erase(other, settings, ADDRESS, fakes.MONDAY_7))

        def fault(number: int, to: str) -> str:
            one = threading.Thread(target=erase)  # of its own: the server's has an event loop already
            one.start()
            one.join()
            return "rcpt-550"

        mailboxes.fault = fault
        with smtp_server(mailboxes) as port:
            assert send(database, settings, port).failed == 1
        assert rows_with(database) == []
    assert files_with(tmp_path) == []


def test_a_file_that_still_holds_deleted_bytes_is_written_anew(tmp_path: Path) -> None:
    file = tmp_path / "prefect" / "prefect.db"
    file.parent.mkdir()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE run (parameters TEXT)")
        connection.execute("INSERT INTO run VALUES (?)", (ADDRESS,))
        connection.execute("DELETE FROM run")
        assert files_with(tmp_path)
        erasure.clean_file(file, [ADDRESS])
        assert files_with(tmp_path) == []


def test_an_earlier_versions_demo_and_any_other_file_are_seen_to(settings: Settings, tmp_path: Path) -> None:
    # The demo was once moved aside with its recipients; its log may hold what its file does not yet.
    demo = settings.demo / "culture.db"
    with open_database(f"sqlite:///{demo}") as moved, moved.write() as session:
        recipients.add(ADDRESS, fakes.MONDAY_7, session=session)
    with open_database(settings.database_address) as database:
        asyncio.run(erasure.erase(database, settings, ADDRESS, fakes.MONDAY_7))  # in the demo's list alone
        assert files_with(tmp_path) == []
        with open_database(f"sqlite:///{demo}") as moved, moved.write() as session:
            recipients.add(ADDRESS, fakes.MONDAY_7, session=session)
        with database.write() as session:
            recipients.add(ADDRESS, fakes.MONDAY_7, session=session)
        backup = settings.data / "before.db"
        backup.write_bytes(f"… {ADDRESS.title()} …".encode())
        assert asyncio.run(erasure.erase(database, settings, ADDRESS, fakes.MONDAY_7)) == [backup]
        assert files_with(tmp_path) == [backup]


def test_who_is_in_both_databases_is_one_and_keeps_what_they_chose_last(settings: Settings, tmp_path: Path) -> None:
    demo = tmp_path / "leaving.db"
    with open_database(f"sqlite:///{demo}") as old, old.write() as session:
        recipients.add(ADDRESS, fakes.MONDAY_7, nations=["wales"], session=session)
        token = recipients.add("bo@example.org", fakes.MONDAY_7, themes=["appraisal"], session=session)[0].token
    with open_database(settings.database_address) as database:
        with database.write() as session:
            recipients.add(ADDRESS, fakes.MONDAY_7, nations=["scotland"], session=session)
        people = erasure.recipients_in(demo)
        for _ in range(2):  # again, as if the first had been cut short
            erasure.move_recipients(people, demo, settings.database_address, fakes.MONDAY_7)
        assert erasure.recipients_in(demo) == []
        with database.read() as session:
            ann, bo = recipients.everyone(session=session)
    assert (ann.address, ann.nations) == (ADDRESS, ["scotland"])
    assert (bo.token, bo.themes, bo.active) == (token, ["appraisal"], True)
    assert files_with(tmp_path) == files_with(tmp_path, "bo@example.org") == [settings.data / "culture.db"]


def test_leaving_a_demo_that_was_cut_short_is_done_by_the_next_run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (settings.data / demo_folder.MARKER).touch()
    with open_database(settings.database_address) as database, database.write() as session:
        recipients.add(ADDRESS, fakes.MONDAY_7, session=session)
    with monkeypatch.context() as patched:
        patched.setattr(demo_folder, "move_recipients", lambda *given: sys.exit("killed"))
        with pytest.raises(SystemExit):
            demo_folder.leave_demo(settings)
    nowhere = settings.model_copy(update={"database_url": SecretStr("postgresql://127.0.0.1:9/none")})
    with pytest.raises(DatabaseError):  # the database of the real news is down: who is on the list stays on it
        demo_folder.leave_demo(nowhere)
    assert "1 recipient came over" in demo_folder.leave_demo(settings)
    assert demo_folder.leave_demo(settings) == ""
    assert files_with(settings.data) == [settings.data / "culture.db"]
    assert sorted(path.name for path in settings.demo.iterdir()) == ["culture.db", demo_folder.MARKER]


@pytest.mark.long
def test_no_run_parameter_state_or_log_of_prefect_holds_who_was_erased(product: Product) -> None:
    with product.database() as database, database.write() as session:
        recipients.add(ADDRESS, utc_now(), session=session)
    added = product.run("recipients", {"address": ADDRESS.upper(), "name": "Ann"})
    assert ADDRESS not in json.dumps(added).lower()  # though it is on the list already, with another name
    assert (added["state_type"], added["state"]["message"].startswith("this address is on the list")) == (
        "FAILED",
        True,
    )
    changed = product.run("recipients", {"address": ADDRESS.upper(), "name": "Ann", "action": "change"})
    assert ADDRESS not in json.dumps(changed).lower()
    assert changed["state_type"] == "COMPLETED", changed["state"]["message"]
    unknown = product.run("recipients", {"address": f"x{ADDRESS}", "action": "remove"})
    assert (unknown["state_type"], "is not on the list" in unknown["state"]["message"]) == ("FAILED", True)
    product.run("digest", {"test_copy_to": ADDRESS.title(), "week": "four weeks ago"})
    product.run("alert", {"message": f"a message about {ADDRESS}"})
    erased = product.run("recipients", {"address": ADDRESS, "action": "erase at once"})
    assert erased["state_type"] == "COMPLETED", erased["state"]["message"]
    assert list(held_by_prefect(product)) == []
    with product.database() as database:
        assert rows_with(database) == []
    left = [file for file in files_with(product.data) if not file.name.startswith("prefect.db")]
    assert left == []


def held_by_prefect(product: Product) -> Iterator[str]:
    """What of the API's answers holds the address."""
    for path in ("flow_runs", "task_runs", "logs", "artifacts", "events"):
        offset = 0
        while True:
            body = {"limit": 50} if path == "events" else {"limit": 200, "offset": offset}
            found = product.call("POST", f"/{path}/filter", body)
            rows = found["events"] if path == "events" else found
            yield from (path for row in rows if ADDRESS in json.dumps(row).lower())
            offset += 200
            if path == "events" or len(rows) < 200:
                break


@pytest.mark.parametrize("state", ["pending", "sending"])
def test_what_waits_for_someone_who_is_erased_is_not_sent(state: str, settings: Settings, tmp_path: Path) -> None:
    with open_database(f"sqlite:///{tmp_path / 'culture.db'}") as database:
        fakes.fill(database, weeks=1)
        with database.write() as session:
            recipients.add(ADDRESS, fakes.MONDAY_7, session=session)
        mailboxes = Mailboxes(lambda number, to: "rcpt-451")
        with smtp_server(mailboxes) as port:
            send(database, settings, port, pauses=())
            with database.write() as session:
                row = session.get_one(Delivery, 1)
                row.state, row.message = state, f"To: {ADDRESS}".encode()
                session.add(row)
            asyncio.run(erasure.erase(database, settings, ADDRESS, fakes.MONDAY_7))
            mailboxes.fault = lambda number, to: ""
            assert send(database, settings, port).sent == 0
        assert mailboxes.counts() == {}
        assert rows_with(database) == []
        assert files_with(tmp_path) == []
