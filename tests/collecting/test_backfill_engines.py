"""A backfill's engines: threads, processes, Dask here or elsewhere, by the command or the flow, store the same rows."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from flows.past.backfilling import read_archives
from flows.past.task_runner import run_jobs
from models.folding import cluster_unassigned
from models.settings import SettingsError, load_settings
from models.sources import Registry, load_registry
from models.store.database import open_database
from tests.support.archives import Captured, demo_captures, demo_registry
from tests.support.backfilled import THEN, jobs_of, read, rows_of, spread
from tests.support.postgres import Postgres
from tests.support.prefect_cluster import program
from tests.support.prefect_server import Product, until

# Another program may use the port of Dask's dashboard, which then takes another one and warns.
pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore:Port 8787 is already in use")]

DAYS = ("2022-06-10", "2022-09-01")
FLOW = """import asyncio, sys
from flows.backfill import backfill
given = {"first_day": sys.argv[1], "last_day": sys.argv[2], "archives": sys.argv[3:]}
print(asyncio.run(backfill(**given, return_state=True)).message)
"""


@pytest.fixture(scope="module")
def pages() -> list[Captured]:
    return demo_captures(THEN)[:40]


@pytest.fixture(scope="module")
def registry_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("registry") / "demo.toml"
    file.write_text(demo_registry(THEN), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def registry(registry_file: Path) -> Registry:
    return load_registry(registry_file)


@contextmanager
def scheduler_with_workers(folder: Path, environment: dict[str, str], workers: int) -> Iterator[str]:
    """A Dask scheduler and its workers as on machines of their own, here by loopback; gives the address."""
    folder.mkdir()
    dask, facts = [sys.executable, "-m", "dask"], folder / "scheduler.json"
    here = ["--host", "127.0.0.1", "--no-dashboard"]
    with ExitStack() as stack:
        words = [*dask, "scheduler", *here, "--port", "0", "--scheduler-file", str(facts)]
        stack.enter_context(program(words, environment, folder / "scheduler.log", folder))
        until(facts.exists, 60)
        for number in range(workers):
            words = [*dask, "worker", "--scheduler-file", str(facts), "--host", "127.0.0.1", "--no-dashboard"]
            words += ["--nthreads", "1", "--no-nanny"]
            stack.enter_context(program(words, environment, folder / f"worker-{number}.log", folder))
        yield str(json.loads(facts.read_text(encoding="utf-8"))["address"])


@pytest.mark.parametrize("how", ["the flow on a cluster of its own", "the command at a scheduler's address"])
def test_dask_stores_what_one_process_does(
    product: Product,
    postgres: Postgres,
    pages: list[Captured],
    registry_file: Path,
    small_seeds_folder: Path,
    tmp_path: Path,
    how: str,
) -> None:
    pytest.importorskip("distributed", reason="pip install 'nhs-culture-monitor[dask]'")
    (tmp_path / "archives").mkdir()
    paths = spread(pages, tmp_path / "archives", files=3)
    data = tmp_path / "data"
    environment = {
        **product.client_environment,
        "CULTURE_DATA": str(data),
        "CULTURE_SOURCES": str(registry_file),
        "CULTURE_TASK_RUNNER": "dask",
        "CULTURE_WORKERS": "2",
        "CULTURE_FRAMEWORK": str(small_seeds_folder),  # training is not what is tested here
    }
    address, words = f"sqlite:///{data}/culture.db", ["-c", FLOW, *DAYS, str(tmp_path / "archives")]
    with ExitStack() as stack:
        if how.startswith("the command"):
            environment["CULTURE_DATABASE_URL"] = address = stack.enter_context(postgres.new_database())
            cluster = scheduler_with_workers(tmp_path / "dask", environment, 2)
            environment["CULTURE_DASK_ADDRESS"] = stack.enter_context(cluster)
            words = ["-m", "deployments.cli", "backfill", "--from", DAYS[0], "--to", DAYS[1]]
            words += ["--warc", str(tmp_path / "archives"), "--json"]
        ran = subprocess.run(
            [sys.executable, *words], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=180
        )
        assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-4000:]
        assert "from 3 parts" in ran.stdout or '"parts": 3' in ran.stdout, ran.stdout[-2000:]
        with open_database(address) as database, open_database(f"sqlite:///{tmp_path / 'plain.db'}") as plain:
            read(plain, jobs_of(paths, load_registry(registry_file), load_settings(data=tmp_path)))
            assert rows_of(database) == rows_of(plain)


@pytest.mark.parametrize("engine", ["threads", "processes", "dask"])
def test_the_rows_are_the_same_whatever_the_engine(
    pages: list[Captured], registry: Registry, tmp_path: Path, engine: str
) -> None:
    if engine == "dask":
        pytest.importorskip("distributed", reason="pip install 'nhs-culture-monitor[dask]'")
    paths = spread(pages[:40], tmp_path, files=3)
    settings = load_settings(data=tmp_path / "data", task_runner=engine, workers=2)
    jobs = jobs_of(paths, registry, settings)
    summary = asyncio.run(read_archives(jobs, settings))
    assert summary.parts == 3, summary.problems
    with (
        open_database(settings.database_address) as database,
        open_database(f"sqlite:///{tmp_path / 'plain.db'}") as plain,
    ):
        cluster_unassigned(database)
        read(plain, jobs)
        assert rows_of(database) == rows_of(plain)


def _die_once(marker: Path) -> str:
    if not marker.exists():
        marker.touch()
        os._exit(1)
    return marker.name


@pytest.mark.parametrize("engine", ["processes", "dask"])
def test_a_job_whose_process_dies_is_done_by_another(tmp_path: Path, engine: str) -> None:
    if engine == "dask":
        pytest.importorskip("distributed", reason="pip install 'nhs-culture-monitor[dask]'")
    settings = load_settings(task_runner=engine, workers=1)
    done: dict[Path, str | BaseException] = {}
    asyncio.run(run_jobs(_die_once, [tmp_path / "a", tmp_path / "b"], settings, done.__setitem__))
    assert {marker.name: result for marker, result in done.items()} == {"a": "a", "b": "b"}


def test_workers_of_other_machines_need_a_database_server(tmp_path: Path) -> None:
    settings = load_settings(task_runner="dask", dask_address="tcp://scheduler.example:8786", data=tmp_path)
    with pytest.raises(SettingsError, match="CULTURE_DATABASE_URL"):
        asyncio.run(read_archives([], settings))
