"""Learning from reviews: a challenger is measured beside the champion, and what a person decided is never lost."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from flows.training import held_out_articles, labelled_reviews, split, train
from models.reviews import check_decision
from models.settings import Settings, load_settings
from models.store import model_versions, reviews
from models.store.database import Database
from models.store.tables import Article, Story
from models.tagging.decisions import Document
from models.tagging.training import ReviewedArticle, load_training_data
from models.themes import THEME_IDS


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data=tmp_path / "d", encoder="tfidf")


def store(database: Database, now: datetime, number: int) -> int:
    with database.write() as session:
        story = Story(first_seen_at=now)
        session.add(story)
        session.flush()
        article = Article(
            url=f"https://example.org/{number}",
            source="s",
            title=f"Council car park number {number} to be resurfaced",
            text=f"Work on car park {number} begins on Monday, the council said. Drivers should use the other entrance.",
            first_seen_at=now,
            text_status="full",
            outcome="new",
            story_id=story.id,
        )
        session.add(article)
        session.flush()
        story.lead_article_id = article.id
        assert article.id is not None
        return article.id


def test_without_new_reviews_nothing_is_trained(sqlite: Database, settings: Settings, now: datetime) -> None:
    training = train(sqlite, settings, now=now)
    assert training.promotion is None
    assert training.note.startswith("no new reviews")


def test_reviews_make_a_challenger_that_is_measured_recorded_and_can_be_rolled_back(
    sqlite: Database, settings: Settings, now: datetime
) -> None:
    first = train(sqlite, settings, now=now).champion
    later = now + timedelta(days=1)
    for number in range(9):
        article_id = store(sqlite, later, number)
        decision = check_decision(in_scope=False, themes=(), others_stand=False, reviewer="Ada")
        with sqlite.write() as session:
            reviews.record(session.get_one(Article, article_id), decision, later, session=session)
    training = train(sqlite, settings, now=later)
    assert training.new_reviews > 0
    assert training.promotion is not None
    assert training.after is not None
    assert training.after["n"] > len(held_out_articles()) - 1
    with sqlite.read() as session:
        recorded = {row.version: row for row in model_versions.all_versions(session=session)}
    (challenger,) = set(recorded) - {first}
    assert training.champion == (challenger if training.promotion.accepted else first)
    assert recorded[challenger].scores["card"]["reviews"] > 0
    with sqlite.write() as session:
        assert model_versions.make_champion(first, session=session)
    assert train(sqlite, settings, now=later + timedelta(days=1)).champion == first


def test_a_held_out_review_is_never_learned_from_and_the_choice_is_stable() -> None:
    reviewed = [ReviewedArticle(Document(f"Title {n}", f"Text {n}"), True, {}) for n in range(300)]
    learned, kept = split(reviewed)
    assert 30 < len(kept) < 100
    assert split([*reversed(reviewed)])[1] == [*reversed(kept)]
    assert not {id(one) for one in kept} & {id(one) for one in learned}


def test_only_whole_decisions_are_measured_on() -> None:
    document = Document("Title", "Text")
    whole = ReviewedArticle(document, True, dict.fromkeys(THEME_IDS, False) | {"appraisal": True})
    partly = ReviewedArticle(document, True, {"appraisal": True})
    outside = ReviewedArticle(document, False, {})
    assert [one.themes for one in labelled_reviews([whole, partly, outside])] == [("appraisal",), ()]


def test_nothing_that_is_measured_on_is_learned_from() -> None:
    learned = {one.document.body.strip() for one in load_training_data().passages}
    learned |= {one.text.strip() for one in load_training_data().sentences}
    for article in held_out_articles():
        assert article.document.body.strip() not in learned
