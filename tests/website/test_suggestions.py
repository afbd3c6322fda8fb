"""What a reader says of a tag waits for a reviewer, and changes nothing by itself."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from models.reviews import IN_SCOPE, check_decision, queue
from models.settings import Settings
from models.store import reviews
from models.store.database import Database
from models.store.tables import Article, Suggestion, Tag
from tests.reading.test_cost_of_foreign_text import in_proportion
from tests.support import fakes_edition as fakes
from tests.support.fakes_website import Visitor, visitor

NOW = fakes.MONDAY_7
SINCE = NOW - timedelta(days=28)


@pytest.fixture
def story(sqlite: Database) -> int:
    with sqlite.write() as session:
        lead = fakes.add_story(
            session, source=fakes.SOURCES[0], title="Chair leaves", at=NOW, themes=[("speaking-up", "She left.", 0.9)]
        )
        assert lead.id is not None
        return lead.id


@pytest.fixture
def reader(sqlite: Database, tmp_path: Path) -> Visitor:
    return visitor(sqlite, Settings(data=tmp_path))


def say(reader: Visitor, story: int, **fields: str) -> int:
    given = {"theme": "speaking-up", "verdict": "no", "note": "It is about pay.", **fields}
    return reader.ask("POST", f"/stories/{story}/suggestion", data=given).status_code


def asked(database: Database) -> list[str]:
    with database.read() as session:
        found = reviews.doubts(SINCE, 100, session=session)
    return [item.question for item in queue(found, {"speaking-up": "Speaking up"}, 20)]


def test_it_waits_in_the_queue_and_changes_no_tag(sqlite: Database, reader: Visitor, story: int) -> None:
    before = reader.get(f"/stories/{story}").text
    assert say(reader, story) == 200
    assert asked(sqlite) == ["A reader says: not Speaking up, “It is about pay.”"]
    with sqlite.read() as session:
        assert session.exec(select(Tag.state).where(Tag.theme == "speaking-up")).one() == "yes"
    assert reader.get(f"/stories/{story}").text == before


@pytest.mark.parametrize("said", [{"themes": ["speaking-up"]}, {"in_scope": False}])
def test_a_reviewers_answer_ends_it(sqlite: Database, reader: Visitor, story: int, said: dict[str, object]) -> None:
    say(reader, story)
    with sqlite.write() as session:
        article = session.get_one(Article, story)
        decision = check_decision(reviewer="Ada", **said)  # type: ignore[arg-type]
        reviews.record(article, decision, NOW + timedelta(hours=1), session=session)
    assert asked(sqlite) == []


def test_an_answer_on_another_theme_leaves_it(sqlite: Database, reader: Visitor, story: int) -> None:
    say(reader, story, theme=IN_SCOPE, note="")
    with sqlite.write() as session:
        article = session.get_one(Article, story)
        reviews.record(article, check_decision(themes=["workforce"], reviewer="Ada"), NOW, session=session)
    assert asked(sqlite) == ["A reader says: not in scope"]


def test_what_is_no_answer_of_the_form_is_refused(sqlite: Database, reader: Visitor, story: int) -> None:
    assert say(reader, story, theme="nonsense") == 400
    assert say(reader, story, verdict="perhaps") == 400
    assert say(reader, 4711) == 404
    assert say(reader, 10**30) == 404
    assert say(reader, story, note="x" * 30_000) == 413
    assert reader.ask("GET", f"/stories/{story}/suggestion").status_code == 405
    other = Visitor(reader.app, headers={"Sec-Fetch-Site": "cross-site"})
    assert say(other, story) == 403
    with sqlite.read() as session:
        assert session.exec(select(Suggestion)).all() == []


# Without TLS browsers send no Sec-Fetch-Site, but Origin with every POST: "null" where the page gives no referrer.
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # a program
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "https://news.example.nhs.uk"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "http://[evil"}, 403),
    ],
)
def test_a_page_of_another_site_says_nothing_where_there_is_no_tls(
    sqlite: Database, tmp_path: Path, story: int, headers: dict[str, str], status: int
) -> None:
    one = visitor(sqlite, Settings(data=tmp_path, base_url="https://news.example.nhs.uk/culture"))
    assert one.get(f"/stories/{story}").headers["Referrer-Policy"] == "same-origin"  # else our own form says "null" too
    assert say(Visitor(one.app, headers=headers), story) == status


def test_a_visitor_says_so_much_an_hour_and_another_may_still(sqlite: Database, reader: Visitor, story: int) -> None:
    answers = [say(reader, story) for _ in range(12)]
    assert answers == [200] * 10 + [429] * 2
    assert say(Visitor(reader.app, ("192.0.2.7", 1)), story) == 200


def test_no_more_wait_than_a_queue_can_bear(
    sqlite: Database, reader: Visitor, story: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviews, "MOST_SUGGESTIONS", 2)
    assert [say(reader, story) for _ in range(3)] == [200, 200, 429]


def test_it_names_nobody_by_address(sqlite: Database, reader: Visitor, story: int) -> None:
    for at_sign in "@＠﹫":
        say(reader, story, note=f"Ask ann{at_sign}elsewhere.example.org\n<b>now</b>\0")
    with sqlite.read() as session:
        assert set(session.exec(select(Suggestion.note))) == {"Ask (address) <b>now</b>"}
    assert "elsewhere" not in "".join(asked(sqlite))


def test_a_note_costs_cpu_in_proportion(reader: Visitor, story: int, sqlite: Database) -> None:
    def work(length: int) -> object:
        with sqlite.write() as session:
            return reviews.suggest(story, "speaking-up", False, "é" * length, NOW, session=session)

    assert in_proportion(work)
