"""The whole product, started once for the session by its one command: Prefect server, UI, deployments, demo news site.

Starting it costs half a minute of CPU, so every test that needs a Prefect server shares it. Tests talk to it as a person's
browser would, over HTTP, and leave it running and in order.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from deployments.demo_site import DemoSite
from deployments.prefect_api import free_port
from deployments.prefect_environment import child_environment
from deployments.schedules import catalogue
from models.settings import PREFIX, load_settings
from models.store.database import Database, open_database
from tests.support.forks import Forks

UP_SECONDS = 240.0
RUN_SECONDS = 180.0
TRIES = 8
# A person reads before answering; an answer in the moment of the pause has locked the server's SQLite.
READING_SECONDS = 2.0
CANARY = "canary-guardian-product-9b2d"  # tests.product.test_secrets looks for it in everything that is written
FIRST_PORT = 4310
ENGINE = "prefect.engine"
AT_WORK = ("flows.collecting.collector", "flows.publishing.delivery", "flows.publishing.edition")  # imported by jobs
ENDS = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


class Product:
    """A started product."""

    def __init__(self, folder: Path, registry: Path, environment: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "start.log"
        self.port = free_port("127.0.0.1", FIRST_PORT) or 0
        self.registry = registry
        clean = {k: v for k, v in os.environ.items() if not k.startswith((PREFIX, "PREFECT_"))}
        self.environment = {
            **clean,
            "HOME": str(folder / "home"),
            "CULTURE_DATA": str(self.data),
            "CULTURE_ENCODER": "tfidf",
            "CULTURE_ALLOW_HOSTS": "127.0.0.1",
            "CULTURE_MAX_AGE_DAYS": "80",
            "CULTURE_HOST_GAP_SECONDS": "0",
            "CULTURE_PREFECT_PORT": str(self.port),
            "CULTURE_GUARDIAN_API_KEY": CANARY,
            **(environment or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None
        self._warm: Forks | None = None

    def start(self) -> None:
        """Start it as a person would; waits until it greets."""
        self.end_warm_runs()
        (self.folder / "home").mkdir(exist_ok=True)
        with self.log.open("ab") as log:
            before = log.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deployments.cli", "start", "--sources", str(self.registry)],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until(lambda: b"Ctrl-C stops it all" in self.log.read_bytes()[before:] or self._ended(), UP_SECONDS)
        said = self.log.read_bytes()[before:].decode()
        if self._ended():
            raise AssertionError(said)
        # The port that it says: another program may have taken the one that was free a moment ago.
        self.port = int(re.findall(r"Open http://127.0.0.1:(\d+)/v2/", said)[-1])

    @property
    def api(self) -> str:
        """The address of its Prefect API."""
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def client_environment(self) -> dict[str, str]:
        """For programs that call its API as a person's own would; what Prefect writes for those stays apart from what it does."""
        return {
            **self.environment,
            "PREFECT_API_URL": self.api,
            "PREFECT_HOME": str(self.folder / "client"),
        }

    @property
    def ui(self) -> str:
        """The address of its UI."""
        return f"http://127.0.0.1:{self.port}/v2"

    def _ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    @property
    def pid(self) -> int:
        """Its process."""
        assert self.process is not None
        return self.process.pid

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop it; its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(60)

    @contextmanager
    def settings(self, **given: str) -> Iterator[None]:
        """Settings for the runs that start meanwhile, from the `.env` file in the folder where it was started."""
        file = self.folder / ".env"
        file.write_text("".join(f"CULTURE_{name}={value}\n" for name, value in given.items()), encoding="utf-8")
        try:
            yield
        finally:
            file.unlink()

    def forget_news(self) -> None:
        """Begin with an empty database, so that the next run has pages to read and takes a while."""
        for file in self.data.glob("culture.db*"):
            file.unlink()

    @contextmanager
    def database(self) -> Iterator[Database]:
        """Its database."""
        with open_database(f"sqlite:///{self.data / 'culture.db'}") as opened:
            yield opened

    def paused(self, flow: str, *, but_not: str = "", seconds: float = RUN_SECONDS) -> str:
        """The id of a run of this flow that waits for a person, once there is one."""
        body = {"flows": {"name": {"any_": [flow]}}, "flow_runs": {"state": {"type": {"any_": ["PAUSED"]}}}}
        found: list[str] = []

        def waits() -> bool:
            found[:] = [run["id"] for run in self.call("POST", "/flow_runs/filter", body) if run["id"] != but_not]
            return bool(found)

        until(waits, seconds)
        time.sleep(READING_SECONDS)
        return found[0]

    def is_answered(self, run_id: str, seconds: float) -> bool:
        """Whether a run that waited for a person goes on within so many seconds."""
        end = time.monotonic() + seconds
        while self.call("GET", f"/flow_runs/{run_id}")["state_type"] == "PAUSED" and time.monotonic() < end:
            time.sleep(0.5)
        return bool(self.call("GET", f"/flow_runs/{run_id}")["state_type"] != "PAUSED")

    def answer(self, run_id: str, given: dict[str, Any]) -> None:
        """Resume a paused run as the form does; tried again, since a run pauses a moment before its form is there."""
        path = f"/flow_runs/{run_id}/resume"
        until(lambda: bool(self.call("POST", path, {"run_input": given})["status"] == "ACCEPT"), 30)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the Prefect API."""
        answer = ask(method, f"{self.api}{path}", json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:2000]}"
        return answer.json() if answer.content else None

    def deployment(self, name: str) -> dict[str, Any]:
        """A deployment by its name, which is its flow's too."""
        found: dict[str, Any] = self.call("GET", f"/deployments/name/{name}/{name}")
        return found

    def start_run(self, name: str, parameters: dict[str, Any] | None = None) -> str:
        """Start a run as the form does; its id."""
        body = {"parameters": parameters or {}, "state": {"type": "SCHEDULED"}}
        run = self.call("POST", f"/deployments/{self.deployment(name)['id']}/create_flow_run", body)
        return str(run["id"])

    def run(self, name: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
        """Start a run as the form does and have it done to its end: by a process that is warm, or the runner if it has to wait."""
        body = {"parameters": parameters or {}, "state": {"type": "PENDING"}}
        run = self.call("POST", f"/deployments/{self.deployment(name)['id']}/create_flow_run", body)
        if run["state_type"] == "PENDING":
            ran = self._warm_runs().run(ENGINE, run["id"], folder=self.folder, environment={})
            with (self.folder / "runs.log").open("ab") as log:
                log.write(ran.stdout + ran.stderr)
        return self.ended(run["id"])

    def _warm_runs(self) -> Forks:
        """What the runner starts for each run, imported once, with the settings that it gives."""
        if self._warm is None:
            settings = load_settings(data=self.data, sources=self.registry)
            environment = child_environment(settings, self.environment, api=self.api, own_server=True)
            flows = {one.entrypoint.rpartition(".")[0] for one in catalogue(settings)}
            modules = (
                ENGINE,
                "prefect.flow_engine",
                "prefect.task_engine",
                "prefect.artifacts",
                *sorted(flows),
                *AT_WORK,
            )
            self._warm = Forks(modules, environment, self.folder / "forks.log")
        return self._warm

    def end_warm_runs(self) -> None:
        """Before it is started again: its server may have another address then."""
        if self._warm is not None:
            self._warm.end()
            self._warm = None

    def ended(self, run_id: str, seconds: float = RUN_SECONDS) -> dict[str, Any]:
        """A run once it has ended."""
        return self.in_state(run_id, ENDS, seconds)

    def in_state(
        self, run_id: str, states: tuple[str, ...], seconds: float = RUN_SECONDS, every: float = 0.5
    ) -> dict[str, Any]:
        """A run once it is in one of these states."""
        found: dict[str, Any] = {}

        def reached() -> bool:
            nonlocal found
            found = self.call("GET", f"/flow_runs/{run_id}")
            return found["state_type"] in states

        until(reached, seconds, every)
        return found

    def artifact(self, key: str) -> dict[str, Any]:
        """The newest artifact with this key."""
        body = {"artifacts": {"key": {"any_": [key]}}, "sort": "CREATED_DESC", "limit": 1}
        found: list[dict[str, Any]] = self.call("POST", "/artifacts/filter", body)
        return found[0]

    def runs(self, name: str) -> list[dict[str, Any]]:
        """The runs of a deployment, newest first."""
        body = {"deployments": {"id": {"any_": [self.deployment(name)["id"]]}}, "sort": "EXPECTED_START_TIME_DESC"}
        found: list[dict[str, Any]] = self.call("POST", "/flow_runs/filter", body)
        return found


def ask(method: str, address: str, **given: Any) -> httpx.Response:
    """Ask a Prefect server; again, as Prefect's own client does, where its SQLite was locked for a moment."""
    for left in reversed(range(TRIES)):
        try:
            answer = httpx.request(method, address, timeout=90, **given)
        except httpx.ReadTimeout:
            if left:
                continue
            raise
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            break
        time.sleep(1)
    return answer


def until(condition: Callable[[], bool], seconds: float, every: float = 0.5) -> None:
    """Wait for it, or fail."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds:.0f} s"
        time.sleep(every)


def processes_of(folder: Path) -> dict[int, str]:
    """The command lines of all processes whose environment names this data folder, by their numbers (Linux)."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"CULTURE_DATA={folder}\0".encode() in (process / "environ").read_bytes():
                found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found


@contextmanager
def started_product(folder: Path, environment: dict[str, str] | None = None) -> Iterator[Product]:
    """A product on the demo site, stopped at the end."""
    with DemoSite(datetime.now(UTC), ports="one") as site:
        registry = folder / "sources.toml"
        registry.write_text(site.sources_toml(), encoding="utf-8")
        product = Product(folder, registry, environment)
        try:
            product.start()
            yield product
        finally:
            product.end_warm_runs()
            if product.process is not None and product.process.poll() is None:
                assert product.stop(signal.SIGINT) == 0
                assert processes_of(product.data) == {}, "Ctrl-C leaves no process behind"
