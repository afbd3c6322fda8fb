"""Adding to the user's own file of organisations: checked as a whole before it takes the place of the old one."""

import json
from pathlib import Path

from models.organisations import Organisation, load_organisations
from models.private_files import open_new
from models.seeds import DataFileError

_HEAD = "# Organisations of your own, beside those that come with the monitor. seeds/README.md tells the form.\n"
_KEYS = ("name", "region", "ods", "aliases", "context", "former")


def add_own(organisation: Organisation, file: Path) -> None:
    """Append an organisation to `file`, which is made where it is missing.

    Raises:
        DataFileError: the entry is not well formed, or takes the id, code or name of another; `file` is as it was.
    """
    known = load_organisations(file if file.exists() else None)
    if (taken := known.get(organisation.id)) is not None:
        raise DataFileError(f"{file}: {organisation.id}: is the id of {taken.name} already; choose another with --id")
    earlier = file.read_text(encoding="utf-8") if file.exists() else _HEAD
    part = file.with_name(f".{file.name}.part")
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open_new(part) as stream:
            stream.write(f"{earlier.rstrip()}\n\n{_table(organisation)}".encode())
        load_organisations(part)
        part.replace(file)
    except DataFileError as error:
        raise DataFileError(str(error).replace(str(part), str(file))) from error
    finally:
        part.unlink(missing_ok=True)


def _table(organisation: Organisation) -> str:
    lines = [f"[{organisation.nation}.{organisation.kind}.{json.dumps(organisation.id)}]"]
    for key in _KEYS:
        value = getattr(organisation, key)
        if value:
            # JSON's strings and lists of strings are TOML's.
            lines.append(f"{key} = {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"
