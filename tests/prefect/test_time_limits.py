"""A step that hangs is ended, and one that takes its time is not: each in a process of its own, on a real Prefect server."""

import asyncio
import subprocess
import sys
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from prefect import flow

from flows.collecting.source_polls import poll_source
from flows.fetching.client import PoliteClient
from flows.past.sources import Past
from flows.reading.sources import Window
from flows.reading.workers import Workers
from flows.running import tasks
from models.settings import load_settings
from models.sources import Source
from models.weeks import utc_now
from tests.support.fakes_web import Answer, FakeWeb
from tests.support.prefect_server import Product

pytestmark = pytest.mark.long

SECONDS = 0.5  # that a run is given in all


@flow
async def ask(step: str, url: str) -> None:
    """Asks a source with little time, as a run does or as a backfill does."""
    settings = load_settings(run_minutes=0.001, allow_hosts="127.0.0.1")
    source, week = Source(id="one", url=url), Window(utc_now() - timedelta(days=7), utc_now())
    async with PoliteClient(user_agent="a test", allow_hosts=settings.allow_hosts) as client, Workers(1) as workers:
        run_step = tasks.as_tasks(settings)
        if step == "poll":
            await run_step(poll_source, source, None, client=client, workers=workers, window=week)
        else:
            web: Any = SimpleNamespace(client=client, workers=workers)
            nothing: Any = None
            past = Past(nothing, nothing, settings, web, run_step, utc_now())
            await run_step(Past.ask, past, source, week)


@pytest.mark.parametrize(
    ("step", "said"),
    [("poll", "Task run 'poll one' - Finished in state TimedOut"), ("ask", " - Finished in state Completed")],
)
def test_a_run_is_ended_after_its_time_and_a_backfill_is_not(product: Product, step: str, said: str) -> None:
    with FakeWeb() as web:
        web.pages["/feed"] = Answer(b"late", delay=2.0)
        words = [sys.executable, "-m", "tests.prefect.test_time_limits", step, web.url("/feed")]
        ran = subprocess.run(words, env=product.client_environment, capture_output=True, text=True, check=False)
    assert said in ran.stderr
    assert ran.returncode == (1 if step == "poll" else 0)


if __name__ == "__main__":  # for what Prefect's client leaves open
    tasks.SPARE_SECONDS = SECONDS
    asyncio.run(ask(*sys.argv[1:]))
