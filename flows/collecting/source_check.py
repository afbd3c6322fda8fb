"""Asking one source live whether it still answers as it should: for `culture-monitor sources check`."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flows.collecting.feed_discovery import FoundFeed, replacements
from flows.fetching.client import PoliteClient
from flows.reading.sources import Listing, MissingKey, Window, read_listing, request_for
from models.admission import outcome_of_poll
from models.entries import Fetched, Reply, is_answered
from models.kinds import Kind
from models.outcomes import PollOutcome
from models.source_proposal import CheckResult, may_be_elsewhere
from models.sources import Source
from models.urls import without_credentials

CHECK_DAYS = 30  # an API is asked for this window: a quiet body may publish twice a month


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What a source answered just now."""

    source_id: str
    url: str  # as it may be shown
    status: PollOutcome
    http_status: int | None
    entries: int
    newest: datetime | None
    robots: str  # "allowed", "disallowed" or "not asked"
    problem: str  # one line for people; empty where all is well
    moved_to: str = ""  # where it has moved for good
    answered: bool = False  # a server was reached, whatever it said
    comes_back: bool = False  # the server said when to come back
    replacements: tuple[FoundFeed, ...] = ()  # feeds of its publisher that might be it

    @property
    def result(self) -> CheckResult:
        """What decides about its row in the registry."""
        return CheckResult(self.status, self.entries, self.moved_to, self.problem, self.comes_back)


async def probe(source: Source, client: PoliteClient, now: datetime, *, key: str | None = None) -> SourceReport:
    """Ask `source` once, without its memory of earlier polls, and where its feed is gone its site for another.

    Nothing is stored.
    """
    window = Window(since=now - timedelta(days=CHECK_DAYS), until=now)
    try:
        spec = request_for(source, window, key=key)
    except MissingKey as error:
        shown = without_credentials(source.url)
        return SourceReport(source.id, shown, PollOutcome.REFUSED, None, 0, None, "not asked", str(error))
    reply = await client.get(spec.url, accept=spec.accept, max_bytes=spec.max_bytes)
    listing = read_listing(source.kind, reply, window) if reply.outcome is Fetched.OK else Listing()
    dates = [entry.published_at for entry in listing.entries if entry.published_at is not None]
    status = outcome_of_poll(reply, entries=len(listing.entries) + len(listing.more), problem=listing.problem)
    is_feed = source.kind in {Kind.FEED, Kind.SITEMAP}
    is_own_address = spec.url == source.url and "***" not in reply.moved_to  # not a request with a window or a key
    return SourceReport(
        source_id=source.id,
        url=spec.shown,
        status=status,
        http_status=reply.status,
        entries=len(listing.entries),
        newest=max(dates, default=None),
        robots=_robots(reply),
        problem="; ".join(filter(None, (reply.notice, reply.detail or listing.problem or listing.note))),
        moved_to=reply.moved_to if is_own_address else "",
        answered=is_answered([reply]),
        comes_back=reply.retry_after is not None,
        replacements=await replacements(source.url, client, now) if may_be_elsewhere(status) and is_feed else (),
    )


def _robots(reply: Reply) -> str:
    if reply.outcome in {Fetched.DISALLOWED, Fetched.NO_ROBOTS} and reply.requests == 0:
        return "disallowed"
    return "allowed" if reply.requests else "not asked"
