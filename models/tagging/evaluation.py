"""How good is a tagger: the figures of `culture-monitor evaluate`."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from models.given_files import read_given_text
from models.seeds import DataFileError
from models.tagging.decisions import Document
from models.tagging.signals import Floats
from models.themes import theme_ids, unknown_theme

Yes = NDArray[np.bool_]

MOST_LABELLED = 200_000_000  # bytes of a file: some 30,000 articles
_DRAWS = 200  # the ends of an interval then shake by about a hundredth
_QUANTILES = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Labelled:
    """An article with a person's labels."""

    id: str
    document: Document
    in_scope: bool | None  # None: nobody said
    themes: tuple[str, ...]
    judged: tuple[str, ...] = field(default_factory=theme_ids)  # the themes on which somebody decided


@dataclass(frozen=True, slots=True)
class Predictions:
    """What some method says of a set of articles."""

    in_scope: Floats  # scores, shape (articles,)
    in_scope_yes: Yes
    themes: Floats  # scores, shape (articles, themes), comparable over all articles
    themes_yes: Yes


class Predictor(Protocol):
    """Anything that can be measured: the tagger, or what a user would do instead."""

    def predict(self, documents: Sequence[Document]) -> Predictions:
        """Scores and decisions for all documents."""


def read_labelled(path: Path) -> list[Labelled]:
    """The labelled articles of a JSON-lines file: `{"id", "title", "text", "in_scope", "themes"}` a line.

    Raises:
        DataFileError: the file can't be read, or a line is wrong; names the line.
    """
    try:
        lines = read_given_text(path, MOST_LABELLED).split("\n")  # of JSON, no other mark ends a line
    except (OSError, UnicodeDecodeError) as error:
        raise DataFileError(f"{path}: can't be read as UTF-8 text: {error}") from error
    found: list[Labelled] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        one = _labelled(line, f"{path}:{number}")
        if one.id in seen:
            raise DataFileError(f"{path}:{number}: the id {one.id!r} stands in line {seen[one.id]} as well")
        seen[one.id] = number
        found.append(one)
    if not found:
        raise DataFileError(f"{path}: holds no labelled article")
    return found


def _labelled(line: str, place: str) -> Labelled:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:  # nested a thousand times
        raise DataFileError(f"{place}: is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise DataFileError(f"{place}: is not a JSON object")
    for key, kind in (("text", str), ("in_scope", bool), ("themes", list)):
        if not isinstance(row.get(key), kind):
            raise DataFileError(f"{place}: needs {key!r} as a {kind.__name__}")
    for theme in row["themes"]:
        if theme not in theme_ids():
            raise DataFileError(f"{place}: {unknown_theme(theme)}")
    return Labelled(
        id=str(row.get("id") or place),
        document=Document(title=str(row.get("title") or ""), text=row["text"]),
        in_scope=row["in_scope"],
        themes=tuple(dict.fromkeys(row["themes"])),
    )


def evaluate(tagger: Predictor, labelled: Sequence[Labelled]) -> dict[str, Any]:
    """The measures that the README shows: over all that was labelled, what is out of scope carrying no theme.

    Precision, recall and F1 are of the `yes` decisions (themes: with the scope decision applied); average precisions of the scores.
    A figure that can't be had (no line of that kind) is None. `samples_f1` is over the articles in scope of which every theme
    is known, whatever was said of their scope.
    """
    start = time.perf_counter()
    said = tagger.predict([one.document for one in labelled])
    seconds = time.perf_counter() - start
    known = np.array([one.in_scope is not None for one in labelled], bool)
    scope = np.array([one.in_scope for one in labelled], bool)[known]
    scope_yes, scope_scores = said.in_scope_yes[known], said.in_scope[known]
    shape = (len(labelled), len(theme_ids()))
    judged = np.array([[theme in one.judged for theme in theme_ids()] for one in labelled], bool).reshape(shape)
    shown = [(one.themes if one.in_scope is not False else ()) for one in labelled]
    themes = np.array([[theme in one for theme in theme_ids()] for one in shown], bool).reshape(shape)
    per_theme = {
        theme: {
            **rates(said.themes_yes[rows, i], themes[rows, i]),
            "average_precision": _average_precision(themes[rows, i], said.themes[rows, i]),
            "support": int(themes[rows, i].sum()),
        }
        for i, (theme, rows) in enumerate(zip(theme_ids(), judged.T, strict=True))
    }
    told = judged.all(axis=1) & np.array([one.in_scope is True for one in labelled], bool)
    supported = [row for row in per_theme.values() if row["support"]]
    return {
        "n": len(labelled),
        "in_scope": {
            **rates(scope_yes, scope),
            "average_precision": _average_precision(scope, scope_scores),
            "intervals": _intervals(
                scope,
                {
                    "f1": lambda rows: rates(scope_yes[rows], scope[rows])["f1"],
                    "average_precision": lambda rows: _average_precision(scope[rows], scope_scores[rows]) or 0.0,
                },
            ),
            "roc_auc": float(roc_auc_score(scope, scope_scores)) if 0 < scope.sum() < len(scope) else None,
        },
        "themes": {
            "micro_f1": rates(said.themes_yes[judged], themes[judged])["f1"],
            "samples_f1": _samples_f1(said.themes_yes[told], themes[told]),
            "intervals": _intervals(
                np.array([bool(one.themes) for one in labelled], bool),
                {
                    "micro_f1": lambda rows: rates(said.themes_yes[rows][judged[rows]], themes[rows][judged[rows]])[
                        "f1"
                    ],
                },
            ),
            "macro_f1": _mean([row["f1"] for row in supported]),
            "mean_average_precision": _mean([row["average_precision"] for row in supported]),
            "per_theme": per_theme,
        },
        "seconds": round(seconds, 3),
    }


def rates(said: Yes, yes: Yes) -> dict[str, Any]:
    """Precision, recall and F1; 0 where nothing was said or nothing is there."""
    right = int((said & yes).sum())
    precision = right / int(said.sum()) if said.any() else 0.0
    recall = right / int(yes.sum()) if yes.any() else 0.0
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    return {"precision": precision, "recall": recall, "f1": f1}


def _samples_f1(said: Yes, yes: Yes) -> float | None:
    """The mean over articles of the F1 of the themes said of each; an article without any is right if none was said."""
    both = (said.sum(axis=1) + yes.sum(axis=1)).astype(float)
    return _mean(np.where(both > 0, 2 * (said & yes).sum(axis=1) / np.maximum(both, 1), 1.0).tolist())


def _intervals(
    groups: Yes, figures: Mapping[str, Callable[[NDArray[np.intp]], float]]
) -> dict[str, tuple[float, float] | None]:
    """95% intervals of figures, by drawing articles anew, so many from each of the two `groups` as there are; None for one article.

    A figure is given the numbers of the articles drawn.
    """
    numbers = [np.flatnonzero(groups), np.flatnonzero(~groups)]
    if len(groups) < 2:
        return dict.fromkeys(figures)
    draw = np.random.default_rng(0)
    drawn = [np.concatenate([draw.choice(some, len(some)) for some in numbers if len(some)]) for _ in range(_DRAWS)]
    found = {name: np.quantile([figure(rows) for rows in drawn], _QUANTILES) for name, figure in figures.items()}
    return {name: (round(float(low), 4), round(float(high), 4)) for name, (low, high) in found.items()}


def _average_precision(yes: Yes, scores: Floats) -> float | None:
    return float(average_precision_score(yes, scores)) if yes.any() else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
