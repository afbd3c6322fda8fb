"""Collecting: ask each due source for its entries and store them at once; then read the pages that are owed.

What makes a killed run harmless: a poll's entries and what is remembered of its source are stored in one transaction,
with every page that is still to be read owed; what this run does not come to is read by a later one.
"""

import asyncio
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from flows.collecting.open_web import open_web
from flows.collecting.source_polls import TIME_WAS_UP, Poll, poll_source
from flows.collecting.summary import CollectSummary, SourceResult
from flows.collecting.turns import is_due, longest_due_first, round_robin, visit_again
from flows.reading.sources import Window, key_of
from flows.running.steps import Report, RunStep, at_once, unreported
from models.admission import Candidate, ReadEntry
from models.entries import is_answered
from models.outcomes import Outcome
from models.polling import new_entries
from models.revisits import RECHECKS_PER_RUN
from models.settings import Settings
from models.sources import Registry, Source
from models.store import collecting as queries
from models.store.database import Database
from models.store.source_snapshots import record_sources
from models.store.tables import SourceState
from models.text_safety import MAX_DETAIL, storable

PAGES_A_BATCH = 50  # one transaction
BATCHES_AT_ONCE = 6  # bounds memory: so many batches of texts are held
POLLS_AT_ONCE = 64
POLLS_SHARE = 0.5  # of a run's time: slow sources must leave some for pages
# For which a thread that stores may keep the loop from handing a reader its next page: Python's own 5 ms are as long
# as a page takes to read, so the readers would stand still half of the time.
THREAD_TURN_SECONDS = 0.001

T = TypeVar("T")
R = TypeVar("R")


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
    ) -> None:
        self._database = database
        self._registry = registry
        self._settings = settings
        self._now = now
        self._user_agent = user_agent
        self._run_step = run_step
        self._report = report
        self._outcomes: dict[str, Counter[Outcome]] = defaultdict(Counter)  # of what was listed, by source
        self._earlier: dict[str, Counter[Outcome]] = defaultdict(Counter)  # of pages of earlier runs, by source
        self._polls: dict[str, Poll] = {}
        self._listed: dict[int, Candidate] = {}  # by article: what this run's listings leave to be read
        self._new_at_poll: dict[str, int] = {}
        self._unread: set[int | None] = set()  # listed, and more than one run reads
        self._wanted: frozenset[str] = frozenset()  # sources
        self._waiting = 0  # candidates that have no outcome yet
        self._batches = asyncio.Semaphore(BATCHES_AT_ONCE)
        self._keeping = asyncio.Lock()  # one thread at a time
        self._done = self._to_do = self._revisited = self._left_for_time = 0
        self._started = time.monotonic()

    async def collect(self, sources: Sequence[Source] | None = None, *, all_due: bool = False) -> CollectSummary:
        """Poll `sources` (default: all that are enabled) that are due, or `all_due`; read and store what is new."""
        sys.setswitchinterval(THREAD_TURN_SECONDS)
        with self._database.write() as session:
            run_id = queries.start_run("collect", self._now, session=session)
            states = queries.source_states(session=session)
            record_sources(self._registry, self._now, session=session)
        wanted = (
            self._registry.enabled() if sources is None else tuple({source.id: source for source in sources}.values())
        )
        due = [source for source in wanted if all_due or is_due(source, states.get(source.id), self._now)]
        self._window = Window(self._now - timedelta(days=self._settings.max_age_days), self._now)
        began, run_seconds = asyncio.get_running_loop().time(), self._settings.run_minutes * 60
        self._polls_until = began + run_seconds * POLLS_SHARE
        async with open_web(
            self._database,
            self._settings,
            run_id=run_id,
            now=self._now,
            user_agent=self._user_agent,
            clock=self._clock,
            until=began + run_seconds,
        ) as self._web:
            await self._poll_all(due, states)
            candidates = self._choose(wanted, everybody=sources is None, all_due=all_due)
            if candidates:  # one step, not one a batch: to report a step costs as much as storing a batch
                await self._run_step(Collector.read_pages, self, candidates)
        return self._finish(run_id, due, len(wanted) - len(due))

    def _clock(self) -> datetime:
        """The time by the run's own clock."""
        return self._now + timedelta(seconds=time.monotonic() - self._started)

    async def _poll_all(self, due: Sequence[Source], states: dict[str, SourceState]) -> None:
        room = asyncio.Semaphore(POLLS_AT_ONCE)
        polled = 0
        self._report("poll", 0, len(due))

        async def poll(source: Source) -> None:
            nonlocal polled
            async with room:
                result = await self._run_step(
                    poll_source,
                    source,
                    states.get(source.id),
                    client=self._web.client,
                    workers=self._web.workers,
                    window=self._window,
                    key=key_of(source.kind, self._settings),
                    until=self._polls_until,
                )
            polled += 1
            self._report("poll", polled, len(due))
            self._store_poll(source, result)

        await _all_of(map(poll, longest_due_first(due, states)))

    def _store_poll(self, source: Source, poll: Poll) -> None:
        self._polls[source.id] = poll
        if poll.detail == TIME_WAS_UP:  # as if it had not been due yet: the next run asks it
            self._new_at_poll[source.id] = 0
            return
        listed = self._web.writer.store_poll(poll, self._registry, oldest=self._window.since)
        self._outcomes[source.id] = listed.outcomes
        self._new_at_poll[source.id] = new_entries(listed.outcomes)
        for candidate in listed.candidates:
            assert candidate.article_id is not None  # it is stored
            if (first := self._listed.get(candidate.article_id)) is not None:  # another site named the page before
                self._settle(first, Outcome.KNOWN)
            self._listed[candidate.article_id] = candidate
            self._waiting += 1

    def _settle(self, candidate: Candidate, outcome: Outcome) -> None:
        """The final outcome of a candidate; those that were listed count as deferred until then."""
        if self._listed.get(candidate.article_id or 0) is candidate:
            self._outcomes[candidate.source.id][Outcome.DEFERRED] -= 1
            self._outcomes[candidate.source.id][outcome] += 1
        else:
            self._earlier[candidate.source.id][outcome] += 1
        self._waiting -= 1

    def _choose(self, wanted: Sequence[Source], *, everybody: bool, all_due: bool) -> list[Candidate]:
        """What is read: owed pages, those that have waited longest first, then what was listed, then what may have changed."""
        sources = {source.id: source for source in wanted}
        self._wanted = frozenset(sources)
        limit = self._settings.pages_per_run
        with self._database.read() as session:
            owed = queries.owed_articles(
                None if all_due else self._now,
                None if everybody else sources,
                limit + len(self._listed),
                session=session,
            )
            known = {source.id for source in wanted if self._registry.rights_of(source.id).fetch_pages}
            again = queries.articles_to_recheck(self._now, known, RECHECKS_PER_RUN, all_due=all_due, session=session)
        before = [
            visit_again(article, sources.get(article.source), self._registry.rights_of(article.source))
            for article in owed
            if article.id not in self._listed
        ][:limit]
        rechecks = [
            visit_again(article, sources[article.source], self._registry.rights_of(article.source), recheck=True)
            for article in again
            if article.id not in self._listed
        ]
        self._revisited = len(before) + len(rechecks)
        self._waiting += self._revisited
        self._unread = {candidate.article_id for candidate in list(self._listed.values())[limit - len(before) :]}
        # In the registry's order, whoever answered first: the same news makes the same stories, led by the same outlets.
        place = {source_id: number for number, source_id in enumerate(sources)}
        found = [*before, *self._listed.values(), *rechecks]
        return sorted(found, key=lambda candidate: place.get(candidate.source.id, len(place)))

    async def read_pages(self, candidates: Sequence[Candidate]) -> None:
        """Read the pages of these and store what they give: a step of its own, within `collect`."""
        self._to_do = len(candidates)
        self._report("read", 0, self._to_do)
        mixed = round_robin(candidates)
        batches = [mixed[start : start + PAGES_A_BATCH] for start in range(0, len(mixed), PAGES_A_BATCH)]
        await _all_of(self._read_batch(batch) for batch in batches)

    async def _read_batch(self, batch: Sequence[Candidate]) -> None:
        async with self._batches:
            outcomes = await self._store(await self._visit(batch))
        for candidate, outcome in zip(batch, outcomes, strict=True):
            self._settle(candidate, outcome)

    async def _visit(self, batch: Sequence[Candidate]) -> list[ReadEntry]:
        async def one(candidate: Candidate) -> ReadEntry:
            if candidate.article_id in self._unread:
                read = ReadEntry(candidate, Outcome.DEFERRED, detail="more pages than are read in one run")
            elif candidate.source.id not in self._wanted:
                read = ReadEntry(candidate, Outcome.HEADLINE, detail="its source is read no more")
            else:
                read = await self._web.visits.read(candidate)
            self._left_for_time += read.detail == TIME_WAS_UP
            self._done += 1
            self._report("read", self._done, self._to_do)
            return read

        return await asyncio.gather(*map(one, batch))

    async def _store(self, read: Sequence[ReadEntry]) -> list[Outcome]:
        return await self._in_thread(self._web.writer.store, read)

    async def _in_thread(self, work: Callable[[T], R], what: T) -> R:
        """Do work on the database while the loop goes on handing pages to the readers; cancelled, it ends first."""
        async with self._keeping:
            doing = asyncio.ensure_future(asyncio.to_thread(work, what))
            try:
                return await asyncio.shield(doing)
            except asyncio.CancelledError:
                await asyncio.wait([doing])
                raise

    def _finish(self, run_id: int, due: Sequence[Source], not_due: int) -> CollectSummary:
        results = [_result(self._polls[source.id], _counted(self._outcomes[source.id])) for source in due]
        earlier = {source: _counted(counts) for source, counts in self._earlier.items()}
        with self._database.read() as session:
            owed = queries.count_owed(session=session)
        summary = CollectSummary(run_id, results, earlier, owed, not_due=not_due)
        summary.pages_out_of_time = self._left_for_time
        summary.sources_out_of_time = sum(poll.detail == TIME_WAS_UP for poll in self._polls.values())
        summary.entries = sum(summary.outcomes.values())
        entered = sum(len(self._polls[source.id].entries) + self._polls[source.id].invalid for source in due)
        entered += self._revisited
        if entered != summary.entries or self._waiting:
            raise RuntimeError(f"entries without an outcome: {entered} entered the run, {summary.entries} left it")
        stored: dict[str, Counter[str]] = defaultdict(Counter)
        for source_id, counted in [*((r.source.id, r.outcomes) for r in results), *earlier.items()]:
            stored[source_id].update({str(outcome): count for outcome, count in counted.items()})
        for source in due:  # what was listed may have turned out to be known under another address
            if new_entries(self._outcomes[source.id]) != self._new_at_poll[source.id]:
                self._web.writer.save_state(self._polls[source.id], self._outcomes[source.id])
        with self._database.write() as session:
            ended = self._clock()
            outcomes = {source_id: dict(counts) for source_id, counts in stored.items() if counts}
            queries.finish_run(run_id, ended, outcomes, session=session)
        return summary


async def _all_of(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """All of it at once; where a part fails, the rest ends too: nothing may go on with a client that is about to be closed."""
    tasks = [asyncio.create_task(part) for part in work]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _result(poll: Poll, outcomes: dict[Outcome, int]) -> SourceResult:
    before = poll.previous
    return SourceResult(
        poll.source,
        poll.outcome,
        poll.detail,
        outcomes,
        poll.left_out,
        answered=is_answered(poll.replies),
        failing_since=before.failing_since if before else None,
        failure_told=before is not None and before.failure_told_at is not None,
        detail_told=before is not None and before.last_detail == storable(poll.detail, MAX_DETAIL),
    )


def _counted(counts: Counter[Outcome]) -> dict[Outcome, int]:
    return {outcome: counts[outcome] for outcome in Outcome if counts[outcome]}
