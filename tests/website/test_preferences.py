"""Whoever holds the token sees and changes what they receive, leaves, downloads or is erased; by POST alone, and nobody else."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlmodel import select

from flows.running import jobs
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


def test_how_often_alerts_and_whom_they_watch_are_seen_and_changed(
    sqlite: Database, reader: Visitor, token: str
) -> None:
    page = reader.get(f"/preferences/{token}").text
    assert re.search(r'name="daily" value="no" checked', page)
    chosen = {"daily": "yes", "alerts": ["watched", "speaking-up"], "watch_more": "NHS England\r\nR1H\r\n"}
    status, page = do(reader, token, "change", **chosen)
    person = kept(sqlite)[1]
    assert (status, person.daily, person.alerts) == (200, True, ["watched", "speaking-up"])
    assert person.watch == ["nhs-england", "barts-health-nhs-trust"]
    assert re.findall(r'name="alerts" value="([a-z-]+)" checked', page) == ["watched", "speaking-up"]
    assert "Barts Health NHS Trust" in page
    status, page = do(reader, token, "change", watch="nhs-england", watch_more="Bartz")
    assert (status, "did you mean Barts Health" in page, "culture-monitor" in page) == (400, True, False)
    status, page = do(reader, token, "change", themes="workforce", alerts="speaking-up")
    assert (status, "not among the themes that they receive" in page) == (400, True)
    assert kept(sqlite)[1].watch == person.watch
    assert do(reader, token, "change", watch="nhs-england")[0] == 200
    person = kept(sqlite)[1]
    assert (person.daily, person.alerts, person.watch) == (False, [], ["nhs-england"])
    assert "You watch no organisation so far" in do(reader, token, "change", alerts="watched")[1]
    assert "You watch no organisation so far" not in do(reader, token, "change", alerts="watched", watch_more="CQC")[1]


def test_who_watches_what_has_left_the_list_is_told_and_keeps_it_until_they_say(
    sqlite: Database, token: str, tmp_path: Path
) -> None:
    own = tmp_path / "organisations.toml"
    own.write_text("[england.care-provider]\nmeadow-homes = { name = 'Meadow Homes' }\n", encoding="utf-8")
    reader = visitor(sqlite, Settings(data=tmp_path))
    assert do(reader, token, "change", watch_more="Meadow Homes")[0] == 200
    assert "no longer on this monitor" not in reader.get(f"/preferences/{token}").text
    own.unlink()
    asyncio.run(jobs.tag(sqlite, Settings(data=tmp_path, encoder="tfidf"), now=NOW))  # what a run does goes on
    with sqlite.read() as session:
        assert [one.selection.watch for one in recipients.receivers(session=session) if one.address == ADDRESS]
    assert "meadow-homes (no longer on this monitor’s list" in reader.get(f"/preferences/{token}").text
    assert do(reader, token, "change", watch="meadow-homes", daily="yes")[0] == 200
    assert (kept(sqlite)[1].watch, kept(sqlite)[1].daily) == (["meadow-homes"], True)
    assert do(reader, token, "change")[0] == 200
    assert kept(sqlite)[1].watch == []
    own.write_text("not = [toml", encoding="utf-8")
    assert reader.get(f"/preferences/{token}").status_code == 200


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


def test_a_second_click_finds_them_erased(sqlite: Database, reader: Visitor, token: str) -> None:
    """It was a 500: both had found the person before the first had erased them."""
    with ThreadPoolExecutor(4) as threads:
        clicks = list(threads.map(lambda _: do(reader, token, "erase", sure="yes"), range(4)))
    assert {status for status, _ in clicks} <= {200, 404}
    assert "You are erased" in "".join(page for _, page in clicks)
    assert [person.address for person in kept(sqlite)] == ["other@example.org", None]


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
