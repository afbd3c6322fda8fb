"""What people decided outlives upgrades, lost files, encoders that come and go, purges and rollbacks."""

import ast
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from deployments.doctor import examine
from models.rights import load_rights
from models.seeds import seed_file
from models.sources import Registry
from models.store import reviews
from models.store.upkeep import keep_up
from models.tagging import thresholds
from models.tagging.held_out import is_held_out, measured_articles
from models.tagging.identity import SHAPING, bare_code, version_of
from models.tagging.training import load_training_data
from tests.product.test_commands import command
from tests.support.fakes_decisions import Installation

ROOT = Path(__file__).parents[2]
STORIES = 12


def review_stories(place: Installation, *, first: int = 10, **said: object) -> tuple[list[int], int]:
    """Stories that a person has spoken on, and how many of them may be learned from."""
    ids = [place.add_story(number) for number in range(first, first + STORIES)]
    for article_id in ids:
        place.review(article_id, **(said or {"in_scope": False}))
    with place.database() as database, database.read() as session:
        found = reviews.reviewed_articles(session=session)
    return ids, sum(not is_held_out(one) for one in found)


def upgrade(patch: pytest.MonkeyPatch) -> None:
    """From now on it is another build: one of its constants has another value."""
    patch.setattr(thresholds, "_DOUBT", thresholds._DOUBT + 0.5)


def model_finding(place: Installation) -> str:
    (found,) = [one for one in examine(place.settings) if one.what == "model"]
    return f"{found.health}: {found.words} -> {found.mend}"


@pytest.mark.parametrize("what", ["another build", "file lost", "file damaged"])
def test_a_model_that_takes_anothers_place_has_learned_from_the_reviews(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    before = installation.champion()
    assert before.reviews_learned == 0
    _, learnable = review_stories(installation)
    assert f"learned from 0 reviewed articles, {STORIES} later verdicts not learned yet" in model_finding(installation)
    file = installation.settings.models_folder / before.version / "model.npz"
    if what == "another build":
        upgrade(monkeypatch)
    elif what == "file lost":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-9] + b"different")
    assert "from the seeds and all reviews but the held-out fifth" in model_finding(installation)
    installation.run()
    after = installation.champion()
    assert after.version != before.version
    assert after.reviews_learned == learnable > 0
    assert after.scores["n"] > len(measured_articles())  # it was measured, and on reviews that it did not learn from
    assert after.scores["card"]["reviews"] == learnable
    assert f"learned from {learnable} reviewed articles" in model_finding(installation)
    assert "not learned yet" not in model_finding(installation)
    assert installation.train().notes[-1] == "no new reviews: nothing to learn"
    assert installation.champion().version == after.version


def test_an_encoder_that_comes_and_goes_takes_the_reviews_along(installation: Installation) -> None:
    _, learnable = review_stories(installation)
    installation.run()  # the model of the seeds still tags: nothing came between
    first = installation.champion()
    with sqlite3.connect(
        installation.folder / "culture.db"
    ) as database:  # as if an encoder had been there, and is gone
        database.execute("UPDATE model_version SET encoder = 'minilm'")
    facts = installation.settings.models_folder / first.version / "model.json"
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "encoder": "minilm"}))
    installation.add_story(99)
    installation.run()
    assert installation.champion().version != first.version
    assert installation.champion().reviews_learned == learnable


def test_new_reviews_are_those_that_the_champion_has_not_learned_from(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    review_stories(installation)
    upgrade(monkeypatch)
    installation.run()
    known = installation.champion().reviews_learned
    review_stories(installation, first=40, in_scope=True, themes=("collaboration",))
    trained = installation.train()
    assert trained.new_reviews == STORIES * 2
    assert trained.card is not None
    assert trained.card["reviews"] > known
    # Whatever became of that challenger, the same reviews do not make it again.
    again = installation.train()
    assert (again.challenger, again.champion) == ("", trained.champion)
    assert "nothing to learn" in again.notes[-1]


def test_a_rollback_holds_until_new_reviews_make_a_measured_challenger(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = installation.champion().version
    upgrade(monkeypatch)
    review_stories(installation)
    installation.run()
    new = installation.champion().version
    assert new != old
    installation.roll_back(old)
    assert installation.versions()[old].pinned
    story = installation.add_story(98)
    installation.run()
    assert installation.champion().version == old  # made by another build, and still what the person wants
    assert installation.tagged_by(story) == old
    assert "a person went back to it" in model_finding(installation)
    trained = installation.train()
    assert (trained.challenger, trained.champion) == ("", old)  # these reviews have had their chance
    review_stories(installation, first=40, in_scope=True, themes=("collaboration",))
    later = installation.train()
    assert later.promotion is not None
    assert installation.versions()[old].pinned is not later.promotion.accepted
    installation.roll_back(new)
    assert installation.champion().version == new
    assert [row.version for row in installation.versions().values() if row.pinned] == [new]


def test_what_stands_in_for_a_version_gone_back_to_knows_no_more_than_it_did(
    installation: Installation, tmp_path: Path
) -> None:
    old = installation.champion().version
    review_stories(installation)
    installation.train()
    installation.roll_back(old)
    home, aside = installation.settings.models_folder / old, tmp_path / "aside"
    shutil.move(home, aside)
    installation.add_story(98)
    installation.run()
    assert installation.champion().version == old  # of the same seeds, so it is the same model
    assert installation.champion().reviews_learned == 0
    assert installation.champion().pinned


def test_a_rollback_that_could_not_hold_is_refused(installation: Installation) -> None:
    old = installation.champion().version
    review_stories(installation)
    installation.train(force=True)
    with sqlite3.connect(installation.folder / "culture.db") as database:
        database.execute("UPDATE model_version SET state = 'champion'")
        database.execute("UPDATE model_version SET state = 'retired' WHERE version = ?", (old,))
    shutil.rmtree(installation.settings.models_folder / old)
    ran = command(installation.folder.parent, "model", "rollback", old)
    assert ran.returncode == 2
    assert "its file is gone" in ran.stderr
    assert installation.champion().version != old


def test_a_purge_of_texts_moves_no_review_to_the_other_side_and_trains_nothing(installation: Installation) -> None:
    review_stories(installation)
    installation.run()
    champion = installation.train().champion

    def sides() -> dict[str, bool]:
        with installation.database() as database, database.read() as session:
            return {one.key: is_held_out(one) for one in reviews.reviewed_articles(session=session)}

    before = sides()
    assert set(before.values()) == {True, False}
    installation.now = installation.now.replace(year=installation.now.year + 1)
    with installation.database() as database:
        done = keep_up(database, Registry(sources=(), rights=load_rights()), now=installation.now)
    assert done.texts > STORIES
    assert sides() == before
    assert "nothing to learn" in installation.train().notes[-1]
    assert installation.champion().version == champion


def test_another_build_with_other_seeds_and_vocabulary_learns_from_the_reviews(
    installation: Installation, tmp_path: Path
) -> None:
    _, learnable = review_stories(installation)
    build = tmp_path / "build"
    for room in ("models", "flows", "deployments", "seeds"):
        shutil.copytree(ROOT / room, build / room, ignore=shutil.ignore_patterns("__pycache__"))
    words = build / "seeds" / "vocabulary.toml"
    words.write_text(f'{words.read_text(encoding="utf-8")}\n[[group]]\nid = "regatta"\nterms = ["regatta"]\n')
    before = installation.champion().version
    ran = subprocess.run(
        [sys.executable, "-m", "deployments.cli", "model", "train", "--data", str(installation.folder)],
        cwd=build, env={**os.environ, "CULTURE_ENCODER": "tfidf", "PYTHONPATH": str(build)}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "no new reviews: nothing to learn" in ran.stderr
    assert installation.champion().version != before
    assert installation.champion().reviews_learned == learnable


def test_the_name_of_a_model_changes_with_all_that_shapes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    data = load_training_data()
    names = {version_of(data, "tfidf"), version_of(data, "minilm")}
    for constant in ("PRECISION", "_DOUBT"):
        with monkeypatch.context() as patch:
            patch.setattr(thresholds, constant, 0.7)
            names.add(version_of(data, "tfidf"))
    assert len(names) == 4
    assert version_of(data, "tfidf") in names


def test_comments_do_not_rename_a_model() -> None:
    source = seed_file().joinpath("..", "models", "tagging", "thresholds.py").read_text(encoding="utf-8")
    assert bare_code(f"{source}\n# another comment\n\n") == bare_code(source)
    assert bare_code(source.replace("PRECISION = 0.88", "PRECISION = 0.9")) != bare_code(source)


def test_every_module_that_has_a_say_counts() -> None:
    names = {module.__name__ for module in SHAPING}
    # What is read from them is data that counts by itself, or they only measure, or write files.
    others = {
        "models.themes",
        "models.seeds",
        "models.settings",
        "models.private_files",
        "models.given_files",
        "models.tagging.evaluation",
        "models.tagging",
    }
    for module in SHAPING:
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("models"):
                assert node.module in names | others, f"{module.__name__} imports {node.module}"
