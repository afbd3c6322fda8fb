"""A tenth of the seeds: the real classifier on the real fifteen themes, trained in a third of a second.

Four examples of each theme and forty whole passages, so that stories come out as in scope, uncertain and out of it.
"""

import json
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from models import seeds
from models.seeds import seed_file
from models.tagging import training, vocabulary

EXAMPLES = 4  # of each theme, and of each kind of background
PASSAGES = {True: 24, False: 16}  # in scope, out of it
MEASURED = 6


def passages() -> list[dict[str, Any]]:
    """The shipped passages: those that the small seeds hold among them."""
    found: list[dict[str, Any]] = _toml("passages.toml")["passage"]
    return found


def use_seeds(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """From now on this process learns from the seeds in `folder`."""
    for module in (seeds, training):
        patch.setattr(module, "framework_folder", lambda: folder)
    vocabulary.load_vocabulary.cache_clear()


@contextmanager
def seeds_in(folder: Path) -> Iterator[None]:
    """While this lasts, this process learns from the seeds in `folder`."""
    with pytest.MonkeyPatch.context() as patch:
        use_seeds(folder, patch)
        yield
    vocabulary.load_vocabulary.cache_clear()


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads(seed_file(name).read_text(encoding="utf-8"))


def write_small_seeds(folder: Path) -> Path:
    """Write them; the shipped organisations are cut short beside the folder, since they belong to no framework."""
    folder.mkdir(parents=True)
    themes = [
        row | {"examples": [one if isinstance(one, str) else one["text"] for one in row["examples"][:EXAMPLES]]}
        for row in _toml("themes.toml")["theme"]
    ]
    whole = _toml("themes.toml")
    head = "\n".join(["[framework]", *(f"{key} = {_value(value)}" for key, value in whole["framework"].items())])
    _write(folder / "themes.toml", "theme", themes, f"{head}\n{_tables('group', whole['group'])}\n")
    background = [
        {"kind": row["kind"], "sentences": row["sentences"][:EXAMPLES]}
        for row in _toml("background.toml")["background"]
    ]
    _write(folder / "background.toml", "background", background)
    chosen = [
        row
        for scope, many in PASSAGES.items()
        for row in [one for one in passages() if one["in_scope"] is scope][:many]
    ]
    keys = ("title", "in_scope", "themes", "text")
    _write(folder / "passages.toml", "passage", [{key: row[key] for key in keys if key in row} for row in chosen])
    few, _, _ = seed_file("organisations.toml").read_text(encoding="utf-8").partition("\n[england.")
    (folder.parent / "organisations.toml").write_text(few, encoding="utf-8")
    measured = seed_file("held_out.jsonl").read_text(encoding="utf-8").splitlines()[:MEASURED]
    (folder / "held_out.jsonl").write_text("\n".join(measured) + "\n", encoding="utf-8")
    words = seed_file("vocabulary.toml").read_text(encoding="utf-8")
    (folder / "vocabulary.toml").write_text(words, encoding="utf-8")
    return folder


def _write(file: Path, table: str, rows: list[dict[str, Any]], head: str = "") -> None:
    file.write_text(head + _tables(table, rows), encoding="utf-8")


def _tables(table: str, rows: list[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        lines += [f"[[{table}]]", *(f"{key} = {_value(value)}" for key, value in row.items())]
    return "\n".join(lines)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_value(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
