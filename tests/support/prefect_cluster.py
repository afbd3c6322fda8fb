"""The processes of deployments/compose.yaml without containers: PostgreSQL, Redis, a Prefect server, its services, workers."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployments.prefect_api import free_port, is_healthy
from deployments.prefect_environment import child_environment
from deployments.schedules import POOL
from models.settings import PREFIX, load_settings
from tests.support.postgres import Postgres
from tests.support.prefect_server import ENDS, ask, until

COMPOSE = yaml.safe_load((Path(__file__).parents[2] / "deployments" / "compose.yaml").read_text(encoding="utf-8"))
PASSWORD = "a-pass_word-of-the-tests"


class Cluster:
    """The processes of compose.yaml without containers."""

    def __init__(self, api: str, database: str, redis: int) -> None:
        self.api = api
        self.redis = redis  # its port
        self.database = database  # ours; its address
        self.web = ""  # the address of the web edition
        self.workers: dict[Path, subprocess.Popen[bytes]] = {}  # by their logs

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = ask(method, f"{self.api}{path}", json=body)
        assert answer.is_success, f"{method} {path}: {answer.text[:1000]}"
        return answer.json()

    def start_run(self, name: str, parameters: dict[str, Any]) -> str:
        """Start a run for whichever worker takes it; its id."""
        found = self.call("GET", f"/deployments/name/{name}/{name}")
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        return str(self.call("POST", f"/deployments/{found['id']}/create_flow_run", body)["id"])

    def ended(self, run: str, seconds: float) -> dict[str, Any]:
        """A run once it has ended."""
        found: dict[str, Any] = {}

        def has_ended() -> bool:
            found.update(self.call("GET", f"/flow_runs/{run}"))
            return found["state_type"] in ENDS

        until(has_ended, seconds)
        return found

    def kill_worker_of(self, run: str) -> None:
        """Kill the worker that has this run, and the run's process with it; the server is told nothing."""
        mine = f"PREFECT__FLOW_RUN_ID={run}".encode()
        ours = [number for number in map(int, _numbers()) if mine in _read(number, "environ")]
        above = {
            number for one in ours for number in _ancestors(one)
        }  # both workers have seen it: who started it has it
        (worker,) = [one for one in self.workers.values() if one.pid in above]
        os.killpg(worker.pid, signal.SIGKILL)
        for number in ours:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)


def _filled(words: str) -> str:
    """What compose.yaml says, with the value of its one variable."""
    return re.sub(r"\$\{REDIS_PASSWORD[^}]*\}", PASSWORD, words)


def _of_redis(port: int) -> dict[str, str]:
    """How compose.yaml has Prefect sign in to Redis, at this machine's port."""
    given = COMPOSE["services"]["server"]["environment"]
    docket = _filled(given["PREFECT_SERVER_DOCKET_URL"]).replace("redis:6379", f"127.0.0.1:{port}")
    password = _filled(given["PREFECT_REDIS_MESSAGING_PASSWORD"])
    return {"PREFECT_SERVER_DOCKET_URL": docket, "PREFECT_REDIS_MESSAGING_PASSWORD": password}


def _of_service(name: str, shared: dict[str, str]) -> dict[str, str]:
    """Of our settings and Prefect's those that compose.yaml gives this service, which has all where it gets `.env`."""
    service = COMPOSE["services"][name]
    ours, named = (PREFIX, "PREFECT_"), service["environment"]
    kept = {k: v for k, v in shared.items() if not k.startswith(ours) or k in named}
    return kept | ({k: v for k, v in shared.items() if k.startswith(PREFIX)} if "env_file" in service else {})


def _numbers() -> list[str]:
    return [folder.name for folder in Path("/proc").glob("[0-9]*")]


def _read(process: int, name: str) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{process}/{name}").read_bytes()
    return b""


def _ancestors(process: int) -> Iterator[int]:
    while process > 1:
        yield process
        process = int((_read(process, "stat").rpartition(b")")[2].split() or [b"0", b"0"])[1])


@contextmanager
def program(
    words: list[str], environment: dict[str, str], log: Path, folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as out:
        process = subprocess.Popen(
            words, env=environment, stdout=out, stderr=subprocess.STDOUT, start_new_session=True, cwd=folder
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(15)


@contextmanager
def cluster(postgres: Postgres, folder: Path, registry: Path) -> Iterator[Cluster]:
    """PostgreSQL, Redis, the Prefect server, its services, two workers, the web edition: compose.yaml's processes, natively."""
    redis = shutil.which("redis-server")
    if redis is None:
        pytest.skip("Redis is not installed: 'apt-get install redis-server'")
    pytest.importorskip("prefect_redis", reason="pip install prefect-redis (the extra `test` has it)")
    port, redis_port = free_port("127.0.0.1", 4400), free_port("127.0.0.1", 6400)
    assert port
    assert redis_port
    api = f"http://127.0.0.1:{port}/api"
    clean = {k: v for k, v in os.environ.items() if not k.startswith((PREFIX, "PREFECT_"))}
    with ExitStack() as stack:
        ours, prefects = (stack.enter_context(postgres.new_database()) for _ in range(2))
        settings = load_settings(data=folder / "data", sources=registry)
        shared = {
            **child_environment(settings, clean, api=api, own_server=True),
            "CULTURE_DATABASE_URL": ours,
            "CULTURE_ENCODER": "tfidf",
            "CULTURE_ALLOW_HOSTS": "127.0.0.1",
            "CULTURE_MAX_AGE_DAYS": "80",
            "CULTURE_HOST_GAP_SECONDS": "0",
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": prefects.replace("+psycopg", "+asyncpg"),
            "PREFECT_MESSAGING_BROKER": "prefect_redis.messaging",
            "PREFECT_MESSAGING_CACHE": "prefect_redis.messaging",
            "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
            "PREFECT_REDIS_MESSAGING_HOST": "127.0.0.1",
            "PREFECT_REDIS_MESSAGING_PORT": str(redis_port),
            "PREFECT_REDIS_MESSAGING_DB": "0",
            **_of_redis(redis_port),
        }
        (folder / "redis.conf").write_text(_filled(COMPOSE["configs"]["redis"]["content"]), encoding="utf-8")
        words = [
            redis,
            str(folder / "redis.conf"),
            "--port",
            str(redis_port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(folder),
        ]
        stack.enter_context(program(words, clean, folder / "redis.log", folder))
        prefect = [sys.executable, "-m", "prefect"]
        upgrade = [*prefect, "server", "database", "upgrade", "--yes"]
        subprocess.run(
            upgrade, env=_of_service("migrate-server", shared), cwd=folder, check=True, capture_output=True, timeout=240
        )
        served = [sys.executable, "-m", "deployments.prefect_server", "--host", "127.0.0.1", "--port", str(port)]
        stack.enter_context(
            program([*served, "--no-services"], _of_service("server", shared), folder / "server.log", folder)
        )
        until(lambda: is_healthy(api), 240)
        services = [*prefect, "server", "services", "start"]
        stack.enter_context(program(services, _of_service("services", shared), folder / "services.log", folder))
        register = [sys.executable, "-m", "deployments.registering"]
        subprocess.run(
            register, env=_of_service("migrate", shared), cwd=folder, check=True, capture_output=True, timeout=240
        )
        running = Cluster(api, ours, redis_port)
        for number in (1, 2):
            name = f"worker-{number}"
            log = folder / f"{name}.log"
            worker = [*prefect, "worker", "start", "--pool", POOL, "--type", "process", "--name", name]
            running.workers[log] = stack.enter_context(
                program([*worker, "--limit", "1"], _of_service("worker", shared), log, folder)
            )
        ready = folder / "web.ready"
        web = [sys.executable, "-m", "deployments.web", "--ready", str(ready)]
        stack.enter_context(program(web, _of_service("web", shared), folder / "web.log", folder))
        until(ready.exists, 60)
        running.web = ready.read_text(encoding="utf-8")
        yield running
