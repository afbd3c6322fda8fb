"""Registers the deployments and automations with a Prefect API, and keeps what people changed there.

Prefect's own `serve` and `deploy` put schedules, parameters and pauses back to what the code says.
`python -m deployments.registering` does it for an installation with workers.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate, WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.types.entrypoint import EntrypointType

from deployments.automations import ensure_automations
from deployments.prefect_environment import prefect_folder
from deployments.schedules import POOL, SCHEDULE_SLUG, TIMEZONE, Deployed, catalogue
from flows.past.backfilling import can_be_filled
from models.organisations import Organisations, load_organisations
from models.private_files import keep_private, write_whole
from models.settings import Settings, load_settings
from models.sources import SECTOR_NAMES, Registry, load_registry

_GROUPS = ("options", "answer", "change")  # in which the first release had all parameters of a flow
_DEPLOYED = "deployed.json"  # the schedules that we registered last: what differs now was changed in the settings


async def build(settings: Settings, client: PrefectClient) -> list[RunnerDeployment]:
    """Every deployment as it is to be registered: our code, people's schedules and parameters."""
    before = _read_deployed(settings)
    return [await _one(deployed, before.get(deployed.name), client) for deployed in catalogue(settings)]


async def register(settings: Settings, *, pool: str) -> list[str]:
    """Register every deployment for the workers of a pool, and the automations; the names that were registered."""
    async with get_client() as client:
        with suppress(ObjectAlreadyExists):
            await client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
        found = await build(settings, client)
        ids = [await deployment.aapply(work_pool_name=pool) for deployment in found]
        await offer_choices(ids, load_registry(settings.sources), settings, client)
        await ensure_automations(client, settings)
    remember(settings)
    return [deployment.full_name for deployment in found]


def remember(settings: Settings) -> None:
    """Note the schedules that are registered now."""
    folder = prefect_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    crons = {deployed.name: deployed.cron for deployed in catalogue(settings)}
    write_whole(folder / _DEPLOYED, json.dumps(crons, indent=1).encode())


async def offer_choices(ids: Iterable[UUID], registry: Registry, settings: Settings, client: PrefectClient) -> None:
    """Let registered deployments offer what the code cannot know, such as the registry's sources, and refuse unknown parameters."""
    choices = _choices(registry, load_organisations(settings.own_organisations))
    for number in ids:
        found = await client.read_deployment(number)
        schema = {**(found.parameter_openapi_schema or {}), "additionalProperties": False}
        for parameter, values in choices.get(found.name, {}).items():
            schema["properties"][parameter]["items"]["enum"] = values
        await client.update_deployment(number, DeploymentUpdate(parameter_openapi_schema=schema))


async def _one(deployed: Deployed, cron_before: str | None, client: PrefectClient) -> RunnerDeployment:
    module, _, function = deployed.entrypoint.rpartition(".")
    flow: Flow[..., Any] = getattr(import_module(module), function)
    try:
        old: DeploymentResponse | None = await client.read_deployment_by_name(f"{flow.name}/{deployed.name}")
    except ObjectNotFound:
        old = None
    schedules = _schedules(deployed, flow, cron_before, old)
    return await flow.ato_deployment(
        name=deployed.name,
        schedules=schedules,
        parameters=_flat(old.parameters, flow) if old else {},
        paused=bool(old.paused) if old else False,
        tags=list(deployed.tags),
        # One at a time; a run that comes while another is at work is cancelled: the next one does its work.
        concurrency_limit=ConcurrencyLimitConfig(
            limit=1,
            collision_strategy=ConcurrencyLimitStrategy.ENQUEUE
            if deployed.queue_runs
            else ConcurrencyLimitStrategy.CANCEL_NEW,
        ),
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


def _schedules(
    deployed: Deployed, flow: Flow[..., Any], cron_before: str | None, old: DeploymentResponse | None
) -> list[DeploymentScheduleCreate]:
    """Ours at first; later what people left there, ours among it changed only where the setting was."""
    ours = (
        [DeploymentScheduleCreate(schedule=CronSchedule(cron=deployed.cron, timezone=TIMEZONE), slug=SCHEDULE_SLUG)]
        if deployed.cron
        else []
    )
    if old is None:
        return ours
    kept = [
        DeploymentScheduleCreate(
            schedule=one.schedule,
            active=one.active,
            slug=one.slug,
            parameters=_flat(one.parameters, flow),
            max_scheduled_runs=one.max_scheduled_runs,
        )
        for one in old.schedules
    ]
    if cron_before is None or cron_before == deployed.cron:
        return kept
    was_active = next((one.active for one in kept if one.slug == SCHEDULE_SLUG), True)
    changed = [one.model_copy(update={"active": was_active}) for one in ours]
    return [*changed, *(one for one in kept if one.slug != SCHEDULE_SLUG)]


def _choices(registry: Registry, organisations: Organisations) -> dict[str, dict[str, list[str]]]:
    """{deployment: {parameter: what its form offers}}"""
    sources = sorted(source.id for source in registry.sources)
    return {
        "monitor": {"sources": sources},
        "collect": {"sources": sources},
        "backfill": {"sources": sorted(one.id for one in registry.sources if can_be_filled(registry, one))},
        "recipients": {
            "sectors": sorted({*SECTOR_NAMES, *(source.sector for source in registry.sources)}),
            "watch": sorted(one.name for one in organisations.values() if one.is_current),
        },
    }


def _flat(parameters: Mapping[str, Any], flow: Flow[..., Any]) -> dict[str, Any]:
    """Parameters that people saved, those of the first release too: it had them all within one, and no others."""
    for group in _GROUPS:
        if isinstance(parameters.get(group), Mapping):
            parameters = {**parameters, **parameters[group]}
    return {name: value for name, value in parameters.items() if name in flow.parameters.properties}


def _read_deployed(settings: Settings) -> dict[str, str]:
    try:
        found = json.loads((prefect_folder(settings) / _DEPLOYED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(cron) for name, cron in found.items()} if isinstance(found, dict) else {}


def main() -> None:
    """Register for workers, once."""
    keep_private()
    for name in asyncio.run(register(load_settings(), pool=POOL)):
        print(name)  # noqa: T201


if __name__ == "__main__":
    main()
