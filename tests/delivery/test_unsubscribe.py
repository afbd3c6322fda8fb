"""One click leaves; a look changes nothing; a guess learns nothing."""

import re
from pathlib import Path
from urllib.parse import urljoin

import pytest

from models.settings import Settings
from models.store import recipients
from models.store.database import Database
from tests.support import fakes_edition as fakes
from tests.support.fakes_website import Visitor, visitor

NOW = fakes.MONDAY_7


@pytest.fixture
def token(sqlite: Database) -> str:
    with sqlite.write() as session:
        recipients.add("other@example.org", NOW, session=session)
        return recipients.add("reader@example.org", NOW, session=session)[0].token


@pytest.fixture
def reader(sqlite: Database, tmp_path: Path) -> Visitor:
    return visitor(sqlite, Settings(data=tmp_path))


def active(database: Database) -> list[str]:
    with database.read() as session:
        return [person.address for person in recipients.receivers(session=session)]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_only_a_post_changes_anything(sqlite: Database, reader: Visitor, token: str, method: str) -> None:
    assert reader.ask(method, f"/unsubscribe/{token}").status_code < 500
    assert len(active(sqlite)) == 2


def test_a_post_takes_one_recipient_off_and_may_come_twice(sqlite: Database, reader: Visitor, token: str) -> None:
    assert 'method="post"' in reader.get(f"/unsubscribe/{token}").text
    for _ in range(2):
        answer = reader.ask("POST", f"/unsubscribe/{token}", data={"List-Unsubscribe": "One-Click"})
        assert (answer.status_code, active(sqlite)) == (200, ["other@example.org"])
        assert (answer.headers["Referrer-Policy"], answer.headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert "You have left the list" in reader.get(f"/unsubscribe/{token}").text


@pytest.mark.parametrize("path", ["/unsubscribe/", "/unsubscribe/x", "/unsubscribe/x/y", f"/unsubscribe/{'x' * 500}"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_guess_gets_a_page_and_changes_nothing(
    sqlite: Database, reader: Visitor, token: str, path: str, method: str
) -> None:
    assert reader.ask(method, path).status_code == 404
    assert len(active(sqlite)) == 2


@pytest.mark.parametrize("guess", ["%00", "a%00b", "%7f", "%ed%a0%80", "%25", "%27%20OR%201=1%20--"])
def test_no_token_breaks_it(database: Database, tmp_path: Path, guess: str) -> None:
    assert visitor(database, Settings(data=tmp_path)).get(f"/unsubscribe/{guess}").status_code == 404


def test_where_the_database_fails_no_token_is_logged(
    sqlite: Database, reader: Visitor, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    with sqlite.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE recipient RENAME TO elsewhere")
    answer = reader.get(f"/unsubscribe/{token}")
    assert answer.status_code == 503
    assert "could not be answered" in caplog.text
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("flows")]
    assert ours
    assert token not in "".join(ours) + answer.text


@pytest.mark.parametrize("front", ["", "/monitor"])  # the web server in front takes its path off, or leaves it on
def test_the_button_works_under_a_base_address_with_a_path(
    sqlite: Database, tmp_path: Path, token: str, front: str
) -> None:
    reader = visitor(sqlite, Settings(data=tmp_path, base_url="https://trust.example.org/monitor"))
    form = re.search(r"<form ([^>]*method=[^>]*)>", reader.get(f"{front}/unsubscribe/{token}").text)
    assert form is not None
    target = re.search(r'action="([^"]*)"', form[1])
    seen = f"https://trust.example.org/monitor/unsubscribe/{token}"  # where the browser is
    posted = urljoin(seen, target[1] if target else "")
    assert posted == seen
    assert "You have left the list" in reader.ask("POST", f"{front}/unsubscribe/{token}").text
    assert active(sqlite) == ["other@example.org"]
