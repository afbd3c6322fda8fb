"""CPU seconds of the commands that touch neither the web nor a model: `python -m tests.benchmarks.start_up [ROUNDS]`.

The commands take turns, so that a busy spell of the machine meets them all. Of each the median and the least are told, beside
those of what none with a database can do without: Python, SQLAlchemy and SQLModel, imported and nothing more.
"""

import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.product.test_command_line import QUICK

ROUNDS = 9
FLOOR = "Python and SQLModel alone"


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    run = [sys.executable, "-m", "deployments.cli"]
    programs = {FLOOR: [sys.executable, "-c", "import sqlmodel"]} | {" ".join(w): [*run, *w] for w, _ in QUICK}
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    with tempfile.TemporaryDirectory(prefix="culture-benchmark-") as folder:
        for words in (["upkeep"], ["recipients", "add", "chair@example.org"]):
            subprocess.run([*run, *words], cwd=folder, check=True, capture_output=True)
        for _ in range(rounds):
            for name, words in programs.items():
                seconds[name].append(_cpu(words, Path(folder)))
                Path(folder, "whole.backup").unlink(missing_ok=True)
    for name, taken in seconds.items():
        print(f"{name:28} {statistics.median(taken):5.2f} s of CPU, at least {min(taken):5.2f}")


def _cpu(words: list[str], folder: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, cwd=folder, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
