"""Whoever holds the token sees and changes what they receive, leaves, downloads or is erased; by POST alone, and nobody else."""

import re
from pathlib import Path

import pytest
from sqlmodel import select

from models.settings import Settings
from models.store import recipients
from models.store.database import Database
from models.store.tables import Recipient
from tests.support import fakes_edition as fakes
from tests.support.fakes_website import Visitor, visitor

NOW = fakes.MONDAY_7
ADDRESS = "ann.reader@elsewhere.example.org"


@pytest.fixture
def token(sqlite: Database) -> str:
    with sqlite.write() as session:
        recipients.add("other@example.org", NOW, session=session)
        return recipients.add(ADDRESS, NOW, themes=["workforce"], session=session)[0].token


@pytest.fixture
def reader(sqlite: Database, tmp_path: Path) -> Visitor:
    return visitor(sqlite, Settings(data=tmp_path))


def kept(database: Database) -> list[Recipient]:
    with database.read() as session:
        return list(session.exec(select(Recipient).order_by(Recipient.id)))  # type: ignore[arg-type]


def do(reader: Visitor, token: str, what: str, **fields: object) -> tuple[int, str]:
    answer = reader.ask("POST", f"/preferences/{token}", data={"do": what, **fields})
    return answer.status_code, answer.text


def test_they_are_shown_and_a_look_changes_nothing(sqlite: Database, reader: Visitor, token: str) -> None:
    before = [person.model_dump() for person in kept(sqlite)]
    answer = reader.get(f"/preferences/{token}?do=erase&sure=yes")
    assert answer.status_code == 200
    assert ADDRESS in answer.text
    assert re.findall(r'name="themes" value="([a-z-]+)" checked', answer.text) == ["workforce"]
    assert (answer.headers["Referrer-Policy"], answer.headers["Cache-Control"]) == ("no-referrer", "no-store")
    for method in ("HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"):
        reader.ask(method, f"/preferences/{token}", params={"do": "leave"})
    assert [person.model_dump() for person in kept(sqlite)] == before


def test_a_choice_is_kept_and_an_unknown_one_is_not(sqlite: Database, reader: Visitor, token: str) -> None:
    status, page = do(
        reader, token, "change", themes=["speaking-up", "appraisal"], nations="wales", sectors="nhs", send_empty="yes"
    )
    assert (status, "Your choice is kept" in page) == (200, True)
    person = kept(sqlite)[1]
    chosen = (person.themes, person.nations, person.sectors, person.send_empty)
    assert chosen == (["speaking-up", "appraisal"], ["wales"], ["nhs"], True)
    assert do(reader, token, "change", themes="astrology")[0] == 400
    assert do(reader, token, "nonsense")[0] == 400
    assert kept(sqlite)[1].themes == ["speaking-up", "appraisal"]
    assert do(reader, token, "change")[0] == 200  # nothing ticked: all of it
    assert kept(sqlite)[1].themes == []
    assert kept(sqlite)[0].themes == []


def test_they_leave(sqlite: Database, reader: Visitor, token: str) -> None:
    assert "You have left the list" in do(reader, token, "leave")[1]
    assert [person.active for person in kept(sqlite)] == [True, False]
    assert do(reader, token, "change", themes="appraisal")[0] == 400


def test_they_download_what_is_kept_about_them_and_no_one_else(sqlite: Database, reader: Visitor, token: str) -> None:
    answer = reader.ask("POST", f"/preferences/{token}", data={"do": "download"})
    assert answer.headers["content-disposition"].startswith("attachment")
    with sqlite.read() as session:
        assert answer.json() == recipients.export(ADDRESS, session=session)
    assert "other@example.org" not in answer.text


def test_they_are_erased_from_the_file_too(sqlite: Database, reader: Visitor, token: str, tmp_path: Path) -> None:
    assert do(reader, token, "erase")[0] == 400  # without the tick
    assert kept(sqlite)[1].address == ADDRESS
    assert "You are erased" in do(reader, token, "erase", sure="yes")[1]
    assert kept(sqlite)[1].address is None
    for file in tmp_path.glob("culture.db*"):
        assert ADDRESS.encode() not in file.read_bytes()
    assert reader.get(f"/preferences/{token}").status_code == 404


@pytest.mark.parametrize("guess", ["x", "x/y", "%00", "y" * 500, "erased-x", ""])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_guess_learns_nothing(sqlite: Database, reader: Visitor, token: str, guess: str, method: str) -> None:
    answer = reader.ask(method, f"/preferences/{guess}", data={"do": "leave"} if method == "POST" else None)
    assert answer.status_code == 404
    assert ADDRESS not in answer.text
    assert all(person.active for person in kept(sqlite))


def test_no_other_sites_form_can_change_them(sqlite: Database, reader: Visitor, token: str) -> None:
    other = Visitor(reader.app, headers={"Sec-Fetch-Site": "cross-site"})
    assert do(other, token, "leave")[0] == 403
    assert all(person.active for person in kept(sqlite))


def test_the_link_in_an_email_leads_there(reader: Visitor, token: str) -> None:
    page = reader.get(f"/unsubscribe/{token}").text
    assert f'href="/preferences/{token}"' in page
    assert "the link at its foot" in reader.get("/preferences").text
