"""What orchestration costs: the same job on the same pages, run plainly and by the started product as a Prefect flow.

The product is what a person starts: its server, its runner and the process of the run, with its own settings. CPU seconds come
from /proc (Linux), children that have ended included; what the server and the runner burn while idle is measured before
and subtracted. The server's share is taken until it has written all that it holds.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.end_to_end import CORES, Site, site, trained
from tests.benchmarks.processes import ONE_BLAS_THREAD, cpu_of_tree, measure, measure_command
from tests.prefect_server import Product

IDLE_SECONDS = 20.0
IDLE_TRIES = 4
AT_REST = 0.06  # CPU seconds a second
SETTLE_SECONDS = 20.0  # after its start, the server is busy with itself
LOOK_SECONDS = 3.0
DRAIN_SECONDS = 90.0
_SWITCHED_OFF = {f"CULTURE_SCHEDULE_{name}": "" for name in ("MONITOR", "DIGEST", "TRAIN", "UPKEEP", "CHECK")}
_LIMITS = {"CULTURE_PAGES_PER_RUN": "100000", "CULTURE_WORKERS": str(CORES)}
_IMPORTS = ("flows.jobs", "flows.monitor")  # without and with Prefect


def orchestration(articles: int, models: Path, repeats: int, encoder: str) -> dict[str, Any]:
    """The plain run and the flow in turn, so many times; the least of each is compared, since others work here too."""
    plain, flows = [], []
    with site(articles) as where, tempfile.TemporaryDirectory(prefix="culture-orchestration-") as name:
        product = _Measured(Path(name), where, models, encoder)
        try:
            product.start()
            for _ in range(repeats):
                plain.append(_plain(where, models, encoder))
                flows.append(product.run())
        finally:
            product.stop()
    best = min(flows, key=lambda run: run["process"] + run["server"])
    work = min(run["first"] for run in plain)
    surplus = best["process"] - work
    again = min(run["process again"] for run in flows) - min(run["again"] for run in plain)
    server, runner = best["server"], best["runner"]
    total = work + surplus + server + runner
    return {
        "articles": articles,
        "encoder": encoder,
        "work_cpu_seconds": work,
        "flow_process_surplus": surplus,
        "of_it_importing_prefect": _import_cost(_IMPORTS[1]) - _import_cost(_IMPORTS[0]),
        "runner": runner,
        "server": server,
        "share": (surplus + runner + server) / total,
        # The difference of two long runs is noisy where others work; that of two runs that find nothing new is not.
        "share_with_the_surplus_of_a_run_that_finds_nothing": (again + runner + server)
        / (work + again + runner + server),
        "share_without_starting_prefect": (runner + server + max(surplus - again, 0.0)) / total,
        "nothing_new": {
            "work_cpu_seconds": min(run["again"] for run in plain),
            "flow_process_surplus": again,
            "server": min(run["server again"] for run in flows),
        },
        "idle_server_cpu_a_second": product.idle["server"],
        "idle_runner_cpu_a_second": product.idle["runner"],
        "task_runs": best["tasks"],
        "all_plain": [run["first"] for run in plain],
        "all_flow_processes": [run["process"] for run in flows],
        "all_servers": [run["server"] for run in flows],
    }


def _plain(where: Site, models: Path, encoder: str) -> dict[str, float]:
    """CPU of the job without Prefect, in a process of its own, in a new database and again in the same one."""
    with tempfile.TemporaryDirectory(prefix="culture-benchmark-data-") as data:
        shutil.copytree(trained(models, encoder) / "models", Path(data) / "models")
        arguments = ["--registry", str(where.registry), "--data", data, "--workers", str(CORES), "--encoder", encoder]
        arguments.append("--unsampled")
        first, again = (measure("tests.benchmarks.job", *arguments).cpu_seconds for _ in range(2))
        return {"first": first, "again": again}


class _Measured:
    """The started product and what its processes cost."""

    def __init__(self, folder: Path, where: Site, models: Path, encoder: str) -> None:
        environment = {**_SWITCHED_OFF, **_LIMITS, **ONE_BLAS_THREAD, "CULTURE_ENCODER": encoder}
        self._product = Product(folder, where.registry, environment)
        self._folder = folder
        self.idle: dict[str, float] = {}
        shutil.copytree(trained(models, encoder) / "models", self._product.data / "models")

    def start(self) -> None:
        """Start it, let it come to rest, and measure it idle."""
        self._product.start()
        assert self._product.process is not None
        self._pids = _children(self._product.process.pid)
        time.sleep(SETTLE_SECONDS)
        for _ in range(IDLE_TRIES):  # until nothing ends and the server is at rest: a service may have woken
            before, begin = self._cpu(), time.monotonic()
            time.sleep(IDLE_SECONDS)
            seconds = time.monotonic() - begin
            self.idle = {name: (cpu - before[name]) / seconds for name, cpu in self._cpu().items()}
            if not self.idle["ended"] and self.idle["server"] < AT_REST:
                break

    def run(self) -> dict[str, Any]:
        """The flow in a new database, and again in the same one."""
        for file in self._product.data.glob("culture.db*"):
            file.unlink()
        first, again = self._one(), self._one()
        return {**first, "process again": again["process"], "server again": again["server"]}

    def stop(self) -> None:
        """Stop it."""
        if self._product.process is not None and self._product.process.poll() is None:
            self._product.stop()

    def _one(self) -> dict[str, Any]:
        before, begin = self._cpu(), time.monotonic()
        run = self._product.run("monitor", {"options": {"all_due": True}}, every=LOOK_SECONDS)
        assert run["state_type"] == "COMPLETED", run["state"]["message"]
        self._drain()
        seconds = time.monotonic() - begin
        spent = {name: cpu - before[name] for name, cpu in self._cpu().items()}
        for name in ("server", "runner"):
            spent[name] -= self.idle[name] * seconds
        body = {"flow_runs": {"id": {"any_": [run["id"]]}}, "limit": 200}
        tasks = len(self._product.call("POST", "/task_runs/filter", body))
        # The runner's own work for a run (fetch it, start its process, watch it) is small beside the process.
        return {"process": spent["ended"], "runner": spent["runner"], "server": spent["server"], "tasks": tasks}

    def _drain(self) -> None:
        """Wait until the server is at rest: it writes task runs and events in batches after the run has ended."""
        until, before = time.monotonic() + DRAIN_SECONDS, self._cpu()["server"]
        while time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
            now = self._cpu()["server"]
            if now - before < 1.5 * self.idle["server"] * LOOK_SECONDS + 0.02:
                return
            before = now

    def _cpu(self) -> dict[str, float]:
        runner, ended = cpu_of_tree(self._pids["runner"])
        server = sum(cpu_of_tree(self._pids["server"]))
        return {"server": server, "runner": runner, "ended": ended}


def _children(pid: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            command = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ")
            name = (
                "server" if b"prefect server start" in command else "runner" if b"deployments.serve" in command else ""
            )
            found[name] = int(child)
    return found


def _import_cost(module: str) -> float:
    command = [sys.executable, "-c", f"import {module}; print(0)"]
    return min(measure_command(command).cpu_seconds for _ in range(3))
