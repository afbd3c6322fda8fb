"""Asking sources for what they published in an earlier time, a few days at a question, as politely as today."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from flows.collecting.open_web import Web, open_web
from flows.collecting.source_polls import Poll, poll_source
from flows.past.parts import PartResult, ReadSummary, finish, finished_before, store
from flows.reading.sources import Window, key_of
from flows.running.steps import Report, RunStep, at_once, unreported
from models.admission import Candidate, ReadEntry
from models.outcomes import Outcome
from models.settings import Settings
from models.sources import Registry, Source
from models.store import backfill as queries
from models.store import collecting
from models.store.database import Database

PAGES_A_BATCH = 50
_LEAST_SPAN = timedelta(days=1)  # the APIs are asked by the day


def can_list_the_past(source: Source) -> bool:
    """Whether a source can be asked for an earlier time; a feed lists only its newest entries."""
    return source.kind.traits.lists_past


def questions(source: Source, window: Window) -> list[Window]:
    """The spans of days that cover the window, each of one question to the source."""
    days = source.kind.traits.days_a_question
    if days is None:
        return [window]
    found, start = [], window.since
    while start < window.until:
        end = min(start + timedelta(days=days), window.until)
        found.append(Window(start, end))
        start = end
    return found


async def read_sources(
    database: Database,
    registry: Registry,
    settings: Settings,
    *,
    sources: Sequence[Source],
    window: Window,
    now: datetime,
    user_agent: str,
    run_step: RunStep = at_once,
    report: Report = unreported,
) -> ReadSummary:
    """Read and store what `sources` published in the window; what is stored already is not fetched."""
    with database.write() as session:
        run_id = collecting.start_run("backfill", now, session=session)
    summary, total = ReadSummary(), sum(len(questions(source, window)) for source in sources)
    asked = 0
    async with open_web(database, settings, run_id=run_id, now=now, user_agent=user_agent) as web:
        past = _Past(database, registry, settings, web, run_step, now)

        async def one_source(source: Source) -> None:
            nonlocal asked
            for span in questions(source, window):
                for part in await past.read(source, span):
                    summary.add(part)
                asked += 1
                report("sources", asked, total)

        await asyncio.gather(*map(one_source, sources))
    with database.write() as session:
        collecting.finish_run(run_id, now, {"backfill": dict(summary.outcomes)}, session=session)
    return summary


@dataclass(frozen=True, slots=True)
class _Past:
    """What reading a source's past needs."""

    database: Database
    registry: Registry
    settings: Settings
    web: Web
    run_step: RunStep
    now: datetime

    async def read(self, source: Source, span: Window) -> list[PartResult]:
        """The answer to one question; to two of half the days where it held more than one answer may."""
        name = f"{source.id} {span.since:%Y-%m-%d %H:%M} to {span.until:%Y-%m-%d %H:%M}"
        part = f"source {name} {source.url}"
        if (done := finished_before(self.database, part, name)) is not None:
            return [done]
        poll = await self.run_step(f"ask {source.label} of {span.since:%d %B %Y}", lambda: self._ask(source, span))
        self.web.writer.save_poll(poll)
        if poll.outcome.is_failure:
            return [PartResult(name, problem=f"{name}: {poll.outcome} {poll.detail}".rstrip())]
        if poll.truncated and source.kind.traits.days_a_question and span.until - span.since > _LEAST_SPAN:
            middle = span.since + timedelta(days=max((span.until - span.since).days // 2, 1))
            return [
                *await self.read(source, Window(span.since, middle)),
                *await self.read(source, Window(middle, span.until)),
            ]
        outcomes: Counter[str] = Counter({Outcome.INVALID: poll.invalid} if poll.invalid else {})
        candidates = self._candidates(source, poll, span, outcomes)
        stored = 0
        for batch in (candidates[at : at + PAGES_A_BATCH] for at in range(0, len(candidates), PAGES_A_BATCH)):
            visited = await self.run_step(f"read {len(batch)} pages", partial(self._visit, batch))
            stored += store(self.web.writer, visited, outcomes)
        left = sum(outcomes[outcome] for outcome in Outcome if outcome.leaves_page_owed)
        problems = [f"{left} pages could not be read; the next backfill tries them again"] if left else []
        problems += [poll.left_out] if poll.left_out else []
        problem = f"{name}: {'; '.join(problems)}" if problems else ""
        result = PartResult(name, len(poll.entries), stored, dict(outcomes), problem)
        return [finish(self.database, part, result, self.now)]

    async def _ask(self, source: Source, span: Window) -> Poll:
        last = span.until - timedelta(seconds=1)  # the APIs give the whole of the last day
        return await poll_source(
            source,
            None,
            client=self.web.client,
            workers=self.web.workers,
            window=Window(span.since, last),
            key=key_of(source.kind, self.settings),
        )

    def _candidates(self, source: Source, poll: Poll, span: Window, outcomes: Counter[str]) -> list[Candidate]:
        """Those entries of the span that are not stored yet, in their order; one without a date is of no known time."""
        inside = {e.url: (e.published_at, e) for e in poll.entries if e.published_at and span.holds(e.published_at)}
        with self.database.read() as session:
            held = queries.held(inside, session=session)
        outcomes[Outcome.KNOWN] += len(held)
        outcomes["other-day"] += len(poll.entries) - len(inside)
        rights = self.registry.rights_of(source.id)
        new = sorted((seen_at, url) for url, (seen_at, _) in inside.items() if url not in held)
        return [Candidate(source, rights, inside[url][1], seen_at=seen_at) for seen_at, url in new]

    async def _visit(self, batch: Sequence[Candidate]) -> list[ReadEntry]:
        return await asyncio.gather(*map(self.web.visits.read, batch))
