"""What makes the value of a setting a good one, where its type alone does not tell: headers, links and paths take it as it is."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator

from models.text_safety import storable

MAX_CONTACT = 200  # letters, of each request's User-Agent


def is_web_address(address: str, *, needs_port: bool = False) -> bool:
    """Whether it is one that a request can be sent to; of a port, that it is a number that there is."""
    try:
        parts = urlsplit(address)
        has_port = bool(parts.port) if needs_port else parts.port != 0
    except ValueError:
        return False
    is_whole = address.isprintable() and " " not in address  # what goes beyond is taken out by `urlsplit` alone
    return is_whole and parts.scheme in {"http", "https"} and bool(parts.hostname) and has_port


def _check_cron(line: str) -> str:
    words = "must be five fields of numbers like '0 7 * * 1' (Mondays at 07:00), or empty for never"
    if line and (len(line.split()) != 5 or re.search(r"[^\d*,/ -]", line)):  # no names of days: a mistake shows at once
        raise ValueError(words)
    try:
        if line:
            CronSim(line, datetime.now(UTC))
    except CronSimError as error:
        raise ValueError(f"{words}; this one has a {str(error).lower()}") from None
    return line


def _check_public_address(value: str) -> str:
    if value and not (is_web_address(value) and re.fullmatch(r"[\w.:~%/\[\]-]{1,300}", value, re.ASCII)):
        raise ValueError("must be https://host or https://host/path: at most 300 letters, digits and .:~%/[]-_")
    return value.rstrip("/")


def _check_contact(value: str) -> str:
    if len(value) > MAX_CONTACT or not value.isascii() or not value.isprintable():
        raise ValueError(f"must be at most {MAX_CONTACT} letters of ASCII on one line, as a header of each request")
    return value


def _check_folder(value: Path) -> Path:
    if "?" in str(value):  # the address of the database ends there
        raise ValueError("must be a folder without a question mark in its path")
    if storable(str(value)) != str(value):  # no database takes another name
        raise ValueError("must be a folder whose path is UTF-8")
    return value


Cron = Annotated[str, AfterValidator(_check_cron)]
PublicAddress = Annotated[str, AfterValidator(_check_public_address)]
Contact = Annotated[str, AfterValidator(_check_contact)]
Folder = Annotated[Path, AfterValidator(_check_folder)]
