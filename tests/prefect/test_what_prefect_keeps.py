"""What Prefect keeps, it can list: else no run is found any more, the runner ends, and `start` comes up no more."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.filtered_server import FilteredServer
from tests.support.prefect_server import ask

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FilteredServer]:
    started = FilteredServer(tmp_path_factory.mktemp("server"), 4540)
    try:
        started.wait()
        yield started
    finally:
        started.stop()


@pytest.mark.parametrize(
    "value",
    [
        rb'"\ud83d"',  # half a letter: what is left where a text is cut within an emoji
        b'"\xed\xa0\xbd"',
        b"[" * 400 + b"]" * 400,
        '"a"'.encode("utf-16"),
    ],
    ids=["half", "half-in-bytes", "nested", "utf-16"],
)
def test_what_could_not_be_listed_again_is_not_kept(server: FilteredServer, value: bytes) -> None:
    def post(path: str, body: bytes) -> httpx.Response:
        headers = {"Content-Type": "application/json"}
        return ask("POST", f"{server.api}{path}", content=body, headers=headers)

    flow = post("/flows/", b'{"name": "any"}').json()["id"].encode()
    made = post("/flow_runs/", b'{"flow_id": "%s", "parameters": {"note": %s}}' % (flow, value))
    assert (made.status_code, "can be kept" in made.text) == (400, True)
    assert post("/flow_runs/filter", b"{}").json() == []
    whole = "\U0001f600 ‘Zoë’ " + "x" * 100_000
    for ascii_alone in (True, False):
        given = {"flow_id": flow.decode(), "parameters": {"note": whole}}
        kept = post("/flow_runs/", json.dumps(given, ensure_ascii=ascii_alone).encode()).json()
        assert kept["parameters"]["note"] == whole
        assert ask("DELETE", f"{server.api}/flow_runs/{kept['id']}").status_code == 204


@pytest.fixture(scope="module")
def deployment(server: FilteredServer) -> str:
    """The number of a deployment whose form has one field."""

    def made(path: str, body: dict[str, Any]) -> str:
        return str(ask("POST", f"{server.api}{path}", json=body).json()["id"])

    schema = {"type": "object", "properties": {"note": {"title": "Note"}}}
    flow = made("/flows/", {"name": "with a form"})
    return made("/deployments/", {"name": "form", "flow_id": flow, "parameter_openapi_schema": schema})


def start(server: FilteredServer, deployment: str, note: Any) -> httpx.Response:
    """Start a run as the UI does, with this in the field of its form."""
    body = {"parameters": {"note": note}, "state": {"type": "SCHEDULED"}}
    return ask("POST", f"{server.api}/deployments/{deployment}/create_flow_run", json=body)


NESTED = "[" * 300 + "]" * 300
HALF_IN_JSON = r'"\ud83d"'


@pytest.mark.parametrize(
    "note",
    [
        {"__prefect_kind": "json", "value": HALF_IN_JSON},
        {"__prefect_kind": "json", "value": NESTED},
        {"__prefect_kind": "json", "value": {"__prefect_kind": "none", "value": HALF_IN_JSON}},
        {"__prefect_kind": "jinja", "template": r"{{ '\ud83d' }}"},
        {"__prefect_kind": "jinja", "template": "{{ '%c' % 55357 }}"},
        {"deep": json.loads("[" * 150 + "]" * 150), "and": [{"__prefect_kind": "json", "value": "[" * 60 + "]" * 60}]},
    ],
    ids=["half", "nested", "half-within", "half-in-a-template", "half-by-number", "nested-in-nested"],
)
def test_a_field_written_as_json_or_as_a_template_is_read_as_strictly(
    server: FilteredServer, deployment: str, note: Any
) -> None:
    started = start(server, deployment, note)
    listed = ask("POST", f"{server.api}/flow_runs/filter", json={})
    assert (listed.status_code, listed.json()) == (200, [])
    assert (started.status_code, "can be kept" in started.text) == (400, True)


def test_a_field_written_as_json_or_as_a_template_holds_what_it_says(server: FilteredServer, deployment: str) -> None:
    whole = {"emoji": "\U0001f600", "levels": json.loads("[" * 40 + "]" * 40), "number": 1.5, "nothing": None}
    for note, read in (
        ({"__prefect_kind": "json", "value": json.dumps(whole)}, whole),
        ({"__prefect_kind": "jinja", "template": "{{ 'Zoë' }} \U0001f600"}, "Zoë \U0001f600"),
    ):
        kept = start(server, deployment, note).json()
        assert kept["parameters"]["note"] == read
        assert ask("DELETE", f"{server.api}/flow_runs/{kept['id']}").status_code == 204
    refused = start(server, deployment, {"__prefect_kind": "json", "value": "{"})
    assert (refused.status_code, "Invalid JSON" in refused.text) == (400, True)
