"""Which reports are taken for one event in a set on which no weight was fitted: python -m tests.quality.events_held_out

For each of the five invented sets, the weights of `models.events` are fitted on the other four and on the retold reports, and
measured on the one that was left out; all else, the threshold too, is as it is. Last, the weights of all five are printed:
these are the ones in use.
"""

import tomllib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, combinations

from sklearn.linear_model import LogisticRegression

from models import events
from models.events import Compared
from tests.quality.events import HERE, SETS, Figure, invented, pair_figures, retold

WEIGHTS = (
    "MATTER_WEIGHT",
    "NAMES_WEIGHT",
    "NAMES_BESIDE_BODY_WEIGHT",
    "TITLE_WEIGHT",
    "SHARED_BODY_WEIGHT",
    "OTHER_BODY_WEIGHT",
    "CONSTANT",
)
Pairs = list[tuple[list[float], bool]]  # what the weights are of, and whether the two are of one event


def fit(pairs: Pairs) -> dict[str, float]:
    """The weights, by logistic regression."""
    model = LogisticRegression(C=100, max_iter=5000).fit([row for row, _ in pairs], [same for _, same in pairs])
    return dict(zip(WEIGHTS, map(float, (*model.coef_[0], *model.intercept_)), strict=True))


def invented_pairs(name: str) -> Pairs:
    """The pairs of a set that may be put together, but those of an event and one that continues it."""
    return [
        (features(one.compared, other.compared), one.event == other.event)
        for one, other in combinations(invented(name), 2)
        if may_join(one.compared, other.compared) and one.event != other.follows and other.event != one.follows
    ]


def retold_pairs() -> Pairs:
    """The pairs of retold reports that tell of different events."""
    labels = tomllib.loads((HERE / "pairs.toml").read_text(encoding="utf-8"))["retold"]
    related = {frozenset(pair.split()) for kind in labels.values() for pair in kind}
    return [
        (features(mine, theirs), False)
        for (one, mine), (other, theirs) in combinations(retold(), 2)
        if frozenset((f"retold-{one[-3:]}", f"retold-{other[-3:]}")) not in related and may_join(mine, theirs)
    ]


def may_join(one: Compared, other: Compared) -> bool:
    """Whether two may be reports of one event, and share a rare word."""
    return events._may_join(one, other, ()) and not one.rare.isdisjoint(other.rare)


def features(one: Compared, other: Compared) -> list[float]:
    """What the weights are of, in their order."""
    like = one.likeness(other)
    names = (0.0, like.names) if like.shared_body else (like.names, 0.0)
    return [like.matter, *names, like.title, float(like.shared_body), float(like.other_body)]


@contextmanager
def using(weights: Mapping[str, float]) -> Iterator[None]:
    """Other weights than those in use, for a while."""
    in_use = {name: getattr(events, name) for name in weights}
    vars(events).update(weights)
    yield
    vars(events).update(in_use)


def together(figures: Collection[Figure]) -> Figure:
    """The figures of several sets as one."""
    return Figure(sum(one.right for one in figures), sum(one.of for one in figures))


def main() -> None:
    """Print the figures of each set, of all, and of the three that are most like the press."""
    pairs, others = {name: invented_pairs(name) for name in SETS}, retold_pairs()
    right, found = {}, {}
    for name in SETS:
        weights = fit([pair for other in SETS if other != name for pair in pairs[other]] + others)
        with using(weights):
            right[name], found[name] = pair_figures(invented(name))
        print(f"{name}: right {right[name]}; found {found[name]}")
    for names in (SETS, SETS[2:]):
        of_these = together([right[name] for name in names]), together([found[name] for name in names])
        print(f"{len(names)} sets: right {of_these[0]}; found {of_these[1]}")
    weights = fit([*chain(*pairs.values()), *others])
    print("fitted on all:", {name: round(weight, 1) for name, weight in weights.items()})


if __name__ == "__main__":
    main()
