"""The measured process: the whole job once, `python -m tests.benchmarks.job --registry FILE --data DIR`, with its stages.

The main process is sampled by its CPU clock: every few milliseconds of CPU, where does it stand? The processes of readers
and taggers are counted whole. Prints one line of JSON.
"""

import argparse
import asyncio
import json
import resource
import signal
import sys
import threading
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from flows.running import jobs
from flows.tagging import open_tagger
from models.settings import load_settings
from models.sources import load_registry
from models.store.database import open_database
from models.weeks import utc_now

TICK = 0.02  # seconds of CPU between two looks; at 4 ms the looking itself was a thirtieth of the job
MOST_BETWEEN = 500_000  # microseconds of CPU; a call into native code holds off the look as long as it takes
# The first module of the stack, innermost first, that one of these begins decides; what none claims is orchestration.
_STAGES = {
    "fold": ("models/stories", "rensa"),
    "tag": ("models/tagging", "sklearn", "flows/tagging"),
    "store": ("sqlalchemy", "sqlmodel", "models/store", "flows/collecting/article_writer", "sqlite3"),
    "fetch": ("httpx", "httpcore", "h11", "anyio", "flows/fetching/client", "flows/fetching/single_request",
              "flows/fetching/transport", "flows/fetching/robots", "flows/fetching/addresses", "flows/fetching/decoding"),
    "orchestration": ("flows/reading/workers", "pebble", "multiprocessing", "flows/collecting", "prefect"),
}  # fmt: skip


class Sampler:
    """The CPU microseconds of every thread of this process, by stage: the loop's, storing's, tagging's.

    A thread is seen where it last gave way to the main one, which is more often in the database than in a computation.
    """

    def __init__(self) -> None:
        self.ticks: Counter[str] = Counter()
        self.places: Counter[str] = Counter()
        self._spent: dict[int, int] = {}  # by thread, at the last look

    def __enter__(self) -> "Sampler":
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, TICK, TICK)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _look(self, _number: int, frame: FrameType | None) -> None:
        frames = sys._current_frames()
        if frame is not None:
            frames[threading.main_thread().ident or 0] = frame  # rather than this function itself
        for thread, inner in frames.items():
            spent = time.clock_gettime_ns(time.pthread_getcpuclockid(thread)) // 1000
            cpu, self._spent[thread] = spent - self._spent.get(thread, 0), spent
            if 0 < cpu < MOST_BETWEEN:  # a number is given again to a new thread, and the main one had a life before
                self.ticks[_stage(inner)] += cpu
                self.places[f"{inner.f_code.co_filename.rpartition('site-packages/')[2]}:{inner.f_code.co_name}"] += cpu


def _stage(frame: FrameType | None) -> str:
    while frame is not None:
        name = frame.f_code.co_filename
        for stage, marks in _STAGES.items():
            if any(mark in name for mark in marks):
                return stage
        frame = frame.f_back
    return "orchestration"


def children_cpu() -> float:
    """CPU seconds of the processes of ours that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--registry", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", default="tfidf")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--load-only", action="store_true", help="train or load the tagger and end")
    options = parser.parse_args()
    settings = load_settings(
        data=options.data,
        allow_hosts="127.0.0.1",
        max_age_days=80,
        pages_per_run=100_000,
        workers=options.workers,
        encoder=options.encoder,
    )
    started = resource.getrusage(resource.RUSAGE_SELF)
    with open_database(settings.database_address) as database:
        if options.load_only:
            open_tagger.open_tagger(database, settings, now=utc_now())
            print("{}")
            return
        registry = load_registry(options.registry)
        begin, sampler = time.monotonic(), Sampler()
        marks: dict[str, float] = {}
        readers_cpu: list[float] = []

        def mark(stage: str, done: int, total: int) -> None:
            if stage == "tag" and not readers_cpu:  # the readers have ended, and of the taggers none
                readers_cpu.append(children_cpu())
            marks.setdefault(f"{stage} {'ends' if done == total else 'begins'}", time.monotonic())

        with sampler:
            summary = asyncio.run(
                jobs.monitor(
                    database,
                    registry,
                    settings,
                    now=utc_now() + timedelta(seconds=1),
                    all_due=True,
                    report=mark,
                )
            )
        seconds = time.monotonic() - begin
    own = resource.getrusage(resource.RUSAGE_SELF)
    readers_cpu.append(children_cpu())
    answer: dict[str, Any] = {
        "seconds": seconds,
        "start_cpu": started.ru_utime + started.ru_stime,
        "main_cpu": own.ru_utime + own.ru_stime - started.ru_utime - started.ru_stime,
        "readers_cpu": readers_cpu[0],
        "taggers_cpu": readers_cpu[-1] - readers_cpu[0],
        "ticks": dict(sampler.ticks),
        "places": dict(sampler.places.most_common(40)),
        "marks": {name: at - begin for name, at in marks.items()},
        "entries": summary.collected.entries,
        "outcomes": {str(outcome): count for outcome, count in summary.collected.outcomes.items() if count},
        "in_scope": summary.tagged.in_scope,
        "uncertain": summary.tagged.uncertain,
        "judged": summary.tagged.judged,
        "database_mb": sum(file.stat().st_size for file in options.data.glob("culture.db*")) / 1e6,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
