"""Learning from reviews: a challenger is measured beside the champion, and what a person decided is never lost."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from flows.tagging.training import train
from models.reviews import check_decision
from models.settings import Settings, load_settings
from models.store import model_versions, reviews
from models.store.database import Database
from models.store.tables import Article, Story
from models.tagging.decisions import Document
from models.tagging.held_out import as_labelled, is_held_out, measured_articles
from models.tagging.training import ReviewedArticle, load_training_data
from models.themes import theme_ids


@pytest.fixture
def settings(small_seeds: Path, tmp_path: Path) -> Settings:
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
    summary = train(sqlite, settings, now=now)
    assert summary.challenger == ""
    assert summary.notes[-1] == "no new reviews: nothing to learn"


def test_reviews_make_a_challenger_that_is_measured_recorded_and_can_be_rolled_back(
    sqlite: Database, settings: Settings, now: datetime
) -> None:
    first = train(sqlite, settings, now=now).champion
    later = now + timedelta(days=1)
    for number in range(9):
        article_id = store(sqlite, later, number)
        decision = check_decision(in_scope=False, reviewer="Ada")
        with sqlite.write() as session:
            reviews.record(session.get_one(Article, article_id), decision, later, session=session)
    summary = train(sqlite, settings, now=later)
    assert summary.new_reviews > 0
    assert summary.challenger
    assert summary.challenger != first
    assert summary.promotion is not None
    assert summary.champion == (summary.challenger if summary.promotion.accepted else first)
    with sqlite.read() as session:
        recorded = {row.version: row for row in model_versions.all_versions(session=session)}
    assert set(recorded) == {first, summary.challenger}
    assert recorded[summary.challenger].scores["n"] > len(measured_articles()) - 1
    assert recorded[summary.challenger].scores["card"]["reviews"] > 0
    assert recorded[summary.challenger].reviews_learned == recorded[summary.challenger].scores["card"]["reviews"]
    with sqlite.write() as session:
        assert model_versions.make_champion(first, session=session)
    assert train(sqlite, settings, now=later + timedelta(days=1)).champion == first


def test_a_fifth_is_held_out_by_the_articles_key_alone() -> None:
    reviewed = [ReviewedArticle(Document(f"Title {n}", f"Text {n}"), True, {}, str(n)) for n in range(600)]
    held_out = {one.key for one in reviewed if is_held_out(one)}
    assert 70 < len(held_out) < 170
    purged = [ReviewedArticle(Document("", ""), True, {}, one.key) for one in reviewed]
    assert {one.key for one in purged if is_held_out(one)} == held_out


def test_only_what_was_said_is_measured() -> None:
    document = Document("Title", "Text")
    partly = ReviewedArticle(document, None, {"appraisal": True, "workforce": False}, "1")
    outside = ReviewedArticle(document, False, {}, "2")
    first, second = as_labelled([partly, outside])
    assert (first.in_scope, first.themes, set(first.judged)) == (None, ("appraisal",), {"appraisal", "workforce"})
    assert (second.in_scope, second.themes, second.judged) == (False, (), theme_ids())


def test_nothing_that_is_measured_on_is_learned_from() -> None:
    learned = {one.document.body.strip() for one in load_training_data().passages}
    learned |= {one.text.strip() for one in load_training_data().sentences}
    for article in measured_articles():
        assert article.document.body.strip() not in learned
