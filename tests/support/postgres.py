"""A real PostgreSQL server for the test session: its own folder, its own free port, gone at the end."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from models.store.database import open_database

HOW_TO_GET_IT = (
    "PostgreSQL is not installed: 'apt-get install postgresql' (or your system's package) to run these tests"
)


class Postgres:
    """A running server."""

    def __init__(self, port: int, restart: Callable[[], None]) -> None:
        self.port = port
        self.restart = restart  # at once, as after a crash; returns when it answers again
        self._template = ""

    def address(self, name: str) -> str:
        """The SQLAlchemy address of one of its databases."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def template(self) -> str:
        """A database with the schema and nothing else: made once, since a copy of it costs less than the migrations."""
        if not self._template:
            self.execute('CREATE DATABASE "with_schema"')
            with open_database(self.address("with_schema")):
                self._template = "with_schema"
        return self._template

    @contextmanager
    def new_database(self, template: str = "template1") -> Iterator[str]:
        """A database, empty if it is a copy of no other one, dropped at the end; gives its address."""
        name = f"test_{uuid.uuid4().hex}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield self.address(name)
        finally:
            self.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def execute(self, statement: str) -> None:
        """One statement, outside of any of its other databases."""
        with psycopg.connect(f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres", autocommit=True) as link:
            link.execute(statement.encode())


@contextmanager
def start_postgres() -> Iterator[Postgres]:
    """Start a server, or skip the test that asked for it."""
    programs = _programs()
    if programs is None:
        pytest.skip(HOW_TO_GET_IT)
    user = _server_user()
    folder = Path(tempfile.mkdtemp(prefix="culture-postgres-"))
    if user is not None:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    folder.chmod(0o700)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def program(name: str, *arguments: str) -> None:
        subprocess.run([programs / name, *arguments], check=True, capture_output=True, user=user, cwd="/tmp")

    data = str(folder / "data")
    try:
        program("initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        program("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")

        def restart() -> None:
            program("pg_ctl", "-D", data, "-m", "immediate", "stop")
            program("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")

        try:
            yield Postgres(port, restart)
        finally:
            program("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


def _server_user() -> str | None:
    """PostgreSQL refuses to run as root: its own user then, which the package made."""
    return "postgres" if os.geteuid() == 0 else None
