"""Polling one source: the request, conditional where it can be, and its entries."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flows.web.polite_client import PoliteClient
from flows.web.readers import MAX_REQUESTS_A_POLL, Listing, MissingKey, RequestSpec, Window, read_listing, request_for
from flows.web.workers import WorkerError, Workers
from models.admission import outcome_of_poll
from models.entries import Entry, Fetched, Reply
from models.outcomes import PollOutcome
from models.settings import Settings
from models.sources import Source
from models.store.tables import SourceState
from models.urls import without_credentials

READ_SECONDS = 30.0  # for parsing one answer of a source in a worker
_TOO_LONG = f"reading its answer took over {READ_SECONDS:.0f} s or failed"


@dataclass(frozen=True, slots=True)
class Poll:
    """What one poll of a source gave; never an exception for what the web does."""

    source: Source
    outcome: PollOutcome
    detail: str
    entries: tuple[Entry, ...] = ()
    invalid: int = 0
    replies: tuple[Reply, ...] = ()
    shown_url: str = ""  # without a key
    ttl_seconds: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    previous: SourceState | None = field(default=None, compare=False)


async def poll_source(
    source: Source,
    state: SourceState | None,
    *,
    client: PoliteClient,
    workers: Workers,
    settings: Settings,
    now: datetime,
) -> Poll:
    """Ask a source for its entries; entries met twice in one answer are given twice, the collector counts them."""
    if state is not None and state.url != source.url:
        state = None  # the registry names another address now: what we know is of the old one
    window = Window(since=now - timedelta(days=settings.max_age_days), until=now)
    key = settings.guardian_api_key.get_secret_value() if settings.guardian_api_key else None
    try:
        spec = request_for(source, window, guardian_key=key)
    except MissingKey as error:
        return Poll(source, PollOutcome.REFUSED, str(error), shown_url=without_credentials(source.url), previous=state)

    async def get(one: RequestSpec, *, conditional: bool) -> Reply:
        etag = state.etag if state and conditional else None
        modified = state.last_modified if state and conditional else None
        return await client.get(one.url, etag=etag, last_modified=modified, max_bytes=one.max_bytes, accept=one.accept)

    first = await get(spec, conditional=True)
    replies, entries, listing = await _read_all_parts(source, first, window, workers, get)
    outcome = outcome_of_poll(first, entries=len(entries), problem=listing.problem)
    return Poll(
        source=source,
        outcome=outcome,
        detail="; ".join(filter(None, (first.notice, first.detail or listing.problem))),
        entries=tuple(entries),
        invalid=listing.invalid,
        replies=tuple(replies),
        shown_url=spec.shown,
        ttl_seconds=listing.ttl_seconds,
        etag=first.headers.get("etag") if listing.cacheable else None,
        last_modified=first.headers.get("last-modified") if listing.cacheable else None,
        previous=state,
    )


async def _read_all_parts(
    source: Source,
    first: Reply,
    window: Window,
    workers: Workers,
    get: Callable[..., Awaitable[Reply]],
) -> tuple[list[Reply], list[Entry], Listing]:
    """The entries of the first answer and of the further requests that it names; one listing sums them up."""
    replies, entries, invalid = [first], list[Entry](), 0
    listing = await _read(source, first, window, workers)
    queue, problem = [*listing.more], listing.problem
    entries += listing.entries
    invalid += listing.invalid
    while queue and len(replies) < MAX_REQUESTS_A_POLL:
        reply = await get(queue.pop(0), conditional=False)
        replies.append(reply)
        part = await _read(source, reply, window, workers)
        entries += part.entries
        invalid += part.invalid
        queue += part.more
        problem = problem or part.problem or ("" if reply.outcome is Fetched.OK else reply.detail)
    merged = Listing(ttl_seconds=listing.ttl_seconds, invalid=invalid, problem=problem, cacheable=listing.cacheable)
    return replies, entries, merged


async def _read(source: Source, reply: Reply, window: Window, workers: Workers) -> Listing:
    if reply.outcome is not Fetched.OK:
        return Listing()
    try:
        return await workers.call(read_listing, source.kind, reply, window, timeout_seconds=READ_SECONDS)
    except WorkerError:
        return Listing(problem=_TOO_LONG)
