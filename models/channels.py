"""Channels: addresses where a team reads the digest in short form, from the user's own `channels.toml`. Pure.

A channel is known by its name everywhere; its address holds the secret that lets anybody post there.
"""

import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from models.edition.content import OrganisationNote, Selection
from models.edition.short import WATCHED
from models.organisations import load_organisations
from models.seeds import read_toml
from models.settings import SettingsError
from models.sources import Registry
from models.store.recipient_choices import RecipientError, check_alerts, check_selection, find_watched

_ADDRESS = re.compile(r"[a-z][a-z0-9]*://\S+", re.IGNORECASE)


class Channel(BaseModel):
    """One `[[channel]]` table: what is left out of the choices means all."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    address: SecretStr
    themes: tuple[str, ...] = ()
    nations: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    watch: tuple[str, ...] = ()  # organisations whose stories come first
    alerts: tuple[str, ...] = ()  # themes of which each story is posted at once, and `models.edition.short.WATCHED`

    @field_validator("address")
    @classmethod
    def _is_one_address(cls, value: SecretStr) -> SecretStr:
        if not _ADDRESS.fullmatch(value.get_secret_value()):
            raise ValueError("must be one address such as jsons://host/path or slack://token/token/token")
        return value

    @property
    def selection(self) -> Selection:
        """What it gets, as a recipient's choice."""
        watch = tuple(OrganisationNote(one, one) for one in self.watch)  # no post says their names as such
        return Selection(self.themes, self.nations, self.sectors, watch)


def load_channels(
    file: Path | None, registry: Registry | None = None, own_organisations: Path | None = None
) -> tuple[Channel, ...]:
    """The channels of a file; none without one. They watch organisations that are shipped, or the user's own.

    Raises:
        DataFileError: the file, or that of the organisations, is missing or not TOML.
        SettingsError: a table is wrong; the message names the channel and the key, never its address.
    """
    if file is None:
        return ()
    document = read_toml(file)
    if unknown := document.keys() - {"channel"}:
        raise SettingsError(f"{file}: {', '.join(sorted(unknown))} is not known; write [[channel]] tables")
    rows = document.get("channel", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SettingsError(f"{file}: channel is no list of tables; write [[channel]] above each")
    channels: dict[str, Channel] = {}
    for number, row in enumerate(rows, start=1):
        channel = _channel(row, f"{file}: channel {number}", registry, own_organisations)
        if channel.name in channels:
            raise SettingsError(f"{file}: channel {number}: {channel.name} is the name of an earlier one; give another")
        channels[channel.name] = channel
    return tuple(channels.values())


def _channel(row: dict[str, object], where: str, registry: Registry | None, own_organisations: Path | None) -> Channel:
    try:
        channel = Channel.model_validate(row)
        chosen = check_selection(channel.themes, channel.nations, channel.sectors, registry)
        watch = find_watched(channel.watch, load_organisations(own_organisations)) if channel.watch else []
        alerts = check_alerts(channel.alerts)
        if unheard := [one for one in alerts if one != WATCHED and chosen.themes and one not in chosen.themes]:
            raise RecipientError(f"alerts: {unheard[0]} is not among its themes")
        if WATCHED in alerts and not watch:
            raise RecipientError(f"alerts: it watches nothing that {WATCHED!r} could mean; name organisations in watch")
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise SettingsError(f"{where}: {key}: {first['msg'].removeprefix('Value error, ')}") from None
    except RecipientError as error:
        raise SettingsError(f"{where}: {error}") from None
    narrowed = {"themes": chosen.themes, "nations": chosen.nations, "sectors": chosen.sectors}
    return channel.model_copy(update={**narrowed, "watch": tuple(watch), "alerts": tuple(alerts)})
