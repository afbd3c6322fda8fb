"""The process that runs flows: registers the deployments, settles what a killed one left behind, then waits for runs.

`culture-monitor start` starts it as `python -m deployments.serve`, with the environment of `prefect_environment`.
"""

import argparse
import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.runner import Runner
from prefect.states import Crashed

from deployments.automations import ensure_automations
from deployments.prefect_environment import HEARTBEAT_SECONDS
from deployments.registering import build, remember
from models.settings import Settings, load_settings
from models.sources import load_registry
from models.store.database import open_database

RUNS_AT_ONCE = 4  # different flows; each is limited to one run of its own
_UNDER_WAY = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING, StateType.PAUSED]
GONE = "The process that ran it was stopped or killed. What it had stored is whole; the next run does the rest."


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
        ids = [await runner.aadd_deployment(one) for one in await build(settings, registry, client)]
        remember(settings)
        await ensure_automations(client)
        if alone:
            await settle_dead_runs(client, ids)
    if ready is not None:
        ready.write_text(json.dumps({"deployments": len(ids)}), encoding="utf-8")
    await runner.start()


async def settle_dead_runs(client: PrefectClient, deployments: Iterable[UUID]) -> int:
    """Mark the runs of a killed process as crashed, which frees their place for the next; how many there were."""
    dead = await client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=list(deployments))),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_UNDER_WAY))),
    )
    for run in dead:
        await client.set_flow_run_state(run.id, Crashed(message=GONE), force=True)
    return len(dead)


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m deployments.serve", description=__doc__)
    parser.add_argument("--ready", type=Path, help="file that is written when runs can start")
    parser.add_argument("--alone", action="store_true", help="no other process runs flows for this server")
    given = parser.parse_args()
    asyncio.run(serve(load_settings(), given.ready, alone=given.alone))


if __name__ == "__main__":
    main()
