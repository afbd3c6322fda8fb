"""The tagging of one run: beside the reading in a process of its own, then what is left, on all cores where that is much."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from flows.tagging_opening import encoder_folder, open_tagger
from flows.tagging_pool import Progress, TaggingPool
from flows.tagging_worker import KeptTagger
from models.reviews import QUEUE_DAYS
from models.settings import Settings
from models.store import model_versions, reviews
from models.store import tagging as queries
from models.store.database import Database
from models.store.tables import ModelVersion
from models.tagging.apply import RETAG_DAYS, Backlog, Batch, TagSummary, nothing_tagged, tag_stored

if TYPE_CHECKING:
    from models.tagging.classifier import Tagger

TFIDF = "tfidf"  # as in `models.tagging.encoders`, which brings numpy
# Stories for each process that tags once the reading has ended. A process more starts and loads the tagger for 1.5 s of CPU; a
# story takes 2 ms with TF-IDF and some 15 with the encoder, whose articles in scope take a tenth of a second.
WORTH_A_WORKER = 2000
WORTH_A_WORKER_ENCODED = 200


class RunTagging:
    """Tags what waits, and what a run stores meanwhile; use as `async with`.

    With two cores and more, `wake` has a worker process load the champion and tag what is stored while pages are still being
    read: otherwise all cores but one would wait for the last part of a run. What a killed run has not tagged waits for the next.
    """

    def __init__(self, database: Database, settings: Settings, *, now: datetime, progress: Progress) -> None:
        self._database = database
        self._settings = settings
        self._now = now
        self._progress = progress
        self._notes: list[str] = []
        self._stack = AsyncExitStack()
        self._pool: TaggingPool | None = None
        self._backlog: Backlog | None = None  # what the pool tags
        self._beside: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()
        self._reading = True
        self._opened: Tagger | None = None  # in this process

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *reason: object) -> None:
        if self._beside is not None:
            self._beside.cancel()
            await asyncio.gather(self._beside, return_exceptions=True)
        await self._stack.aclose()

    def wake(self) -> None:
        """There is, or will soon be, something to tag."""
        if self._settings.workers > 1:
            self._woken.set()
            self._beside = self._beside or asyncio.create_task(self._tag_beside())

    async def finish(self) -> tuple[TagSummary, list[str]]:
        """Tag all that still waits; what was done in all, and notes for people."""
        summary, notes = await self._finish()
        with self._database.read() as session:
            in_queue = reviews.count_doubtful(self._now - timedelta(days=QUEUE_DAYS), session=session)
        return replace(summary, uncertain=in_queue), notes

    async def _finish(self) -> tuple[TagSummary, list[str]]:
        self._reading = False
        if self._beside is not None:
            self._woken.set()
            await self._beside
        if self._backlog is None:
            champion = self._champion()
            version = champion.version if champion is not None else ""
            if not self._anything_waits(version):
                return nothing_tagged(version), self._notes  # so it need not be loaded, or even trained
            if self._settings.workers == 1 or not await self._open_for_many():
                return tag_stored(self._database, self._here(), now=self._now, progress=self._progress), self._notes
        return await self._tag_the_rest(), self._notes

    async def _tag_beside(self) -> None:
        champion = self._champion()
        if champion is None or not await self._open_pool(champion, 1):
            return  # it must be trained first
        assert self._pool is not None
        assert self._backlog is not None
        while self._reading:
            await self._woken.wait()
            self._woken.clear()
            await self._pool.tag(
                self._backlog, self._while_reading(self._backlog), 1, progress=lambda done, total: None
            )

    def _while_reading(self, backlog: Backlog) -> Iterator[Batch]:
        batches = backlog.whole_batches()
        while self._reading and (batch := next(batches, None)) is not None:
            yield batch

    async def _tag_the_rest(self) -> TagSummary:
        assert self._pool is not None
        assert self._backlog is not None
        champion = self._champion()
        assert champion is not None  # the pool has loaded one
        waiting = self._waiting(champion)
        self._progress(self._backlog.judged, self._backlog.judged + waiting)
        processes = max(self._processes(champion, waiting), 1)
        await self._pool.tag(self._backlog, self._backlog.batches(), processes, progress=self._progress)
        return self._backlog.finish()

    async def _open_for_many(self) -> bool:
        """Open the pool where so much waits that it is worth it; whether it is open."""
        failed = ""
        while True:
            champion = self._champion()
            if champion is None:
                self._here()  # trained at first use, and then on disk
                champion = self._champion()
            if champion is None or champion.version == failed:
                return False
            processes = self._processes(champion, self._waiting(champion))
            if processes < 2:
                return False
            if await self._open_pool(champion, processes):
                return True
            failed = champion.version
            self._here()  # trained by newer code

    async def _open_pool(self, champion: ModelVersion, processes: int) -> bool:
        # In a thread: at first use it fetches 84 MB.
        weights = await asyncio.to_thread(encoder_folder, self._settings, self._notes)
        kept = KeptTagger(
            folder=self._settings.models_folder,
            version=champion.version,
            file_sha256=champion.file_sha256,
            encoder=self._settings.encoder,
            weights_folder=weights,
        )
        pool = TaggingPool(kept, self._settings.workers, tag_here=self._here)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(pool)
            if not await pool.is_ready(processes):
                return False
            await self._stack.enter_async_context(stack.pop_all())
        self._pool, self._backlog = pool, Backlog(self._database, champion.version, now=self._now)
        return True

    def _here(self) -> "Tagger":
        if self._opened is None:
            self._opened, notes = open_tagger(self._database, self._settings, now=self._now)
            self._notes += notes
        return self._opened

    def _champion(self) -> ModelVersion | None:
        with self._database.read() as session:
            return model_versions.champion(session=session)

    def _anything_waits(self, version: str) -> bool:
        with self._database.read() as session:
            return queries.waits(version, self._now - timedelta(days=RETAG_DAYS), session=session)

    def _waiting(self, champion: ModelVersion) -> int:
        with self._database.read() as session:
            since = self._now - timedelta(days=RETAG_DAYS)
            return queries.count_waiting(champion.version, since, session=session)

    def _processes(self, champion: ModelVersion, waiting: int) -> int:
        """How many are worth their start for so many stories; none where that is this one."""
        worth = WORTH_A_WORKER if champion.encoder == TFIDF else WORTH_A_WORKER_ENCODED
        return min(self._settings.workers, waiting // worth)
