"""The process that runs flows: registers the deployments, settles what a killed one left behind, then waits for runs.

`culture-monitor start` starts it as `python -m deployments.serve`, with the environment of `prefect_environment`.
"""

import argparse
import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.schedules import CronSchedule
from prefect.client.schemas.sorting import FlowRunSort
from prefect.deployments.runner import RunnerDeployment
from prefect.runner import Runner
from prefect.states import Cancelled, Crashed

from deployments.automations import APPROVAL, ensure_automations
from deployments.prefect_environment import HEARTBEAT_SECONDS
from deployments.registering import build, offer_choices, remember
from models.private_files import keep_private, write_whole
from models.settings import Settings, load_settings
from models.sources import load_registry
from models.store.database import open_database
from models.weeks import utc_now

PARENT_SECONDS = 1.0  # between two looks at whether `start` is still there
RUNS_AT_ONCE = 4  # different flows; each is limited to one run of its own
_UNDER_WAY = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING, StateType.PAUSED]
GONE = "The process that ran it was stopped or killed. What it had stored is whole; the next run does the rest."
MISSED = "Missed while nothing ran; the last of the missed runs does the work of all."


async def serve(settings: Settings, ready: Path | None, *, alone: bool) -> None:
    """Serve until SIGTERM. `alone`: no other process runs flows for this server, so what is under way now is dead."""
    open_database(settings.database_address).close()  # a wrong setting ends it here, with its message
    registry = load_registry(settings.sources)
    runner = Runner(
        name="culture-monitor",
        limit=RUNS_AT_ONCE,
        pause_on_shutdown=False,  # a paused deployment would lose the runs that were missed
        heartbeat_seconds=HEARTBEAT_SECONDS,
    )
    async with get_client() as client:
        deployed = await build(settings, client)
        ids = [await runner.aadd_deployment(one) for one in deployed]
        await offer_choices(ids, registry, settings, client)
        remember(settings)
        await ensure_automations(client, settings)
        if alone:
            await settle_dead_runs(client, ids)
        await collapse_late_runs(client, ids, utc_now())
    if ready is not None:
        write_whole(ready, json.dumps({one.name: _when(one) for one in deployed if one.schedules}).encode())
    await runner.start()


def _when(deployment: RunnerDeployment) -> str:
    """In words when it runs: as people have left its schedules, which need not be what the settings say."""
    crons = [
        f"{one.schedule.cron} (cron, {one.schedule.timezone})"
        for one in deployment.schedules or []
        if one.active and isinstance(one.schedule, CronSchedule)
    ]
    others = sum(one.active is True for one in deployment.schedules or []) - len(crons)
    return " and ".join([*crons, *(["another schedule"] if others else [])]) or "switched off"


async def settle_dead_runs(client: PrefectClient, deployments: Iterable[UUID]) -> int:
    """Mark the runs of a killed process as crashed, which frees their place for the next; how many there were."""
    under_way = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_UNDER_WAY)))
    dead = await client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=list(deployments))), flow_run_filter=under_way
    )
    dead += await client.read_flow_runs(
        flow_filter=FlowFilter(name=FlowFilterName(any_=[APPROVAL])), flow_run_filter=under_way
    )
    for run in dead:
        await client.set_flow_run_state(run.id, Crashed(message=GONE), force=True)
    return len(dead)


async def collapse_late_runs(client: PrefectClient, deployments: Iterable[UUID], now: datetime) -> int:
    """Of the scheduled runs of a deployment that were missed, keep the last; how many were cancelled.

    While one is at work the others would be cancelled anyway, but many that are missed outlast a quick one.
    """
    late = await client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=list(deployments))),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
            expected_start_time=FlowRunFilterExpectedStartTime(before_=now),
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
    )
    kept: set[UUID | None] = set()
    cancelled = 0
    for run in late:
        if not run.auto_scheduled:  # a person's, who may have asked for something else
            continue
        if run.deployment_id in kept:
            await client.set_flow_run_state(run.id, Cancelled(message=MISSED))
            cancelled += 1
        kept.add(run.deployment_id)
    return cancelled


def _end_with(parent: int) -> None:
    """End, with every run, once the parent is gone: `start` was killed, and without its server a run waits for minutes."""
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m deployments.serve", description=__doc__)
    parser.add_argument("--ready", type=Path, help="file that `start` waits for, written when runs can start")
    parser.add_argument("--alone", action="store_true", help="no other process runs flows for this server")
    given = parser.parse_args()
    keep_private()
    if given.ready is not None and hasattr(os, "killpg"):
        threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    asyncio.run(serve(load_settings(), given.ready, alone=given.alone))


if __name__ == "__main__":
    main()
