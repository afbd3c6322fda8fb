"""The organisations of health and care: `seeds/organisations.toml`, and a file of the user's own in the same form."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, get_args

from models.given_files import read_given
from models.seeds import DataFileError, read_toml, seed_file
from models.sources import Nation

SHIPPED = "seeds/organisations.toml"
KINDS = tuple(
    "department national-body regulator ombudsman foundation-trust nhs-trust mental-health-trust ambulance-trust icb health-board "
    "special-health-board hsc-trust royal-college union think-tank representative-body inquiry care-provider charity".split()
)
NATIONS: tuple[str, ...] = get_args(Nation)
OWN = "own"  # the source of an entry in the user's file that names none
RULES = "1"  # of recognising names (`models.mentions`): another number has all stored articles looked at again
MAX_ID = 100
MAX_NAME = 120  # a longer surface would be a sentence, not a name

_ID = re.compile(r"[a-z0-9][a-z0-9-]*")
_CLOSED = re.compile(r"\d{4}(-\d{2}){0,2}")
_ODS = re.compile(r"[A-Z0-9]{2,6}")


@dataclass(frozen=True, slots=True)
class Organisation:
    """One organisation. `closed` is its last day, month or year; `successors` are the ids of what took over."""

    id: str
    kind: str
    nation: str
    name: str
    region: str = ""
    ods: str = ""
    aliases: tuple[str, ...] = ()  # count wherever they stand
    # Common words and shared acronyms: count only where the text makes clear who is meant.
    context: tuple[str, ...] = ()
    cues: tuple[str, ...] = ()  # further words beside which a name of `context` counts
    former: tuple[str, ...] = ()
    hospitals: tuple[str, ...] = ()  # by whose name it is known
    successors: tuple[str, ...] = ()
    closed: str = ""
    source: str = ""

    @property
    def is_current(self) -> bool:
        """Whether it still exists."""
        return not self.closed and not self.successors

    @property
    def names(self) -> tuple[str, ...]:
        """All names of the organisation itself, the present one first."""
        return (self.name, *self.aliases, *self.context, *self.former)


_LISTS = ("aliases", "context", "cues", "former", "hospitals", "successors")
_KEYS = tuple(field.name for field in fields(Organisation) if field.name not in {"id", "kind", "nation"})


class Organisations(Mapping[str, Organisation]):
    """The organisations by id, in the order of the files."""

    def __init__(
        self,
        organisations: Iterable[Organisation],
        *,
        nobody: Iterable[str] = (),
        sources: Mapping[str, str] | None = None,
        version: str = "",
    ) -> None:
        self._by_id = {organisation.id: organisation for organisation in organisations}
        self.nobody = tuple(nobody)  # phrases that hold a name but mean somebody else
        self.sources = dict(sources or {})  # what the keys in `source` stand for
        self.version = version  # as `version_of` gives it

    def __getitem__(self, organisation_id: str) -> Organisation:
        return self._by_id[organisation_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    def heirs(self, organisation_id: str) -> tuple[Organisation, ...]:
        """The organisations of today that an organisation lives on in; itself where it still exists."""
        found, seen, left = [], set[str](), [organisation_id]
        while left:
            if (one := left.pop()) not in seen:
                seen.add(one)
                left += reversed(self._by_id[one].successors)
                found += [self._by_id[one]] if self._by_id[one].is_current else []
        return tuple(found)

    def find(self, what: str) -> Organisation | None:
        """The organisation with this id, ODS code or name, whatever its capitals."""
        return self._by_id.get(what) or self._by_name.get(plain_name(what))

    @cached_property
    def _by_name(self) -> dict[str, Organisation]:
        found: dict[str, Organisation] = {}
        for organisation in self._by_id.values():
            for name in (organisation.ods.lower(), *map(plain_name, organisation.names)):
                found.setdefault(name, organisation)
        found.pop("", None)  # the code of those that have none
        return found


def plain_name(name: str) -> str:
    """A name as it is compared: lower case, without punctuation, "&" as "and"."""
    words = re.sub(r"[’'`]", "", name.lower().replace("&", " and "))
    return " ".join(re.findall(r"[^\W_]+", words))


def load_organisations(own: Path | None = None, *, shipped: Path | None = None) -> Organisations:
    """The organisations that come with the monitor, then those of the user's `own` file.

    Raises:
        DataFileError: a bad entry, a name that two claim, a successor that is unknown or leads back to itself;
            names file, id, key and how to fix it.
    """
    document = read_toml(shipped if shipped is not None else seed_file("organisations.toml"))
    label = str(shipped) if shipped is not None else SHIPPED
    found = _read(document, label)
    if not found:
        raise DataFileError(f"{label}: holds no organisation; add one in a table [nation.kind]")
    if own is not None:
        _add_own(_read(read_toml(own), str(own)).values(), found, str(own))
    _check_names(found.values(), label if own is None else f"{label} and {own}")
    _check_successors(found, label if own is None else str(own))
    return Organisations(
        found.values(),
        nobody=document.get("nobody", ()),
        sources=document.get("sources", {}),
        version=version_of(own, shipped=shipped),
    )


def version_of(own: Path | None = None, *, shipped: Path | None = None) -> str:
    """16 hexadecimal digits that change with the files and the rules; stored articles of another one are looked at again.

    Raises:
        DataFileError: a file can't be read.
    """
    digest = hashlib.sha256(RULES.encode())
    for file in (shipped if shipped is not None else seed_file("organisations.toml"), own):
        if file is not None:
            try:
                digest.update(hashlib.sha256(read_given(file)).digest())
            except OSError as error:
                raise DataFileError(f"{file}: can't be read ({error.strerror}); name another file") from error
    return digest.hexdigest()[:16]


def _add_own(own: Iterable[Organisation], found: dict[str, Organisation], label: str) -> None:
    """Those of the user's file behind what is `found`; none takes an id, an ODS code or a name of another.

    Raises:
        DataFileError: one does; says whose, and how to fix it.
    """
    codes, names = dict[str, Organisation](), dict[str, Organisation]()

    def claim(one: Organisation) -> None:
        for name in (one.name, *one.aliases, *one.former):
            names.setdefault(plain_name(name), one)
        if one.ods:
            codes.setdefault(one.ods, one)

    for known in found.values():
        claim(known)
    for organisation in own:
        place = f"{label}: {organisation.id}"
        if (taken := found.get(organisation.id)) is not None:
            raise DataFileError(f"{place}: is the id of {taken.name} already; choose another id")
        if (other := codes.get(organisation.ods)) is not None:
            raise DataFileError(f"{place}: ods: {organisation.ods} is the code of {other.name} ({other.id}); remove it")
        if shared := names.keys() & {plain_name(name) for name in organisation.names}:
            name, other = min(shared), names[min(shared)]
            raise DataFileError(
                f"{place}: {name!r} is a name of {other.name} ({other.id}) already; leave that name out"
            )
        found[organisation.id] = replace(organisation, source=organisation.source or OWN)
        claim(organisation)


def _read(document: dict[str, Any], label: str) -> dict[str, Organisation]:
    sources = document.get("sources", {})
    found: dict[str, Organisation] = {}
    for nation, kinds in document.items():
        if nation in {"sources", "nobody"}:
            continue
        if nation not in NATIONS:
            raise DataFileError(f"{label}: unknown table [{nation}]{_hint(nation, NATIONS)}")
        if not isinstance(kinds, dict):
            raise DataFileError(f"{label}: {nation}: is not a table; write [{nation}.kind]")
        for kind, rows in kinds.items():
            if kind not in KINDS:
                raise DataFileError(f"{label}: unknown kind [{nation}.{kind}]{_hint(kind, KINDS)}")
            if not isinstance(rows, dict):
                raise DataFileError(f"{label}: {nation}.{kind}: is not a table; write an organisation as id = {{ … }}")
            for organisation_id, row in rows.items():
                if organisation_id in found:
                    raise DataFileError(f"{label}: {organisation_id}: is listed twice; give each its own id")
                found[organisation_id] = _read_row(organisation_id, kind, nation, row, label, sources)
    return found


def _read_row(
    organisation_id: str, kind: str, nation: str, row: Any, label: str, sources: dict[str, str]
) -> Organisation:
    place = f"{label}: {organisation_id}"
    if not _ID.fullmatch(organisation_id) or len(organisation_id) > MAX_ID:
        raise DataFileError(f"{place}: an id is made of small letters, digits and hyphens, at most {MAX_ID}")
    if not isinstance(row, dict):
        raise DataFileError(f"{place}: is not a table; write it as {{ name = … }}")
    if "name" not in row:
        raise DataFileError(f"{place}: name: is missing; add it")
    values: dict[str, Any] = {}
    for key, value in row.items():
        if key not in _KEYS:
            raise DataFileError(f"{place}: unknown key {key!r}{_hint(key, _KEYS)}")
        if key in _LISTS:
            if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
                raise DataFileError(f"{place}: {key}: must be a list of names (is {value!r})")
            values[key] = tuple(value)
        elif not isinstance(value, str) or not value.strip():
            raise DataFileError(f"{place}: {key}: must be text that is not empty (is {value!r})")
        else:
            values[key] = value
    organisation = Organisation(organisation_id, kind, nation, **values)
    for name in (*organisation.names, *organisation.hospitals):
        if not plain_name(name) or len(name) > MAX_NAME:
            raise DataFileError(f"{place}: {name!r} is no name: use letters, at most {MAX_NAME}")
    if organisation.ods and not _ODS.fullmatch(organisation.ods):
        raise DataFileError(f"{place}: ods: must be two to six capitals and digits (is {organisation.ods!r})")
    if organisation.closed and not _CLOSED.fullmatch(organisation.closed):
        raise DataFileError(
            f"{place}: closed: must be a year, month or day like 2023-04-01 (is {organisation.closed!r})"
        )
    if label == SHIPPED and organisation.source not in sources:
        raise DataFileError(f"{place}: source: {organisation.source!r} is not in [sources]; add it there")
    return organisation


def _check_names(organisations: Iterable[Organisation], label: str) -> None:
    """One name leads to one organisation; what several share belongs into `context`, where the text must decide."""
    names: dict[str, str] = {}
    codes: dict[str, str] = {}
    for organisation in organisations:
        context = {plain_name(name) for name in organisation.context}
        for name in {plain_name(name) for name in organisation.names} - context:
            if (other := names.setdefault(name, organisation.id)) != organisation.id:
                raise DataFileError(
                    f"{label}: {name!r} is a name of both {other} and {organisation.id}; "
                    "move it to `context` of each, where the text decides"
                )
        if organisation.ods and (other := codes.setdefault(organisation.ods, organisation.id)) != organisation.id:
            raise DataFileError(f"{label}: ods: {organisation.ods} is the code of both {other} and {organisation.id}")


def _check_successors(organisations: Mapping[str, Organisation], label: str) -> None:
    for place, successor in (
        (f"{label}: {one.id}", after) for one in organisations.values() for after in one.successors
    ):
        if successor not in organisations:
            hint = _hint(successor, organisations)
            raise DataFileError(f"{place}: successors: {successor!r} is unknown{hint}")
    try:
        TopologicalSorter({one.id: one.successors for one in organisations.values()}).prepare()
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise DataFileError(f"{label}: successors: lead round a circle: {circle}; remove one of them") from error


def _hint(given: str, known: Iterable[str]) -> str:
    names = list(known)
    near = get_close_matches(given, names, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known are {', '.join(names)}" if len(names) < 30 else ""
