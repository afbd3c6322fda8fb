"""Reading a folder of archives on one engine: `python -m tests.benchmarks.archive_job --engine dask --workers 2 ...`.

Prints one line of JSON, with a digest of all rows, which is the same whatever the engine. Throughput counts from the first
page that any worker reads to the last: starting a process and its imports is 2 to 3 s of CPU, paid once however many the
files are. With `--kill` one of the worker processes is killed in the midst of it.
"""

import argparse
import asyncio
import hashlib
import json
import logging
import os
import signal
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from flows.past.archives import ArchiveJob, read_archive
from flows.past.backfilling import archive_jobs
from flows.past.parts import PartResult, ReadSummary
from flows.past.task_runner import run_jobs
from flows.reading.sources import Window
from models.folding import cluster_unassigned
from models.settings import load_settings
from models.sources import load_registry
from models.store.database import Database, open_database

THEN = datetime(2022, 9, 1, 9, 0, tzinfo=UTC)
PERIOD = Window(THEN - timedelta(days=80), THEN)
_ROWS = """SELECT a.url, a.source, a.title, a.text, a.published_at, a.first_seen_at, a.outcome, lead.url, s.outlets
FROM article a JOIN story s ON s.id = a.story_id JOIN article lead ON lead.id = s.lead_article_id ORDER BY a.url"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--archives", type=Path, required=True)
    parser.add_argument("--registry", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--kill", action="store_true", help="kill a worker process when the first archive is done")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)  # Dask reports the worker that we kill
    settings = load_settings(data=options.data, task_runner=options.engine, workers=options.workers)
    registry = load_registry(options.registry)
    files = sorted(options.archives.glob("*.warc.gz"))
    jobs = archive_jobs(files, registry, settings, window=PERIOD, sources=registry.enabled())
    killed: list[int] = []
    with open_database(settings.database_address) as database:
        begin = time.monotonic()

        summary = ReadSummary()

        def ended(job: ArchiveJob, result: PartResult | BaseException) -> None:
            if isinstance(result, BaseException):
                result = PartResult(job.path.name, problem=str(result))
            summary.add(result)
            if options.kill and not killed:
                killed.extend(kill_one_worker())

        asyncio.run(run_jobs(timed, jobs, settings, ended))
        times = [json.loads(line) for file in options.data.glob("*.times") for line in file.read_text().splitlines()]
        first, last = min(one["begin"] for one in times), max(one["end"] for one in times)
        by_process: Counter[int] = Counter()
        for one in times:
            by_process[one["process"]] += one["cpu"]
        mark = time.process_time()
        folded = cluster_unassigned(database)
        answer: dict[str, Any] = {
            "start_seconds": first - begin,
            "reading_seconds": last - first,
            "reading_cpu_seconds": sum(one["cpu"] for one in times),
            "processes_that_read": len(by_process),
            "busiest_process_cpu_seconds": max(by_process.values()),
            "seconds": time.monotonic() - begin,
            "fold_cpu_seconds": time.process_time() - mark,
            "parts": summary.parts,
            "problems": summary.problems,
            "stored": summary.stored,
            "folded": folded.articles,
            "passed_over": summary.outcomes["other-host"],
            "killed": len(killed),
            "rows": digest_of_rows(database),
        }
    print(json.dumps(answer))


def timed(job: ArchiveJob) -> PartResult:
    """Read an archive in whatever process, and note beside the database when and for how much CPU of this thread."""
    begin, cpu = time.monotonic(), time.thread_time()
    result = read_archive(job)
    facts = {"process": os.getpid(), "begin": begin, "end": time.monotonic(), "cpu": time.thread_time() - cpu}
    with (job.data / f"{job.path.name}.times").open("a") as file:
        file.write(json.dumps(facts) + "\n")
    return result


def kill_one_worker() -> list[int]:
    """Kill one of this process's own workers, without warning."""
    for task in Path("/proc/self/task").iterdir():
        for child in (task / "children").read_text().split():
            command = Path(f"/proc/{child}/cmdline").read_bytes()
            if b"spawn_main" in command:
                os.kill(int(child), signal.SIGKILL)
                return [int(child)]
    return []


def digest_of_rows(database: Database) -> str:
    """One line for all that was stored, without the numbers of rows, which depend on the order."""
    digest = hashlib.sha256()
    with database.read() as session:
        for row in session.execute(text(_ROWS)):
            digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    # By its own name, so that workers can import what they are sent.
    from tests.benchmarks import archive_job

    archive_job.main()
