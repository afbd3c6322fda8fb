"""What tables and queries share: kinds of columns, and parts of lists that are too long for one query.

Times are aware UTC in Python. SQLite hands back naive ones, so the column type converts (design rule 5).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import JSON, Column, DateTime, Dialect, Text, TypeDecorator
from sqlmodel import Field

CHUNK = 500  # values in one query; SQLite allows 999 variables in old builds
T = TypeVar("T")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time; a naive one is refused when it is written."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database: as UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive time {value!r}: give an aware one")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """From the database: aware, in UTC."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def time_column(*, optional: bool = False, index: bool = False, primary_key: bool = False) -> Any:
    """A field that holds an aware UTC time."""
    return Field(
        default=None if optional else ...,
        sa_column=Column(UtcDateTime(), nullable=optional, index=index, primary_key=primary_key),
    )


def json_column(default: Any) -> Any:
    """A field that holds lists or dicts; `default` makes an empty one."""
    return Field(default_factory=default, sa_column=Column(JSON, nullable=False))


def text_column(*, optional: bool = False) -> Any:
    """A field that holds text of any length."""
    return Field(default=None if optional else "", sa_column=Column(Text, nullable=optional))


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values in parts that one query can name."""
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))
