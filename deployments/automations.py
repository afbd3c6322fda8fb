"""The automations that `start` makes in Prefect: a silent run is crashed, and a failed one is told of.

One that exists stays as people left it, switched off or changed.
"""

from datetime import timedelta
from typing import Any

from prefect.automations import AutomationCore
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

from deployments.prefect_environment import SILENT_SECONDS

CRASH_SILENT = "Mark a run as crashed when its process has gone"
TELL_FAILED = "Tell me when a run fails"
TOLD_OF = ("monitor", "collect", "tag", "digest", "train", "upkeep", "digest-check")  # `alert` must not trigger itself

_ENDS = ("Completed", "Failed", "Cancelled", "Crashed", "TimedOut")
_BEAT = "prefect.flow-run.heartbeat"
_RUN = "prefect.flow-run.*"


async def ensure_automations(client: PrefectClient) -> list[str]:
    """Make those that are missing; their names."""
    wanted = [crash_silent_runs()]
    try:
        alert = await client.read_deployment_by_name("alert/alert")
        wanted.append(tell_of_failures(alert.id))
    except ObjectNotFound:
        pass
    made = []
    for automation in wanted:
        if not await client.read_automations_by_name(automation.name):
            await client.create_automation(automation)
            made.append(automation.name)
    return made


def crash_silent_runs() -> AutomationCore:
    """A run whose heartbeats end without an end of the run: its process was killed, or its machine is gone."""
    return AutomationCore(
        name=CRASH_SILENT,
        description=f"A run beats every 30 seconds; one that is silent for {SILENT_SECONDS} s has no process any more.",
        trigger=EventTrigger(
            after={_BEAT},
            expect={_BEAT, *(f"prefect.flow-run.{end}" for end in _ENDS)},
            match={"prefect.resource.id": _RUN},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=SILENT_SECONDS),
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message=f"No sign of life for {SILENT_SECONDS} s: its process has gone. The next run does its work.",
            )
        ],
    )


def tell_of_failures(alert: Any) -> AutomationCore:
    """A failed run starts the deployment `alert`, which mails and posts."""
    return AutomationCore(
        name=TELL_FAILED,
        description="Starts `alert`, which mails CULTURE_ALERT_TO and posts to CULTURE_ALERT_WEBHOOK.",
        trigger=EventTrigger(
            expect={"prefect.flow-run.Failed", "prefect.flow-run.Crashed", "prefect.flow-run.TimedOut"},
            match={"prefect.resource.id": _RUN},
            match_related={"prefect.resource.role": "flow", "prefect.resource.name": list(TOLD_OF)},
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[
            RunDeployment(
                source="selected",
                deployment_id=alert,
                parameters={
                    "name": _filled("{{ flow.name }}"),
                    "state": _filled("{{ flow_run.state.name }}"),
                    "message": _filled("{{ flow_run.state.message }}"),
                    "run_id": _filled("{{ flow_run.id }}"),
                },
            )
        ],
    )


def _filled(template: str) -> dict[str, str]:
    return {"__prefect_kind": "jinja", "template": template}
