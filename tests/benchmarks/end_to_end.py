"""From feed to stored tags, beside the floor and the peers on the same pages in the same run."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.benchmarks.processes import ONE_BLAS_THREAD, Measured, measure, measure_command

CORES = os.cpu_count() or 1
FEW_PAGES = 500
PEER_PAGES = 100  # each takes a peer a fifth of a second and more


@dataclass(frozen=True)
class Site:
    """The benchmark's site while it runs."""

    registry: Path
    pages: Path


@contextmanager
def site(articles: int, *, bare: bool = False, real: Path | None = None) -> Iterator[Site]:
    """The site, served by a process of its own."""
    folder = Path(tempfile.mkdtemp(prefix="culture-benchmark-"))
    pages = folder / "pages"
    pages.mkdir()
    command = [sys.executable, "-m", "tests.benchmarks.site", "--articles", str(articles)]
    command += ["--registry", str(folder / "sources.toml"), "--pages", str(pages)]
    command += ["--bare"] if bare else []
    command += ["--from-pages", str(real)] if real else []
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        if not server.stdout.readline():
            raise RuntimeError("the benchmark's site did not start")
        yield Site(folder / "sources.toml", pages)
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


@cache
def trained(models: Path, encoder: str) -> Path:
    """A data folder with a trained and recorded tagger, to be copied: training is not what is measured."""
    folder = models / encoder
    # Opened also where it is there: code that has changed since trains it anew.
    measure("tests.benchmarks.job", "--load-only", "--registry", "-", "--data", str(folder), "--encoder", encoder)
    return folder


def run_job(where: Site, models: Path, encoder: str, *, runs: int = 1) -> list[Measured]:
    """The whole job in a database without articles, and again in the same one for every further run."""
    with tempfile.TemporaryDirectory(prefix="culture-benchmark-data-") as folder:
        # With its database, in which the tagger is recorded: an installation that has run before.
        data = str(shutil.copytree(trained(models, encoder), Path(folder) / "data"))
        arguments = ["--registry", str(where.registry), "--data", data, "--encoder", encoder, "--workers", str(CORES)]
        return [measure("tests.benchmarks.job", *arguments) for _ in range(runs)]


def run_floor(where: Site) -> Measured:
    """trafilatura alone on all cores."""
    return measure("tests.benchmarks.floor", str(where.pages), str(CORES))


def run_peer(where: Site, python: Path, name: str, count: int = PEER_PAGES) -> Measured:
    """A peer at its own fetching and extraction, on all cores."""
    script = Path(__file__).with_name("peers.py")
    command = [str(python), "-W", "ignore", str(script), name, str(where.pages / "urls.json"), str(count), str(CORES)]
    return measure_command(command, ONE_BLAS_THREAD)


def compare(
    articles: int,
    *,
    models: Path,
    encoders: Sequence[str],
    peers: Path | None = None,
    bare: bool = False,
    real: Path | None = None,
) -> dict[str, Any]:
    """One size: the floor before and after the jobs, so that a busy machine shows."""
    result: dict[str, Any] = {"articles": articles, "pages": "real" if real else "bare" if bare else "furnished"}
    for encoder in encoders:
        trained(models, encoder)
    with site(articles, bare=bare, real=real) as where:
        floors = [_pace(run_floor(where))]
        for encoder in encoders:
            first, second = run_job(where, models, encoder, runs=2)
            result[encoder] = _job(first)
            result[f"{encoder}, nothing new"] = _job(second)
            floors.append(_pace(run_floor(where)))
        for name in ("newspaper4k", "news-please") if peers else ():
            assert peers is not None
            result[name] = _pace(run_peer(where, peers, name))
    if articles < FEW_PAGES:
        result["note"] = "so few pages that loading the classifier (some 3 s of CPU, once a run) hides what one costs"
    result["floors"] = floors
    result["floor"] = {key: sum(floor[key] for floor in floors) / len(floors) for key in floors[0]}
    return result


def _pace(measured: Measured) -> dict[str, float]:
    pages, seconds = measured.answer["pages"], measured.answer["seconds"]
    return {
        "articles_a_second": pages / seconds,
        "cpu_ms_an_article": 1000 * measured.cpu_seconds / pages,
        "peak_mb": measured.peak_mb,
        "without_text": measured.answer["empty"],
    }


def _job(measured: Measured) -> dict[str, Any]:
    answer = measured.answer
    count = max(answer["entries"], 1)
    ticks = sum(answer["ticks"].values())
    main = {stage: answer["main_cpu"] * number / ticks for stage, number in answer["ticks"].items()}
    stages = {"extract": answer["readers_cpu"], **main, "tag": main.get("tag", 0.0) + answer["taggers_cpu"]}
    total = sum(stages.values())
    return {
        "articles_a_second": answer["entries"] / answer["seconds"],
        "seconds": answer["seconds"],
        "cpu_seconds": measured.cpu_seconds,
        "start_cpu_seconds": answer["start_cpu"],
        "cpu_ms_an_article": 1000 * total / count,
        "stage_ms": {stage: 1000 * cpu / count for stage, cpu in sorted(stages.items())},
        "stage_share": {stage: cpu / total for stage, cpu in sorted(stages.items())},
        "peak_mb": measured.peak_mb,
        "database_kb_an_article": 1000 * answer["database_mb"] / count,
        "in_scope": answer["in_scope"],
        "outcomes": answer["outcomes"],
        "places": dict(list(answer["places"].items())[:15]),
        "marks": answer["marks"],
    }


def dump(result: dict[str, Any], folder: Path, name: str) -> None:
    """Keep a result as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
