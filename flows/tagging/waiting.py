"""Tagging what waits, once the reading has ended: in this process where that is little, on all cores where it is much.

Worker processes only tag; this one reads ahead and stores, batch by batch. What a killed run has not tagged waits for the next.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from flows.reading.workers import WorkerError, Workers
from models.settings import TFIDF, Settings
from models.store import model_versions
from models.store import tagging as queries
from models.store.database import Database
from models.tagging.apply import RETAG_DAYS, Backlog, Batch, Progress, TagSummary, tag_stored
from models.tagging.decisions import Tagging
from models.tagging.stored_tagger import StoredTagger, load_stored, tag_documents
from models.tagging.training import load_training_data
from models.tagging.vocabulary import load_vocabulary

# Stories for each process. One more starts and loads the tagger for 1.5 s of CPU; a story takes 2 ms with TF-IDF and some 15
# with the encoder.
STORIES_PER_WORKER = 2000
STORIES_PER_WORKER_ENCODED = 200
BATCH_SECONDS = 600.0  # for a batch, which takes seconds; a worker that is later is presumed dead
# Read ahead: an article in scope takes a hundred times as long as another, so batches take unlike times.
BATCHES_PER_WORKER = 4


def check_framework(settings: Settings) -> None:
    """See before a run begins that a framework of one's own can be learned from; the shipped one is.

    Raises:
        DataFileError: a file is missing or wrong; names it and the place.
    """
    if settings.framework is not None:
        load_vocabulary()
        load_training_data()


async def tag_waiting(
    database: Database, settings: Settings, *, now: datetime, progress: Progress
) -> tuple[TagSummary, list[str]]:
    """Tag every story that waits; what was done, and notes for people. The tagger is opened only if something waits."""
    with database.read() as session:
        champion = model_versions.champion(session=session)
        version = champion.version if champion is not None else ""
        waiting = queries.count_waiting(version, now - timedelta(days=RETAG_DAYS), session=session)
    if not waiting:
        return Backlog(database, version, now=now).finish(), []
    # Here: scikit-learn takes over a second, for which a run that finds nothing new would wait.
    from flows.tagging.open_tagger import encoder_folder, open_tagger

    tagger, notes = open_tagger(database, settings, now=now)
    per_worker = STORIES_PER_WORKER if tagger.encoder == TFIDF else STORIES_PER_WORKER_ENCODED
    processes = min(settings.workers, waiting // per_worker)
    if processes < 2:
        return tag_stored(database, tagger, now=now, progress=progress), notes
    with database.read() as session:
        champion = model_versions.champion(session=session)
    assert champion is not None  # it has just been opened
    stored = StoredTagger(
        folder=settings.models_folder,
        version=champion.version,
        file_sha256=champion.file_sha256,
        encoder=settings.encoder,
        weights_folder=encoder_folder(settings, notes),
    )
    backlog = Backlog(database, tagger.version, now=now)
    del tagger  # the workers load it, and this process only where one is lost
    await _tag_in_workers(backlog, stored, processes, progress)
    return backlog.finish(), notes


async def _tag_in_workers(backlog: Backlog, stored: StoredTagger, processes: int, progress: Progress) -> None:
    async def tag(batch: Batch) -> Sequence[Tagging]:
        try:
            return await workers.call(tag_documents, stored, batch.documents, timeout_seconds=BATCH_SECONDS)
        except WorkerError:  # killed, or out of memory: tagged here, a lost worker costs no article
            return load_stored(stored).tag(batch.documents)

    ahead: deque[tuple[Batch, asyncio.Task[Sequence[Tagging]]]] = deque()

    async def store_oldest() -> None:
        batch, tagging = ahead.popleft()
        backlog.store(batch, await tagging)
        progress(backlog.judged, backlog.total)

    async with Workers(processes) as workers:
        try:
            for batch in backlog.batches():
                ahead.append((batch, asyncio.create_task(tag(batch))))
                if len(ahead) == BATCHES_PER_WORKER * processes:
                    await store_oldest()
            while ahead:
                await store_oldest()
        finally:
            for _, tagging in ahead:
                tagging.cancel()
