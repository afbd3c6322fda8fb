"""Where the seed data lives: the one place that knows that `seeds/` is a package of data files, and of a folder instead.

The **framework** (themes, passages, vocabulary, and what else a model learns from) is the shipped one, or that of the folder
`CULTURE_FRAMEWORK`, for the whole process.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from models.errors import UserError
from models.given_files import read_given_text
from models.settings import load_settings

# What a framework must have. It may have background.toml, articles/ and held_out.jsonl too.
FRAMEWORK_FILES = ("themes.toml", "passages.toml", "vocabulary.toml")

File = Traversable | Path


class DataFileError(UserError, ValueError):
    """A data file that a person wrote can't be used; the message names the file, the place and how to fix it."""


def seed_file(*parts: str) -> Traversable:
    """A file of `seeds/`, wherever the package is installed."""
    return files("seeds").joinpath(*parts)


@cache
def framework_folder() -> File:
    """Where the themes in use and what a model learns them from are. It holds for the whole process.

    Raises:
        DataFileError: CULTURE_FRAMEWORK names no folder, or one that lacks a file; names it.
        SettingsError: a setting is wrong.
    """
    own = load_settings().framework
    if own is None:
        return seed_file()
    if not own.is_dir():
        raise DataFileError(f"CULTURE_FRAMEWORK: {own}: no such folder; it needs {', '.join(FRAMEWORK_FILES)}")
    for name in FRAMEWORK_FILES:
        if not (own / name).is_file():
            raise DataFileError(f"{own / name}: no such file; CULTURE_FRAMEWORK needs {', '.join(FRAMEWORK_FILES)}")
    return own.absolute()


def framework_file(name: str) -> File:
    """A file of the framework in use; it may be missing where it is not one of `FRAMEWORK_FILES`."""
    return framework_folder().joinpath(name)


def shown_name(file: File) -> str:
    """A data file as people are told of it: those that are shipped by their place in the project."""
    shipped = str(seed_file())
    return f"seeds{str(file).removeprefix(shipped)}" if str(file).startswith(shipped) else str(file)


def tables(document: Mapping[str, Any], key: str, place: str) -> list[dict[str, Any]]:
    """The tables [[key]] of a TOML document; none where it has none.

    Raises:
        DataFileError: `key` is something else; names the place.
    """
    rows = document.get(key, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataFileError(f"{place}: `{key}` must be tables, each headed [[{key}]]")
    return rows


def read_toml(file: File) -> dict[str, Any]:
    """The TOML document in `file`.

    Raises:
        DataFileError: the file is missing, no regular file, too large, not UTF-8 or not TOML; names the line where TOML does.
    """
    try:
        return tomllib.loads(read_given_text(file))
    except FileNotFoundError as error:
        raise DataFileError(f"{file}: no such file; give the path of a TOML file") from error
    except IsADirectoryError as error:
        raise DataFileError(f"{file}: is a folder; give the path of a TOML file") from error
    except PermissionError as error:
        raise DataFileError(f"{file}: may not be read; check its permissions") from error
    except OSError as error:
        raise DataFileError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataFileError(f"{file}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except (
        ValueError,
        RecursionError,
    ) as error:  # no TOML; a number of 5,000 digits, a list in a list a thousand times
        raise DataFileError(f"{file}: is not valid TOML: {error}") from error
