"""What the MiniLM encoder would add to the rules of events: python -m tests.quality.events_by_meaning FOLDER

FOLDER holds the encoder's files (`culture-monitor model fetch`). For each invented set, weights are fitted on the others and the
retold reports, once of the words alone, once with the cosine of headline and opening too. Both are measured on the set that was
left out, from the odds at which so many pairs of retold reports that are not of one event would be put together.
"""

import argparse
import tomllib
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from models.events import OPENING, Compared
from models.settings import MINILM
from models.tagging.encoders import PublishedEncoder
from models.text import clean_text
from tests.quality.events import HERE, SETS, Figure, invented, retold
from tests.quality.events_held_out import features, may_join

WRONG = (4, 8, 16, 30)  # of the retold pairs

Pairs = tuple[np.ndarray, np.ndarray]  # features, the cosine last, and whether the pair is of one event


def of_invented(name: str, encoder: PublishedEncoder) -> tuple[Pairs, int]:
    """The pairs of a set that may be put together, and how many of its pairs are of one event."""
    reports = invented(name)
    cosines = _cosines([one.compared for one in reports], encoder)
    rows, same = [], []
    for (i, one), (j, other) in combinations(enumerate(reports), 2):
        if may_join(one.compared, other.compared):
            rows.append([*features(one.compared, other.compared), cosines[i, j]])
            same.append(one.event == other.event)
    of_one_event = sum(one.event == other.event for one, other in combinations(reports, 2))
    return (np.array(rows), np.array(same)), of_one_event


def of_retold(encoder: PublishedEncoder) -> np.ndarray:
    """The features of the pairs of retold reports that tell of different events."""
    labels = tomllib.loads((HERE / "pairs.toml").read_text(encoding="utf-8"))["retold"]
    related = {frozenset(pair.split()) for kind in labels.values() for pair in kind}
    reports = retold()
    cosines = _cosines([one for _, one in reports], encoder)
    return np.array(
        [
            [*features(one, other), cosines[i, j]]
            for (i, (mine, one)), (j, (theirs, other)) in combinations(enumerate(reports), 2)
            if frozenset((f"retold-{mine[-3:]}", f"retold-{theirs[-3:]}")) not in related and may_join(one, other)
        ]
    )


def _cosines(reports: Sequence[Compared], encoder: PublishedEncoder) -> np.ndarray:
    texts = [f"{one.account.title}. {clean_text(one.account.opening)[:OPENING]}" for one in reports]
    vectors = encoder.encode(texts)
    return np.asarray(vectors @ vectors.T)


def main() -> None:
    """Print how many pairs are put together rightly, without and with the cosine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("encoder", type=Path)
    encoder = PublishedEncoder(parser.parse_args().encoder, MINILM)
    sets = {name: of_invented(name, encoder) for name in SETS}
    others = of_retold(encoder)
    for said, columns in (("words", slice(0, -1)), ("words and cosine", slice(None))):
        right = {wrong: Figure() for wrong in WRONG}
        found = {wrong: Figure() for wrong in WRONG}
        for left_out in SETS:
            fitted = [pairs for name, (pairs, _) in sets.items() if name != left_out]
            rows = np.vstack([*(rows for rows, _ in fitted), others])[:, columns]
            same = np.concatenate([*(same for _, same in fitted), np.zeros(len(others), bool)])
            model = LogisticRegression(C=100, max_iter=5000).fit(rows, same)
            highest = np.sort(model.decision_function(others[:, columns]))[::-1]
            (rows, same), of_one_event = sets[left_out]
            odds = model.decision_function(rows[:, columns])
            for wrong in WRONG:
                together = odds > highest[wrong]
                right[wrong].right += int(same[together].sum())
                right[wrong].of += int(together.sum())
                found[wrong].right += int(same[together].sum())
                found[wrong].of += of_one_event
        for wrong in WRONG:
            print(f"{said}, {wrong} retold pairs wrong: right {right[wrong]}; found {found[wrong]}")


if __name__ == "__main__":
    main()
