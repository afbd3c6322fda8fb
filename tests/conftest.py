"""What all tests share: a frozen clock, databases of both kinds, no way out to the internet."""

import os
import shutil
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from models.settings import PREFIX
from models.store.database import Database, open_database
from tests.support.fakes_decisions import Installation, fit_installation
from tests.support.forked_commands import forked_commands
from tests.support.forks import Forks
from tests.support.kept_workers import kept_workers
from tests.support.postgres import Postgres, start_postgres
from tests.support.prefect_server import Product, started_product
from tests.support.small_seeds import seeds_in, write_small_seeds

# A machine may forbid it: then each program that a test starts would compile the whole product anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)  # a Friday


@pytest.fixture
def now() -> datetime:
    """The frozen clock."""
    return NOW


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the person who runs the tests reaches them, and nothing is written into the tree."""
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _no_internet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection to anything but this machine is an error that names it."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def check(address: Any) -> None:
        if isinstance(address, tuple) and not ip_address(address[0].split("%")[0]).is_loopback:
            raise AssertionError(f"a test tried to reach {address}: tests talk to this machine alone")

    def guarded(self: socket.socket, address: Any) -> None:
        check(address)
        connect(self, address)

    def guarded_ex(self: socket.socket, address: Any) -> int:
        check(address)
        return connect_ex(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_ex)


@pytest.fixture(autouse=True, scope="session")
def _kept_workers() -> Iterator[None]:
    """Worker processes are started once for all runs of this process."""
    with kept_workers():
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL server of this test session; skips with the way to get one."""
    with start_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def with_schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema and nothing else: a copy of it costs less than the migrations."""
    file = tmp_path_factory.mktemp("schema") / "culture.db"
    with open_database(f"sqlite:///{file}"):
        return file


@pytest.fixture(params=["sqlite", "postgresql"])
def database_address(request: pytest.FixtureRequest, tmp_path: Path, with_schema: Path) -> Iterator[str]:
    """The address of an empty database, of each kind in turn; with the schema for tests that take it open."""
    opened = "database" in request.fixturenames
    if request.param == "sqlite":
        if opened:
            shutil.copy(with_schema, tmp_path / "culture.db")
        yield f"sqlite:///{tmp_path / 'culture.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.new_database(server.template() if opened else "template1") as address:
        yield address


@pytest.fixture
def database(database_address: str) -> Iterator[Database]:
    """An empty database with the schema, of each kind in turn."""
    with open_database(database_address) as opened:
        yield opened


@pytest.fixture
def sqlite(tmp_path: Path, with_schema: Path) -> Iterator[Database]:
    """An empty SQLite database, for what does not depend on the kind."""
    shutil.copy(with_schema, tmp_path / "culture.db")
    with open_database(f"sqlite:///{tmp_path / 'culture.db'}") as opened:
        yield opened


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--accept-golden` writes the golden files anew: look at the difference before you commit it."""
    parser.addoption("--accept-golden", action="store_true", help="accept the rendered editions as they are now")
    parser.addoption("--screenshots", type=Path, help="folder for the browser tests' pictures")


@pytest.hookimpl(tryfirst=True)  # before xdist looks for the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file is run by one process, and all files that share the started product by two, since each start of it is dear.

    Files that wait for servers and processes come first: begun last, they would keep one of the test processes idle.
    """
    long = {item.path for item in items if item.get_closest_marker("long")}
    items.sort(key=lambda item: item.path not in long)
    sharing = {item.path for item in items if "product" in getattr(item, "fixturenames", ())}
    for item in items:
        name = str(item.path.relative_to(item.config.rootpath))
        # Those of `start` stop the product and start it again, which nobody else could bear.
        group = "product" if item.path in sharing and item.path.stem != "test_start" else name
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The whole product, started by its one command on the demo site; shared by all tests that need a Prefect server."""
    with started_product(tmp_path_factory.mktemp("product")) as running:
        yield running


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """The command in processes of its own, for tests of what holds for a whole process."""
    with forked_commands(tmp_path_factory.mktemp("commands")) as forks:
        yield forks


@pytest.fixture(scope="session")
def small_seeds_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small seeds, written once."""
    return write_small_seeds(tmp_path_factory.mktemp("small") / "seeds")


@pytest.fixture
def small_seeds(small_seeds_folder: Path) -> Iterator[Path]:
    """For what is not about quality: this process trains on a tenth of the seeds."""
    with seeds_in(small_seeds_folder):
        yield small_seeds_folder


@pytest.fixture(scope="session")
def fitted_data(tmp_path_factory: pytest.TempPathFactory, small_seeds_folder: Path) -> Path:
    """A data folder in which one story was tagged by a model of the small seeds, without an encoder: not to be changed."""
    folder = tmp_path_factory.mktemp("fitted")
    with pytest.MonkeyPatch.context() as patch, seeds_in(small_seeds_folder):
        for name in [name for name in os.environ if name.startswith(PREFIX)]:
            patch.delenv(name)
        patch.chdir(folder)
        fit_installation(folder / "data")
    return folder / "data"


@pytest.fixture
def installation(fitted_data: Path, small_seeds: Path, tmp_path: Path) -> Installation:
    """A copy of it, and what a person or a schedule does with it."""
    shutil.copytree(fitted_data, tmp_path / "data")
    return Installation(tmp_path / "data")
