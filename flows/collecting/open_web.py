"""What a run reads the web with, opened with what is remembered of hosts, which it brings up to date at its end."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from flows.collecting.article_writer import ArticleWriter
from flows.collecting.page_visits import PageVisits
from flows.fetching.client import HostFacts, PoliteClient
from flows.reading.workers import Workers
from models.settings import Settings
from models.store import collecting
from models.store.database import Database
from models.weeks import utc_now


@dataclass(frozen=True, slots=True)
class Web:
    """The client that asks, the workers that read, the visits to pages, and what keeps the results."""

    client: PoliteClient
    workers: Workers
    visits: PageVisits
    writer: ArticleWriter


@asynccontextmanager
async def open_web(
    database: Database,
    settings: Settings,
    *,
    run_id: int,
    now: datetime,
    user_agent: str,
    clock: Callable[[], datetime] = utc_now,
    until: float | None = None,
) -> AsyncIterator[Web]:
    """The web for one run: polite by what earlier runs learned of hosts; what this one learns, and its requests, are stored.

    Pages are left for the next run from the moment `until` on, by the event loop's clock.
    """
    with database.read() as session:
        hosts = collecting.host_states(session=session)
    facts = {
        host: HostFacts(state.robots, state.robots_status, state.robots_fetched_at, state.retry_after)
        for host, state in hosts.items()
    }
    blocked = {host: state.blocked_until for host, state in hosts.items() if state.blocked_until}
    async with (
        Workers(settings.workers) as workers,
        PoliteClient(
            user_agent=user_agent,
            allow_hosts=settings.allow_hosts,
            gap_seconds=settings.host_gap_seconds,
            hosts=facts,
            proxy=settings.proxy_address,
            clock=clock,
        ) as client,
    ):
        visits = PageVisits(client, workers, now=now, blocked_until=blocked, until=until)
        writer = ArticleWriter(database, run_id, now)
        yield Web(client, workers, visits, writer)
        writer.save_hosts(client.hosts, visits.blocked_until)
        writer.save_requests(client.requests)
