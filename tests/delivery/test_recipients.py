"""Joining, choosing, leaving and being forgotten."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from prefect.client.schemas.objects import State
from pydantic import SecretStr
from sqlalchemy import text
from sqlmodel import select

from flows import recipients as form
from flows.publishing.weekly import weekly_digest
from flows.running.theme_choices import AlertChoice
from models.settings import Settings
from models.store import recipients
from models.store.database import Database
from models.store.recipients import RecipientError
from models.store.tables import Delivery, Recipient
from tests.product.test_commands import Ran, command
from tests.support import fakes_edition as fakes
from tests.support.fakes_mail import Mailboxes, smtp_server

NOW = fakes.MONDAY_7


def test_joining_twice_changes_no_choice(database: Database) -> None:
    with database.write() as session:
        _, new = recipients.add("Ann.Reader@Example.ORG", NOW, name="Ann", themes=["workforce"], session=session)
        _, again = recipients.add("ann.reader@example.org", NOW, session=session)
        with pytest.raises(RecipientError, match="on the list already and nothing was changed"):
            recipients.add("ann.reader@example.org", NOW, themes=["appraisal"], session=session)
        (row,) = recipients.everyone(session=session)
    assert (new, again) == (True, False)
    assert (row.address, row.name, row.themes) == ("ann.reader@example.org", "Ann", ["workforce"])


def test_two_programs_that_add_one_address_at_once_add_it_once(database: Database) -> None:
    def add(address: str) -> bool:
        with database.write() as session:
            return recipients.add(address, NOW, session=session)[1]

    for number in range(10):
        with ThreadPoolExecutor(4) as threads:
            assert sorted(threads.map(add, [f"reader{number}@r.example"] * 4)) == [False, False, False, True]


def test_a_change_is_of_what_is_named_alone(database: Database) -> None:
    chosen = {"themes": ["workforce"], "nations": ["wales"], "sectors": ["health-and-care"], "send_empty": True}
    with database.write() as session:
        recipients.add("a@example.org", NOW, name="Ann", session=session, **chosen)  # type: ignore[arg-type]
        recipients.change("a@example.org", nations=[], session=session)
    with database.write() as session:
        row = recipients.show("a@example.org", session=session)
        assert (row.name, row.themes, row.nations, row.sectors, row.send_empty) == (
            "Ann", ["workforce"], [], ["health-and-care"], True,
        )  # fmt: skip
        with pytest.raises(RecipientError, match="nothing is to be changed"):
            recipients.change("a@example.org", session=session)
        with pytest.raises(RecipientError, match="is not on the list"):
            recipients.change("x@example.org", nations=[], session=session)
        recipients.remove("a@example.org", NOW, session=session)
        with pytest.raises(RecipientError, match="has left"):
            recipients.change("a@example.org", nations=["wales"], session=session)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "a@b",
        "two@example.org, three@example.org",
        "x@example.org\r\nBcc: y@example.org",
        "x@exa mple.org",
        "é@example.org",
    ],
)
def test_what_is_no_address_is_refused_by_name(database: Database, address: str) -> None:
    with database.write() as session, pytest.raises(RecipientError, match="is not an email address"):
        recipients.add(address, NOW, session=session)


def test_unknown_choices_are_refused_with_those_that_are_known(database: Database) -> None:
    with database.write() as session:
        for choice, words in (
            ({"themes": ["pay"]}, "theme 'pay' is not known; use one of bullying-and-discrimination"),
            ({"nations": ["france"]}, "nation 'france' is not known; use one of england"),
            ({"sectors": ["army"]}, "sector 'army' is not known; use one of health-and-care"),
        ):
            with pytest.raises(RecipientError, match=words):
                recipients.add("a@example.org", NOW, session=session, **choice)  # type: ignore[arg-type]


def test_a_registry_brings_its_own_sectors(database: Database) -> None:
    own = fakes.SOURCES[0].model_copy(update={"sector": "hospices"})
    registry = fakes.REGISTRY.model_copy(update={"sources": (own,)})
    with database.write() as session:
        row, _ = recipients.add("a@example.org", NOW, sectors=["hospices"], registry=registry, session=session)
    assert row.sectors == ["hospices"]


def test_a_name_can_carry_no_header(database: Database) -> None:
    with database.write() as session:
        row, _ = recipients.add("a@example.org", NOW, name="Ann\r\nBcc: x@example.org\u202e", session=session)
    assert row.name == "Ann Bcc: x@example.org"


def test_a_token_opens_one_recipient_alone(database: Database) -> None:
    with database.write() as session:
        first, _ = recipients.add("a@example.org", NOW, session=session)
        second, _ = recipients.add("b@example.org", NOW, session=session)
        assert len(first.token) >= 43
        assert first.token != second.token
        found = recipients.by_token(first.token, session=session)
        assert found is not None
        assert found.id == first.id
        for wrong in ("", "x", first.token[:-1], first.token + "x", first.token.swapcase(), "%", "é"):
            assert recipients.by_token(wrong, session=session) is None


def test_who_leaves_is_kept_28_days_and_then_forgotten(database: Database) -> None:
    with database.write() as session:
        recipients.add("a@example.org", NOW, name="Ann", themes=["workforce"], session=session)
        recipients.remove("a@example.org", NOW, session=session)
        assert recipients.receivers(session=session) == []
        assert recipients.erase_departed(NOW + timedelta(days=27), session=session) == 0
        assert recipients.erase_departed(NOW + timedelta(days=28), session=session) == 1
        row = session.exec(select(Recipient)).one()
        assert (row.address, row.name, row.themes, row.active) == (None, "", [], False)


def test_who_comes_back_within_28_days_gets_a_new_token(database: Database) -> None:
    with database.write() as session:
        row, _ = recipients.add("a@example.org", NOW, themes=["workforce"], session=session)
        old = row.token
        recipients.remove("a@example.org", NOW, session=session)
        row, new = recipients.add("a@example.org", NOW + timedelta(days=3), session=session)
        assert (new, row.active, row.left_at, row.themes) == (False, True, None, ["workforce"])
        assert row.token != old


def test_erasing_leaves_the_address_nowhere(database: Database, tmp_path: Path) -> None:
    fakes.fill(database, weeks=1)
    with database.write() as session:
        recipients.add("ann.reader@example.org", NOW, name="Ann Reader", session=session)
    with smtp_server(Mailboxes()) as port:
        settings = Settings(
            data=tmp_path, mail_from="monitor@example.org", smtp_url=SecretStr(f"smtp://127.0.0.1:{port}")
        )
        weekly_digest(database, fakes.REGISTRY, settings, week=fakes.WEEK, now=NOW, themes=fakes.THEMES)
    with database.write() as session:
        row = session.exec(select(Delivery)).one()
        row.error = "550 <ann.reader@example.org>: no such user"
        session.add(row)
    with database.write() as session:
        assert recipients.export("ann.reader@example.org", session=session)["deliveries"][0]["week"] == "2026-W47"
        recipients.erase("ann.reader@example.org", NOW, session=session)
    with database.read() as session:
        for table in ("recipient", "delivery", "edition"):
            for found in session.execute(text(f"SELECT * FROM {table}")):
                assert "ann.reader" not in str(tuple(found)).lower()
        assert session.exec(select(Delivery)).one().state == "sent"


def test_nothing_is_known_of_a_stranger(database: Database) -> None:
    with database.write() as session:
        for act in (recipients.remove, recipients.erase):
            with pytest.raises(RecipientError, match="is not on the list"):
                act("x@example.org", NOW, session=session)
        with pytest.raises(RecipientError, match="is not on the list"):
            recipients.export("x@example.org", session=session)


def listed(folder: Path) -> list[dict[str, object]]:
    (one,) = json.loads(command(folder, "recipients", "list", "--json").stdout)
    return [one[kind] for kind in ("name", "themes", "nations", "sectors", "send_empty", "daily", "alerts")]


def test_the_command_adds_changes_and_shows_and_confirms_each_in_full(tmp_path: Path) -> None:
    def run(*words: str) -> Ran:
        return command(tmp_path, "recipients", *words)

    who = "chair@example.org"
    added = run("add", who, "--name", "The Chair", "--theme", "speaking-up", "--nation", "wales", "--send-empty", "--daily",
                "--alert", "watched", "--alert", "speaking-up")  # fmt: skip
    everything = (
        "Receives themes: speaking-up; nations: wales; sectors: all; how often: daily and weekly; alerts: organisations that "
        "they watch (none so far, so none is sent), speaking-up; in a week without news: an email, too."
    )
    assert everything in " ".join(added.stdout.split())
    chosen = listed(tmp_path)
    again = run("add", who)
    assert again.returncode == 0
    assert "on the list already: nothing was changed" in " ".join(again.stdout.split())
    assert everything in " ".join(again.stdout.split())
    assert run("add", who, "--theme", "workforce").returncode == run("add", who, "--weekly").returncode == 2
    assert run("change", who).returncode == 2
    assert (
        listed(tmp_path)
        == chosen
        == ["The Chair", ["speaking-up"], ["wales"], [], True, True, ["watched", "speaking-up"]]
    )
    refused = run("change", who, "--theme", "workforce")
    assert (refused.returncode, listed(tmp_path)) == (2, chosen)
    assert "alerts on 'speaking-up' are asked for, which is not among the themes" in " ".join(refused.stderr.split())
    assert run("change", who, "--alert", "watched", "--alert-none").returncode == 2
    idle = run("change", who, "--alert", "watched")
    assert "watch (none so far, so none is sent)" in " ".join(idle.stdout.split())
    changed = run("change", who, "--theme", "workforce", "--all-nations", "--alert-none")
    assert changed.returncode == 0
    assert listed(tmp_path) == ["The Chair", ["workforce"], [], [], True, True, []]
    shown = run("show", who)
    for words in ("themes: workforce", "nations: all", "how often: daily and weekly; alerts: none", "The Chair"):
        assert words in " ".join(changed.stdout.split())
        assert words in " ".join(shown.stdout.split())
    assert run("change", who, "--theme", "workforce", "--all-themes").returncode == 2
    assert run("remove", who).returncode == 0
    assert "is back on the list" in run("add", who).stdout
    assert run("change", who, "--weekly").returncode == 0
    assert listed(tmp_path) == ["The Chair", ["workforce"], [], [], True, False, []]


def test_the_form_asks_how_often_and_of_what_one_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CULTURE_DATA", str(tmp_path))

    def fill_in(**given: object) -> str:
        async def whole() -> State[None]:
            return await form.recipients.fn("chair@example.org", **given)  # type: ignore[arg-type]

        return str(asyncio.run(whole()).message)

    told = fill_in(how_often="daily and weekly", alerts=(AlertChoice.WATCHED, AlertChoice.SPEAKING_UP))  # type: ignore[attr-defined]
    chosen = (
        "how often: daily and weekly; alerts: organisations that they watch (none so far, so none is sent), speaking-up"
    )
    assert chosen in told
    assert "alerts: organisations that they watch, speaking-up" in fill_in(action="change", watch=("CQC",))
    fill_in(action="change", watch_none=True)
    assert chosen in fill_in()
    assert "nothing was changed" in fill_in(how_often="weekly")
    assert "leave one of the two empty" in fill_in(action="change", alerts=(AlertChoice.WATCHED,), alert_none=True)  # type: ignore[attr-defined]
    assert "how often: weekly; alerts: none" in fill_in(action="change", how_often="weekly", alert_none=True)


@pytest.mark.parametrize(
    "typed", ["ada.lovelace(at)example.org", "ada lovelace@example.org", '"ada;l"@example.org', "ada\\l@x"]
)
def test_what_the_form_says_of_a_mistyped_address_holds_no_part_of_it(
    typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CULTURE_DATA", str(tmp_path))

    async def fill_in() -> State[None]:
        return await form.recipients.fn(typed)

    state = asyncio.run(fill_in())
    assert str(state.message).startswith("this address is not an email address")
    assert "ada" not in str(state.message)
