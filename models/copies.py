"""Whether two texts are copies: by their sketches (MinHash), one beside many at once, and by their word sequences, two at a time."""

import struct
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash

from models.text import split_words

PERMUTATIONS = 64
_SEED = 42  # fingerprints in the database are comparable only under the same seed
SHINGLE_WORDS = 3  # shorter sequences are shared by any two texts on one subject, longer ones break at every edit
MIN_WORDS = 48  # a shorter text is a notice, and notices resemble each other (as lemon24/reader found)
MAX_WORDS = 3000  # enough to tell; a live blog's tail changes by the hour
# Of the shorter text's word sequences, so many stand in the longer one. Constructed copies with 40% changed keep
# just over half; most different reports share under a fifth, reports by one outlet that repeat its background up to
# half (see tests/benchmarks/stories.py for recall and precision at this threshold).
CONFIRMED = 0.5
# Or so much of the shorter text is covered by word sequences that stand in the longer one: where every sentence is edited
# a little, few sequences are left whole, and yet they lie close together. Reports of one outlet that repeat its background
# come up to .6, so that this is asked for more.
COVERED = 0.62
# An outlet repeats its own background in each report of a running story: of two reports by one outlet so much is asked for.
OWN_CONFIRMED = 0.75
OWN_COVERED = 0.8
MAY_COVER = 0.3  # shared sequences without which so much can't be covered
_FORMAT = f"<{PERMUTATIONS}I"
_FIRST_ROOM = 256


def fingerprint(text: str) -> bytes | None:
    """The text's MinHash as 256 bytes; None where the text is too short to tell copies by it."""
    words, shingles = _split(text)
    if words < MIN_WORDS:
        return None
    sketch = RMinHash(num_perm=PERMUTATIONS, seed=_SEED)
    sketch.update(shingles)
    return struct.pack(_FORMAT, *sketch.digest())


def is_copy(one: str, other: str, *, of_one_outlet: bool = False) -> bool:
    """Whether most of the shorter text stands in the longer one; three quarters where both are reports of one outlet."""
    confirmed, covered = (OWN_CONFIRMED, OWN_COVERED) if of_one_outlet else (CONFIRMED, COVERED)
    share = containment(one, other)
    return share >= confirmed or (share >= MAY_COVER and coverage(one, other) >= covered)


def coverage(one: str, other: str) -> float:
    """How many of the shorter text's words belong to a word sequence that stands in the longer one; 0 to 1.

    A sequence counts once: what a form repeats with other names and numbers makes no copy.
    """
    shorter, longer = sorted((split_words(text)[:MAX_WORDS] for text in (one, other)), key=len)
    theirs = set(_threes(longer))
    covered = bytearray(len(shorter))
    for at, sequence in enumerate(_threes(shorter)):
        if sequence in theirs:
            theirs.discard(sequence)
            covered[at : at + SHINGLE_WORDS] = b"\1" * SHINGLE_WORDS
    return sum(covered) / len(shorter) if shorter else 0.0


def containment(one: str, other: str) -> float:
    """How much of the shorter text stands in the longer one, by its word sequences; 0 to 1."""
    return share_held(sequences_of(one), sequences_of(other))


@lru_cache(maxsize=4)  # a text's fingerprint and its sequences are asked for one after the other
def _split(text: str) -> tuple[int, list[str]]:
    """How many words a text has, and its word sequences; of its first `MAX_WORDS`."""
    words = split_words(text)[:MAX_WORDS]
    return len(words), list(_threes(words))


def sequences_of(text: str) -> NDArray[np.int64]:
    """The word sequences of a text as sorted numbers, which are of this process: compact, and quick to compare."""
    return np.unique(np.fromiter(map(hash, _split(text)[1]), dtype=np.int64))


def _threes(words: list[str]) -> Iterable[str]:
    return map(" ".join, zip(*(words[start:] for start in range(SHINGLE_WORDS)), strict=False))


def share_held(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """How many of the sequences of the text with fewer of them the other has too; 0 to 1."""
    smaller = min(len(one), len(other))
    return len(np.intersect1d(one, other, assume_unique=True)) / smaller if smaller else 0.0


class Sketches:
    """Fingerprints by number, compared all at once: for a fortnight of news that costs less than an index of them."""

    def __init__(self) -> None:
        self._rows: NDArray[np.uint32] = np.empty((_FIRST_ROOM, PERMUTATIONS), dtype="<u4")
        self._numbers: list[int] = []

    def add(self, number: int, fingerprint: bytes) -> None:
        """Have later ones compared with this one; of a number that is added again, each is found."""
        used = len(self._numbers)
        if used == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        self._rows[used] = np.frombuffer(fingerprint, dtype="<u4")
        self._numbers.append(number)

    def nearest(self, fingerprint: bytes, at_least: int) -> list[tuple[float, int]]:
        """Estimated likeness (0 to 1) and number of each that has `at_least` so many values in common, the nearest first."""
        equal = (self._rows[: len(self._numbers)] == np.frombuffer(fingerprint, dtype="<u4")).sum(axis=1)
        found = np.flatnonzero(equal >= at_least)
        best = sorted((-int(equal[row]), self._numbers[row]) for row in found)
        return [(-count / PERMUTATIONS, number) for count, number in best]
