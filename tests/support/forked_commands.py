"""The command in processes of its own that need not import everything again."""

import os
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deployments import commands
from models.settings import PREFIX
from tests.support.forks import Forks

# What the commands import while they work.
_AT_WORK = (
    "flows.collecting.collector", "flows.collecting.open_web", "flows.publishing.delivery", "flows.publishing.edition",
    "flows.tagging.training", "models.tagging.versions", "deployments.demo_site",
)  # fmt: skip


@contextmanager
def forked_commands(folder: Path) -> Iterator[Forks]:
    """A process that has imported what the commands need; not for a machine of plain ASCII, where Python begins anew."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    # A fork has one thread of its parent's.
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    names = [f"deployments.commands.{one.name}" for one in pkgutil.iter_modules(commands.__path__)]
    forks = Forks([*names, *_AT_WORK], {**clean, **threads}, folder / "forks.log")
    try:
        yield forks
    finally:
        forks.end()
