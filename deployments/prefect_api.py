"""Finding a Prefect API that answers, in milliseconds and without importing Prefect; how commands delete a person's runs there."""

import json
import os
import socket
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

from deployments.prefect_environment import prefect_folder
from flows.publishing.erasure import ForgetRuns
from models.private_files import write_whole
from models.settings import Settings

ANSWER_SECONDS = 2.0
MAX_ANSWER = 1_000_000  # bytes: the settings of a Prefect server are some 20 kB
PORTS_TRIED = 50
_RECORD = "server.json"


@dataclass(frozen=True, slots=True)
class Served:
    """The server that `culture-monitor start` brought up."""

    api: str
    pid: int


def answering_api(settings: Settings) -> str | None:
    """The address of a Prefect API that answers: the one at `PREFECT_API_URL`, else our own; None where neither does."""
    given = os.environ.get("PREFECT_API_URL", "").strip().rstrip("/")
    if given and is_healthy(given):
        return given
    served = read_record(settings)
    return served.api if served and is_healthy(served.api) and is_of(served.api, settings) else None


def ui_of(api: str) -> str:
    """The current UI of a server; Prefect's own links lead to its predecessor."""
    return f"{api.removesuffix('/api')}/v2/"


def is_healthy(api: str) -> bool:
    """Whether a Prefect API answers there."""
    if not api.startswith(("http://", "https://")):
        return False
    try:
        with urllib.request.urlopen(f"{api}/health", timeout=ANSWER_SECONDS) as answer:  # noqa: S310
            return bool(answer.status == 200 and answer.read(20).strip() == b"true")
    except (OSError, ValueError, urllib.error.URLError):
        return False


def is_of(api: str, settings: Settings) -> bool:
    """Whether the server there may keep its state in our data folder: a port may have gone to another program's."""
    try:
        with urllib.request.urlopen(f"{api}/admin/settings", timeout=ANSWER_SECONDS) as answer:  # noqa: S310
            home = json.loads(answer.read(MAX_ANSWER))["home"]
    except urllib.error.HTTPError:
        return True  # it asks for a password, say: it can't be known
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False
    return Path(str(home)) == prefect_folder(settings)


def free_port(host: str, first: int) -> int | None:
    """The first port from `first` on that no program holds."""
    for port in range(first, min(first + PORTS_TRIED, 65536)):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    return None


def write_record(settings: Settings, served: Served) -> None:
    """Remember the server, for the other commands and the next start."""
    write_whole(_file(settings), json.dumps(asdict(served)).encode())


def read_record(settings: Settings) -> Served | None:
    """The server that was recorded; it may be gone."""
    try:
        found = json.loads(_file(settings).read_text(encoding="utf-8"))
        return Served(api=str(found["api"]), pid=int(found["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def forget(settings: Settings) -> None:
    """The server is gone."""
    _file(settings).unlink(missing_ok=True)


def forget_runs_of(settings: Settings) -> ForgetRuns | None:
    """What deletes them; None where Prefect has kept none.

    A server that is not running is brought up for as long as that takes, some half a minute.
    """
    api = answering_api(settings)
    if api is not None:
        os.environ["PREFECT_API_URL"] = api
        if settings.prefect_auth is not None:
            os.environ["PREFECT_API_AUTH_STRING"] = settings.prefect_auth.get_secret_value()
    elif (prefect_folder(settings) / "prefect.db").is_file():
        os.environ["PREFECT_HOME"] = str(prefect_folder(settings))
        os.environ["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"] = "true"
        os.environ["PREFECT_API_URL"] = ""
    else:
        return None
    # Here, not above: Prefect takes two seconds to import, and reads its settings when it is.
    from flows.running.forgetting import forget_runs

    return forget_runs


def _file(settings: Settings) -> Path:
    return prefect_folder(settings) / _RECORD
