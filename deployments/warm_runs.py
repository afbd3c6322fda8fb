"""Runs start warm: each is forked off a process that has imported Prefect and our flows already, and done nothing else.

Prefect starts `python -m prefect.engine` for every run, which spends more than a second of CPU on imports before it does
anything. Here the standard library's fork server (a process without threads) keeps them at hand: one process more that
waits, and half of what a short run costs is saved. Linux alone; elsewhere, and where Prefect has no place to put it any more,
runs start as Prefect starts them.
"""

import multiprocessing
import os
import re
import runpy
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
from anyio.abc import TaskStatus

from flows.web.workers import main_unknown

_ENGINE = "prefect.engine"
# What the engine imports when a run begins. Not the engine itself: it is run, as `python -m` would.
_PREFECT = ("prefect", "prefect.flow_engine", "prefect.task_engine", "prefect.artifacts", "prefect._internal.metrics")
_SEAM = "run_process"  # what Prefect's starter calls with the command and the environment of a run


def prefect_starter() -> ModuleType | None:
    """Prefect's module that starts runs; its own affair, so that another version may do without."""
    try:
        return import_module("prefect.runner._starter_engine")
    except ImportError:
        return None


def start_runs_warm(starter: ModuleType | None, modules: Iterable[str]) -> bool:
    """Let Prefect's `starter` module fork its runs off a process that has imported `modules`; whether it will.

    The fork server is started at once, with this process's environment as it is now.
    """
    usual: Callable[..., Any] | None = getattr(starter, _SEAM, None)
    if sys.platform != "linux" or usual is None:
        return False

    async def run_process(command: list[str], **options: Any) -> Any:
        if command[1:] != ["-m", _ENGINE]:
            return await usual(command, **options)
        return await _fork(options["env"], options.get("cwd"), options["task_status"], options["task_status_handler"])

    setattr(starter, _SEAM, run_process)
    multiprocessing.set_forkserver_preload([*_PREFECT, *dict.fromkeys(modules)])
    forkserver.ensure_running()
    return True


async def _fork(
    environment: Mapping[str, str],
    folder: Path | str | None,
    started: TaskStatus[Any],
    handle: Callable[[ForkServerProcess], Any],
) -> ForkServerProcess:
    """Start a run's process and wait until it has ended, as Prefect's own function does."""
    context = multiprocessing.get_context("forkserver")
    # Not a daemon in multiprocessing's sense, which may have no children: a run reads pages in processes of its own.
    process = context.Process(target=run_engine, args=(dict(environment), folder), daemon=False)
    with main_unknown():
        process.start()
    started.started(handle(process))
    await anyio.to_thread.run_sync(process.join, abandon_on_cancel=True)
    return process


def run_engine(environment: dict[str, str], folder: Path | str | None) -> None:
    """In the new process: become `python -m prefect.engine`, which finds its run in the environment."""
    os.environ.clear()
    os.environ.update(environment)
    if folder is not None:
        os.chdir(folder)
    sys.argv = [_ENGINE]
    warnings.filterwarnings(
        "ignore", f".{re.escape(_ENGINE)}. found in sys.modules"
    )  # other modules of Prefect import it
    runpy.run_module(_ENGINE, run_name="__main__", alter_sys=True)
