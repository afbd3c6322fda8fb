"""What a collecting run did, as values: for the command, for artifacts and for machines."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from models.entries import Asked, network_trouble
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
    answered: bool = True  # a server was reached, whatever it said
    failing_since: datetime | None = None  # until this run, where it answers again
    failure_told: bool = False  # by an earlier run
    detail_told: bool = False  # the same as the last time

    @property
    def what_to_do(self) -> str:
        """What a person can do about its failure, in one line."""
        return self.poll.what_to_do.format(id=self.source.id)


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
        owed = (
            "1 page is owed: a later run reads it."
            if self.owed == 1
            else f"{self.owed:,} pages are owed: later runs read them."
        )
        words += [owed] if self.owed else []
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
    def network_trouble(self) -> str:
        """One line, where nothing could be read for a reason that lies with this machine's network; else empty."""
        asked = [result for result in self.results if result.poll is not PollOutcome.DEFERRED]
        return network_trouble([Asked(result.poll, result.answered) for result in asked])

    @property
    def began_to_fail(self) -> list[SourceResult]:
        """Sources whose failure has not been told yet; none while the network of this machine is to blame."""
        return [] if self.network_trouble else [result for result in self.failures if not result.failure_told]

    @property
    def answer_again(self) -> list[SourceResult]:
        """Sources of which an earlier run told that they fail, and which could be seen now."""
        seen = [r for r in self.results if not r.poll.is_failure and r.poll is not PollOutcome.DEFERRED]
        return [result for result in seen if result.failure_told]

    @property
    def failing_words(self) -> str:
        """One line on failures that are not told one by one, for people; empty where there is nothing to say."""
        if self.network_trouble:
            return self.network_trouble
        told = len(self.failures) - len(self.began_to_fail)
        if not told:
            return ""
        words = "source still fails" if told == 1 else "sources still fail"
        return f"{told:,} {words}, as told before: culture-monitor doctor names {'it' if told == 1 else 'them'}."

    @property
    def to_look_at(self) -> list[SourceResult]:
        """Sources that were read, with something to say of them that was not said the last time."""
        read = [r for r in self.results if not r.poll.is_failure and r.poll is not PollOutcome.DEFERRED]
        return [r for r in read if r.detail and not r.detail_told and not r.left_out]

    @property
    def cut_short(self) -> list[SourceResult]:
        """Sources that listed more than was read."""
        return [result for result in self.results if result.left_out]
