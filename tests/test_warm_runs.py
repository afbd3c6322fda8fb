"""Runs are forked off a process that has Prefect imported; whatever is not a run starts as Prefect starts it."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import pytest

from deployments.warm_runs import prefect_starter, start_runs_warm

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs are forked on Linux alone")

ENGINE = [sys.executable, "-m", "prefect.engine"]


@pytest.fixture(scope="module")
def starter() -> ModuleType:
    """What stands in for Prefect's module that starts runs."""
    module = ModuleType("starter")

    async def usual(command: list[str], **options: Any) -> str:
        return " ".join(command)

    module.run_process = usual  # type: ignore[attr-defined]
    assert start_runs_warm(module, [])
    return module


def run(starter: ModuleType, environment: dict[str, str], folder: Path, *, kill: bool = False) -> Any:
    """One run, from its start to its end; its handle here is the process itself."""

    async def go() -> Any:
        async with anyio.create_task_group() as group:

            async def start(*, task_status: anyio.abc.TaskStatus[Any]) -> None:
                await starter.run_process(
                    ENGINE,
                    env={**os.environ, **environment},
                    cwd=folder,
                    task_status=task_status,
                    task_status_handler=lambda process: process,
                )

            process = await group.start(start)
            assert process.pid != os.getpid()
            if kill:
                os.kill(process.pid, signal.SIGKILL)
        return process

    return asyncio.run(go())


def test_a_run_ends_with_the_engines_exit_code(starter: ModuleType, tmp_path: Path) -> None:
    assert run(starter, {"PREFECT__FLOW_RUN_ID": "no id"}, tmp_path).exitcode == 1  # it was given no run


def test_a_run_that_is_killed_says_so(starter: ModuleType, tmp_path: Path) -> None:
    assert run(starter, {"PREFECT__FLOW_RUN_ID": "no id"}, tmp_path, kill=True).exitcode == -signal.SIGKILL


def test_another_command_starts_as_ever(starter: ModuleType) -> None:
    assert asyncio.run(starter.run_process(["python", "-m", "other"])) == "python -m other"


def test_a_prefect_without_the_place_for_it_is_left_as_it_is() -> None:
    module = ModuleType("another")
    assert not start_runs_warm(module, [])
    assert vars(module).keys() == vars(ModuleType("another")).keys()
    assert not start_runs_warm(None, [])


def test_this_prefect_has_the_place_for_it() -> None:
    assert callable(getattr(prefect_starter(), "run_process", None))
