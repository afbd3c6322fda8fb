"""Short ways to ask with the polite client."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from flows.fetching.client import PoliteClient
from models.entries import Reply

AGENT = "nhs-culture-monitor/0.1 (+mailto:ask@example.org)"
LOOPBACK = frozenset({"127.0.0.1"})
Asking = Callable[[PoliteClient], Coroutine[Any, Any, Any]]


def with_client(ask: Asking, **given: Any) -> Any:
    """What `ask` returns, given a client."""

    async def run() -> Any:
        options: dict[str, Any] = {"user_agent": AGENT, "allow_hosts": LOOPBACK} | given
        async with PoliteClient(**options) as client:
            return await ask(client)

    return asyncio.run(run())


def get(url: str, client_options: dict[str, Any] | None = None, **given: Any) -> Reply:
    """One reply of a fresh client."""
    reply: Reply = with_client(lambda client: client.get(url, **given), **(client_options or {}))
    return reply
