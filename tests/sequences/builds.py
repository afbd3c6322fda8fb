"""Builds of the monitor that train in a third of a second: the real code on a tenth of the seeds.

A sequence trains models again and again. What is trained is the real classifier on the real fifteen themes, with four examples
of each and forty whole passages, so that stories come out as in scope, uncertain and out of it. What was trained once, by
any sequence of this process, is kept by its version, which is the hash of all that shaped it.
"""

import json
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import create_engine

from flows.collecting import open_web
from models import organisations, seeds
from models.seeds import seed_file
from models.store import database
from models.tagging import fitting, thresholds, training, versions, vocabulary
from models.tagging.classifier import Tagger

EXAMPLES = 4  # of each theme, and of each kind of background
PASSAGES = {True: 24, False: 16}  # in scope, out of it
MEASURED = 6


def passages() -> list[dict[str, Any]]:
    """The shipped passages, which are the news of the sequences: those that the tiny seeds hold among them."""
    found: list[dict[str, Any]] = _toml("passages.toml")["passage"]
    return found


@contextmanager
def tiny_builds(folder: Path) -> Iterator["Builds"]:
    """While this lasts, this process is the first of two builds of the monitor; `folder` takes their seeds."""
    with pytest.MonkeyPatch.context() as patch:
        home = _write_seeds(folder / "seeds")
        patch.setattr(organisations, "seed_file", home.joinpath)
        patch.setattr(versions, "train_tagger", _remembering(fitting.train_tagger))
        patch.setattr(open_web, "Workers", InThisProcess)
        # Each engine would compile the same statements anew, and there are several to a sequence.
        compiled: dict[Any, Any] = {}
        patch.setattr(database, "create_engine", partial(create_engine, execution_options={"compiled_cache": compiled}))
        builds = Builds(patch, home)
        builds.become(0)
        yield builds
        vocabulary.load_vocabulary.cache_clear()


class Builds:
    """Two builds of the monitor, which differ in a constant of the code and in the vocabulary."""

    def __init__(self, patch: pytest.MonkeyPatch, home: Path) -> None:
        self._patch, self._home = patch, home
        self._doubt = thresholds._DOUBT
        self.number = 0

    def become(self, number: int) -> None:
        """From now on this process is that build: an upgrade, or the way back."""
        self.number = number
        self._patch.setattr(thresholds, "_DOUBT", self._doubt + 0.5 * number)
        for module in (seeds, training):
            self._patch.setattr(module, "framework_folder", lambda: self._home / str(number))
        vocabulary.load_vocabulary.cache_clear()


class InThisProcess:
    """The interface of `Workers` without processes, which take a second to start; tests/reading/test_workers.py has those."""

    def __init__(self, processes: int) -> None:
        pass

    async def __aenter__(self) -> "InThisProcess":
        return self

    async def __aexit__(self, *reason: object) -> None:
        pass

    async def call(self, function: Any, *arguments: Any, timeout_seconds: float) -> Any:
        """The same, at once."""
        return function(*arguments)


def _remembering(train: Any) -> Any:
    trained: dict[str, Tagger] = {}

    def remembered(data: Any, choice: Any, folder: Any, version: str) -> Tagger:
        if version not in trained:
            trained[version] = train(data, choice, folder, version)
        return trained[version]

    return remembered


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads(seed_file(name).read_text(encoding="utf-8"))


def _write_seeds(home: Path) -> Path:
    folder = home / "0"
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
    (home / "organisations.toml").write_text(few, encoding="utf-8")
    measured = seed_file("held_out.jsonl").read_text(encoding="utf-8").splitlines()[:MEASURED]
    (folder / "held_out.jsonl").write_text("\n".join(measured) + "\n", encoding="utf-8")
    words = seed_file("vocabulary.toml").read_text(encoding="utf-8")
    (folder / "vocabulary.toml").write_text(words, encoding="utf-8")
    shutil.copytree(folder, home / "1")
    regatta = '[[group]]\nid = "regatta"\nterms = ["regatta"]\n'
    (home / "1" / "vocabulary.toml").write_text(f"{words}\n{regatta}", encoding="utf-8")
    return home


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
