"""The registry of sources: `seeds/sources.toml`, or another file of the same form."""

import re
from collections.abc import Sequence
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from models.errors import UserError
from models.kinds import Kind
from models.outcomes import PollOutcome
from models.rights import DEFAULT_RIGHTS, Rights, load_rights, strictest
from models.seeds import DataFileError, read_toml, seed_file, tables
from models.urls import host_of, same_outlet

MAX_ID_LETTERS = 60  # it is part of task names, file names and tables


# What the shipped registry uses, and what recipients choose from.
Sector = Literal[
    "nhs",
    "social-care",
    "local-government",
    "health-and-care",
    "regulator",
    "trade",
    "national",
    "regional",
    "parliament",
]
Nation = Literal["uk", "england", "scotland", "wales", "northern-ireland"]
# A registry of one's own may group its sources in other words.
Group = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z0-9-]+$")]

NATION_NAMES = {
    "uk": "UK-wide",
    "england": "England",
    "scotland": "Scotland",
    "wales": "Wales",
    "northern-ireland": "Northern Ireland",
}
SECTOR_NAMES = {
    "nhs": "NHS",
    "social-care": "Social care",
    "local-government": "Local government",
    "health-and-care": "Health and care",
    "national": "National press",
    "regional": "Regional press",
    "parliament": "Parliament",
}


def name_nation(nation: str) -> str:
    """A nation as people say it; words of a registry's own as they are."""
    return NATION_NAMES.get(nation) or nation.replace("-", " ").title()


def name_sector(sector: str) -> str:
    """A sector as people say it; words of a registry's own as they are."""
    return SECTOR_NAMES.get(sector) or sector.replace("-", " ").capitalize()


_SEARCHES = frozenset({Kind.GOOGLE_NEWS, Kind.GDELT})  # which list others' pages
_API_OUTLETS = {Kind.GUARDIAN: "www.theguardian.com"}  # whose API has a domain of its own


class Source(BaseModel):
    """One `[[source]]` table; only `id` and `url` are required."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=MAX_ID_LETTERS)
    url: str
    name: str = ""
    kind: Kind = Kind.FEED
    sector: Group = "health-and-care"
    nation: Group = "uk"
    rights: str = DEFAULT_RIGHTS
    enabled: bool = True
    disabled_because: str = ""
    evidence: str = Field(default="", description="where its address was seen, and when")
    checked_on: date | None = Field(default=None, description="when it was last asked, or seen to answer")
    checked_outcome: PollOutcome | None = Field(default=None, description="how that ended")
    checked_entries: int | None = Field(default=None, ge=0, description="how many entries it listed then")
    grade: Literal["A", "B", "C", "D", "X", ""] = ""
    weight: float = Field(default=1.0, ge=0.0, le=3.0, description="how much its stories count in the ranking")

    @field_validator("url")
    @classmethod
    def _is_web_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be a full address that begins with https:// or http://")
        if parts.username or parts.password:
            raise ValueError("must not hold a user name or password: it would be stored and logged")
        return url

    @property
    def label(self) -> str:
        """What people read: its name, or its id."""
        return self.name or self.id

    @property
    def origin(self) -> dict[str, Any]:
        """What goes with each article of it: the columns nation, sector, rights (a class) and weight."""
        return {"nation": self.nation, "sector": self.sector, "rights": self.rights, "weight": self.weight}

    def speaks_for(self, url: str) -> bool:
        """Whether a page is of this source's own outlet, so that its listing is the outlet's own word about it."""
        if self.kind in _SEARCHES:
            return False
        return same_outlet(self.url, url) or host_of(url) == _API_OUTLETS.get(self.kind)


class UnknownSourceError(UserError, ValueError):
    """An id that the registry does not hold; the message names it and where to look."""


class Registry(BaseModel):
    """All sources with the rights classes that they name."""

    model_config = ConfigDict(frozen=True)

    sources: tuple[Source, ...]
    rights: dict[str, Rights]

    def enabled(self) -> tuple[Source, ...]:
        """The sources that are to be polled."""
        return tuple(source for source in self.sources if source.enabled)

    def rights_of(self, source_id: str) -> Rights:
        """The rights class of a source; the default class for one that has left the registry."""
        source = self.by_id().get(source_id)
        return self.rights[source.rights if source else DEFAULT_RIGHTS]

    def rights_then_and_now(self, source_id: str, recorded: Sequence[str]) -> Rights:
        """The stricter of the classes on record for an article and of its source's class in this registry.

        A source that this registry does not have keeps the classes on record. A class that is no longer defined counts
        as the default one, and so does an article without any.
        """
        source = self.by_id().get(source_id)
        names = [*recorded, *([source.rights] if source else [])] or [DEFAULT_RIGHTS]
        return strictest(*(self.rights.get(name, self.rights[DEFAULT_RIGHTS]) for name in names))

    def choose(self, ids: Sequence[str]) -> list[Source] | None:
        """The sources with these ids, enabled or not, each once; None where none is named.

        Raises:
            UnknownSourceError: an id that is not of this registry.
        """
        known = self.by_id()
        for source_id in ids:
            if source_id not in known:
                raise UnknownSourceError(
                    f"{source_id!r} is not a source of the registry; `culture-monitor sources list` shows them"
                )
        return [known[source_id] for source_id in dict.fromkeys(ids)] or None

    def with_address(self, source_id: str, url: str) -> "Registry":
        """The same registry with another address of one source."""
        moved = (s.model_copy(update={"url": url}) if s.id == source_id else s for s in self.sources)
        return self.model_copy(update={"sources": tuple(moved)})

    def by_id(self) -> dict[str, Source]:
        """The sources by id."""
        return {source.id: source for source in self.sources}


def load_registry(path: Path | None = None) -> Registry:
    """The registry in `path`, or the one that comes with the monitor.

    Raises:
        DataFileError: a bad row; names file, row, key and mend.
    """
    file = path if path is not None else seed_file("sources.toml")
    label = str(path) if path is not None else "seeds/sources.toml"
    document = read_toml(file)
    for key in document:
        if key != "source":
            raise DataFileError(f"{label}: unknown table {key!r}; each source is a [[source]] table")
    rights = load_rights()
    sources: dict[str, Source] = {}
    for number, row in enumerate(tables(document, "source", label), start=1):
        source = _read_row(row, f"{label}: source {number}")
        if source.id in sources:
            raise DataFileError(
                f"{label}: source {number}: id: {source.id!r} is listed twice; give each source its own id"
            )
        if source.rights not in rights:
            raise DataFileError(
                f"{label}: source {number} ({source.id}): rights: {source.rights!r} is not a class of "
                f"seeds/rights.toml; use one of {', '.join(rights)}"
            )
        sources[source.id] = source
    if not sources:
        raise DataFileError(f"{label}: holds no [[source]] table; add one with an id and a url")
    return Registry(sources=tuple(sources.values()), rights=rights)


def _read_row(row: dict[str, Any], place: str) -> Source:
    named = f"{place} ({row['id']})" if isinstance(row.get("id"), str) else place
    for key in row:
        if key not in Source.model_fields:
            near = get_close_matches(key, Source.model_fields, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(Source.model_fields)}"
            raise DataFileError(f"{named}: unknown key {key!r}{hint}")
    try:
        return Source.model_validate(row)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        shown = re.sub(r"//\S*@", "//***@", repr(first["input"]))  # a password is told to nobody, here least of all
        given = f" (is {shown})" if first["type"] != "missing" else "; add it"
        raise DataFileError(f"{named}: {key}: {first['msg'].removeprefix('Value error, ')}{given}") from None
