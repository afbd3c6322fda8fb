"""The past is filled from a form in the Prefect UI: with its days, from archives or sources; never by pressing Run alone."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.archives import demo_captures, write_archive
from tests.support.backfilled import THEN
from tests.support.prefect_server import Product, ask

pytestmark = pytest.mark.long


def test_the_past_is_filled_from_a_form(product: Product, tmp_path: Path) -> None:
    form = product.deployment("backfill")["parameter_openapi_schema"]
    assert set(form["required"]) == {"first_day", "last_day"}  # nobody fills half a year by pressing Run
    offered = form["properties"]["sources"]["items"]["enum"]
    assert {"national-courier", "service-standards"} <= set(offered)
    write_archive(tmp_path / "1.warc.gz", demo_captures(THEN)[:12])
    hosts = sorted({str(urlsplit(page.url).hostname) for page in demo_captures(THEN)[:12]})
    options = {"first_day": "2022-06-20", "last_day": "2022-08-31", "archives": [str(tmp_path)], "hosts": hosts}
    run = product.run("backfill", options)
    assert run["state_type"] == "COMPLETED", run["state"]["message"]
    assert re.match(r"1?\d articles stored from 1 parts \(0 were", run["state"]["message"]), run["state"]["message"]
    assert "12" in product.artifact("backfill-summary")["data"]
    again = product.run("backfill", options)
    assert "0 articles stored from 0 parts (1 were done before" in again["state"]["message"]

    today = datetime.now(UTC).date()
    days = {"first_day": str(today - timedelta(days=3)), "last_day": str(today)}
    run = product.run("backfill", days)
    assert run["state_type"] == "COMPLETED", run["state"]["message"]
    assert "(0 were done before, 0 have problems)" in run["state"]["message"]
    assert "from 0 parts" not in run["state"]["message"]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"first_day": "2022-06-01"},
        {"first_day": "in June", "last_day": "2022-06-30"},
        {"first_day": "0022-06-01", "last_day": "2022-06-30"},
        {"first_day": "2022-06-01", "last_day": "2022-06-30", "sources": ["no-such-source"]},
        {"first_day": "2022-06-01", "last_day": "2022-06-30", "everything": True},
    ],
)
def test_a_backfill_without_its_days_is_refused_before_a_run_exists(product: Product, options: dict[str, Any]) -> None:
    body = {"parameters": options, "state": {"type": "SCHEDULED"}}
    address = f"{product.api}/deployments/{product.deployment('backfill')['id']}/create_flow_run"
    answer = ask("POST", address, json=body)
    assert answer.status_code in {409, 422}, answer.text


def test_a_backfill_that_cannot_be_fails_with_its_reason(product: Product) -> None:
    run = product.run("backfill", {"first_day": "2022-06-30", "last_day": "2022-06-01"})
    assert run["state_type"] == "FAILED"
    assert "lies before the first" in run["state"]["message"]
