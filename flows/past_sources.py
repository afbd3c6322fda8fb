"""Asking sources for what they published in an earlier time, a few days at a question, as politely as today."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flows.history import Found, PartResult, Period, ReadSummary, store
from flows.steps import Report, RunStep, at_once, unreported
from flows.web.keeper import Keeper
from flows.web.page_visits import PageVisits
from flows.web.polite_client import HostFacts, PoliteClient
from flows.web.source_polls import Poll, poll_source
from flows.web.workers import Workers
from models.admission import Candidate, ReadEntry
from models.kinds import Kind
from models.outcomes import Outcome
from models.settings import Settings
from models.sources import Registry, Source
from models.store import collecting
from models.store import history as queries
from models.store.database import Database

PAGES_A_BATCH = 50
# Kinds that can list an earlier time, and the days that one question may span for its answer to be whole. A sitemap
# lists all that it has, and is asked once.
DAYS_A_QUESTION: dict[Kind, int | None] = {Kind.GOVUK: 7, Kind.GUARDIAN: 7, Kind.PARLIAMENT: 7, Kind.SITEMAP: None}
_LEAST_SPAN = timedelta(days=1)  # the APIs are asked by the day
# What a later backfill may still get: the part is not finished, and nothing of it is stored yet.
_COMES_AGAIN = frozenset({Outcome.FAILED, Outcome.DEFERRED, Outcome.BLOCKED})
_NOT_STORED = _COMES_AGAIN | {Outcome.REFUSED, Outcome.INVALID}


def can_list_the_past(source: Source) -> bool:
    """Whether a source can be asked for an earlier time; a feed lists only its newest entries."""
    return source.kind in DAYS_A_QUESTION


def questions(source: Source, period: Period) -> list[Period]:
    """The spans of days that cover the period, each of one question to the source."""
    days = DAYS_A_QUESTION[source.kind]
    if days is None:
        return [period]
    found, start = [], period.since
    while start < period.until:
        end = min(start + timedelta(days=days), period.until)
        found.append(Period(start, end))
        start = end
    return found


async def read_sources(
    database: Database,
    registry: Registry,
    settings: Settings,
    *,
    sources: Sequence[Source],
    period: Period,
    now: datetime,
    user_agent: str,
    run_step: RunStep = at_once,
    report: Report = unreported,
) -> ReadSummary:
    """Read and store what `sources` published in the period; what is stored already is not fetched."""
    with database.write() as session:
        run_id = collecting.start_run("backfill", now, session=session)
        hosts = collecting.host_states(session=session)
    facts = {
        host: HostFacts(state.robots, state.robots_status, state.robots_fetched_at, state.retry_after)
        for host, state in hosts.items()
    }
    blocked = {host: state.blocked_until for host, state in hosts.items() if state.blocked_until}
    summary, total = ReadSummary(), sum(len(questions(source, period)) for source in sources)
    asked = 0
    async with (
        Workers(settings.workers) as workers,
        PoliteClient(
            user_agent=user_agent,
            allow_hosts=settings.allow_hosts,
            gap_seconds=settings.host_gap_seconds,
            hosts=facts,
            proxy=settings.proxy_address,
        ) as client,
    ):
        visits = PageVisits(client, workers, now=now, blocked_until=blocked)
        keeper = Keeper(database, run_id, now)
        past = _Past(database, registry, settings, client, workers, visits, keeper, run_step, now)

        async def one_source(source: Source) -> None:
            nonlocal asked
            for span in questions(source, period):
                for part in await past.read(source, span):
                    summary.add(part)
                asked += 1
                report("sources", asked, total)

        await asyncio.gather(*map(one_source, sources))
        keeper.save_hosts(client.hosts, visits.blocked_until)
        keeper.save_requests(client.requests)
    with database.write() as session:
        collecting.finish_run(run_id, now, {"backfill": dict(summary.outcomes)}, session=session)
    return summary


@dataclass(frozen=True, slots=True)
class _Past:
    """What reading a source's past needs."""

    database: Database
    registry: Registry
    settings: Settings
    client: PoliteClient
    workers: Workers
    visits: PageVisits
    keeper: Keeper
    run_step: RunStep
    now: datetime

    async def read(self, source: Source, span: Period) -> list[PartResult]:
        """The answer to one question; to two of half the days where it held more than one answer may."""
        name = f"{source.id} {span.since:%Y-%m-%d %H:%M} to {span.until:%Y-%m-%d %H:%M}"
        part = f"source {name} {source.url}"
        with self.database.read() as session:
            if queries.is_finished(part, session=session):
                return [PartResult(name, was_finished=True)]
        poll = await self.run_step(f"ask {source.label} of {span.since:%d %B %Y}", lambda: self._ask(source, span))
        self.keeper.save_poll(poll)
        if poll.outcome.is_failure:
            return [PartResult(name, problem=f"{name}: {poll.outcome} {poll.detail}".rstrip())]
        if poll.truncated and DAYS_A_QUESTION[source.kind] is not None and span.until - span.since > _LEAST_SPAN:
            middle = span.since + timedelta(days=max((span.until - span.since).days // 2, 1))
            return [
                *await self.read(source, Period(span.since, middle)),
                *await self.read(source, Period(middle, span.until)),
            ]
        outcomes: Counter[str] = Counter({Outcome.INVALID: poll.invalid} if poll.invalid else {})
        candidates = self._candidates(source, poll, span, outcomes)
        stored = 0
        for batch in (candidates[at : at + PAGES_A_BATCH] for at in range(0, len(candidates), PAGES_A_BATCH)):
            visited = await self.run_step(f"read {len(batch)} pages", _visit(self.visits, batch))
            stored += store(self.database, list(_kept(visited, outcomes)))
        left = sum(outcomes[outcome] for outcome in _COMES_AGAIN)
        problems = [f"{left} pages could not be read; the next backfill tries them again"] if left else []
        if problems or poll.left_out:
            problem = f"{name}: {'; '.join([*problems, *([poll.left_out] if poll.left_out else [])])}"
            return [PartResult(name, len(poll.entries), stored, dict(outcomes), problem)]
        with self.database.write() as session:
            queries.finish_part(
                part, self.now, read=len(poll.entries), stored=stored, outcomes=outcomes, session=session
            )
        return [PartResult(name, len(poll.entries), stored, dict(outcomes))]

    async def _ask(self, source: Source, span: Period) -> Poll:
        days = -(-(span.until - span.since) // timedelta(days=1))
        settings = self.settings.model_copy(update={"max_age_days": days})
        last = span.until - timedelta(seconds=1)  # the APIs give the whole of the last day
        return await poll_source(source, None, client=self.client, workers=self.workers, settings=settings, now=last)

    def _candidates(self, source: Source, poll: Poll, span: Period, outcomes: Counter[str]) -> list[Candidate]:
        """Those entries of the span that are not stored yet; one without a date is of no time that we know."""
        inside = {e.url: e for e in poll.entries if e.published_at is not None and span.holds(e.published_at)}
        with self.database.read() as session:
            held = queries.held(inside, session=session)
        outcomes[Outcome.KNOWN] += len(held)
        outcomes["other-day"] += len(poll.entries) - len(inside)
        rights = self.registry.rights_of(source.id)
        return [Candidate(source, rights, entry) for url, entry in inside.items() if url not in held]


def _visit(visits: PageVisits, batch: Sequence[Candidate]):  # type: ignore[no-untyped-def]
    async def visit() -> list[ReadEntry]:
        return await asyncio.gather(*(visits.read(candidate) for candidate in batch))

    return visit


def _kept(visited: Sequence[ReadEntry], outcomes: Counter[str]) -> Iterator[Found]:
    for read in visited:
        outcomes[read.outcome] += 1
        listed = read.candidate.entry.published_at
        assert listed is not None  # only dated entries are candidates
        if read.outcome not in _NOT_STORED:
            yield Found(read, listed)
