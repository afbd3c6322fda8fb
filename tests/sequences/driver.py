"""Random sequences from a seed: run, checked after each step, and made shorter where one fails."""

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.sequences.builds import Builds, tiny_builds
from tests.sequences.databases import NewDatabase
from tests.sequences.invariants import broken
from tests.sequences.newsroom import Newsroom
from tests.sequences.promises import unkept
from tests.sequences.steps import END, STEPS
from tests.sequences.world import Told, opened

LENGTH = 30
_TRIALS_OF_SHRINKING = 150


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps by name, each with the seed of its own chance; the same steps do the same."""

    seed: int
    steps: tuple[tuple[str, int], ...]


@dataclass(slots=True)
class Outcome:
    """What came of a sequence."""

    done: list[str] = field(default_factory=list)  # what each step did, in words
    problems: list[str] = field(default_factory=list)  # after the last of them
    counts: Counter[str] = field(default_factory=Counter)
    error: Exception | None = None

    def __str__(self) -> str:
        lines = [f"  {number}. {words}" for number, words in enumerate(self.done, start=1)]
        return "\n".join([*lines, *(f"  BROKEN: {problem}" for problem in self.problems)])


def plan_of(seed: int, length: int = LENGTH) -> Plan:
    """The sequence of a seed."""
    chance = Random(seed)
    names, weights = [step.__name__ for step in STEPS], list(STEPS.values())
    chosen = chance.choices(names, weights, k=length - 4)
    opening = ["joins", "joins", "feed_grows", "run"]  # nothing comes of a monitor without news and readers
    whole = [*opening, *chosen, *(step.__name__ for step in END)]
    return Plan(seed, tuple((name, chance.randrange(2**32)) for name in whole))


class Driver:
    """Runs sequences one after the other; use as `with`."""

    def __init__(self, new_database: NewDatabase) -> None:
        self._new_database = new_database

    def __enter__(self) -> "Driver":
        self._folder = tempfile.TemporaryDirectory(prefix="culture-sequences-")
        self._builds = tiny_builds(Path(self._folder.name))
        self.builds: Builds = self._builds.__enter__()
        self._newsroom = Newsroom().__enter__()
        return self

    def __exit__(self, *reason: object) -> None:
        self._newsroom.__exit__()
        self._builds.__exit__(None, None, None)
        self._folder.cleanup()

    def run(self, wanted: Plan) -> Outcome:
        """One sequence, up to the first step after which something is broken."""
        outcome, steps = Outcome(), {step.__name__: step for step in (*STEPS, *END)}
        with tempfile.TemporaryDirectory(dir=self._folder.name) as name:
            folder = Path(name)
            with (
                self._new_database(folder) as address,
                opened(folder, address, self._newsroom, self.builds, Random(wanted.seed)) as world,
            ):
                for number, (step, salt) in enumerate(wanted.steps, start=1):
                    world.step, world.told, world.kill_at = number, Told(), None
                    outcome.counts[step] += 1
                    try:
                        outcome.done.append(f"{step}: {steps[step](world, Random(salt))}")
                        outcome.problems = broken(world)
                        if number == len(wanted.steps) and step == "digest_at_last":
                            outcome.problems += unkept(world)
                    except Exception as error:  # noqa: BLE001 - what a job raises is a finding
                        outcome.done.append(step)
                        outcome.problems = [f"{type(error).__name__}: {error}"]
                        outcome.error = error
                    if outcome.problems:
                        break
        return outcome

    def shortest(self, wanted: Plan) -> tuple[Plan, Outcome]:
        """The sequence with all steps dropped without which it is broken in the same way."""
        best, outcome = wanted, self.run(wanted)
        kind = _kind(outcome)
        steps = list(wanted.steps[: len(outcome.done)])
        trials = 0
        size = max(len(steps) // 2, 1)
        while size and trials < _TRIALS_OF_SHRINKING:
            at = 0
            while at < len(steps) - 1 and trials < _TRIALS_OF_SHRINKING:
                fewer = [*steps[:at], *steps[at + size :]]
                trials += 1
                tried = self.run(Plan(wanted.seed, tuple(fewer)))
                if tried.problems and _kind(tried) == kind:
                    best, outcome = Plan(wanted.seed, tuple(fewer)), tried
                    steps = fewer[: len(tried.done)]
                else:
                    at += size
            size //= 2
        return best, outcome


def _kind(outcome: Outcome) -> str:
    """What is broken, without the names of what it is broken of."""
    return "".join(letter for letter in outcome.problems[0] if not letter.isdigit())[:60] if outcome.problems else ""
