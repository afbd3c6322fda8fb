"""Events in the database: found by a run, found again when a story changes, undone by a person, and shown in one edition."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from flows.publishing import rendering
from flows.publishing.layout import view_edition
from models.dates_ahead import Precision
from models.edition.content import EditionContent, content_from_json
from models.reviews import ReviewError
from models.store import events
from models.store.database import Database, open_database
from models.store.placing import listed_articles
from models.store.tables import Article, Edition, EventReport, Separation, StoredOrganisation
from tests.product.test_commands import command
from tests.support import fakes_edition as fakes
from tests.support.fakes_composing import BOARD, CARE, GAZETTE, HARBOUR, WEEK, add, edition, mention, titles
from tests.tagging.test_events import AGAIN, CHAIR, PARKING

MONDAY = fakes.MONDAY_7
FRIDAY = WEEK.start + timedelta(days=4)
WATCH = "The board will name a successor on 9 December."
NIGHTS = (
    "Those who work nights have no bus to take. " * 15
)  # so that what is compared of it holds no sentence of another


def tell(session: Session, told: tuple[str, str], **values: object) -> Article:
    """A story with a text that names the trust in its first words."""
    article = add(session, told[0], **values)  # type: ignore[arg-type]
    article.text = f"{told[1]} {NIGHTS if told is PARKING else ''}{WATCH}"
    if session.get(StoredOrganisation, "ashcombe") is None:
        session.add(
            StoredOrganisation(
                id="ashcombe",
                name="Ashcombe Hospitals",
                kind="nhs-trust",
                nation="england",
                successors=[],
                vocabulary="v",
            )
        )
    mention(session, article.id or 0, "ashcombe", "text", surface="Ashcombe Hospitals")
    return article


@pytest.fixture
def told(database: Database) -> dict[str, int]:
    """Two reports of one event, another event of the trust, and what went before, four weeks ago."""
    stories = {
        "before": tell_all(database, CHAIR, at=FRIDAY - timedelta(days=28)),
        "first": tell_all(database, CHAIR, source=HARBOUR, at=FRIDAY),
        "second": tell_all(database, AGAIN, source=BOARD, at=FRIDAY + timedelta(hours=9)),
        "parking": tell_all(database, PARKING, source=CARE, at=FRIDAY),
    }
    with database.write() as session:
        first = session.get_one(Article, stories["first"])
        first.title = "Ashcombe’s chair goes over a midwife’s email"
        session.add(first)
    return stories


def tell_all(database: Database, told: tuple[str, str], **values: object) -> int:
    with database.write() as session:
        return tell(session, told, **values).id or 0


def run(database: Database, now: datetime = MONDAY) -> int:
    # The oldest of these stories is older than what a run of today looks at: it was looked at when it was new.
    return events.record_events(database, now=now - timedelta(days=21)) + events.record_events(database, now=now)


def events_of(database: Database) -> dict[int, tuple[int, int | None]]:
    """By lead: the event, and the story that it follows."""
    with database.read() as session:
        rows = session.exec(select(EventReport)).all()
    return {row.lead_article_id: (row.event_id, row.follows_story_id) for row in rows}


def content_of(database: Database) -> EditionContent:
    return content_from_json(edition(database).to_json())


def test_a_run_finds_events_once(database: Database, told: dict[str, int]) -> None:
    assert run(database) == 4
    found = events_of(database)
    assert found[told["first"]][0] == found[told["second"]][0]
    assert len({event for event, _ in found.values()}) == 3
    assert found[told["first"]][1] == found[told["before"]][0]
    assert found[told["parking"]][1] is None
    assert run(database) == 0


def test_a_story_whose_text_came_later_is_compared_again(database: Database, told: dict[str, int]) -> None:
    with database.write() as session:
        second = session.get_one(Article, told["second"])
        text, second.text, second.words, second.title = second.text, None, 9, "Trust in the news"
        session.add(second)
    run(database)
    found = events_of(database)
    assert found[told["first"]][0] != found[told["second"]][0]
    with database.write() as session:
        second = session.get_one(Article, told["second"])
        second.text, second.words, second.title = text, 400, AGAIN[0]
        session.add(second)
    assert run(database) == 1
    found = events_of(database)
    assert found[told["first"]][0] == found[told["second"]][0]


def test_reports_whose_texts_are_purged_stay_in_their_event_whatever_comes_after(
    database: Database, told: dict[str, int]
) -> None:
    run(database)
    before = events_of(database)
    with database.write() as session:
        for name in ("before", "first", "second"):
            article = session.get_one(Article, told[name])
            article.text = None
            session.add(article)
    assert run(database) == 0
    assert events_of(database) == before
    third = tell_all(database, AGAIN, source=GAZETTE, at=FRIDAY + timedelta(hours=20))
    assert run(database) == 1
    found = events_of(database)
    assert {lead: found[lead] for lead in before} == before
    assert found[third][0] not in {before[told["parking"]][0], before[told["before"]][0]}


def test_an_edition_tells_an_event_once_with_its_reports_what_it_follows_and_its_date(
    database: Database, told: dict[str, int]
) -> None:
    run(database)
    content = content_of(database)
    assert len(content.stories) == 2
    joined = next(story for story in content.stories if story.reports)
    assert {joined.id, joined.reports[0].id} == {told["first"], told["second"]}
    assert joined.outlets == content.outlets - 1 == 2
    assert joined.outlet == "Ward & Board"  # its source weighs more: the best comes first
    assert joined.follows is not None
    assert (joined.follows.title, joined.follows.week) == (CHAIR[0], "2026-W43")
    assert [(one.day.isoformat(), one.precision, one.quote) for one in joined.ahead] == [
        ("2026-12-09", Precision.DAY, WATCH)
    ]
    workforce = next(trend for trend in content.trends if trend.theme == "workforce")
    assert workforce.counts[-1] == len(content.stories_on("workforce")) == 2
    kept = Edition(week=str(WEEK), composed_at=MONDAY, subject="", html="", text="", content=content.to_json())
    assert listed_articles(kept) == {told["first"], told["second"], told["parking"]}


def test_every_form_shows_reports_what_is_followed_and_dates_ahead(database: Database, told: dict[str, int]) -> None:
    run(database)
    view = view_edition(content_of(database))
    email = rendering.render_email(view)
    artifact = rendering.render_artifact(view).replace("\\", "")
    for form in (email.html, email.text, rendering.render_web(view), artifact):
        words = " ".join(form.split())
        assert "2 reports: this and" in words
        assert "Follows:" in words
        assert "(week 43)" in words
        assert "To watch: " in words
        assert f"“{WATCH}”" in words
        assert "dates ahead" in words.lower()
        assert words.count("Wednesday 9 December") == 3  # at two items, and once in the list
    assert f"(article {told['first']})" in artifact


def test_what_a_person_separated_stays_apart(database: Database, told: dict[str, int]) -> None:
    run(database)
    with database.write() as session:
        pair = [session.get_one(Article, told[name]) for name in ("second", "first")]
        done = events.separate(*pair, reviewer="Jo", note="another matter", now=MONDAY, session=session)
    assert (done.were_one_event, done.was_followed) == (True, False)
    assert len(content_of(database).stories) == 3
    with database.write() as session:  # all is compared anew, as after an upgrade
        for row in session.exec(select(EventReport)).all():
            session.delete(row)
    assert run(database) == 4
    assert len(content_of(database).stories) == 3
    with database.read() as session:
        (kept,) = session.exec(select(Separation)).all()
    assert (kept.article_id, kept.other_id, kept.reviewer) == (told["first"], told["second"], "Jo")


def test_what_follows_nothing_any_more(database: Database, told: dict[str, int]) -> None:
    run(database)
    with database.write() as session:
        pair = [session.get_one(Article, told[name]) for name in ("first", "before")]
        assert events.separate(*pair, reviewer="Jo", note="", now=MONDAY, session=session).was_followed
    assert events_of(database)[told["first"]][1] is None


def test_copies_of_one_report_are_not_separated(database: Database) -> None:
    with database.write() as session:
        lead = add(session, "A report that others carry", copies=[HARBOUR])
        copy = session.exec(select(Article).where(Article.story_id == lead.story_id, Article.id != lead.id)).one()
        with pytest.raises(ReviewError, match="copies of one report"):
            events.separate(lead, copy, reviewer="Jo", note="", now=MONDAY, session=session)


def test_a_story_that_a_person_took_out_is_neither_a_report_nor_followed(
    database: Database, told: dict[str, int]
) -> None:
    run(database)
    with database.write() as session:
        for name in ("second", "before"):
            out = session.get_one(Article, told[name])
            out.scope_state = "no"
            session.add(out)
    (joined,) = (story for story in content_of(database).stories if story.id == told["first"])
    assert joined.reports == ()
    assert joined.follows is None


def test_the_command_separates_by_number(tmp_path: Path) -> None:
    with open_database(f"sqlite:///{tmp_path / 'culture.db'}") as database:
        numbers = [tell_all(database, CHAIR, source=GAZETTE), tell_all(database, AGAIN, source=BOARD)]
        events.record_events(database, now=MONDAY)
        assert len(content_of(database).stories) == 1
        done = command(tmp_path, "review", "separate", *map(str, numbers), "--reviewer", "Jo", "--data", ".")
        assert "They were reports of one event." in done.stdout
        assert titles(content_of(database)) == [AGAIN[0], CHAIR[0]]
        refused = command(tmp_path, "review", "separate", str(numbers[0]), "999", "--reviewer", "Jo", "--data", ".")
    assert refused.returncode == 2
    assert "no stored article" in refused.stderr
