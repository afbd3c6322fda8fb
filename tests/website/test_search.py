"""Search finds what is there, nothing of what has gone, and is right whoever writes; on both databases."""

import asyncio
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from flows.publishing import erasure
from models.reviews import check_decision
from models.settings import Settings
from models.store import reviews, search
from models.store.database import Database, open_database
from models.store.search import Wanted, find, read_words
from models.store.tables import Article, Tag
from tests.support import fakes_edition as fakes
from tests.support.fakes_website import visitor
from tests.support.postgres import Postgres

NOW = fakes.MONDAY_7
GAZETTE, OGL = fakes.SOURCES[0], fakes.SOURCES[6]


def add(database: Database, title: str, words: str = "", *, days: int = 1, scope: str = "yes", **more: str) -> int:
    """A story in scope with a text, so many days old; its article's number."""
    with database.write() as session:
        source = OGL if more.get("source") == "ogl" else GAZETTE
        lead = fakes.add_story(
            session,
            source=source,
            title=title,
            at=NOW - timedelta(days=days),
            themes=[("speaking-up", more.get("evidence", ""), 0.9)] if scope == "yes" else [],
            scope=scope,
        )
        lead.text, lead.summary = words or None, more.get("summary", "")
        lead.nation, lead.sector = source.nation, source.sector
        session.add(lead)
        session.flush()
        assert lead.id is not None
        return lead.id


def titles(database: Database, typed: str, **wanted: object) -> list[str]:
    with database.read() as session:
        found = find(Wanted(words=read_words(typed), **wanted), NOW, session=session)  # type: ignore[arg-type]
        facts = search.stories_of(found.hits, everything=bool(wanted.get("everything")), session=session)
    return [fact.shown.title for fact in facts]


def fill(database: Database) -> None:
    add(database, "Nurses speak of bullying at Ashcombe", "A ward in which nobody dared to complain.", days=3)
    add(database, "Board answers bullies", "The board of Ashcombe said that bullying was rare.", days=2)
    add(database, "Chair leaves Ashcombe", "She had asked about appraisals.", days=40)
    add(database, "On appraisal", "Something else.", days=90)
    add(database, "New clinic opens", "With a ward for children.", scope="no")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def stories(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Five stories in a database of each kind, to be read."""
    if request.param == "sqlite":
        with open_database(f"sqlite:///{tmp_path_factory.mktemp('search') / 'culture.db'}") as database:
            fill(database)
            yield database
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.new_database() as address, open_database(address) as database:
        fill(database)
        yield database


def test_words_phrases_and_not(stories: Database) -> None:
    assert set(titles(stories, "ashcombe")) == {
        "Nurses speak of bullying at Ashcombe",
        "Board answers bullies",
        "Chair leaves Ashcombe",
    }
    assert titles(stories, "ashcombe -bullying") == ["Chair leaves Ashcombe"]
    assert titles(stories, '"nobody dared"') == ["Nurses speak of bullying at Ashcombe"]
    assert titles(stories, '"dared nobody"') == []
    assert titles(stories, 'ward -"new clinic"') == ["Nurses speak of bullying at Ashcombe"]
    assert titles(stories, "nurse") == ["Nurses speak of bullying at Ashcombe"]  # by its stem


def test_a_word_of_the_title_weighs_more_than_one_of_the_text(stories: Database) -> None:
    assert titles(stories, "appraisal") == ["On appraisal", "Chair leaves Ashcombe"]


@pytest.mark.parametrize(
    "typed", ['"', '""', "-", "--", "a OR NOT", "NEAR(", "title:x", "*", "'; DROP TABLE article; --", "\\", "(((", "é"]
)
def test_no_query_breaks_it(stories: Database, typed: str) -> None:
    titles(stories, typed)


def test_only_what_is_in_scope_unless_all_is_asked_for(stories: Database) -> None:
    assert titles(stories, "clinic") == []
    assert titles(stories, "clinic", everything=True) == ["New clinic opens"]


def test_a_review_counts_at_once(sqlite: Database) -> None:
    fill(sqlite)
    with sqlite.write() as session:
        article = session.exec(select(Article).where(Article.title == "New clinic opens")).one()
        reviews.record(article, check_decision(in_scope=True, reviewer="Ada"), NOW, session=session)
    assert titles(sqlite, "clinic") == ["New clinic opens"]


def test_each_filter(stories: Database) -> None:
    split = (NOW - timedelta(days=10)).date()
    counts: list[tuple[dict[str, object], int]] = [
        ({"theme": "speaking-up"}, 3), ({"theme": "workforce"}, 0), ({"nation": "england"}, 3), ({"nation": "wales"}, 0),
        ({"sector": "regional"}, 3), ({"outlet": "Vale Gazette"}, 3), ({"outlet": "Nobody"}, 0), ({"read": "full"}, 3),
        ({"read": "headline"}, 0), ({"since": split}, 2), ({"until": split}, 1), ({"organisation": "none"}, 0),
    ]  # fmt: skip
    for wanted, count in counts:
        assert len(titles(stories, "ashcombe", **wanted)) == count, wanted
        assert len(titles(stories, "", **wanted)) >= count, wanted


def test_the_index_follows_every_change(database: Database) -> None:
    number = add(database, "Before", "the first wording")
    with database.write() as session:
        article = session.get_one(Article, number)
        article.title, article.text = "Afterwards", "another wording"
        session.add(article)
    assert titles(database, "before") == []
    assert titles(database, '"another wording"') == ["Afterwards"]
    with database.write() as session:  # what is rolled back was never there
        session.get_one(Article, number).title = "Neverland"
        session.flush()
        session.rollback()
    assert titles(database, "neverland") == []
    with database.write() as session:
        found = search.rebuild(session=session)
        assert found == len(session.exec(select(Article.id)).all())
    assert titles(database, '"another wording"') == ["Afterwards"]


def test_once_a_text_is_gone_its_evidence_alone_is_found(database: Database) -> None:
    number = add(database, "Purged", "Zephyrine said that the quince was ripe.", evidence="Zephyrine said it.")
    with database.write() as session:
        article = session.get_one(Article, number)
        article.text = None
        session.add(article)
    assert titles(database, "quince") == []
    assert titles(database, "zephyrine") == ["Purged"]
    with database.write() as session:
        tag = session.exec(select(Tag).where(Tag.article_id == number)).one()
        tag.evidence = "Marmalade said it."
        session.add(tag)
    assert titles(database, "zephyrine") == []
    assert titles(database, "marmalade") == ["Purged"]


@pytest.mark.parametrize("killed", [False, True], ids=["whole", "killed half-way"])
def test_no_word_of_a_purged_text_is_left_in_the_file(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    for number in range(40):
        add(sqlite, f"Story {number}", f"The quincunx of number{number} " * 30, days=60)
    add(sqlite, "Kept", "An ordinary sextant.", days=60, source="ogl")  # its class lets it be kept
    held = b"".join(file.read_bytes() for file in tmp_path.glob("culture.db*"))
    assert b"quincunx" in held
    settings = Settings(data=tmp_path)
    if killed:  # the texts are gone, and the index still has their words
        with monkeypatch.context() as patched:
            patched.setattr(search, "forget_deleted", lambda **given: sys.exit("killed"))
            with pytest.raises(SystemExit):
                asyncio.run(erasure.upkeep(sqlite, fakes.REGISTRY, settings, now=NOW))
    done = asyncio.run(erasure.upkeep(sqlite, fakes.REGISTRY, settings, now=NOW))
    assert done.texts == (0 if killed else 40)
    held = b"".join(file.read_bytes() for file in tmp_path.glob("culture.db*"))
    assert b"quincunx" not in held
    assert b"sextant" in held
    assert titles(sqlite, "quincunx") == []
    assert titles(sqlite, "sextant") == ["Kept"]


def test_the_newest_hits_are_ranked_and_it_says_so(sqlite: Database) -> None:
    for number in range(6):
        add(sqlite, f"Trust {number}", days=number)
    with sqlite.read() as session:
        found = find(Wanted(words=read_words("trust")), NOW, limit=4, session=session)
    assert (len(found.hits), found.more) == (4, True)


def test_the_page_shows_evidence_and_never_the_text(sqlite: Database, tmp_path: Path) -> None:
    said = "She raised <b>concerns</b> twice."
    add(sqlite, "Doctor was moved", f"Hidden wording with a pomegranate. {said}", evidence=said)
    page = visitor(sqlite, Settings(data=tmp_path), now=NOW).get("/search?q=pomegranate+quince").text
    assert "Nothing was found" in page
    page = visitor(sqlite, Settings(data=tmp_path), now=NOW).get("/search?q=pomegranate+raise").text
    assert "Hidden wording" not in page
    page = visitor(sqlite, Settings(data=tmp_path), now=NOW).get("/search?q=doctors").text
    assert "<mark>Doctor</mark> was moved" in page
    assert "raised &lt;b&gt;concerns&lt;/b&gt; twice" in page
