"""One page that takes long to make holds up nobody who asks for another."""

import asyncio
import threading
from datetime import datetime
from pathlib import Path

import httpx
from anyio import to_thread

from flows.website.app import PAGES_AT_ONCE, make_app
from models.store.database import Database
from tests.support import fakes_edition as fakes
from tests.support.fakes_website import VISITOR, filled

SECONDS = 20  # far more than these pages need


class Clock:
    """Tells the time; from when it is slow, the first page that asks for it is made for as long as it stays so."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.reached = threading.Event()  # a page is being made
        self.slow_after = 0  # calls; 0: never
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            is_slow = self.slow_after == 1
            self.slow_after = max(self.slow_after - 1, 0)
        if is_slow:
            self.reached.set()
            self.go_on.wait(4 * SECONDS)
        return fakes.MONDAY_7


def test_who_waits_for_a_slow_page_holds_up_nobody_else(sqlite: Database, tmp_path: Path) -> None:
    clock = Clock()
    app = make_app(sqlite, fakes.REGISTRY, filled(sqlite, tmp_path), clock.now)

    async def visits() -> tuple[list[int], list[int]]:
        to_thread.current_default_thread_limiter().total_tokens = PAGES_AT_ONCE  # as the server sets it
        transport = httpx.ASGITransport(app=app, client=VISITOR)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            await client.get("/themes/speaking-up")  # is kept from now on
            clock.slow_after = 2  # what asks is kept or not; the page itself
            slow = [asyncio.create_task(client.get("/themes/workforce"))]
            await asyncio.to_thread(clock.reached.wait, SECONDS)
            slow += [asyncio.create_task(client.get("/themes/workforce")) for _ in range(2 * PAGES_AT_ONCE)]
            await asyncio.sleep(0)
            try:
                async with asyncio.timeout(SECONDS):
                    others = [
                        (await client.get(page)).status_code
                        for page in ("/themes/speaking-up", "/recommendations", "/search", "/themes/workforce?page=2")
                    ]
            finally:
                clock.go_on.set()
                waited = [(await one).status_code for one in slow]
        return others, waited

    others, waited = asyncio.run(visits())
    assert others == [200] * 4
    assert waited == [200] * len(waited)
