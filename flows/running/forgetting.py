"""Deleting from Prefect what it keeps of a person: runs whose parameters, state or log hold their address."""

import json
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName, LogFilter, LogFilterTextSearch
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run

from models.store.recipients import RecipientError, check_address

# The flows whose parameters a person writes addresses into, and the one that is told how they ended.
_MAY_HOLD_ADDRESSES = ("recipients", "digest", "alert")
_PAGE = 200
_ADDRESS = re.compile(r"[^\s\"'<>(),;:\\]+@[^\s\"'<>(),;:\\]+")
_QUOTED_ADDRESS = re.compile(rf"(['\"]?){_ADDRESS.pattern}\1")


def hide_addresses(text: str) -> str:
    """A text without the addresses in it, quoted or not: for a run's state, which Prefect keeps and shows."""
    return _QUOTED_ADDRESS.sub("this address", text)


async def forget_own_parameters(kept: dict[str, object]) -> None:
    """Put `kept` in the place of this run's parameters, which Prefect keeps and shows for as long as the run."""
    if flow_run.id:
        async with get_client() as client:
            await client.update_flow_run(UUID(flow_run.id), parameters=kept)


async def forget_runs(addresses: Sequence[str]) -> None:
    """Delete every run that holds one of these addresses, with its states and log; this run itself stays."""
    own = UUID(flow_run.id) if flow_run.id else None
    async with get_client() as client:
        found = {run.id async for run in _runs(client) if _hold(run, addresses)}
        for address in addresses:
            found |= await _with_log_of(client, address)
        for run_id in found - {own}:
            try:
                await client.delete_flow_run(run_id)
            except ObjectNotFound:
                continue  # somebody was quicker


async def _runs(client: PrefectClient) -> AsyncIterator[FlowRun]:
    offset = 0
    while True:
        page = await client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=list(_MAY_HOLD_ADDRESSES))),
            sort=FlowRunSort.ID_DESC,
            limit=_PAGE,
            offset=offset,
        )
        for run in page:
            yield run
        if len(page) < _PAGE:
            return
        offset += _PAGE


def _hold(run: FlowRun, addresses: Sequence[str]) -> bool:
    words = json.dumps([run.parameters, run.state.message if run.state else ""], ensure_ascii=False, default=str)
    lower = words.casefold()
    return any(address in lower for address in addresses) or not set(addresses).isdisjoint(_normal(words))


def _normal(words: str) -> Iterable[str]:
    """The addresses in a text as the list of recipients has them: a person may have written one otherwise."""
    for found in _ADDRESS.findall(words):
        try:
            yield check_address(found)
        except RecipientError:
            continue


async def _with_log_of(client: PrefectClient, address: str) -> set[UUID]:
    query = LogFilter(text=LogFilterTextSearch(query=f'"{address}"'))
    found: set[UUID] = set()
    offset = 0
    while page := await client.read_logs(query, limit=_PAGE, offset=offset):
        found |= {log.flow_run_id for log in page if log.flow_run_id}
        offset += _PAGE
    return found
