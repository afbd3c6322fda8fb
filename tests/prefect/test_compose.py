"""The compose file has its form, sets what `start` sets, and gives each service what it needs of the secrets and no more."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from deployments.prefect_environment import BATCHING, HEARTBEAT_SECONDS
from models.settings import PREFIX, Settings

FOLDER = Path(__file__).parents[2] / "deployments"
SECRETS = (*(f"{PREFIX}{name.upper()}" for name, field in Settings.model_fields.items() if "SecretStr" in str(field)),
           "POSTGRES_PASSWORD", "REDIS_PASSWORD")  # fmt: skip
OF_MAIL_AND_SOURCES = {"CULTURE_SMTP_URL", "CULTURE_GUARDIAN_API_KEY", "CULTURE_ALERT_WEBHOOK", "CULTURE_PROXY"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
    return found


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


def secrets_of(service: dict[str, Any]) -> set[str]:
    """The secrets of `.env` that a service of compose.yaml can read."""
    environment = service.get("environment", {})
    named = {name for name in SECRETS if name in environment and environment[name] != ""}
    within = {name for name in SECRETS for value in environment.values() if f"${{{name}" in str(value)}
    return named | within | (set(SECRETS) - environment.keys() if "env_file" in service else set())


def test_compose_gives_each_service_the_secrets_that_it_needs_and_no_others(compose: dict[str, Any]) -> None:
    found = {name: secrets_of(service) for name, service in compose["services"].items()}
    login, database, redis = "CULTURE_PREFECT_AUTH", "POSTGRES_PASSWORD", "REDIS_PASSWORD"
    assert found == {
        "postgres": {database},
        "redis": {redis},
        "migrate-server": {database, redis},
        "server": {database, redis, login},
        "services": {database, redis, login},
        "migrate": {login},
        "worker": {"CULTURE_DATABASE_URL", database, login, *OF_MAIL_AND_SOURCES},
        "web": {"CULTURE_DATABASE_URL", database, login},
        "mail": set(),
    }
    assert {*OF_MAIL_AND_SOURCES, login, "CULTURE_DATABASE_URL", database, redis} == set(SECRETS)


def test_what_env_sets_reaches_whom_it_concerns(compose: dict[str, Any]) -> None:
    services = compose["services"]
    given = {
        name: {key for key, value in one.get("environment", {}).items() if value is None}
        for name, one in services.items()
    }
    lists = {"CULTURE_SOURCES", "CULTURE_FRAMEWORK", "CULTURE_ORGANISATIONS"}
    schedules = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields if name.startswith("schedule_")}
    assert given["migrate"] == lists | schedules
    of_web = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields if name.startswith("web_")}
    # Where it listens is what compose.yaml says.
    assert given["web"] == {*lists, *of_web, "CULTURE_BASE_URL", "CULTURE_APPROVAL"} - {
        "CULTURE_WEB_HOST",
        "CULTURE_WEB_PORT",
    }
    assert [name for name, one in services.items() if "env_file" in one] == ["worker"]
    assert given["worker"] == {"CULTURE_SMTP_URL"}  # of the shell too; without it, editions are previews


def test_the_example_of_an_env_file_names_settings_that_exist_and_no_secret() -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for line in (FOLDER / ".env.example").read_text(encoding="utf-8").splitlines():
        found = re.fullmatch(r"#? ?([A-Z_]+)=(.*)", line)
        if found:
            assert found[1] in known | {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "PREFECT_UI_API_URL"}, line
            assert "PASSWORD" not in found[1] or not found[2]
