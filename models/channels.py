"""Channels: addresses where a team reads the digest in short form, from the user's own `channels.toml`. Pure.

A channel is known by its name everywhere; its address holds the secret that lets anybody post there.
"""

import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from models.edition.content import Selection
from models.seeds import read_toml
from models.settings import SettingsError
from models.sources import Registry
from models.store.recipient_choices import RecipientError, check_selection

_ADDRESS = re.compile(r"[a-z][a-z0-9]*://\S+", re.IGNORECASE)


class Channel(BaseModel):
    """One `[[channel]]` table: what is left out of the choices means all."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    address: SecretStr
    themes: tuple[str, ...] = ()
    nations: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()  # themes of which each story is posted at once

    @field_validator("address")
    @classmethod
    def _is_one_address(cls, value: SecretStr) -> SecretStr:
        if not _ADDRESS.fullmatch(value.get_secret_value()):
            raise ValueError("must be one address such as jsons://host/path or slack://token/token/token")
        return value

    @property
    def selection(self) -> Selection:
        """What it gets, as a recipient's choice."""
        return Selection(self.themes, self.nations, self.sectors)


def load_channels(file: Path | None, registry: Registry | None = None) -> tuple[Channel, ...]:
    """The channels of a file; none without one.

    Raises:
        DataFileError: the file is missing or not TOML.
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
        channel = _channel(row, f"{file}: channel {number}", registry)
        if channel.name in channels:
            raise SettingsError(f"{file}: channel {number}: {channel.name} is the name of an earlier one; give another")
        channels[channel.name] = channel
    return tuple(channels.values())


def _channel(row: dict[str, object], where: str, registry: Registry | None) -> Channel:
    try:
        channel = Channel.model_validate(row)
        chosen = check_selection(channel.themes, channel.nations, channel.sectors, registry)
        alerts = check_selection(channel.alerts, (), ()).themes
        if unheard := [one for one in alerts if chosen.themes and one not in chosen.themes]:
            raise RecipientError(f"alerts: {unheard[0]} is not among its themes")
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise SettingsError(f"{where}: {key}: {first['msg'].removeprefix('Value error, ')}") from None
    except RecipientError as error:
        raise SettingsError(f"{where}: {error}") from None
    narrowed = {"themes": chosen.themes, "nations": chosen.nations, "sectors": chosen.sectors, "alerts": alerts}
    return channel.model_copy(update=narrowed)
