"""What a collecting run did, as values: for the command, for artifacts and for machines."""

from collections import Counter
from dataclasses import dataclass, field

from models.outcomes import Outcome, PollOutcome
from models.sources import Source


@dataclass(frozen=True, slots=True)
class SourceResult:
    """What a run got from one source."""

    source: Source
    poll: PollOutcome
    detail: str
    outcomes: dict[Outcome, int]
    left_out: str = ""  # what its listing held and was not read, in words


@dataclass(slots=True)
class CollectSummary:
    """What a run did: `entries` is the sum of all outcomes, always."""

    run_id: int
    results: list[SourceResult] = field(default_factory=list)
    # Pages of earlier runs that entered this one, by source: those that were owed, and stories looked at for corrections.
    earlier: dict[str, dict[Outcome, int]] = field(default_factory=dict)
    owed: int = 0  # pages that a later run reads
    entries: int = 0
    not_due: int = 0
    # What was left for the next run, since the time of this one (CULTURE_RUN_MINUTES) was up.
    pages_out_of_time: int = 0
    sources_out_of_time: int = 0

    @property
    def outcomes(self) -> Counter[Outcome]:
        """Entries by outcome, over all sources, pages of earlier runs among them."""
        total = self.earlier_outcomes
        for result in self.results:
            total.update(result.outcomes)
        return total

    @property
    def earlier_outcomes(self) -> Counter[Outcome]:
        """Pages of earlier runs, by outcome."""
        total: Counter[Outcome] = Counter()
        for outcomes in self.earlier.values():
            total.update(outcomes)
        return total

    @property
    def earlier_words(self) -> str:
        """One line on pages of earlier runs and what is left to later ones, for people; empty where there is nothing to say."""
        visited = self.earlier_outcomes
        told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(visited.items()) if count)
        words = (
            [f"{visited.total()} of these are pages of earlier runs, owed or looked at again: {told}."] if told else []
        )
        words += [f"{self.owed} pages are owed: later runs read them."] if self.owed else []
        if self.pages_out_of_time or self.sources_out_of_time:
            words.append(
                f"The time of the run was up (CULTURE_RUN_MINUTES): {self.pages_out_of_time} pages and "
                f"{self.sources_out_of_time} sources were left for the next one."
            )
        return " ".join(words)

    @property
    def failures(self) -> list[SourceResult]:
        """Sources that could not be seen."""
        return [result for result in self.results if result.poll.is_failure]

    @property
    def cut_short(self) -> list[SourceResult]:
        """Sources that listed more than was read."""
        return [result for result in self.results if result.left_out]
