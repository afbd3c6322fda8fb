"""What the tagger learns from: seeds that are wrong say where; reviews; versions on disk."""

import shutil
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from models.seeds import DataFileError
from models.tagging.decisions import Document
from models.tagging.identity import version_of
from models.tagging.training import REVIEW_WEIGHT, ReviewedArticle, load_training_data
from models.tagging.versions import load_tagger, read_facts
from models.themes import theme_ids

REVIEW = ReviewedArticle(
    document=Document(
        title="Chair of trust resigns",
        text="The chair of the hospital trust resigned on Monday after a row with governors.",
    ),
    in_scope=True,
    themes={"boards-and-non-executives": True, "workforce": False},
    key="1",
)


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    """A copy of the seeds that a test may spoil."""
    with as_file(files("seeds")) as folder:
        for name in ("themes.toml", "background.toml", "passages.toml"):
            (tmp_path / name).write_bytes((folder / name).read_bytes())
        shutil.copytree(folder / "articles", tmp_path / "articles")
    return tmp_path


def spoil(file: Path, old: str, new: str) -> int:
    """Replaces the first `old` and tells the line in which it stood."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def test_every_theme_has_its_forty_sentences_and_there_are_six_hundred_without() -> None:
    data = load_training_data()
    for theme in theme_ids():
        own = [one for one in data.sentences if one.group.startswith(f"theme:{theme}:")]
        assert len(own) >= 40, theme
    assert sum(one.group.startswith("background:") for one in data.sentences) >= 600


def test_an_unknown_theme_is_an_error_that_names_the_line(seeds: Path) -> None:
    line = spoil(seeds / "passages.toml", '"patient-care"', '"patient-cares"')
    with pytest.raises(DataFileError, match=rf"passages\.toml:{line}: 'patient-cares' is not one of the 15"):
        load_training_data(folder=seeds)


def test_an_empty_text_is_an_error_that_names_the_line(seeds: Path) -> None:
    file = seeds / "background.toml"
    lines = file.read_text(encoding="utf-8").splitlines()
    number = next(i for i, line in enumerate(lines, start=1) if line.startswith('"'))
    lines[number - 1] = '"",'
    file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(DataFileError, match=rf"background\.toml:{number}: a text is empty"):
        load_training_data(folder=seeds)


def test_a_sentence_that_is_listed_twice_is_an_error_that_names_the_line(seeds: Path) -> None:
    file = seeds / "background.toml"
    lines = file.read_text(encoding="utf-8").splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith('"') and line.endswith('",'))
    lines.insert(first + 3, lines[first])
    file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(DataFileError, match=rf"background\.toml:{first + 4}: is listed twice"):
        load_training_data(folder=seeds)


def test_a_theme_on_a_passage_out_of_scope_is_an_error(seeds: Path) -> None:
    file = seeds / "passages.toml"
    spoil(file, "in_scope = true", "in_scope = false")
    with pytest.raises(DataFileError, match="out of scope, so it carries no theme"):
        load_training_data(folder=seeds)


def test_a_broken_file_is_an_error_that_names_it(seeds: Path) -> None:
    (seeds / "themes.toml").write_text("[[theme]\n", encoding="utf-8")
    with pytest.raises(DataFileError, match=r"themes\.toml: is not valid TOML"):
        load_training_data(folder=seeds)


def test_a_review_is_training_data_with_its_weight() -> None:
    data = load_training_data([REVIEW])
    found = data.passages[-1]
    assert (found.weight, found.themes) == (REVIEW_WEIGHT, ("boards-and-non-executives",))
    assert set(found.judged) == {"boards-and-non-executives", "workforce"}
    assert data.sha256 != load_training_data().sha256


def test_a_review_of_a_theme_that_is_not_in_use_counts_for_its_scope_alone() -> None:
    learned = load_training_data([ReviewedArticle(REVIEW.document, True, {"parking": True}, "1")]).passages[-1]
    assert (learned.in_scope, learned.themes, learned.judged) == (True, (), ())


def test_a_version_is_trained_once_and_then_read(small_seeds: Path, tmp_path: Path) -> None:
    first, said = load_tagger(tmp_path, encoder="tfidf", weights_folder=None)
    again, said_again = load_tagger(tmp_path, encoder="tfidf", weights_folder=None)
    assert "trained now" in said
    assert "trained" not in said_again
    assert first.tag([REVIEW.document]) == again.tag([REVIEW.document])
    facts = read_facts(tmp_path / first.version)
    assert facts is not None
    assert facts["encoder"] == "tfidf"


def test_a_changed_model_file_is_not_opened_but_trained_again(small_seeds: Path, tmp_path: Path) -> None:
    tagger, _ = load_tagger(tmp_path, encoder="tfidf", weights_folder=None)
    with (tmp_path / tagger.version / "model.npz").open("ab") as file:
        file.write(b"!")
    _, said = load_tagger(tmp_path, encoder="tfidf", weights_folder=None)
    assert "does not match the recorded SHA-256" in said


def test_reviews_and_encoders_make_other_versions() -> None:
    data, more = load_training_data(), load_training_data([REVIEW])
    assert len({version_of(data, "tfidf"), version_of(more, "tfidf"), version_of(data, "minilm")}) == 3


def test_reviews_teach(small_seeds: Path, tmp_path: Path) -> None:
    """Twenty verdicts that a kind of article is in scope move the next one of its kind."""
    kind = "The dental nurses of the Isle of Purbeck hold their annual regatta, with cakes, at the surgery by the quay. Boat {}."
    before, _ = load_tagger(tmp_path, encoder="tfidf", weights_folder=None)
    reviews = [
        ReviewedArticle(Document(f"Regatta {i}", kind.format(i)), True, {"collaboration": True}, str(i))
        for i in range(20)
    ]
    after, _ = load_tagger(tmp_path, encoder="tfidf", weights_folder=None, reviews=reviews)
    next_one = Document("Regatta again", kind.format("last"))
    assert after.tag([next_one])[0].in_scope > before.tag([next_one])[0].in_scope
