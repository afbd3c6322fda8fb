"""How it is deployed: every entrypoint loads, the files say what the code says, and two workers share the work."""

import asyncio
import json
import re
import shutil
import socket
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml
from jsonschema import Draft202012Validator
from prefect.events import DeploymentEventTrigger
from sqlmodel import col, select

from deployments.automations import (
    CRASH_SILENT,
    NOT_TOLD_OF,
    TELL_FAILED,
    TELL_WAITING,
    tell_of_failures,
    tell_of_waiting,
)
from deployments.demo_site import DemoSite
from deployments.prefect_environment import BATCHING, HEARTBEAT_SECONDS, SILENT_SECONDS, child_environment
from deployments.schedules import POOL, SCHEDULE_SLUG, TIMEZONE, catalogue
from flows.running import jobs
from models.settings import PREFIX, Settings, load_settings
from models.sources import load_registry
from models.store.database import Database, open_database
from models.store.tables import Article
from tests.support.postgres import Postgres
from tests.support.prefect_cluster import PASSWORD, cluster, program
from tests.support.prefect_server import Product, until

pytestmark = pytest.mark.long

FOLDER = Path(__file__).parents[2] / "deployments"
ROOT = FOLDER.parent


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
    return found


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("entrypoint", [one.entrypoint for one in catalogue(Settings())])
def test_every_entrypoint_loads_without_a_placeholder(entrypoint: str) -> None:
    from prefect.flows import load_flow_from_entrypoint

    flow: Any = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
    deployed = next(one for one in catalogue(Settings()) if one.entrypoint == entrypoint)
    assert flow.name == deployed.name
    assert flow.description
    assert len(flow.description) > 60


def test_every_form_field_has_a_title_a_description_and_a_default_or_must_be_filled() -> None:
    from prefect.flows import load_flow_from_entrypoint
    from prefect.utilities.callables import parameter_schema

    for one in catalogue(Settings()):
        schema = parameter_schema(load_flow_from_entrypoint(one.entrypoint, use_placeholder_flow=False)).model_dump()
        for field in schema["properties"].values():
            assert field.get("description"), (one.name, field)
        for model, definition in (schema["definitions"] or {}).items():
            if "properties" not in definition:
                continue
            assert definition["additionalProperties"] is False
            for name, field in definition["properties"].items():
                assert field.get("title"), (model, name)
                assert field.get("description"), (model, name)
                assert "default" in field or name in definition["required"], (model, name)


def test_prefect_yaml_deploys_what_the_code_does() -> None:
    document = yaml.safe_load((FOLDER / "prefect.yaml").read_text(encoding="utf-8"))
    found = {one["name"]: one for one in document["deployments"]}
    expected = {one.name: one for one in catalogue(Settings())}
    assert found.keys() == expected.keys()
    for name, deployed in expected.items():
        assert found[name]["entrypoint"] == deployed.entrypoint
        assert found[name]["tags"] == list(deployed.tags)
        assert found[name]["work_pool"]["name"] == POOL
        collision = "ENQUEUE" if deployed.queue_runs else "CANCEL_NEW"
        assert found[name]["concurrency_limit"] == {"limit": 1, "collision_strategy": collision}
        ours = {"cron": deployed.cron, "timezone": TIMEZONE, "slug": SCHEDULE_SLUG}
        assert found[name]["schedules"] == ([ours] if deployed.cron else [])
    alert = uuid4()
    told_of = [name for name in expected if name not in NOT_TOLD_OF]
    for trigger, automation in zip(
        found["alert"]["triggers"], (tell_of_failures(alert, told_of), tell_of_waiting(alert)), strict=True
    ):
        made = DeploymentEventTrigger.model_validate(trigger)
        made.set_deployment_id(alert)
        both = [one.model_dump(mode="json", exclude={"owner_resource"}) for one in (made.as_automation(), automation)]
        assert both[0] == both[1]


def test_compose_has_the_form_of_a_compose_file(compose: dict[str, Any]) -> None:
    schema = json.loads((Path(__file__).parent / "compose_schema.json").read_text(encoding="utf-8"))
    errors = [f"{'/'.join(map(str, e.path))}: {e.message}" for e in Draft202012Validator(schema).iter_errors(compose)]
    assert not errors
    services = compose["services"]
    for name, service in services.items():
        for other in service.get("depends_on", {}):
            assert other in services, f"{name} depends on {other}, which is not there"
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in compose["volumes"]
        for config in service.get("configs", []):
            assert config["source"] in compose["configs"]
    assert {"postgres", "redis", "server", "services", "migrate", "worker", "mail"} <= services.keys()
    assert services["mail"]["profiles"] == ["dev"]


def test_compose_sets_what_start_sets(compose: dict[str, Any]) -> None:
    environment = compose["services"]["server"]["environment"]
    assert BATCHING.items() <= environment.items()
    assert environment["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == str(HEARTBEAT_SECONDS)
    assert environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for service in compose["services"].values():
        assert {name for name in service.get("environment", {}) if name.startswith(PREFIX)} <= known


def test_the_example_of_an_env_file_names_settings_that_exist_and_no_secret() -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for line in (FOLDER / ".env.example").read_text(encoding="utf-8").splitlines():
        found = re.fullmatch(r"#? ?([A-Z_]+)=(.*)", line)
        if found:
            assert found[1] in known | {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "PREFECT_UI_API_URL"}, line
            assert "PASSWORD" not in found[1] or not found[2]


def test_the_image_is_not_run_as_root_and_installs_what_is_pinned_and_hashed() -> None:
    text = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^USER (?!root)", text, re.MULTILINE)
    assert "--require-hashes" in text
    constraints = (FOLDER / "constraints.txt").read_text(encoding="utf-8")
    pinned = re.findall(r"^([a-z0-9][a-z0-9._-]*)(?:\[[a-z0-9,_-]+\])?==", constraints, re.MULTILINE)
    blocks = re.split(r"^(?=[a-z0-9])", constraints, flags=re.MULTILINE)
    assert {"prefect", "prefect-redis", "scikit-learn", "trafilatura", "sqlmodel", "psycopg"} <= set(pinned)
    for block in blocks:
        if "==" in block.partition("\n")[0]:
            assert "--hash=sha256:" in block, block[:80]
    assert "://" not in constraints


def test_no_secret_of_a_clone_gets_into_the_image() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"  # nothing but what is named below
    assert rules.index("**/.env") > max(place for place, rule in enumerate(rules) if rule.startswith("!"))
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (FOLDER / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    for name in " ".join(copied).split():
        assert f"!{name.partition('/')[0]}" in rules, name


def test_a_run_is_called_silent_only_after_several_missed_heartbeats() -> None:
    assert SILENT_SECONDS >= 3 * HEARTBEAT_SECONDS


def test_no_telemetry_is_sent_unless_it_is_switched_on(tmp_path: Path) -> None:
    given = {"PREFECT_PROFILE": "mine", "PREFECT_API_URL": "http://elsewhere/api", "PATH": "p"}
    quiet = child_environment(load_settings(data=tmp_path), given, api="http://127.0.0.1:4301/api", own_server=True)
    assert quiet["DO_NOT_TRACK"] == "1"
    assert quiet["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert quiet["PREFECT_API_URL"] == "http://127.0.0.1:4301/api"
    assert (quiet["PREFECT_SERVER_API_HOST"], quiet["PREFECT_SERVER_API_PORT"]) == ("127.0.0.1", "4301")
    assert quiet["PREFECT_HOME"].startswith(str(tmp_path))
    assert "PREFECT_PROFILE" not in quiet
    settings = load_settings(data=tmp_path, telemetry=True)
    assert "DO_NOT_TRACK" not in child_environment(settings, given, api="http://127.0.0.1:1/api", own_server=True)


def deploy(product: Product, text: str, clone: Path) -> None:
    """`prefect deploy` with this file in a folder of its own, which is gone afterwards."""
    clone.mkdir()
    (clone / "prefect.yaml").write_text(text, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", "prefect.yaml"],
        cwd=clone, env=product.client_environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    shutil.rmtree(clone)


def test_a_worker_runs_what_was_deployed_from_a_folder_that_is_gone(product: Product, tmp_path: Path) -> None:
    document = yaml.safe_load((FOLDER / "prefect.yaml").read_text(encoding="utf-8"))
    # Under another name, which the process that `start` runs does not serve.
    document["deployments"] = [
        one | {"name": "by-worker"} for one in document["deployments"] if one["name"] == "upkeep"
    ]
    document["deployments"][0] |= {"work_pool": {"name": "by-worker"}, "schedules": []}
    product.call("POST", "/work_pools/", {"name": "by-worker", "type": "process"})
    deploy(product, yaml.safe_dump(document), tmp_path / "clone")
    deployment = product.call("GET", "/deployments/name/upkeep/by-worker")["id"]
    worker = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "by-worker"]
    try:
        # Its run starts in a folder that passes: refused where it would write there, as by default, else done.
        for given, state in (({"CULTURE_DATA": "data"}, "FAILED"), ({}, "COMPLETED")):
            with program(worker, {**product.client_environment, **given}, tmp_path / "worker.log", tmp_path):
                body = {"parameters": {}, "state": {"type": "SCHEDULED"}}
                run = product.call("POST", f"/deployments/{deployment}/create_flow_run", body)["id"]
                ended = product.ended(run)
            assert ended["state_type"] == state, ended["state"]["message"]
            assert "CULTURE_DATA: data is not an absolute path" in ended["state"]["message"] or not given
        assert not (tmp_path / "data").exists()
    finally:
        product.call("DELETE", f"/deployments/{deployment}")


def automations(product: Product) -> list[str]:
    """The names of all that the server has."""
    return [str(one["name"]) for one in product.call("POST", "/automations/filter", {})]


def test_prefect_deploy_registers_all_deployments_with_their_schedules(product: Product, tmp_path: Path) -> None:
    pool = {"name": POOL, "type": "process"}
    product.call("POST", "/work_pools/", pool)
    before = {one.name: product.deployment(one.name) for one in catalogue(Settings())}
    deploy(product, (FOLDER / "prefect.yaml").read_text(encoding="utf-8"), tmp_path / "clone")
    try:
        for one in catalogue(Settings()):
            found = product.deployment(one.name)
            assert found["entrypoint"] == one.entrypoint
            assert found["work_pool_name"] == POOL
            assert [schedule["schedule"]["cron"] for schedule in found["schedules"]] == ([one.cron] if one.cron else [])
            assert found["pull_steps"] == []
            assert str(tmp_path) not in json.dumps(found)
        # Those of `start`, and those that prefect.yaml makes by itself.
        assert Counter(automations(product)) >= Counter({TELL_FAILED: 2, TELL_WAITING: 2, CRASH_SILENT: 1})
        register = [sys.executable, "-m", "deployments.registering"]
        given = {**product.environment, "PREFECT_API_URL": product.api, "CULTURE_SOURCES": str(product.registry)}
        subprocess.run(register, env=given, cwd=tmp_path, check=True, capture_output=True, timeout=240)
        sources = product.deployment("monitor")["parameter_openapi_schema"]["properties"]
        assert sources["sources"]["items"]["enum"]  # what forms offer
        assert {name: Counter(automations(product))[name] for name in (TELL_FAILED, TELL_WAITING, CRASH_SILENT)} == {
            TELL_FAILED: 1,
            TELL_WAITING: 1,
            CRASH_SILENT: 1,
        }
    finally:
        for name, old in before.items():  # back to the process that `start` runs, with the choices that its forms offer
            kept = {key: old[key] for key in ("work_pool_name", "parameter_openapi_schema", "pull_steps")}
            product.call("PATCH", f"/deployments/{product.deployment(name)['id']}", kept)
            now = product.deployment(name)
            assert {key: now[key] for key in ("id", *kept)} == {key: old[key] for key in ("id", *kept)}


def stored_in(database: Database) -> set[tuple[str, str, int]]:
    """What is stored of every article: address, what its text is, words."""
    with database.read() as session:
        return set(session.exec(select(Article.url, Article.text_status, Article.words)))


def test_of_two_workers_on_postgresql_one_is_killed_in_mid_run_and_nothing_is_lost(
    postgres: Postgres, tmp_path: Path
) -> None:
    with DemoSite(datetime.now(UTC), ports="one", delay_seconds=0.1) as site:
        registry = tmp_path / "sources.toml"
        registry.write_text(site.sources_toml(), encoding="utf-8")
        with cluster(postgres, tmp_path, registry) as running, open_database(running.database) as database:
            with socket.create_connection(("127.0.0.1", running.redis)) as another_container:
                another_container.sendall(b"PING\r\n")  # what Prefect finds there it unpickles
                assert another_container.recv(100).startswith(b"-NOAUTH")
            # Each worker takes one run at a time, so the two that are started together need both.
            killed, upkeep = running.start_run("monitor", {"all_due": True}), running.start_run("upkeep", {})
            until(lambda: bool(stored_in(database)), 240, every=0.1)  # its listings are; its pages are read for seconds
            running.kill_worker_of(killed)
            assert running.call("GET", f"/flow_runs/{killed}")["state_type"] == "RUNNING"
            of_killed = stored_in(database)
            assert running.ended(upkeep, 240)["state_type"] == "COMPLETED"
            # As the automation does after minutes of silence: tests/prefect/test_start.py.
            crashed = {"state": {"type": "CRASHED", "message": "its process has gone"}, "force": True}
            running.call("POST", f"/flow_runs/{killed}/set_state", crashed)
            again = running.ended(running.start_run("monitor", {"all_due": True}), 240)
            assert again["state_type"] == "COMPLETED", again["state"]["message"]
            assert not [log for log in tmp_path.glob("*.log") if PASSWORD.encode() in log.read_bytes()]
            stored = stored_in(database)
            assert len(httpx.get(f"{running.web}stories.csv").text.splitlines()) > 1  # what the workers stored
            with database.read() as session:
                assert session.exec(select(Article.url).where(col(Article.model_version).is_(None))).all() == []
        options: dict[str, Any] = {"max_age_days": 80, "host_gap_seconds": 0, "allow_hosts": frozenset({"127.0.0.1"})}
        alone = load_settings(data=tmp_path / "undisturbed", sources=registry, **options)
        with open_database(alone.database_address) as database:
            asyncio.run(jobs.collect(database, load_registry(registry), alone, now=datetime.now(UTC)))
            undisturbed = stored_in(database)
    assert of_killed != undisturbed  # it was in mid-run
    assert stored == undisturbed
