"""Settings: environment variables that begin with `CULTURE_`, also read from a `.env` file in the working folder."""

import os
import re
from difflib import get_close_matches
from email.utils import parseaddr
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv import dotenv_values
from pydantic import Field, IPvAnyAddress, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from models.errors import UserError
from models.given_files import read_given_text
from models.setting_checks import Contact, Cron, Folder, PublicAddress, is_web_address

DISTRIBUTION, PREFIX, ENV_FILE = "nhs-culture-monitor", "CULTURE_", ".env"
BLOCK = "secret:"  # names a Prefect Secret block, whose value the flows take
REGISTRY, CHANNELS = "sources.toml", "channels.toml"  # in the data folder: the user's own, once there is one
AUTO, TFIDF, MINILM, MPNET = (
    "auto",
    "tfidf",
    "minilm",
    "mpnet",
)  # of CULTURE_ENCODER; else a model of sentence-transformers


def own_file(name: str, given: dict[str, Any]) -> Path | None:
    """The file of this name in the data folder, where there is one."""
    file = given["data"] / name if "data" in given else None
    return file if file is not None and file.is_file() else None


class SettingsError(UserError, ValueError):
    """A setting is wrong; the message names the setting, the value (unless secret) and how to fix it."""


class Settings(BaseSettings):
    """Every setting, with its default. The table in deployments/README.md is checked against this class."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=ENV_FILE, extra="ignore", frozen=True)

    data: Folder = Field(Path("data"), description="Folder for everything that is written")
    database_url: SecretStr | None = Field(
        None, description="SQLAlchemy address of a PostgreSQL database; without it, SQLite in the data folder"
    )
    sources: Path | None = Field(
        default_factory=partial(own_file, REGISTRY),
        description="Registry of sources; without it, sources.toml in the data folder where there is one, else the shipped one",
    )
    framework: Path | None = Field(
        None,
        description="Folder with a framework of your own: themes.toml, passages.toml, vocabulary.toml; "
        "without it, the themes of the 2022 Messenger review",
    )
    organisations: Path | None = Field(
        None, description="Your own organisations; without it, organisations.toml in the data folder where there is one"
    )
    allow_hosts: Annotated[frozenset[str], NoDecode] = Field(
        frozenset(), description="Private or loopback hosts that may be fetched or posted to, comma-separated"
    )
    proxy: SecretStr | None = Field(
        None,
        description="Proxy, http://user:password@host:8080, for all but CULTURE_ALLOW_HOSTS; proxies of the environment are ignored",
    )
    contact: Contact = Field("", description="Address or web page for site owners, sent in the User-Agent")
    host_gap_seconds: float = Field(1.0, ge=0, le=60, description="Least seconds between two requests to one host")
    max_age_days: int = Field(14, ge=1, le=3660, description="Older entries are counted as too-old and not fetched")
    pages_per_run: int = Field(
        2000, ge=1, le=1_000_000, description="Pages read in one run; the rest waits for the next"
    )
    run_minutes: float = Field(60, gt=0, le=1440, description="Minutes after which a run asks for nothing more")
    workers: int = Field(
        default_factory=lambda: min(os.cpu_count() or 1, 8),
        ge=1,
        le=64,
        description="Processes that read pages, and then tag where many stories wait",
    )
    task_runner: Literal["threads", "processes", "dask"] = Field(
        "processes", description="What reads a backfill's archives: threads, processes or dask"
    )
    dask_address: str = Field("", description="Dask scheduler, tcp://host:8786; without it, a cluster on this machine")
    encoder: str = Field(AUTO, description="auto, tfidf, minilm, mpnet or the name of a sentence-transformers model")
    encoder_folder: Path | None = Field(None, description="Folder with the encoder's files, if you have them already")
    guardian_api_key: SecretStr | None = Field(None, description="Key of the Guardian Open Platform")
    smtp_url: SecretStr | None = Field(
        None,
        description="smtps://user:password@host:465 or smtp://…:587, or secret:BLOCK; without it, editions are previews",
    )
    mail_from: str = Field("NHS Culture Monitor <monitor@localhost>", description="Sender of the digest")
    base_url: PublicAddress = Field(
        "", description="Public address of the web edition, for links and one-click unsubscribing"
    )
    web_host: str = Field("127.0.0.1", description="Address on which `web` and `start` serve the web edition")
    web_port: int = Field(8330, ge=1, le=65535, description="Its port; put your web server with TLS in front of it")
    web_trusted_header: str = Field(
        "", pattern=r"^[A-Za-z0-9-]*$", description="Header in which your login proxy names who is signed in"
    )
    web_proxies: Annotated[frozenset[IPvAnyAddress], NoDecode] = Field(
        frozenset(), description="Addresses of the proxies whose word on visitors counts, comma-separated"
    )
    telemetry: bool = Field(False, description="Whether Prefect may send its usage data")
    prefect_host: str = Field("127.0.0.1", description="Address on which `start` serves Prefect's UI and API")
    prefect_port: int = Field(4200, ge=1, le=65535, description="Port of the UI; if it is taken, the next free one")
    prefect_auth: SecretStr | None = Field(
        None,
        description="user:password that Prefect's UI and API ask for; needed where `start` serves beyond this machine",
    )
    prefect_addresses: Annotated[frozenset[str], NoDecode] = Field(
        frozenset(),
        description="Further names of the server, comma-separated: `server` for programs that call it, "
        "`https://monitor.example.org` for its UI behind a proxy too",
    )
    schedule_monitor: Cron = Field("0 6-22/2 * * *", description="When `monitor` runs: a cron line, London time")
    schedule_draft: Cron = Field("0 5 * * 1", description="When the digest is drafted, to be edited; empty: never")
    schedule_digest: Cron = Field("0 7 * * 1", description="When the digest is composed and sent")
    schedule_daily: Cron = Field("30 7 * * 1-5", description="When daily emails are sent; empty: never")
    schedule_check: Cron = Field("0 12 * * 1", description="When it is checked that the digest went out")
    schedule_train: Cron = Field("0 3 * * 0", description="When reviews are learned from; empty: never")
    schedule_upkeep: Cron = Field("0 4 * * *", description="When data past its retention is deleted")
    channels: Path | None = Field(
        default_factory=partial(own_file, CHANNELS),
        description="Channels; without it, channels.toml in the data folder",
    )
    delivery_days: float = Field(5, gt=0, le=30, description="Days for which what no server took is tried again")
    approval: bool = Field(False, description="Whether the digest awaits approval by a person in the UI")
    approval_hours: float = Field(4, gt=0, le=72, description="How long it waits")
    approval_default: Literal["hold", "send"] = Field(
        "hold", description="When nobody answers: hold it back, or send it"
    )
    alert_to: str = Field("", description="Email addresses, comma-separated, that are told of failures")
    alert_webhook: SecretStr | None = Field(None, description="Web address that the same is posted to, as JSON")
    editor_to: str = Field(
        "", description="Email addresses, comma-separated, that are told when the draft can be edited"
    )

    @field_validator("allow_hosts", "prefect_addresses", "web_proxies", mode="before")
    @classmethod
    def _split_hosts(cls, value: Any) -> Any:
        if isinstance(value, str):
            return frozenset(part.strip().lower() for part in value.split(",") if part.strip())
        return value

    @field_validator("proxy")
    @classmethod
    def _is_proxy(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        if not is_web_address(value.get_secret_value(), needs_port=True):
            raise ValueError("must be http://host:port, with user:password@ before the host where it asks for them")
        return value

    @property
    def proxy_address(self) -> str | None:
        """The proxy with its password in clear, so never log it; None where there is none."""
        return self.proxy.get_secret_value() if self.proxy is not None else None

    @field_validator("prefect_auth")
    @classmethod
    def _is_login(cls, value: SecretStr | None) -> SecretStr | None:
        user, _, password = value.get_secret_value().partition(":") if value is not None else ("-", "", "-")
        if not user or not password or not f"{user}{password}".isascii():  # Prefect answers others with 500
            raise ValueError("must be user:password, in ASCII")
        return value

    @field_validator("prefect_addresses")
    @classmethod
    def _are_addresses(cls, value: frozenset[str]) -> frozenset[str]:
        for one in value:
            if not re.fullmatch(r"(?:https?://)?(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::\d+)?", one):
                raise ValueError(f"{one} must be a name like server, or an address like https://monitor.example.org")
        return value

    @field_validator("alert_to", "editor_to")
    @classmethod
    def _are_mail_addresses(cls, value: str) -> str:
        for part in value.split(",") if value.strip() else ():
            if not re.fullmatch(r"[^\s@<>;]+@[^\s@<>;]+", parseaddr(part)[1]) or not part.isprintable() or ";" in part:
                raise ValueError(f"{part.strip()!r} is not an email address; write one, or several separated by commas")
        return value

    @field_validator("alert_webhook")
    @classmethod
    def _is_webhook(cls, value: SecretStr | None) -> SecretStr | None:
        address = value.get_secret_value() if value is not None else BLOCK
        if not address.startswith(BLOCK) and not is_web_address(address):
            raise ValueError("must be a web address such as https://host/path; a port is a number up to 65535")
        return value

    @property
    def database_address(self) -> str:
        """The SQLAlchemy address; holds the password in clear, so never log it."""
        if self.database_url is None:
            return f"sqlite:///{self.data / 'culture.db'}"
        address = self.database_url.get_secret_value()
        for plain in ("postgresql://", "postgres://"):
            if address.startswith(plain):  # psycopg 3 is the driver that is installed
                return "postgresql+psycopg://" + address.removeprefix(plain)
        return address

    def in_clear(self, name: str) -> str | None:
        """The value of a secret setting, so never log it; None where it is not set.

        Raises:
            SettingsError: it names a Secret block, whose value runs inside Prefect have put in its place.
        """
        held: SecretStr | None = getattr(self, name)
        value = held.get_secret_value() if held is not None else None
        if value is not None and value.startswith(BLOCK):
            raise SettingsError(
                f"{PREFIX}{name.upper()}: names a Prefect Secret block, which a command outside Prefect can't read; "
                "give the value itself, or run the deployment in Prefect"
            )
        return value

    @property
    def outbox(self) -> Path:
        """Where editions are written as files."""
        return self.data / "outbox"

    @property
    def demo(self) -> Path:
        """Where the demo's files lie once the data folder holds real news."""
        return self.data / "demo"

    @property
    def registry_file(self) -> Path:
        """Where the user's own registry of sources is kept, whether the file is there or not."""
        return self.sources if self.sources is not None else self.data / REGISTRY

    @property
    def organisations_file(self) -> Path:
        """Where the user's own organisations are kept, whether the file is there or not."""
        return self.organisations if self.organisations is not None else self.data / "organisations.toml"

    @property
    def own_organisations(self) -> Path | None:
        """The file of the user's own organisations: the one that is set, or that of the data folder where there is one."""
        return self.organisations_file if self.organisations is not None or self.organisations_file.exists() else None

    @property
    def models_folder(self) -> Path:
        """Where trained classifiers are kept."""
        return self.data / "models"


def mail_addresses(line: str) -> list[str]:
    """The addresses of `alert_to` or `editor_to`."""
    return [parseaddr(part)[1] for part in line.split(",") if part.strip()]


def load_settings(**given: Any) -> Settings:
    """The settings of the environment and `.env`; what is `given` (and not None) comes first.

    Raises:
        SettingsError: an unknown name or a bad value.
    """
    _refuse_unknown_names()
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        name = str((first := error.errors()[0])["loc"][0])
        annotation = str(getattr(Settings.model_fields.get(name), "annotation", ""))
        shown = "" if "SecretStr" in annotation else f" (is {str(first['input'])!r})"
        reason = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{PREFIX}{name.upper()}: {reason}{shown}") from None


def _refuse_unknown_names() -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    try:
        is_hidden = Path(ENV_FILE).samefile(os.devnull)  # as containers hide a file
        in_file = {} if is_hidden else dotenv_values(stream=StringIO(read_given_text(Path(ENV_FILE), 1_000_000)))
    except (FileNotFoundError, IsADirectoryError):  # a virtual environment may bear that name
        in_file = {}
    except UnicodeDecodeError as error:
        raise SettingsError(f"{ENV_FILE}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise SettingsError(f"{ENV_FILE}: {error.strerror}") from error
    for origin, names in (("the environment", os.environ), (ENV_FILE, in_file)):
        for name in (one for one in names if one.upper().startswith(PREFIX) and one.upper() not in known):
            near = get_close_matches(name.upper(), known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else "deployments/README.md lists the settings"
            raise SettingsError(f"{name} (in {origin}) is not a setting: {hint}")


def code_version() -> str:
    """The version that is installed."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "0"
