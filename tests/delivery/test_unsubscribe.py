"""One click leaves; a look changes nothing; a guess learns nothing."""

import re
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from wsgiref.util import setup_testing_defaults

import pytest

from flows.publishing.unsubscribe import answer, application
from models.store import recipients
from models.store.database import Database
from tests.support import fakes_edition as fakes

NOW = fakes.MONDAY_7


@pytest.fixture
def token(sqlite: Database) -> str:
    with sqlite.write() as session:
        recipients.add("other@example.org", NOW, session=session)
        return recipients.add("reader@example.org", NOW, session=session)[0].token


def active(database: Database) -> list[str]:
    with database.read() as session:
        return [person.address for person in recipients.receivers(session=session)]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_only_a_post_changes_anything(sqlite: Database, token: str, method: str) -> None:
    answer(sqlite, method, f"/unsubscribe/{token}", NOW)
    assert len(active(sqlite)) == 2


def test_a_post_takes_one_recipient_off_and_may_come_twice(sqlite: Database, token: str) -> None:
    assert 'method="post"' in answer(sqlite, "GET", f"/unsubscribe/{token}", NOW).page
    for _ in range(2):
        reply = answer(sqlite, "POST", f"/unsubscribe/{token}", NOW)
        assert (reply.status, active(sqlite)) == (HTTPStatus.OK, ["other@example.org"])
    assert "You have left the list" in answer(sqlite, "GET", f"/unsubscribe/{token}", NOW).page


@pytest.mark.parametrize(
    "path", ["/", "/unsubscribe/", "/unsubscribe/x", "/unsubscribe/x/y", f"/unsubscribe/{'x' * 500}", "/../culture.db"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_guess_gets_a_page_and_changes_nothing(sqlite: Database, token: str, path: str, method: str) -> None:
    assert answer(sqlite, method, path, NOW).status is HTTPStatus.NOT_FOUND
    assert len(active(sqlite)) == 2


def asked(database: Database, path: str, archive: Path | None = None) -> tuple[str, str]:
    """What the web application answers to a GET."""
    environ: dict[str, Any] = {"PATH_INFO": path, "REQUEST_METHOD": "GET"}
    setup_testing_defaults(environ)
    said: list[str] = []
    body = b"".join(application(database, archive, lambda: NOW)(environ, lambda status, headers: said.append(status)))
    return said[0], body.decode()


@pytest.mark.parametrize("token", ["\0", "a\0b", "\x7f", "\xed\xa0\x80", "%", "' OR 1=1 --"])
def test_no_token_breaks_it(database: Database, token: str) -> None:
    assert asked(database, f"/unsubscribe/{token}")[0].startswith("404")


def test_where_the_database_fails_no_token_is_logged(
    sqlite: Database, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    with sqlite.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE recipient RENAME TO elsewhere")
    status, page = asked(sqlite, f"/unsubscribe/{token}")
    assert status.startswith("503")
    assert "could not be answered" in caplog.text
    assert token not in caplog.text + page


def test_a_page_with_broken_letters_is_served(sqlite: Database, tmp_path: Path) -> None:
    (tmp_path / "2026-W40.html").write_bytes(b"news \xff\xfe of the week")
    assert asked(sqlite, "/2026-W40.html", tmp_path)[0].startswith("200")


def test_over_http_it_serves_the_archive_and_no_other_file(sqlite: Database, token: str, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    (archive / "index.html").write_text("all editions")
    (tmp_path / "secret.html").write_text("secret")
    serve = application(sqlite, archive, lambda: NOW)

    def ask(method: str, path: str) -> tuple[str, dict[str, str], bytes]:
        environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path}
        setup_testing_defaults(environ)
        seen: list[Any] = []
        body = b"".join(serve(environ, lambda status, headers: seen.extend([status, dict(headers)])))
        return seen[0], seen[1], body

    assert ask("GET", "/")[2] == b"all editions"
    assert ask("HEAD", "/")[2] == b""
    for path in ("/../secret.html", "/..%2fsecret.html", "/secret.html"):
        assert ask("GET", path)[0].startswith("404")
    status, headers, _ = ask("POST", f"/unsubscribe/{token}")
    assert (status, headers["Referrer-Policy"], headers["Cache-Control"]) == ("200 OK", "no-referrer", "no-store")
    assert active(sqlite) == ["other@example.org"]


@pytest.mark.parametrize("front", ["", "/monitor"])  # the web server in front takes its path off, or leaves it on
def test_the_button_works_under_a_base_address_with_a_path(sqlite: Database, token: str, front: str) -> None:
    serve = application(sqlite, None, lambda: NOW, "https://trust.example.org/monitor")

    def ask(method: str, path: str) -> str:
        environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path}
        setup_testing_defaults(environ)
        return b"".join(serve(environ, lambda status, headers: None)).decode()

    page = ask("GET", f"{front}/unsubscribe/{token}")
    form = re.search(r"<form ([^>]*)>", page)
    assert form is not None
    target = re.search(r'action="([^"]*)"', form[1])
    seen = f"https://trust.example.org/monitor/unsubscribe/{token}"  # where the browser is
    posted = urljoin(seen, target[1] if target else "")
    assert posted == seen
    assert "You have left the list" in ask("POST", f"{front}/unsubscribe/{token}")
    assert active(sqlite) == ["other@example.org"]
