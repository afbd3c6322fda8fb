"""Where the seed data lives: the one place that knows that `seeds/` is a package of data files."""

import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any


class DataFileError(ValueError):
    """A data file that a person wrote can't be used; the message names file, place and mend."""


def seed_file(*parts: str) -> Traversable:
    """A file of `seeds/`, wherever the package is installed."""
    return files("seeds").joinpath(*parts)


def read_toml(file: Traversable | Path) -> dict[str, Any]:
    """The TOML document in `file`.

    Raises:
        DataFileError: the file is missing, not UTF-8 or not TOML; names the line where TOML does.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataFileError(f"{file}: no such file; give the path of a TOML file") from error
    except IsADirectoryError as error:
        raise DataFileError(f"{file}: is a folder; give the path of a TOML file") from error
    except PermissionError as error:
        raise DataFileError(f"{file}: may not be read; check its permissions") from error
    except UnicodeDecodeError as error:
        raise DataFileError(f"{file}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise DataFileError(f"{file}: is not valid TOML: {error}") from error
