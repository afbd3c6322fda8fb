"""Tagging many stories on all cores: worker processes tag, this one reads ahead and stores, in the order it read."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from flows.tagging_worker import KeptTagger, holds_tagger, ready_to_tag, tag_documents
from flows.web.workers import Workers
from models.tagging.apply import Backlog, Batch, Tags
from models.tagging.decisions import Document, Tagging

LOAD_SECONDS = 120.0  # an ordinary load takes 2 s, with the encoder's weights checked 3
BATCH_SECONDS = 600.0  # for a batch, which takes seconds; a worker that is later is held for lost
BATCHES_A_WORKER = 4  # read ahead: those in scope take a hundred times as long as others, so batches take unlike times
# Lost calls after which no worker is asked again: they would be started, loaded and lost for every batch.
ENOUGH_LOST = 3

Progress = Callable[[int, int], None]  # done, total


class TaggingPool:
    """Workers with one tagger loaded in each; use as `async with`. What they lose is tagged here."""

    def __init__(self, kept: KeptTagger, most: int, *, tag_here: Callable[[], Tags]) -> None:
        """At `most` so many processes. `tag_here` opens the same tagger in this one; it is called once, where a worker fails."""
        self._kept = kept
        self._open = tag_here
        self._here: Tags | None = None
        self._lost = 0
        self._workers = Workers(most, prepare=ready_to_tag)

    async def __aenter__(self) -> "TaggingPool":
        await self._workers.__aenter__()
        return self

    async def __aexit__(self, *reason: object) -> None:
        await self._workers.__aexit__(None, None, None)

    async def is_ready(self, processes: int) -> bool:
        """Start so many workers at once and have each load the tagger; whether one could."""
        calls = [self._workers.call(holds_tagger, self._kept, timeout_seconds=LOAD_SECONDS) for _ in range(processes)]
        return any(answer is True for answer in await asyncio.gather(*calls, return_exceptions=True))

    async def tag(self, backlog: Backlog, batches: Iterable[Batch], processes: int, *, progress: Progress) -> None:
        """Tag `batches` of a backlog in so many processes, and store them; one that does not run yet is started."""
        ahead: deque[tuple[Batch, asyncio.Task[Sequence[Tagging]]]] = deque()
        room = asyncio.Semaphore(processes)

        async def store_oldest() -> None:
            batch, call = ahead.popleft()
            taggings = await call
            # In a thread, so that meanwhile the loop can give a worker its next batch.
            storing = asyncio.ensure_future(asyncio.to_thread(backlog.keep, batch, taggings))
            try:
                await asyncio.shield(storing)
            except asyncio.CancelledError:  # what has begun is stored whole before the database is closed
                await asyncio.wait([storing])
                raise
            progress(backlog.judged, max(backlog.total, backlog.judged))

        try:
            for batch in batches:
                ahead.append((batch, asyncio.create_task(self._tag_one(batch.documents, room))))
                if len(ahead) >= BATCHES_A_WORKER * processes:
                    await store_oldest()
            while ahead:
                await store_oldest()
        finally:
            for _, call in ahead:
                call.cancel()
            await asyncio.gather(*(call for _, call in ahead), return_exceptions=True)

    async def _tag_one(self, documents: Sequence[Document], room: asyncio.Semaphore) -> Sequence[Tagging]:
        async with room:
            return await self._in_worker(documents)

    async def _in_worker(self, documents: Sequence[Document]) -> Sequence[Tagging]:
        if self._lost < ENOUGH_LOST:
            try:
                return await self._workers.call(tag_documents, self._kept, documents, timeout_seconds=BATCH_SECONDS)
            except Exception:  # noqa: BLE001 - a worker killed, out of memory or without its file: here it shows whose fault it is
                self._lost += 1
        if self._here is None:
            self._here = self._open()
        return self._here.tag(documents)
