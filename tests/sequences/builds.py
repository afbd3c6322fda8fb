"""Builds of the monitor that train in a third of a second: the real code on the small seeds.

A sequence trains models again and again. What was trained once, by any sequence of this process, is kept by its version,
which is the hash of all that shaped it.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import create_engine

from flows.collecting import open_web
from models import organisations
from models.store import database
from models.tagging import evaluation, fitting, thresholds, versions, vocabulary
from models.tagging.classifier import Tagger
from tests.support.small_seeds import use_seeds, write_small_seeds

KEPT = 40  # of the models trained so far; those of the seeds alone are asked for again and again


@contextmanager
def tiny_builds(folder: Path) -> Iterator["Builds"]:
    """While this lasts, this process is the first of two builds of the monitor; `folder` takes their seeds."""
    with pytest.MonkeyPatch.context() as patch:
        home = _write_builds(folder / "seeds")
        patch.setattr(organisations, "seed_file", home.joinpath)
        patch.setattr(versions, "train_tagger", _remembering(fitting.train_tagger))
        patch.setattr(open_web, "Workers", InThisProcess)
        # Each engine would compile the same statements anew, and there are several to a sequence.
        compiled: dict[Any, Any] = {}
        patch.setattr(database, "create_engine", partial(create_engine, execution_options={"compiled_cache": compiled}))
        patch.setattr(evaluation, "_DRAWS", 5)  # of the intervals, a fifth of a sequence's time
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
        use_seeds(self._home / str(number), self._patch)


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
        tagger = trained.pop(version) if version in trained else train(data, choice, folder, version)
        trained[version] = tagger
        while len(trained) > KEPT:
            trained.pop(next(iter(trained)))
        return tagger

    return remembered


def _write_builds(home: Path) -> Path:
    """The seeds of two builds, the second with a word more."""
    first = write_small_seeds(home / "0")
    words = (first / "vocabulary.toml").read_text(encoding="utf-8")
    shutil.copytree(first, home / "1")
    regatta = '[[group]]\nid = "regatta"\nterms = ["regatta"]\n'
    (home / "1" / "vocabulary.toml").write_text(f"{words}\n{regatta}", encoding="utf-8")
    return home
