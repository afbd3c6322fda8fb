"""Channels at a real webhook on this machine, with a secret in their address."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from models.settings import Settings
from tests.support.fakes_webhook import Hook, webhook

CANARY = "canary-6b1fd0"


@pytest.fixture(name="hook")
def running_hook() -> Iterator[Hook]:
    with webhook(Hook()) as running:
        yield running


@pytest.fixture(name="posting")
def posting_settings(settings: Settings, hook: Hook) -> Settings:
    return with_channels(settings, hook, {"team": {}})


def with_channels(settings: Settings, hook: Hook, channels: dict[str, dict[str, Any]]) -> Settings:
    """Settings with these channels, at the address of `hook` with a secret in it."""
    lines = []
    for name, choices in channels.items():
        address = hook.address.replace("http://", "json://") + f"/{CANARY}"
        given = {"name": name, "address": address, **choices}
        lines += ["[[channel]]", *(f"{key} = {json.dumps(value)}" for key, value in given.items())]
    file = settings.data / "channels.toml"
    file.write_text("\n".join(lines))
    return settings.model_copy(update={"channels": file, "allow_hosts": frozenset({"127.0.0.1"})})
