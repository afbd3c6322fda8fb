"""Reviews: a person's decision overrides the tags at once, for the whole story, and is what the next training learns from."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from flows.running.theme_choices import ThemeChoice
from models.reviews import IN_SCOPE, ReviewError, UncertainTag, check_decision, check_retagging, queue
from models.store import reviews
from models.store.database import Database
from models.store.story_leads import settle_stories
from models.store.tables import Article, ArticleAlias, Review, Story, Tag
from models.themes import load_themes
from tests.conftest import NOW

ADA = "Ada"


def add_story(database: Database, *urls: str, scope: str = "yes", in_scope: float = 0.9, **tags: str) -> list[int]:
    """A story of articles at these addresses, its lead first; tags are theme (with underscores) = state."""
    with database.write() as session:
        story = Story(first_seen_at=NOW, outlets=len(urls))
        session.add(story)
        session.flush()
        ids = []
        for url in urls:
            article = Article(
                url=url, source="s", outlet="The Paper", title=f"Title of {url}", first_seen_at=NOW, text="Text.",
                text_status="full", outcome="new", in_scope=in_scope, scope_state=scope, model_version="m1",
                story_id=story.id,
            )  # fmt: skip
            session.add(article)
            session.flush()
            assert article.id is not None
            ids.append(article.id)
        story.lead_article_id = ids[0]
        for theme, state in tags.items():
            session.add(
                Tag(article_id=ids[0], theme=theme.replace("_", "-"), score=0.9 if state == "yes" else 0.4, state=state,
                    evidence="It is so.", model_version="m1")
            )  # fmt: skip
    return ids


def decide(database: Database, article_id: int, now: datetime, **given: object) -> reviews.Recorded:
    with database.write() as session:
        article = reviews.find_article(str(article_id), session=session)
        assert article is not None
        decision = check_decision(**{"reviewer": ADA, **given})  # type: ignore[arg-type]
        return reviews.record(article, decision, now, session=session)


def standing(database: Database, article_id: int) -> set[str]:
    with database.read() as session:
        return {theme for theme, yes in reviews.standing(article_id, session=session).items() if yes}


def test_the_choices_of_the_forms_are_the_themes_by_name() -> None:
    assert [(choice.theme, choice.value) for choice in ThemeChoice] == [(t.id, t.name) for t in load_themes()]


def test_a_statement_overrides_the_tag_it_is_about_and_the_last_one_counts(database: Database, now: datetime) -> None:
    lead, copy = add_story(database, "https://a.example/1", "https://b.example/1", workforce="yes", appraisal="yes")
    recorded = decide(database, lead, now, themes=("speaking-up",), not_themes=("workforce",))
    assert recorded.articles == 2
    assert recorded.changes == {"speaking-up": (False, True), "workforce": (True, False)}
    assert standing(database, lead) == {IN_SCOPE, "speaking-up", "appraisal"}
    decide(database, lead, now + timedelta(minutes=1), in_scope=False)
    assert IN_SCOPE not in standing(database, lead)
    assert IN_SCOPE not in standing(database, copy)  # else the copy would bring the story back
    decide(database, copy, now + timedelta(minutes=2), in_scope=True, themes=("workforce",))
    assert standing(database, lead) == {IN_SCOPE, "speaking-up", "workforce", "appraisal"}


def test_a_retagging_settles_the_scope_and_all_themes() -> None:
    whole = check_retagging(themes=["appraisal"], reviewer=ADA)
    assert len(whole.statements) == 16
    assert [theme for theme, verdict in whole.statements.items() if verdict] == [IN_SCOPE, "appraisal"]


def test_a_theme_of_a_story_that_is_not_in_scope_is_kept_and_does_not_put_it_there(
    database: Database, now: datetime
) -> None:
    (lead,) = add_story(database, "https://a.example/1", scope="uncertain")
    recorded = decide(database, lead, now, themes=("workforce",))
    assert not recorded.in_scope
    assert standing(database, lead) == {"workforce"}
    assert decide(database, lead, now + timedelta(minutes=1), in_scope=True).in_scope
    assert standing(database, lead) == {IN_SCOPE, "workforce"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"themes": ["gossip"]}, "'gossip' is not one of the 15 themes"),
        ({"themes": ["appraisal"], "in_scope": False}, "carries no theme"),
        ({"themes": ["appraisal"], "reviewer": " \u202e\n"}, "needs the name"),
        ({"themes": ["appraisal"], "not_themes": ["appraisal"]}, "can't both apply"),
        ({}, "nothing is said"),
    ],
)
def test_a_decision_that_makes_no_sense_is_refused(given: dict[str, object], message: str) -> None:
    values = {"reviewer": ADA, **given}
    with pytest.raises(ReviewError, match=message):
        check_decision(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "what", ["1", " article 1 ", "#1", "https://a.example/1", "HTTPS://A.example/1#top", "https://old.example/x"]
)
def test_an_article_is_found_by_number_and_by_any_address_that_led_to_it(sqlite: Database, what: str) -> None:
    (lead,) = add_story(sqlite, "https://a.example/1")
    with sqlite.write() as session:
        session.add(ArticleAlias(url="https://old.example/x", article_id=lead))
    with sqlite.read() as session:
        found = reviews.find_article(what, session=session)
    assert found is not None
    assert found.id == lead == 1


@pytest.mark.parametrize("what", ["2", "", "nonsense", "https://a.example/2", "9" * 30, "-1"])
def test_what_is_not_stored_is_not_found(sqlite: Database, what: str) -> None:
    add_story(sqlite, "https://a.example/1")
    with sqlite.read() as session:
        assert reviews.find_article(what, session=session) is None


def test_the_queue_holds_recent_doubts_that_nobody_has_answered(database: Database, now: datetime) -> None:
    (sure,) = add_story(database, "https://a.example/sure", workforce="yes")
    (theme,) = add_story(
        database, "https://a.example/theme", workforce="uncertain", appraisal="uncertain", speaking_up="uncertain"
    )
    (scope,) = add_story(database, "https://a.example/scope", scope="uncertain", in_scope=0.45)
    (done,) = add_story(database, "https://a.example/done", workforce="uncertain")
    (out,) = add_story(database, "https://a.example/out", scope="no", workforce="uncertain")
    (gone,) = add_story(database, "https://a.example/gone", workforce="uncertain")
    decide(database, done, now, themes=("workforce",))
    decide(database, theme, now, not_themes=("speaking-up",))  # the other two questions stay
    decide(database, gone, now, in_scope=False)
    with database.read() as session:
        found = reviews.doubts(now - timedelta(days=1), 100, session=session)
        assert reviews.count_doubtful(now - timedelta(days=1), session=session) == len({d.article_id for d in found})
        assert reviews.doubts(now + timedelta(days=1), 100, session=session) == []
    asked = {doubt.article_id for doubt in found}
    assert asked == {theme, scope}
    assert not {sure, out, gone} & asked
    names = {one.id: one.name for one in load_themes()}
    items = queue(found, names, 10)
    assert [item.article_id for item in items] == [scope, theme]  # 0.45 is nearer to an even chance than 0.40
    assert items[1].asked == ("appraisal", "workforce")
    assert "Appraisal (0.40)" in items[1].question
    assert "Workforce (0.40)" in items[1].question
    assert items[1].evidence == "It is so."
    assert len(queue(found, names, 1)) == 1


def test_what_is_shown_with_little_margin_is_asked_about_too(database: Database, now: datetime) -> None:
    (sure,) = add_story(database, "https://a.example/sure", workforce="yes")
    (scope,) = add_story(database, "https://a.example/scope", in_scope=0.45)
    (theme,) = add_story(database, "https://a.example/theme", workforce="yes", appraisal="yes")
    with database.write() as session:
        for tag in session.exec(select(Tag).where(Tag.article_id == theme, Tag.theme == "workforce")):
            tag.score = 0.7
    with database.read() as session:
        found = reviews.doubts(now - timedelta(days=1), 100, session=session)
        assert reviews.count_doubtful(now - timedelta(days=1), session=session) == 2
        assert reviews.standing(theme, session=session)["workforce"]  # shown as before
    assert {(doubt.article_id, doubt.theme) for doubt in found} == {(scope, IN_SCOPE), (theme, "workforce")}
    assert sure not in {doubt.article_id for doubt in found}


def test_an_even_chance_about_scope_is_asked_first() -> None:
    theme = UncertainTag(1, "t", "u", "o", "workforce", 0.5, "e")
    scope = UncertainTag(2, "t", "u", "o", IN_SCOPE, 0.5, "")
    far = UncertainTag(3, "t", "u", "o", IN_SCOPE, 0.2, "")
    assert [item.article_id for item in queue([far, theme, scope], {}, 9)] == [2, 1, 3]


def test_training_learns_each_reviewed_story_once_with_the_last_verdicts(database: Database, now: datetime) -> None:
    lead, _ = add_story(database, "https://a.example/1", "https://b.example/1", workforce="yes")
    decide(database, lead, now, themes=("appraisal", "speaking-up"))
    decide(database, lead, now + timedelta(minutes=1), themes=("workforce",), not_themes=("speaking-up",))
    with database.read() as session:
        (learned,) = reviews.reviewed_articles(session=session)
        assert reviews.count_since(None, session=session) == reviews.count_since(now - timedelta(1), session=session)
        assert reviews.count_since(now + timedelta(hours=1), session=session) == 0
    assert learned.in_scope is None  # nobody spoke of it
    assert learned.themes == {"appraisal": True, "speaking-up": False, "workforce": True}


def test_hostile_words_of_a_reviewer_are_kept_harmless(sqlite: Database, now: datetime) -> None:
    (lead,) = add_story(sqlite, "https://a.example/1")
    decide(sqlite, lead, now, in_scope=True, reviewer="A\0da\r\n<b>", note="x\0y\ud800z" * 5000)
    with sqlite.read() as session:
        review = session.get_one(Review, 1)
    assert "\0" not in review.note + review.reviewer
    assert "\n" not in review.reviewer
    assert len(review.note) <= 2000


def test_a_copy_that_arrives_after_a_decision_does_not_bring_the_story_back(database: Database, now: datetime) -> None:
    (lead,) = add_story(database, "https://a.example/1")
    decide(database, lead, now, in_scope=False)
    with database.write() as session:
        story_id = session.get_one(Article, lead).story_id
        late = Article(url="https://b.example/late", source="s", first_seen_at=now, text_status="full", outcome="copy")
        late.story_id = story_id
        session.add(late)
    with database.write() as session:
        settle_stories([story_id or 0], session=session)
    with database.read() as session:
        found = reviews.find_article("https://b.example/late", session=session)
        assert found is not None
        assert found.id is not None
    assert IN_SCOPE not in standing(database, found.id)
