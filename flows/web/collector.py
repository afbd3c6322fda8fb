"""Collecting: ask each due source for its entries, read the pages that may be read, store all with one outcome each.

The order is what makes a killed run harmless: a source's validators (ETag and the like) are stored only after all
its entries are, so whatever was not stored is listed again by the next run.
"""

import asyncio
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from flows.steps import Report, RunStep, at_once, unreported
from flows.web.keeper import Keeper
from flows.web.page_visits import PageVisits
from flows.web.polite_client import HostFacts, PoliteClient
from flows.web.source_polls import Poll, poll_source
from flows.web.turns import entry_of, is_due, round_robin
from flows.web.workers import Workers
from models.admission import Candidate, ReadEntry, admit
from models.outcomes import Outcome, PollOutcome
from models.settings import Settings
from models.sources import Registry, Source
from models.store import collecting as queries
from models.store.database import Database
from models.store.tables import SourceState

PAGES_A_BATCH = 50  # one transaction
BATCHES_AT_ONCE = 6  # bounds memory: so many batches of texts are held
POLLS_AT_ONCE = 64
# For which a thread that stores may keep the loop from handing a reader its next page: Python's own 5 ms are as long
# as a page takes to read, so the readers would stand still half of the time.
THREAD_TURN_SECONDS = 0.001

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class SourceResult:
    """What a run got from one source."""

    source: Source
    poll: PollOutcome
    detail: str
    outcomes: dict[Outcome, int]


@dataclass(slots=True)
class CollectSummary:
    """What a run did: `entries` is the sum of all outcomes, always."""

    run_id: int
    results: list[SourceResult] = field(default_factory=list)
    entries: int = 0
    not_due: int = 0

    @property
    def outcomes(self) -> Counter[Outcome]:
        """Entries by outcome, over all sources."""
        total: Counter[Outcome] = Counter()
        for result in self.results:
            total.update(result.outcomes)
        return total

    @property
    def failures(self) -> list[SourceResult]:
        """Sources that could not be seen."""
        return [result for result in self.results if result.poll.is_failure]


class Collector:
    """One collecting run."""

    def __init__(
        self,
        database: Database,
        registry: Registry,
        settings: Settings,
        *,
        now: datetime,
        user_agent: str,
        run_step: RunStep = at_once,
        report: Report = unreported,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """`wake` is called when reading begins and whenever a batch has been stored, for who works on what is stored."""
        self._database = database
        self._registry = registry
        self._settings = settings
        self._now = now
        self._user_agent = user_agent
        self._run_step = run_step
        self._report = report
        self._wake = wake
        self._outcomes: dict[str, Counter[Outcome]] = defaultdict(Counter)
        self._waiting: Counter[str] = Counter()  # entries of a source that are not stored yet
        self._polls: dict[str, Poll] = {}
        self._claimed: set[str] = set()  # addresses that this run has met
        self._batches = asyncio.Semaphore(BATCHES_AT_ONCE)
        self._keeping = asyncio.Lock()  # one thread at a time
        self._done = self._to_do = self._retried = 0
        self._started = time.monotonic()

    async def collect(self, sources: Sequence[Source] | None = None, *, all_due: bool = False) -> CollectSummary:
        """Poll `sources` (default: all that are enabled) that are due, or `all_due`; read and store what is new."""
        sys.setswitchinterval(THREAD_TURN_SECONDS)
        with self._database.write() as session:
            run_id = queries.start_run("collect", self._now, session=session)
            states = queries.source_states(session=session)
            hosts = queries.host_states(session=session)
        wanted = self._registry.enabled() if sources is None else tuple(sources)
        due = [source for source in wanted if all_due or is_due(source, states.get(source.id), self._now)]
        facts = {
            host: HostFacts(state.robots, state.robots_status, state.robots_fetched_at, state.retry_after)
            for host, state in hosts.items()
        }
        settings = self._settings
        async with (
            Workers(settings.workers) as workers,
            PoliteClient(
                user_agent=self._user_agent,
                allow_hosts=settings.allow_hosts,
                gap_seconds=settings.host_gap_seconds,
                hosts=facts,
                proxy=settings.proxy_address,
            ) as client,
        ):
            self._client, self._workers = client, workers
            blocked = {host: state.blocked_until for host, state in hosts.items() if state.blocked_until}
            self._visits = PageVisits(client, workers, now=self._now, blocked_until=blocked)
            self._keeper = Keeper(self._database, run_id, self._now)
            candidates = await self._poll_all(due, states)
            if candidates:  # one step, not one a batch: to report a step costs as much as storing a batch
                await self._run_step(f"read {len(candidates)} pages", lambda: self._read_all(candidates))
            self._keeper.save_hosts(client.hosts, self._visits.blocked_until)
            self._keeper.save_requests(client.requests)
        return self._finish(run_id, due, len(wanted) - len(due))

    async def _poll_all(self, due: Sequence[Source], states: dict[str, SourceState]) -> list[Candidate]:
        room = asyncio.Semaphore(POLLS_AT_ONCE)
        polled = 0
        self._report("poll", 0, len(due))

        async def poll(source: Source) -> list[Candidate]:
            nonlocal polled
            async with room:
                result = await self._run_step(
                    f"poll {source.label}",
                    lambda: poll_source(
                        source,
                        states.get(source.id),
                        client=self._client,
                        workers=self._workers,
                        settings=self._settings,
                        now=self._now,
                    ),
                )
            polled += 1
            self._report("poll", polled, len(due))
            self._polls[source.id] = result
            candidates = self._admit(source, result)
            self._keeper.save_poll(result)
            self._waiting[source.id] = len(candidates)
            return candidates

        found = [candidate for part in await asyncio.gather(*map(poll, due)) for candidate in part]
        found += self._retries({source.id: source for source in due})
        allowed, left = found[: self._settings.pages_per_run], found[self._settings.pages_per_run :]
        for candidate in left:
            self._outcomes[candidate.source.id][Outcome.DEFERRED] += 1
            self._waiting[candidate.source.id] -= 1
        with_entries = {candidate.source.id for candidate in allowed}
        self._save_states(source.id for source in due if source.id not in with_entries)
        return allowed

    def _admit(self, source: Source, poll: Poll) -> list[Candidate]:
        """Give each listed entry its outcome, or make it a candidate for reading."""
        counts = self._outcomes[source.id]
        counts[Outcome.INVALID] += poll.invalid
        with self._database.read() as session:
            known = queries.known_urls([entry.url for entry in poll.entries], session=session)
        rights = self._registry.rights_of(source.id)
        candidates = []
        for entry in poll.entries:
            is_known = entry.url in known or entry.url in self._claimed
            self._claimed.add(entry.url)
            outcome = admit(entry, known=is_known, now=self._now, max_age_days=self._settings.max_age_days)
            if outcome is None:
                candidates.append(Candidate(source, rights, entry))
            else:
                counts[outcome] += 1
        return candidates

    def _retries(self, due: dict[str, Source]) -> list[Candidate]:
        """Pages that failed in earlier runs enter this run once more."""
        with self._database.read() as session:
            failed = queries.failed_articles(self._now, due, session=session)
        retries = [
            Candidate(
                due[article.source],
                self._registry.rights_of(article.source),
                entry_of(article),
                article_id=article.id,
                attempts=article.attempts,
            )
            for article in failed
        ]
        self._retried = len(retries)
        for candidate in retries:
            self._waiting[candidate.source.id] += 1
        return retries

    async def _read_all(self, candidates: Sequence[Candidate]) -> None:
        self._to_do = len(candidates)
        self._report("read", 0, self._to_do)
        self._wake()
        mixed = round_robin(candidates)
        batches = [mixed[start : start + PAGES_A_BATCH] for start in range(0, len(mixed), PAGES_A_BATCH)]
        tasks = [asyncio.create_task(self._read_batch(batch)) for batch in batches]
        try:
            await asyncio.gather(*tasks)
        except BaseException:  # nothing may go on with a client and a database that are about to be closed
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise

    async def _read_batch(self, batch: Sequence[Candidate]) -> None:
        async with self._batches:
            outcomes = await self._store(await self._visit(batch))
            self._wake()
        for candidate, outcome in zip(batch, outcomes, strict=True):
            self._outcomes[candidate.source.id][outcome] += 1
            self._waiting[candidate.source.id] -= 1
        complete = {c.source.id for c in batch if not self._waiting[c.source.id]}
        await self._in_thread(self._save_states, complete)

    async def _visit(self, batch: Sequence[Candidate]) -> list[ReadEntry]:
        async def one(candidate: Candidate) -> ReadEntry:
            read = await self._visits.read(candidate)
            self._done += 1
            self._report("read", self._done, self._to_do)
            return read

        return await asyncio.gather(*map(one, batch))

    async def _store(self, read: Sequence[ReadEntry]) -> list[Outcome]:
        return await self._in_thread(self._keeper.store, read)

    async def _in_thread(self, work: Callable[[T], R], what: T) -> R:
        """Do work on the database while the loop goes on handing pages to the readers; cancelled, it ends first."""
        async with self._keeping:
            doing = asyncio.ensure_future(asyncio.to_thread(work, what))
            try:
                return await asyncio.shield(doing)
            except asyncio.CancelledError:
                await asyncio.wait([doing])
                raise

    def _save_states(self, source_ids: Iterable[str]) -> None:
        for source_id in source_ids:
            self._keeper.save_state(self._polls[source_id], self._outcomes[source_id])

    def _finish(self, run_id: int, due: Sequence[Source], not_due: int) -> CollectSummary:
        results = [
            SourceResult(source, self._polls[source.id].outcome, self._polls[source.id].detail, _counted(counts))
            for source in due
            for counts in [self._outcomes[source.id]]
        ]
        summary = CollectSummary(run_id, results, not_due=not_due)
        summary.entries = sum(summary.outcomes.values())
        entered = sum(len(self._polls[source.id].entries) + self._polls[source.id].invalid for source in due)
        entered += self._retried
        if entered != summary.entries or any(self._waiting.values()):
            raise RuntimeError(f"entries without an outcome: {entered} entered the run, {summary.entries} left it")
        stored = {r.source.id: {str(o): n for o, n in r.outcomes.items()} for r in results if r.outcomes}
        with self._database.write() as session:
            ended = self._now + timedelta(seconds=time.monotonic() - self._started)
            queries.finish_run(run_id, ended, stored, session=session)
        return summary


def _counted(counts: Counter[Outcome]) -> dict[Outcome, int]:
    return {outcome: counts[outcome] for outcome in Outcome if counts[outcome]}
