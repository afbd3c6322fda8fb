"""A site with feeds and a registry file beside it, for the commands that work on registries."""

import tomllib
from pathlib import Path
from typing import Any

from tests.product.test_commands import Ran, command
from tests.support.fakes_sites import feed, item, story
from tests.support.fakes_web import Answer

ALLOW = {"CULTURE_ALLOW_HOSTS": "127.0.0.1", "CULTURE_HOST_GAP_SECONDS": "0", "COLUMNS": "80"}
NEWS = feed(item("/a", "Board of the trust resigns"), item("/b", "A new chair for the trust"))
OLD_NEWS = feed(item("/a", "Board of the trust resigns", "Mon, 01 Jan 2001 09:00:00 GMT"))  # no page of it is read
PAGE = Answer(story("Welcome"))
HEAD = "# The registry of our board.\n\n"


def home(*links: str, body: str = "") -> Answer:
    head = "<meta property='og:site_name' content='Barrowmere NHS Foundation Trust'>" + "".join(links)
    return Answer(f"<html><head>{head}</head><body><p>Welcome</p>{body}</body></html>".encode())


def alternate(path: str, title: str = "News", kind: str = "application/rss+xml") -> str:
    return f'<link rel="alternate" type="{kind}" title="{title}" href="{path}">'


def rows(file: Path) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in tomllib.loads(file.read_text(encoding="utf-8"))["source"]}


def registry(folder: Path, *tables: str) -> Path:
    file = folder / "my.toml"
    file.write_text(HEAD + "\n".join(tables), encoding="utf-8")
    return file


def run_with(folder: Path, *arguments: str) -> Ran:
    return command(folder, *arguments, "--sources", "my.toml", **ALLOW)
