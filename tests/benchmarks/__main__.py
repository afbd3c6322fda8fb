"""The benchmarks of speed and scale: `python -m tests.benchmarks [WHAT…] [--articles N…] [--peers PYTHON] [--out DIR]`.

WHAT is any of end-to-end, unchanged, tagger, archives, million, search; without any, all but the last two. `search` ends with 50
visitors while a run writes. `--peers` is the Python of an environment with news-please and newspaper4k (they are not
dependencies). `--pages DIR` takes real HTML in place of the demo's. `--encoders tfidf minilm` (minilm needs
CULTURE_ENCODER_FOLDER or the network). Writes a table and JSON.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.archives import compare_engines
from tests.benchmarks.end_to_end import compare, dump, trained
from tests.benchmarks.processes import measure
from tests.benchmarks.report import lines_of
from tests.benchmarks.site import html_files
from tests.support.postgres import start_postgres

KINDS = ("end-to-end", "unchanged", "tagger", "archives", "million", "search")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("what", nargs="*", choices=[*KINDS, []], help="what to measure")
    parser.add_argument("--articles", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--encoders", nargs="+", default=["tfidf"])
    parser.add_argument("--peers", type=Path, help="Python of an environment with news-please and newspaper4k")
    parser.add_argument("--pages", type=Path, help="folder of real HTML")
    parser.add_argument("--bare", action="store_true", help="the demo's pages without furniture")
    parser.add_argument("--archive-pages", type=int, default=600)
    parser.add_argument(
        "--stored",
        type=int,
        nargs="+",
        default=[10_000, 1_000_000],
        help="articles in the databases of `million` and `search`",
    )
    parser.add_argument("--models", type=Path, default=Path(tempfile.gettempdir()) / "culture-benchmark-models")
    parser.add_argument("--out", type=Path, default=Path(".benchmarks"))
    options = parser.parse_args()
    what = options.what or [kind for kind in KINDS if kind not in {"million", "search"}]
    if "end-to-end" in what:
        sizes = [count_pages(options.pages)] if options.pages else options.articles
        for articles in sizes:
            result = compare(
                articles,
                models=options.models,
                encoders=options.encoders,
                peers=options.peers,
                bare=options.bare,
                real=options.pages,
            )
            _done(result, options.out, f"end-to-end-{'real-' if options.pages else ''}{articles}")
    if "unchanged" in what:
        _done(unchanged(options.models), options.out, "unchanged")
    if "tagger" in what:
        for encoder in options.encoders:
            folder = trained(options.models, encoder)
            arguments = ["--data", str(folder), "--encoder", encoder]
            _done(measure("tests.benchmarks.tagger", *arguments).answer, options.out, f"tagger-{encoder}")
    if "archives" in what:
        _done(compare_engines(options.archive_pages, files=8), options.out, "archives")
    if "million" in what:
        for stored in options.stored:
            _done(million(stored), options.out, f"stored-{stored}")
    if "search" in what:
        for stored in options.stored:
            _done(search(stored, options.models), options.out, f"search-{stored}")


def search(articles: int, models: Path) -> dict[str, Any]:
    """The web edition's search on so many stored articles, in databases of both kinds, and visitors while a run writes."""
    result: dict[str, Any] = {"articles": articles}
    with (
        tempfile.TemporaryDirectory(prefix="culture-benchmark-") as folder,
        start_postgres() as server,
        server.new_database() as address,
    ):
        for kind, place in (("sqlite", f"sqlite:///{folder}/culture.db"), ("postgresql", address)):
            arguments = ["--database", place, "--articles", str(articles)]
            result[kind] = measure("tests.benchmarks.search", *arguments).answer
            visits = measure("tests.benchmarks.visitors", "--database", place, "--models", str(models))
            result[f"{kind}_visitors"] = visits.answer
    return result


def count_pages(folder: Path) -> int:
    """How many pages of real HTML there are."""
    found = len(html_files(folder))
    if not found:
        raise SystemExit(f"{folder}: no *.html or *.htm file in it")
    return found


def unchanged(models: Path, sources: int = 100) -> dict[str, Any]:
    """A hundred hosts polled, and polled again when each answers 304."""
    with tempfile.TemporaryDirectory(prefix="culture-benchmark-") as name:
        registry, data = Path(name) / "sources.toml", Path(name) / "data"
        command = [sys.executable, "-m", "tests.benchmarks.unchanged_site", "--sources", str(sources)]
        server = subprocess.Popen([*command, "--registry", str(registry)], stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            server.stdout.readline()
            data.mkdir()
            (data / "models").symlink_to(trained(models, "tfidf") / "models")
            arguments = ["--registry", str(registry), "--data", str(data), "--encoder", "tfidf"]
            runs = [measure("tests.benchmarks.job", *arguments) for _ in range(3)]
        finally:
            server.terminate()
            server.wait()
    return {
        "sources": sources,
        "cpu_seconds": [run.cpu_seconds for run in runs],
        "of_these_before_the_run": [run.answer["start_cpu"] for run in runs],
        "seconds": [run.answer["seconds"] for run in runs],
        "peak_mb": [run.peak_mb for run in runs],
    }


def million(articles: int) -> dict[str, Any]:
    """A database of so many stored articles, of both kinds."""
    result: dict[str, Any] = {"articles": articles}
    with tempfile.TemporaryDirectory(prefix="culture-benchmark-") as folder:
        result["sqlite"] = _million(f"sqlite:///{folder}/culture.db", articles)
    with start_postgres() as server, server.new_database() as address:
        result["postgresql"] = _million(address, articles)
    return result


def _million(address: str, articles: int) -> dict[str, Any]:
    arguments = ["--database", address, "--articles", str(articles)]
    filled = measure("tests.benchmarks.million", *arguments, "--fill").answer
    measured = measure("tests.benchmarks.million", *arguments)
    return {"fill_seconds": filled["fill_seconds"], **measured.answer, "process_cpu_seconds": measured.cpu_seconds}


def _done(result: dict[str, Any], folder: Path, name: str) -> None:
    dump(result, folder, name)
    lines = [f"## {name}", *lines_of(result)]
    sys.stdout.write("\n".join(lines) + "\n\n")
    sys.stdout.flush()
    with (folder / "table.md").open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n\n")


if __name__ == "__main__":
    main()
