"""Changing a registry of sources in place: line by line, so that comments, order and layout stay the user's own.

Libraries that keep the style of TOML put a new key behind the comments that introduce the next table. Here each change
is checked instead: what the changed text says must be what was meant, or the file stays as it was.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from models.given_files import read_given
from models.opml import source_toml, toml_value
from models.private_files import in_turn, open_new
from models.seeds import DataFileError, seed_file
from models.sources import Source, load_registry

Value = str | bool | int | date
Changes = Mapping[str, Mapping[str, Value | None]]  # of sources by id: keys to set; None takes a key out

_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*source[ \t]*\]\][ \t]*(?:#.*)?$")
_KEY_LINE = re.compile(
    r"""^(?P<lead>[ \t]*(?P<quote>["']?)(?P<key>[A-Za-z0-9_-]+)(?P=quote)[ \t]*=[ \t]*)"""
    r"""(?P<value>"(?:\\.|[^"\\])*"|'[^']*'|[^\s#"'][^\s#]*)(?P<rest>[ \t]*(?:#.*)?)$"""
)


class RegistryFormError(ValueError):
    """The text is TOML, but not in the form that can be changed line by line; the message says how to mend it."""


def with_changes(text: str, changes: Changes) -> str:
    """The text of a registry with these changes and nothing else changed; ids that it does not hold are passed over.

    Raises:
        RegistryFormError: its sources are not written as [[source]] tables with a key on each line.
    """
    rows = _rows(text)
    meant = [_changed(row, changes.get(row["id"], {})) for row in rows]
    tables: list[list[str]] = [[]]  # the first is what stands before the first source
    for line in text.splitlines(keepends=True):
        if _HEADER.match(line.rstrip("\r\n")):
            tables.append([])
        tables[-1].append(line)
    if len(tables) - 1 != len(rows):
        raise RegistryFormError("write each source as a table that begins with a line [[source]]")
    newline = "\r\n" if "\r\n" in text else "\n"
    for number, row in enumerate(rows, start=1):
        for key, value in changes.get(row["id"], {}).items():
            tables[number] = _edited(tables[number], key, value, newline)
    changed = "".join(line for table in tables for line in table)
    try:
        is_as_meant = _rows(changed) == meant
    except tomllib.TOMLDecodeError:
        is_as_meant = False
    if not is_as_meant:
        raise RegistryFormError("write each key of a source on a line of its own, its value on the same line")
    return changed


def with_source(text: str, source: Source) -> str:
    """The text of a registry with one more source at its end."""
    newline = "\r\n" if "\r\n" in text else "\n"
    return text.rstrip() + newline * 2 + source_toml([source]).replace("\n", newline)


def change_registry(file: Path, change: Callable[[str], str]) -> None:
    """Change the user's registry; where there is none yet, `file` becomes a changed copy of the one that is shipped.

    Raises:
        DataFileError: the result would be no registry, or the file can't be read or written; it is as it was.
    """
    file = file.resolve()  # a link stays a link
    part = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with in_turn(file.parent):  # of two that change it at once, the second changes what the first has written
            text = read_given(file if file.exists() else seed_file("sources.toml")).decode("utf-8")
            changed = change(text)
            with open_new(part) as stream:
                stream.write(changed.encode("utf-8"))
            load_registry(part)
            if file.exists():
                part.chmod(file.stat().st_mode)
            part.replace(file)
    except RegistryFormError as error:
        raise DataFileError(f"{file}: can't be changed here: {error}") from error
    except DataFileError as error:
        raise DataFileError(str(error).replace(str(part), str(file))) from error
    except UnicodeDecodeError as error:
        raise DataFileError(f"{file}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise DataFileError(
            f"{file}: can't be written ({error.strerror}); check its permissions, or name another with --sources"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _rows(text: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tomllib.loads(text)["source"]
    return rows


def _changed(row: dict[str, Any], changes: Mapping[str, Value | None]) -> dict[str, Any]:
    kept = {key: value for key, value in row.items() if key not in changes}
    return kept | {key: value for key, value in changes.items() if value is not None}


def _edited(table: list[str], key: str, value: Value | None, newline: str) -> list[str]:
    """The lines of one table with a key set or taken out."""
    last = 0
    for number, line in enumerate(table):
        found = _KEY_LINE.match(line.rstrip("\r\n"))
        if found is None:
            continue
        last = number
        if found["key"] == key:
            if value is None:
                return table[:number] + table[number + 1 :]
            end = line[len(line.rstrip("\r\n")) :]
            return [*table[:number], f"{found['lead']}{toml_value(value)}{found['rest']}{end}", *table[number + 1 :]]
    if value is None:
        return table
    before = table[last] if table[last].endswith("\n") else table[last] + newline
    return [*table[:last], before, f"{key} = {toml_value(value)}{newline}", *table[last + 1 :]]
