"""The automations that `start` makes in Prefect: a silent run is crashed, a failed one and a waiting digest are told of.

One that exists stays as people left it, switched off or changed. `prefect.yaml` has the two that tell as triggers; those that
`prefect deploy` made from it are Prefect's own to delete at the next registering, and are made again here under the same name.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from prefect.automations import AutomationCore
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

from deployments.prefect_environment import HEARTBEAT_SECONDS, SILENT_SECONDS
from deployments.schedules import catalogue
from models.settings import Settings

CRASH_SILENT = "Mark a run as crashed when its process has gone"
TELL_FAILED = "Tell me when a run fails"
TELL_WAITING = "Tell me when the digest waits for my yes"
ALERT = "alert"
APPROVAL = "approval"  # the flow within `digest` that pauses
# `alert` must not trigger itself; the forms fail in front of whoever filled them in.
NOT_TOLD_OF = (ALERT, "edit-edition", "review", "review-queue", "recipients")

WHAT_TO_DO = "look at the artifact edition, then choose Resume in the menu of this run and answer."

_ENDS = ("Completed", "Failed", "Cancelled", "Crashed", "TimedOut")
_BEAT = "prefect.flow-run.heartbeat"
_RUN = "prefect.flow-run.*"


async def ensure_automations(client: PrefectClient, settings: Settings) -> list[str]:
    """Make those that are missing; their names."""
    flows = [deployed.name for deployed in catalogue(settings)]
    wanted = [crash_silent_runs([*flows, APPROVAL])]
    try:
        alert = (await client.read_deployment_by_name(f"{ALERT}/{ALERT}")).id
        wanted += [
            tell_of_failures(alert, [flow for flow in flows if flow not in NOT_TOLD_OF]),
            tell_of_waiting(alert),
        ]
    except ObjectNotFound:
        pass
    made = []
    for automation in wanted:
        if not await client.read_automations_by_name(automation.name):
            await client.create_automation(automation)
            made.append(automation.name)
    return made


def crash_silent_runs(flows: Sequence[str]) -> AutomationCore:
    """A run of ours whose heartbeats end without an end of the run: its process was killed, or its machine is gone.

    Of ours alone: on a server that other programs use too, theirs may beat as seldom as Prefect's default of 180 s.
    """
    return AutomationCore(
        name=CRASH_SILENT,
        description=f"A run beats every {HEARTBEAT_SECONDS} seconds; one that is silent for {SILENT_SECONDS} s has no "
        "process any more.",
        trigger=EventTrigger(
            after={_BEAT},
            expect={_BEAT, *(f"prefect.flow-run.{end}" for end in _ENDS)},
            match={"prefect.resource.id": _RUN},
            match_related=_of(flows),
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


def tell_of_failures(alert: UUID, flows: Sequence[str]) -> AutomationCore:
    """A failed run starts the deployment `alert`, which mails and posts."""
    return AutomationCore(
        name=TELL_FAILED,
        description="Starts the deployment alert, which mails CULTURE_ALERT_TO and posts to CULTURE_ALERT_WEBHOOK.",
        trigger=EventTrigger(
            expect={"prefect.flow-run.Failed", "prefect.flow-run.Crashed", "prefect.flow-run.TimedOut"},
            match={"prefect.resource.id": _RUN},
            match_related=_of(flows),
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[
            _tell(alert, "{{ flow.name }}", "{{ flow_run.state.name }}", "{{ flow_run.state.message }}"),
        ],
    )


def tell_of_waiting(alert: UUID) -> AutomationCore:
    """A digest that waits for a person (the setting CULTURE_APPROVAL) starts the deployment `alert` too."""
    return AutomationCore(
        name=TELL_WAITING,
        description="Starts the deployment alert, which mails CULTURE_ALERT_TO and posts to CULTURE_ALERT_WEBHOOK.",
        trigger=EventTrigger(
            expect={"prefect.flow-run.Paused"},
            match={"prefect.resource.id": _RUN},
            match_related=_of([APPROVAL]),
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[_tell(alert, "digest", "awaits your approval", f"{{{{ flow_run.name }}}}: {WHAT_TO_DO}")],
    )


def _of(flows: Sequence[str]) -> dict[str, str | list[str]]:
    return {"prefect.resource.role": "flow", "prefect.resource.name": list(flows)}


def _tell(alert: UUID, name: str, state: str, message: str) -> RunDeployment:
    return RunDeployment(
        source="selected",
        deployment_id=alert,
        parameters={
            "name": _filled(name),
            "state": _filled(state),
            "message": _filled(message),
            "run_id": _filled("{{ flow_run.id }}"),
        },
    )


def _filled(template: str) -> dict[str, str]:
    return {"__prefect_kind": "jinja", "template": template}
