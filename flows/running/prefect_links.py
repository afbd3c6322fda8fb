"""Links into the Prefect UI that open the current one; Prefect's own still lead to its predecessor."""

from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_UI_URL

CURRENT_UI = "/v2"


def ui_address() -> str:
    """Where the current UI is, without a slash at its end; empty where this run knows of none."""
    address = PREFECT_UI_URL.value()
    return f"{address.rstrip('/')}{CURRENT_UI}" if address else ""


def run_address(run_id: UUID | str) -> str:
    """The page of a run; empty where there is no UI."""
    ui = ui_address()
    return f"{ui}/runs/flow-run/{run_id}" if ui else ""


async def form_address(deployment: str) -> str:
    """The form that starts a deployment ("review/review"); empty where it is not deployed or there is no UI."""
    ui = ui_address()
    if not ui:
        return ""
    async with get_client() as client:
        try:
            found = await client.read_deployment_by_name(deployment)
        except ObjectNotFound:
            return ""
    return f"{ui}/deployments/deployment/{found.id}/run"
