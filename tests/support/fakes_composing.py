"""Short ways to put a story into a week and to compose it: what the tests of the edition share."""

from datetime import datetime, timedelta

from sqlmodel import Session, select

from models.edition.compose import compose
from models.edition.content import EditionContent
from models.store.database import Database
from models.store.editions import gather_week
from models.store.tables import Article, RecognisedArticle, Review, StoredMention, StoredOrganisation
from models.weeks import Week
from tests.support import fakes_edition as fakes

WEEK = fakes.WEEK
GAZETTE, HARBOUR, CARE, BOARD = fakes.SOURCES[:4]
MIDWEEK = WEEK.start + timedelta(days=3)


def edition(database: Database, now: datetime = fakes.MONDAY_7, week: Week = WEEK) -> EditionContent:
    with database.read() as session:
        facts = gather_week(week, session=session)
    return compose(facts, fakes.REGISTRY, fakes.THEMES, now)


def add(session: Session, title: str = "A story", at: datetime = MIDWEEK, **values: object) -> Article:
    given: dict[str, object] = {"source": GAZETTE, "themes": [("workforce", "People leave.", 0.8)]}
    return fakes.add_story(session, title=title, at=at, **(given | values))  # type: ignore[arg-type]


def say(session: Session, article: Article, theme: str, verdict: bool, at: datetime = MIDWEEK) -> None:
    session.add(Review(article_id=article.id or 0, theme=theme, verdict=verdict, reviewer="Jo", at=at))


def titles(content: EditionContent) -> list[str]:
    return [story.title for story in content.stories]


def name_places(database: Database) -> None:
    """Have every article looked at for organisations, and its headline name the one of its place."""
    with database.write() as session:
        named = [(place, place.lower().replace(" ", "-").replace("’", "")) for place in fakes.PLACES]
        for place, id_ in named:
            session.add(
                StoredOrganisation(
                    id=id_, name=place, kind="nhs-trust", nation="england", successors=[], vocabulary="v"
                )
            )
        for number, title in session.exec(select(Article.id, Article.title)).all():
            session.add(RecognisedArticle(article_id=number or 0, vocabulary="v", attempts=1))
            for place, id_ in named:
                if place in title:
                    mention(session, number or 0, id_, start=title.index(place), surface=place)


def mention(
    session: Session, article_id: int, organisation_id: str, place: str = "title", *, count: int = 1, start: int = 0,
    surface: str = "x",
) -> None:  # fmt: skip
    """An organisation named in one place of an article."""
    session.add(
        StoredMention(
            article_id=article_id,
            organisation_id=organisation_id,
            place=place,
            start_offset=start,
            end_offset=start + len(surface),
            surface=surface,
            count=count,
        )
    )
