"""The backfill from web archives on each engine, with archives that are written here; and with a worker killed."""

import os
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.archive_job import THEN
from tests.benchmarks.furniture import furnish
from tests.benchmarks.processes import Measured, measure
from tests.support.archives import Captured, demo_captures, demo_registry, write_archive

ENGINES = (("processes", 1), ("processes", 2), ("threads", 2), ("dask", 1), ("dask", 2), ("dask", 4))
OTHERS = 4  # pages of other hosts for each that is wanted; in the news archive they are hundreds


def compare_engines(pages: int, files: int) -> dict[str, Any]:
    """Throughput and rows of each engine on the same archives."""
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="culture-archives-") as name:
        folder = Path(name)
        wanted = write(folder, pages, files)
        result: dict[str, Any] = {"pages": wanted, "files": files, "other_pages": wanted * OTHERS}
        for engine, workers in ENGINES:
            result[f"{engine}, {workers}"] = _facts(_run(folder, engine, workers))
        result["dask, 2, one worker killed"] = _facts(_run(folder, "dask", 2, "--kill"))
        for engine in ("processes", "dask"):
            runs = {n: result[f"{engine}, {n}"] for kind, n in ENGINES if kind == engine}
            for clock, pace in (("clock", "articles_a_second"), ("CPU", "articles_a_cpu_second")):
                result[f"{engine}: growth by the {clock}"] = {str(n): runs[n][pace] / runs[1][pace] for n in runs}
        result["load_before"], result["load_after"] = before, os.getloadavg()[0]
        rows = {facts["rows"] for facts in result.values() if isinstance(facts, dict) and "rows" in facts}
        result["same_rows"] = len(rows) == 1
        return result


def write(folder: Path, pages: int, files: int) -> int:
    """Archives of furnished demo pages among those of other hosts; how many are wanted."""
    made = demo_captures(THEN, pages // 65 + 1)[:pages]
    captures = [Captured(page.url, furnish(page.body.decode(), n).encode(), page.at) for n, page in enumerate(made)]
    for number in range(files):
        mixed: list[Captured] = []
        for page in captures[number::files]:
            others = [Captured(f"https://other-{n}.example{page.url[-40:]}", page.body, page.at) for n in range(OTHERS)]
            mixed += [page, *others]
        write_archive(folder / f"{number:03d}.warc.gz", mixed, level=1)
    (folder / "sources.toml").write_text(demo_registry(THEN), encoding="utf-8")
    return len(captures)


def _run(folder: Path, engine: str, workers: int, *more: str) -> Measured:
    with tempfile.TemporaryDirectory(prefix="culture-archives-data-") as data:
        arguments = ["--engine", engine, "--workers", str(workers), "--archives", str(folder), "--data", data]
        arguments += ["--registry", str(folder / "sources.toml"), *more]
        return measure("tests.benchmarks.archive_job", *arguments)


def _facts(measured: Measured) -> dict[str, Any]:
    answer: dict[str, Any] = measured.answer
    stored = answer["stored"]
    return {
        **answer,
        "articles_a_second": stored / answer["reading_seconds"],
        # As fast as its busiest process: what the clock shows where each process has a core to itself.
        "articles_a_cpu_second": stored / answer["busiest_process_cpu_seconds"],
        "cpu_seconds": measured.cpu_seconds,
        "cpu_ms_an_article": 1000 * measured.cpu_seconds / max(stored, 1),
        "reading_cpu_ms_an_article": 1000 * answer["reading_cpu_seconds"] / max(stored, 1),
        "peak_mb": measured.peak_mb,
    }
