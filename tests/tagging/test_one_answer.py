"""One answer is one answer: a review says what the person said, by command, file and form, and nothing beyond it."""

import io
import json
import sqlite3
from pathlib import Path
from urllib.parse import unquote

import pytest

from flows.review import review as form
from flows.running.artifacts import review_list
from models.reviews import UncertainTag, queue
from models.store import database as store
from models.store.database import open_database
from models.store.tables import Tag
from models.themes import load_themes, theme_ids
from tests.product.test_commands import Ran, command
from tests.store.test_migrations import upgrade
from tests.support.fakes_decisions import Installation

YES = {"speaking-up", "workforce"}


@pytest.fixture
def story(installation: Installation) -> int:
    """A story in scope with two themes, one doubt and a copy."""
    article = installation.add_story(7, in_scope=0.9, scope_state="yes", model_version="m")
    with installation.database() as database, database.write() as session:
        for theme, state in (("speaking-up", "yes"), ("workforce", "yes"), ("appraisal", "uncertain")):
            score = 0.9 if state == "yes" else 0.5
            session.add(Tag(article_id=article, theme=theme, score=score, state=state, model_version="m"))
    return article


def review(place: Installation, *words: str) -> Ran:
    return command(place.folder.parent, "review", *words)


def said(place: Installation, article: int) -> dict[str, int]:
    with sqlite3.connect(place.folder / "culture.db") as database:
        return dict(database.execute("SELECT theme, verdict FROM review WHERE article_id = ?", (article,)))


def shown(place: Installation, article: int) -> set[str]:
    """The themes of the story as an export tells them."""
    ran = command(place.folder.parent, "export", "--from", "2026-11-16", "--to", "2026-11-22", "--format", "json")
    assert ran.returncode == 0, ran.stderr
    (found,) = [one for one in json.loads(ran.stdout)["stories"] if one["title"] == "Regatta 7"] or [{"themes": []}]
    return {theme["theme"] for theme in found["themes"]}


def test_an_answer_about_one_theme_leaves_all_others(installation: Installation, story: int) -> None:
    assert shown(installation, story) == YES
    ran = review(installation, "add", str(story), "--theme", "appraisal", "--reviewer", "Ada")
    assert ran.returncode == 0, ran.stderr
    assert said(installation, story) == {"appraisal": 1}
    assert shown(installation, story) == YES | {"appraisal"}
    assert review(installation, "add", str(story), "--not-theme", "workforce", "--reviewer", "Ada").returncode == 0
    assert shown(installation, story) == {"speaking-up", "appraisal"}
    assert review(installation, "add", str(story), "--theme", "workforce", "--reviewer", "Bea").returncode == 0
    assert shown(installation, story) == YES | {"appraisal"}  # the latest statement counts


@pytest.mark.parametrize("words", [(), ("--note", "hm")])
def test_a_review_that_says_nothing_is_wrong_usage(
    installation: Installation, story: int, words: tuple[str, ...]
) -> None:
    ran = review(installation, "add", str(story), "--reviewer", "me", *words)
    assert ran.returncode == 2
    assert "nothing is said" in ran.stderr
    assert said(installation, story) == {}
    assert shown(installation, story) == YES


def test_a_story_leaves_the_digest_and_comes_back_by_its_scope_alone(installation: Installation, story: int) -> None:
    assert review(installation, "add", str(story), "--out-of-scope", "--reviewer", "Ada").returncode == 0
    assert shown(installation, story) == set()
    kept = review(installation, "add", str(story), "--theme", "appraisal", "--reviewer", "Bea")
    assert kept.returncode == 0
    assert "not in scope" in kept.stderr
    assert shown(installation, story) == set()
    assert review(installation, "add", str(story), "--in-scope", "--reviewer", "Ada").returncode == 0
    assert shown(installation, story) == YES | {"appraisal"}


def test_a_retagging_shows_what_it_changes_before_it_does(
    installation: Installation, story: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("retag", str(story), "--theme", "appraisal", "--reviewer", "Ada")
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    asked = review(installation, *words)
    assert asked.returncode == 0
    assert "Nothing was recorded." in asked.stdout
    for line in ("Speaking up", "Workforce", "Appraisal"):
        assert line in asked.stdout
    assert said(installation, story) == {}
    assert review(installation, *words, "--confirm").returncode == 0
    assert len(said(installation, story)) == 16
    assert shown(installation, story) == {"appraisal"}


def test_a_file_says_what_its_cells_say(installation: Installation, story: int) -> None:
    file = installation.folder.parent / "reviews.csv"
    head = "article,in_scope,themes,not_themes,reviewer,note\n"
    file.write_text(f"{head}{story},,appraisal,workforce; patient-care,Ada,\n", encoding="utf-8")
    assert review(installation, "import", str(file)).returncode == 0
    assert said(installation, story) == {"appraisal": 1, "workforce": 0, "patient-care": 0}
    file.write_text(f"{head}{story},no,,,Ada,\n{story},,,,Ada,\n", encoding="utf-8")
    refused = review(installation, "import", str(file))
    assert refused.returncode == 2
    assert f"{file}:3: nothing is said" in refused.stderr
    assert "in-scope" not in said(installation, story)


def test_a_question_that_was_answered_is_asked_no_more_and_the_others_are(
    installation: Installation, story: int
) -> None:
    with installation.database() as database, database.write() as session:
        session.add(Tag(article_id=story, theme="collaboration", score=0.4, state="uncertain", model_version="m"))

    def asked() -> list[str]:
        found = json.loads(review(installation, "queue", "--json").stdout)
        return [theme for one in found if one["article"] == story for theme in one["asked"]]

    with sqlite3.connect(installation.folder / "culture.db") as database_file:  # the command's clock is today's
        database_file.execute("UPDATE article SET first_seen_at = datetime('now')")
    assert asked() == ["appraisal", "collaboration"]
    review(installation, "add", str(story), "--not-theme", "appraisal", "--reviewer", "Ada")
    assert asked() == ["collaboration"]
    review(installation, "add", str(story), "--out-of-scope", "--reviewer", "Ada")
    assert asked() == []


def test_each_answer_of_the_queue_is_one_link_that_says_that_alone() -> None:
    names = {theme.id: theme.name for theme in load_themes()}
    doubts = [
        UncertainTag(5, "Title", "https://a.example/", "Outlet", theme, 0.5, "")
        for theme in ("in-scope", "speaking-up")
    ]
    page = review_list(queue(doubts, names, 9), "http://ui.example/run", "Ada")
    links = page.split("](http://ui.example/run?parameters=")[1:]
    answers = [json.loads(unquote(part.partition(")")[0])) for part in links]
    assert answers == [
        {"article": "5", "reviewer": "Ada", "in_scope": "yes"},
        {"article": "5", "reviewer": "Ada", "in_scope": "no"},
        {"article": "5", "reviewer": "Ada", "themes": ["Speaking up"]},
        {"article": "5", "reviewer": "Ada", "not_themes": ["Speaking up"]},
    ]
    for answer in answers:
        form.validate_parameters(answer)  # the form takes it


def test_reviews_of_the_first_release_keep_their_meaning(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'culture.db'}"
    engine = store._engine(address)
    upgrade(engine, "0001")
    engine.dispose()
    with sqlite3.connect(tmp_path / "culture.db") as database:
        database.execute(
            "INSERT INTO story (id, lead_article_id, first_seen_at, outlets) VALUES (1, 1, '2026-11-20', 1)"
        )
        database.execute(
            "INSERT INTO article (id, url, source, outlet, title, summary, first_seen_at, text_status, words, paywalled,"
            " attempts, outcome, scope_state, story_id) VALUES (1, 'https://a.example/1', 's', '', 'Title', '',"
            " '2026-11-20', 'full', 0, 0, 0, 'new', 'yes', 1)"
        )
        whole = [("in-scope", 1), *((theme, int(theme == "appraisal")) for theme in theme_ids())]
        database.executemany(
            "INSERT INTO review (article_id, theme, verdict, reviewer, note, at) VALUES (1, ?, ?, 'Ada', '', '2026-11-20')",
            whole,
        )
        for version, scores in (("seeds", "{}"), ("learned", '{"n": 5, "card": {"reviews": 4}}')):
            database.execute(
                "INSERT INTO model_version VALUES (?, '2026-11-21', 'h', '6', 'tfidf', 'f', ?, 'retired')",
                (version, scores),
            )
    open_database(address).close()
    with sqlite3.connect(tmp_path / "culture.db") as database:
        assert dict(database.execute("SELECT theme, verdict FROM review")) == dict(whole)
        learned = database.execute("SELECT version, reviews_learned, reviews_until IS NULL, pinned FROM model_version")
        assert set(learned) == {("seeds", 0, 1, 0), ("learned", 4, 0, 0)}
