"""Of two that would send at once one does; the other sends nothing, says so, and takes over only what is left."""

from pathlib import Path

import pytest
from sqlalchemy import text

from deployments.cli import main
from flows.publishing.delivery import ANOTHER_RUN
from models.settings import Settings
from models.store.database import Database, open_database
from models.store.locks import try_lock
from tests.support import fakes_edition as fakes
from tests.support.fakes_delivery import edition_settings, join, send, send_left, states  # noqa: F401 - a fixture
from tests.support.fakes_mail import Mailboxes, smtp_server


@pytest.fixture(name="database")
def week_database(sqlite: Database) -> Database:
    fakes.fill(sqlite, weeks=1)
    return sqlite


def test_two_digests_at_once_send_once_and_the_second_says_so(
    database_address: str, settings: Settings, tmp_path: Path
) -> None:
    told: list[tuple[int, bool, str]] = []
    mailboxes = Mailboxes()
    with smtp_server(mailboxes) as port, open_database(database_address) as database:
        fakes.fill(database, weeks=1)
        addresses = join(database, 4)

        def second(address: str) -> None:
            with open_database(database_address) as other:
                result = send(other, settings, port)
            told.append((result.sent, result.has_failures, result.note))

        mailboxes.when_taken = second
        assert send(database, settings, port).sent == 4
    assert told == [(0, False, ANOTHER_RUN)] * 4
    assert mailboxes.counts() == dict.fromkeys(addresses, 1)


def test_a_sender_that_loses_its_lock_stops_before_the_next_mail(
    postgres: object, settings: Settings, tmp_path: Path
) -> None:
    mailboxes = Mailboxes()
    with (
        postgres.new_database() as address,  # type: ignore[attr-defined]
        smtp_server(mailboxes) as port,
        open_database(address) as database,
    ):
        fakes.fill(database, weeks=1)
        addresses = join(database, 5)

        def cut(_: str) -> None:
            if sum(mailboxes.counts().values()) == 2:
                with open_database(address) as other, other.write() as session:
                    ours = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
                    session.connection().execute(text(ours))

        mailboxes.when_taken = cut
        result = send(database, settings, port)
        assert (result.sent, result.waiting) == (2, 3)
        assert "stopped" in result.note
        assert send_left(database, settings, port).sent == 3
    assert mailboxes.counts() == dict.fromkeys(addresses, 1)


def test_the_command_says_that_another_run_is_sending_and_ends_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database: Database
) -> None:
    monkeypatch.setenv("CULTURE_DATA", str(tmp_path))
    join(database, 1)
    with smtp_server(Mailboxes()) as port, try_lock(database, "delivery") as lock:
        assert lock is not None
        monkeypatch.setenv("CULTURE_SMTP_URL", f"smtp://127.0.0.1:{port}")
        with pytest.raises(SystemExit) as ended:
            main(["digest", "--week", str(fakes.WEEK)])
    assert not ended.value.code
    said = capsys.readouterr()
    assert ANOTHER_RUN in " ".join(said.out.split()).lower()
    assert "Traceback" not in said.out + said.err
    assert states(database) == {}
