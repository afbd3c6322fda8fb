"""A folder with other themes, passages and words makes a monitor on other themes: by the command, over loopback HTTP."""

import json
import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from models.seeds import DataFileError
from models.tagging.training import load_training_data
from models.themes import read_framework
from models.weeks import Week
from tests.support.fakes_framework import EXAMPLES, run_command, write_framework
from tests.support.fakes_sites import feed, item, rfc
from tests.support.fakes_web import Answer, FakeWeb

_STORIES = {
    "water": (
        "Allotment taps run dry",
        "The council turned off the water at the allotments on Friday because the pipes leak.",
        "Plot holders carried water from the brook in buckets while the drought lasts, the association said.",
    ),
    "rents": (
        "Allotment tenants face higher rent",
        "The council will raise the rent of every allotment plot from April, and the charge for a key with it.",
        "Tenants signed a petition against the rent increase, which the association calls unfair.",
    ),
}


def page(title: str, *lines: str) -> bytes:
    text = "".join(f"<p>{line}</p>" for line in lines)
    head = f'<html lang="en-GB"><head><title>{title}</title></head>'
    return f"{head}<body><article><h1>{title}</h1>{text}</article></body></html>".encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder in which `run` was called once with a framework of three themes."""
    folder = tmp_path_factory.mktemp("allotments")
    write_framework(folder / "charter")
    day = datetime.now(UTC) - timedelta(minutes=10)
    with FakeWeb() as web:
        pages = {f"/{theme}": page(title, *lines, *lines) for theme, (title, *lines) in _STORIES.items()}
        web.pages.update({path: Answer(body) for path, body in pages.items()})
        web.pages["/feed"] = feed(*(item(web.url(path), _STORIES[path[1:]][0], rfc(day)) for path in pages))
        row = f'[[source]]\nid = "plots"\nname = "The Plot"\nurl = "{web.url("/feed")}"\nrights = "open"\n'
        (folder / "sources.toml").write_text(row, encoding="utf-8")
        ran = run_command(folder, "run", "--sources", "sources.toml", CULTURE_FRAMEWORK="charter")
    assert ran.returncode == 0, ran.stderr
    (folder / "ran.txt").write_text(ran.stdout)
    (folder / "week.txt").write_text(str(Week.of(day)))
    return folder


def tags(folder: Path) -> set[tuple[str, str]]:
    with sqlite3.connect(folder / "data" / "culture.db") as database:
        query = "SELECT article.title, tag.theme FROM tag JOIN article ON article.id = article_id WHERE state = 'yes'"
        return set(database.execute(query))


def test_stories_are_tagged_with_its_themes_and_the_digest_tells_them(folder: Path) -> None:
    assert "Water on the site" in (folder / "ran.txt").read_text()
    found = tags(folder)
    assert {(title, theme) for theme, (title, *_) in _STORIES.items()} <= found
    assert {theme for _, theme in found} <= set(EXAMPLES)
    digest = run_command(
        folder, "digest", "--json", "--week", (folder / "week.txt").read_text(), CULTURE_FRAMEWORK="charter"
    )
    assert digest.returncode == 0, digest.stderr
    told = json.loads(digest.stdout)
    text = next(Path(folder / file) for file in told["files"] if file.endswith(".txt")).read_text()
    text = " ".join(text.split())  # its lines are wrapped
    for words in (
        "Water on the site",
        "Rents and charges",
        "Waiting lists",
        "the allotments charter",
        "how allotments are run",
    ):
        assert words in text
    for title, *_ in _STORIES.values():
        assert title in text


def test_reviews_are_held_to_its_themes(folder: Path) -> None:
    wrong = run_command(
        folder, "review", "add", "1", "--theme", "speaking-up", "--reviewer", "Ada", CULTURE_FRAMEWORK="charter"
    )
    assert wrong.returncode == 2
    assert "'speaking-up' is not one of the 3 themes; use one of water, rents, waiting-lists" in wrong.stderr


def test_the_forms_offer_its_themes(folder: Path) -> None:
    code = "from flows.review import review; print(review.parameters.model_dump_json())"
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CULTURE_")}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env={**kept, "CULTURE_FRAMEWORK": str(folder / "charter")},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["definitions"]["ThemeChoice"]["enum"] == [
        "Water on the site",
        "Rents and charges",
        "Waiting lists",
    ]


def test_under_the_shipped_themes_again_tags_of_others_are_left_out_with_a_note(folder: Path) -> None:
    theirs = run_command(folder, "model", "train")
    assert theirs.returncode == 0, theirs.stderr
    assert "Tags and reviews of themes that are not in use are left out: rents, water" in theirs.stdout + theirs.stderr
    digest = run_command(folder, "digest", "--dry-run", "--week", (folder / "week.txt").read_text())
    assert digest.returncode == 0, digest.stderr


def test_before_anything_is_fetched_a_missing_or_wrong_file_is_named(tmp_path: Path) -> None:
    charter = write_framework(tmp_path / "charter")
    (charter / "vocabulary.toml").unlink()
    ran = run_command(tmp_path, "run", CULTURE_FRAMEWORK="charter")
    assert ran.returncode == 2
    assert "charter/vocabulary.toml: no such file; CULTURE_FRAMEWORK needs themes.toml, passages.toml" in ran.stderr
    assert not (tmp_path / "data").exists()
    with (charter / "vocabulary.toml").open("wb") as file:
        file.truncate(30_000_000)
    ran = run_command(tmp_path, "run", CULTURE_FRAMEWORK="charter")
    assert ran.returncode == 2
    assert "charter/vocabulary.toml: is larger than 20 MB" in ran.stderr
    (charter / "vocabulary.toml").write_text("[[group]]\nid = 'plot'\nterms = ['plot']\nrole = 'hero'\n")
    ran = run_command(tmp_path, "run", CULTURE_FRAMEWORK="charter")
    assert ran.returncode == 2
    assert "charter/vocabulary.toml: the role of the group 'plot' is 'hero'; use one of field, subject" in ran.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('id = "water"', 'id = "Water!"', r"themes\.toml: theme 1: 'Water!' can't be an id"),
        ('id = "water"', 'id = "rents"', r"themes\.toml: theme 2: 'rents' is listed twice"),
        (
            'name = "Rents and charges"',
            'name = "Waiting lists"',
            r"themes\.toml: theme 3: 'Waiting lists' is listed twice",
        ),
        ('definition = "', 'meaning = "', r"themes\.toml: theme 1: lacks the key 'definition'"),
        ("examples = [", "examples = [7, ", r"themes\.toml: theme 1 \(water\): an example has no text"),
        ("[[theme]]", "[theme]", r"themes\.toml: is not valid TOML"),
        ("[framework]", "framework = 1\n[other]", r"themes\.toml: `framework` must be a table"),
    ],
)
def test_wrong_themes_are_named_with_their_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    file = write_framework(tmp_path / "charter") / "themes.toml"
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(DataFileError, match=message):
        read_framework(file)


def test_one_theme_alone_is_refused(tmp_path: Path) -> None:
    file = write_framework(tmp_path / "charter") / "themes.toml"
    file.write_text("[[theme]]" + file.read_text().split("[[theme]]")[1])
    with pytest.raises(DataFileError, match="needs at least 2 themes, each as"):
        read_framework(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("passage = 3", r"passages\.toml: `passage` must be tables, each headed \[\[passage\]\]"),
        ("", "needs at least 5 passages with `in_scope = false`, to learn from; has 0"),
        ('[[passage]]\ntitle = "A"\ntext = "B c."\nin_scope = true\nthemes = "x"\n', "themes must be a list"),
    ],
)
def test_wrong_passages_are_named(tmp_path: Path, content: str, message: str) -> None:
    charter = write_framework(tmp_path / "charter")
    (charter / "themes.toml").write_text("")  # whose themes are those of the process
    (charter / "passages.toml").write_text(content)
    with pytest.raises(DataFileError, match=message):
        load_training_data(folder=charter)
