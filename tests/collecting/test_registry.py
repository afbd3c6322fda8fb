"""The registry of sources: two keys are enough, and a bad row is an error that names file, row, key and mend."""

from pathlib import Path

import pytest

from models.kinds import Kind
from models.seeds import DataFileError
from models.sources import load_registry


def registry(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "my.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_id_and_url_are_enough(tmp_path: Path) -> None:
    file = registry(tmp_path, '[[source]]\nid = "one"\nurl = "https://example.org/feed"\n')
    (source,) = load_registry(file).sources
    assert (source.kind, source.rights, source.enabled, source.label) == (Kind.FEED, "headline", True, "one")


def test_the_shipped_registry_loads_and_every_source_has_a_rights_class() -> None:
    shipped = load_registry()
    assert shipped.enabled()
    assert all(shipped.rights_of(source.id).id == source.rights for source in shipped.sources)


ROW = '[[source]]\nid = "one"\nurl = "https://example.org/feed"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[source]]\nurl = "https://example.org/"\n', r"my\.toml: source 1: id: .*add it"),
        ('[[source]]\nid = "one"\n', r"my\.toml: source 1 \(one\): url: .*add it"),
        (
            '[[source]]\nid = "one"\nurl = "example.org/feed"\n',
            r"source 1 \(one\): url: must be a full address .*'example.org/feed'",
        ),
        ('[[source]]\nid = "One!"\nurl = "https://example.org/"\n', r"source 1 \(One!\): id: "),
        (ROW + 'kind = "rss"\n', r"source 1 \(one\): kind: .*'feed'.*'rss'"),
        (ROW + 'rigths = "ogl"\n', r"unknown key 'rigths'; did you mean 'rights'\?"),
        (ROW + 'rights = "free"\n', r"rights: 'free' is not a class .*use one of ogl"),
        (ROW + ROW, r"source 2: id: 'one' is listed twice"),
        ('[source]\nid = "one"\n', r"must be tables, each headed \[\[source\]\]"),
        ("source = 5\n", r"must be tables, each headed \[\[source\]\]"),
        ("source = [5]\n", r"must be tables, each headed \[\[source\]\]"),
        ("[[sauce]]\n", r"unknown table 'sauce'"),
        ("", r"holds no \[\[source\]\] table"),
        ("[[source]\n", r"my\.toml: is not valid TOML: .*line 1"),
        (
            '[[source]]\nid = "one"\nurl = "https://user:secret@example.org/"\n',
            r"must not hold a user name or password",
        ),
    ],
)
def test_a_bad_row_names_file_row_key_and_mend(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataFileError, match=message):
        load_registry(registry(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"nowhere\.toml: no such file"):
        load_registry(tmp_path / "nowhere.toml")
