"""Sketches of texts (MinHash) side by side, to find those that share the most with one."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FIRST_ROOM = 256


class Sketches:
    """Fingerprints by number, compared all at once: for a fortnight of news that costs less than an index of them."""

    def __init__(self, permutations: int) -> None:
        self._permutations = permutations
        self._rows: NDArray[np.uint32] | None = (
            None  # numpy is loaded for the first fingerprint: most runs bring nothing new
        )
        self._numbers: list[int] = []

    def add(self, number: int, fingerprint: bytes) -> None:
        """Have later ones compared with this one; of a number that is added again, each is found."""
        import numpy as np

        used = len(self._numbers)
        if self._rows is None:
            self._rows = np.empty((_FIRST_ROOM, self._permutations), dtype="<u4")
        elif used == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        self._rows[used] = np.frombuffer(fingerprint, dtype="<u4")
        self._numbers.append(number)

    def nearest(self, fingerprint: bytes, at_least: int) -> list[tuple[float, int]]:
        """Estimated likeness (0 to 1) and number of each that has `at_least` so many values in common, the nearest first."""
        if self._rows is None:
            return []
        import numpy as np

        equal = (self._rows[: len(self._numbers)] == np.frombuffer(fingerprint, dtype="<u4")).sum(axis=1)
        found = np.flatnonzero(equal >= at_least)
        best = sorted((-int(equal[row]), self._numbers[row]) for row in found)
        return [(-count / self._permutations, number) for count, number in best]
