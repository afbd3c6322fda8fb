"""What more text and what reviews teach the tagger: `python -m tests.quality.learning retold|reviews DATA ONE.jsonl OTHER.jsonl`.

DATA is a data folder that has the MiniLM encoder (`culture-monitor model fetch --data DATA`); training texts are encoded once and kept
there. ONE and OTHER are labelled real articles, as `culture-monitor evaluate` reads them.

`retold`: trained with none, a tenth, a third and all of the retold reports, measured on both files (5 minutes). `reviews`: one file is
the stream whose articles a person reviews, by doubt, certainty, certainty and likeness to what was confirmed (as ASReview does), or
chance; the other measures after each stage; then the other way round, and the mean of both (half an hour).
"""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from models.settings import MINILM
from models.tagging.classifier import Tagger
from models.tagging.encoders import choose_encoder
from models.tagging.evaluation import Labelled, evaluate, read_labelled
from models.tagging.fitting import train_tagger
from models.tagging.training import ReviewedArticle, TrainingData, load_training_data
from models.themes import theme_ids

SHARES = (0.0, 0.1, 1 / 3, 1.0)
STAGES = (0, 25, 50, 100, 190)
_RETOLD = re.compile(r"\d+:")  # groups of the files in seeds/retold, which are numbered

# Scores and thresholds of scope, and likeness to what was confirmed (0 to 1), to the places to ask, first first.
Order = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def _log_odds(p: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(p) - np.log1p(-p))


ORDERS: dict[str, Order] = {
    "doubt": lambda p, threshold, _: np.argsort(np.abs(_log_odds(p) - _log_odds(threshold)), kind="stable"),
    "certainty": lambda p, *_: np.argsort(-p, kind="stable"),
    "likeness": lambda p, _, like: np.argsort(-(p + like), kind="stable"),
    "chance": lambda p, *_: np.random.default_rng(len(p)).permutation(len(p)),
}


def with_share_of_retold(data: TrainingData, share: float) -> TrainingData:
    """The data with this share of the retold reports, taken evenly."""
    retold = [one for one in data.passages if _RETOLD.match(one.group)]
    kept = {retold[round(i / share)].group for i in range(round(share * len(retold)))} if share else set()
    return replace(
        data, passages=tuple(one for one in data.passages if not _RETOLD.match(one.group) or one.group in kept)
    )


def review_of(one: Labelled) -> ReviewedArticle:
    """What a person who knows says of an article, of its scope and every theme."""
    themes = {theme: theme in one.themes for theme in theme_ids()} if one.in_scope else {}
    return ReviewedArticle(one.document, one.in_scope, themes, one.id)


def average_precision(tagger: Tagger, labelled: Sequence[Labelled]) -> float:
    return float(evaluate(tagger, labelled)["in_scope"]["average_precision"])


def after_reviews(
    train: Callable[[TrainingData], Tagger], stream: Sequence[Labelled], test: Sequence[Labelled], order: Order
) -> list[float]:
    """Average precision of scope on `test` after each stage of reviews of `stream`, asked in an order that each model gives anew."""
    asked: list[Labelled] = []
    vectors = TfidfVectorizer(sublinear_tf=True, stop_words="english").fit_transform(
        one.document.text for one in stream
    )
    tagger = train(load_training_data())
    found = [average_precision(tagger, test)]
    for stage in STAGES[1:]:
        left = [one for one in stream if one not in asked]
        scores = tagger.score([one.document for one in left])
        confirmed = [stream.index(one) for one in asked if one.in_scope]
        like = (vectors[[stream.index(one) for one in left]] @ vectors[confirmed].T).toarray().max(axis=1, initial=0.0)
        places = order(scores.in_scope.clip(1e-6, 1 - 1e-6), tagger.scope.thresholds[scores.extents], like)
        asked += [left[i] for i in places[: stage - len(asked)]]
        tagger = train(load_training_data([review_of(one) for one in asked]))
        found.append(average_precision(tagger, test))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.quality.learning", description=__doc__)
    parser.add_argument("what", choices=["retold", "reviews"])
    parser.add_argument("data", type=Path)
    parser.add_argument("one", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("--order", choices=ORDERS, action="append", help="of the reviews; each without it")
    options = parser.parse_args()
    folder = options.data / "models"
    choice = choose_encoder(MINILM, folder / MINILM)
    one, other = read_labelled(options.one), read_labelled(options.other)

    def train(data: TrainingData) -> Tagger:
        return train_tagger(data, choice, folder, "learning")

    if options.what == "retold":
        for share in SHARES:
            found = evaluate(train(with_share_of_retold(load_training_data(), share)), [*one, *other])
            scope, themes = found["in_scope"], found["themes"]["micro_f1"]
            sys.stdout.write(f"{share:.2f} of the retold: scope AP {scope['average_precision']:.3f}, ")
            sys.stdout.write(f"F1 {scope['f1']:.3f}, themes micro F1 {themes:.3f}\n")
            sys.stdout.flush()
        return
    for name in options.order or ORDERS:
        ways = [after_reviews(train, *pair, ORDERS[name]) for pair in ((one, other), (other, one))]
        means = ", ".join(f"{stage}: {mean:.3f}" for stage, mean in zip(STAGES, np.mean(ways, axis=0), strict=True))
        sys.stdout.write(f"by {name}: scope AP after {means}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
