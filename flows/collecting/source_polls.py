"""Polling one source: the request, conditional where it can be, and its entries."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from flows.fetching.client import PoliteClient
from flows.reading.sources import (
    MAX_REQUESTS_A_POLL,
    Listing,
    MissingKey,
    RequestSpec,
    Window,
    read_listing,
    request_for,
    with_key,
)
from flows.reading.workers import WorkerError, Workers
from models.admission import outcome_of_poll
from models.entries import Entry, Fetched, Reply
from models.outcomes import PollOutcome
from models.sources import Source
from models.store.tables import SourceState
from models.urls import without_credentials

READ_SECONDS = 30.0  # for parsing one answer of a source in a worker
TIME_WAS_UP = "the run's time was up"
_TOO_LONG = f"reading its answer took over {READ_SECONDS:.0f} s or failed"


@dataclass(frozen=True, slots=True)
class Poll:
    """What one poll of a source gave; never an exception for what the web does."""

    source: Source
    outcome: PollOutcome
    detail: str
    entries: tuple[Entry, ...] = ()
    invalid: int = 0
    left_out: str = ""  # what was listed and not read, in words
    truncated: bool = False  # it lists more than one poll may ask for
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
    window: Window,
    key: str | None = None,
    until: float | None = None,
) -> Poll:
    """Ask a source for its entries of a time; entries met twice in one answer are given twice, the collector counts them.

    `until`: the moment by the event loop's clock at which the source is left for the next run.
    """
    try:
        async with asyncio.timeout_at(until):
            return await _poll(source, state, client, workers, window, key)
    except TimeoutError:
        return Poll(source, PollOutcome.DEFERRED, TIME_WAS_UP)


async def _poll(
    source: Source, state: SourceState | None, client: PoliteClient, workers: Workers, window: Window, key: str | None
) -> Poll:
    if state is not None and state.url != source.url:
        state = None  # the registry names another address now: what we know is of the old one
    try:
        spec = request_for(source, window, key=key)
    except MissingKey as error:
        return Poll(source, PollOutcome.REFUSED, str(error), shown_url=without_credentials(source.url), previous=state)

    async def get(one: RequestSpec, *, conditional: bool) -> Reply:
        etag = state.etag if state and conditional else None
        modified = state.last_modified if state and conditional else None
        one = with_key(source.kind, one, key)
        return await client.get(one.url, etag=etag, last_modified=modified, max_bytes=one.max_bytes, accept=one.accept)

    first = await get(spec, conditional=True)
    replies, entries, listing = await _read_all_parts(source, first, window, workers, get)
    outcome = outcome_of_poll(first, entries=len(entries), problem=listing.problem)
    left_out = "" if outcome.is_failure else _left_out(listing, len(entries))
    cacheable = listing.cacheable and not listing.missed  # else "not modified" would hide those parts for good
    return Poll(
        source=source,
        outcome=outcome,
        detail="; ".join(filter(None, (first.notice, first.detail or left_out or listing.problem))),
        entries=tuple(entries),
        invalid=listing.invalid,
        left_out=left_out,
        truncated=listing.truncated,
        replies=tuple(replies),
        shown_url=spec.shown,
        ttl_seconds=listing.ttl_seconds,
        etag=first.headers.get("etag") if cacheable else None,
        last_modified=first.headers.get("last-modified") if cacheable else None,
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
    replies, entries, invalid, failures = [first], list[Entry](), 0, list[str]()
    listing = await _read(source, first, window, workers)
    queue, note, truncated = [*listing.more], listing.note, listing.truncated
    entries += listing.entries
    invalid += listing.invalid
    while queue and len(replies) < MAX_REQUESTS_A_POLL:
        reply = await get(queue.pop(0), conditional=False)
        replies.append(reply)
        part = await _read(source, reply, window, workers)
        entries += part.entries
        invalid += part.invalid
        queue += part.more
        truncated = truncated or part.truncated
        failed = "" if reply.outcome is Fetched.OK else reply.detail or str(reply.outcome)
        failures += [failed or part.problem] if failed or (part.problem and not part.entries) else []
        note = note or part.note
    merged = Listing(
        ttl_seconds=listing.ttl_seconds,
        invalid=invalid,
        # Of parts of which some could be read, it is no problem of the source that others could not.
        problem=listing.problem or (failures[0] if failures and len(failures) == len(replies) - 1 else ""),
        cacheable=listing.cacheable,
        truncated=truncated or bool(queue),
        total=listing.total,
        missed=tuple(failures),
        note=note,
    )
    return replies, entries, merged


def _left_out(listing: Listing, read: int) -> str:
    """What a listing held and was not read, in words; empty where all was."""
    of = f" of {listing.total:,}" if listing.total is not None else ""
    if listing.missed:
        parts = "one further part" if len(listing.missed) == 1 else f"{len(listing.missed)} further parts"
        words = f"{read:,}{of} entries read; {parts} of its listing could not be: {listing.missed[0]}"
        return "; ".join(filter(None, (words, listing.note)))
    if listing.truncated:
        return listing.note or f"lists more than one poll asks for: {read:,}{of} entries were read"
    return ""


async def _read(source: Source, reply: Reply, window: Window, workers: Workers) -> Listing:
    if reply.outcome is not Fetched.OK:
        return Listing()
    try:
        return await workers.call(read_listing, source.kind, reply, window, timeout_seconds=READ_SECONDS)
    except WorkerError:
        return Listing(problem=_TOO_LONG)
