"""An empty database with the schema for each sequence: a copy of one that was migrated once."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from models.store.database import open_database
from tests.support.postgres import Postgres

NewDatabase = Callable[[Path], AbstractContextManager[str]]  # the folder of a sequence -> the database's address


def sqlite_databases(folder: Path) -> NewDatabase:
    """Files in the sequences' data folders; `folder` takes the one that they are copies of."""
    template = folder / "template.db"
    open_database(f"sqlite:///{template}").close()

    @contextmanager
    def new(of_sequence: Path) -> Iterator[str]:
        file = of_sequence / "data" / "culture.db"
        file.parent.mkdir()
        shutil.copyfile(template, file)
        yield f"sqlite:///{file}"

    return new


def postgres_databases(server: Postgres) -> NewDatabase:
    """Databases of a running server."""
    template = f"template_{uuid.uuid4().hex}"
    server.execute(f'CREATE DATABASE "{template}"')
    open_database(server.address(template)).close()

    @contextmanager
    def new(of_sequence: Path) -> Iterator[str]:
        name = f"sequence_{uuid.uuid4().hex}"
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield server.address(name)
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    return new
