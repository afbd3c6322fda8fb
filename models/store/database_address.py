"""The address of a database: whether it is one that can be used, and what people may see of it.

A password may stand in it three times: before the host, behind the question mark, and, where its own @ is written as it is,
within what would be taken for the host.
"""

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from models.errors import UserError

_DRIVERS = {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}
_SHOWN = ("host", "port", "user", "dbname", "service")  # of what stands behind the question mark
_SECRET = ("password", "secret")  # in the names of what libpq takes there


class DatabaseError(UserError, RuntimeError):
    """The database can't be used; the message says why and what to do. Nothing was changed."""


def read_address(address: str) -> URL:
    """The address of a database of a kind that we know, whose driver is there.

    Raises:
        DatabaseError: it is none; no part of it is shown, since nobody knows which is the password.
    """
    try:
        address.encode()
        url = make_url(address)
        if url.get_backend_name() not in {"sqlite", "postgresql"}:
            raise DatabaseError(f"CULTURE_DATABASE_URL: {url.get_backend_name()} is not supported; use postgresql://…")
        url.get_dialect()().create_connect_args(url)
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError):
        raise DatabaseError(
            "CULTURE_DATABASE_URL is not a database address; write postgresql://user:password@host/name"
        ) from None
    if url.drivername not in _DRIVERS:
        raise DatabaseError("CULTURE_DATABASE_URL: its driver is not supported; write postgresql://… without a driver")
    if "@" in (url.host or ""):
        raise DatabaseError("CULTURE_DATABASE_URL: its password has an @; write that as %40")
    return url


def shown_address(url: URL) -> str:
    """The address for people: without password, and without options that may hold one; SQLite's as its file."""
    if url.get_backend_name() == "sqlite":
        return url.database or ""
    plain = {key: value for key, value in url.query.items() if key in _SHOWN}
    return url.set(query=plain).render_as_string(hide_password=True)


def libpq_address(address: str) -> str:
    """The address of a PostgreSQL database for its own programs, without any password."""
    url = read_address(address)
    query = {key: value for key, value in url.query.items() if not any(word in key.lower() for word in _SECRET)}
    plain = URL.create(url.get_backend_name(), url.username, None, url.host, url.port, url.database, query)
    return plain.render_as_string(hide_password=False)


def file_of(url: URL) -> Path:
    """The file of a SQLite database."""
    return Path(url.database or "")
