"""The environment of the Prefect server and of the process that runs flows: set before Prefect is imported.

Everything that Prefect writes goes below the data folder, so that the profile of whoever starts it stays as it is.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from models.settings import PREFIX, Settings

# Task runs and events written in batches: a third of the server's CPU for the same runs, measured on Prefect 3.9.
BATCHING = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TRIGGERS_READ_BATCH_SIZE": "100",
}
HEARTBEAT_SECONDS = 30  # the least that Prefect takes
# Six heartbeats missed. At Prefect's own frequency of 180 s the time in its documentation would crash healthy runs.
SILENT_SECONDS = 6 * HEARTBEAT_SECONDS
POLL_SECONDS = 2  # from a click to the start of a run: 5 to 10 s instead of up to 18

_RUNS = {
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
    "PREFECT_RUNNER_POLL_FREQUENCY": str(POLL_SECONDS),
    # "Finished in state Completed" of every task is nothing that a person reads, and a row each in the server.
    "PREFECT_LOGGING_LOGGERS_PREFECT_TASK_RUNS_LEVEL": "WARNING",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
_SERVER = {
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    # Runs older than Prefect's retention of 90 days go too, not only their events.
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    # On disk, not in memory: a run that outlives its server would be ended when it finds its place forgotten.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    # A run that waits for another of its deployment (a review, an alert) asks again after so many seconds.
    "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "5",
    **BATCHING,
}
# These of a person's own would lead our processes to another server, profile, database or login.
_DROPPED = (
    "PREFECT_PROFILE",
    "PREFECT_PROFILES_PATH",
    "PREFECT_API_URL",
    "PREFECT_API_KEY",
    "PREFECT_API_AUTH_STRING",
    "PREFECT_UI_URL",
    "PREFECT_SERVER_API_PORT",
    "PREFECT_SERVER_API_AUTH_STRING",
    "PREFECT_SERVER_CORS_ALLOWED_ORIGINS",
)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def prefect_folder(settings: Settings) -> Path:
    """Where Prefect keeps what it writes."""
    return settings.data.absolute() / "prefect"


def child_environment(settings: Settings, given: Mapping[str, str], *, api: str, own_server: bool) -> dict[str, str]:
    """The environment for a child process that serves, or calls, the Prefect API at `api` (…/api).

    What a person set comes first, apart from what would lead away from our server.
    """
    host_and_port = api.removesuffix("/api").rpartition("//")[2]
    found = {name: value for name, value in given.items() if not own_server or name not in _DROPPED}
    ours = {**_RUNS, **(_SERVER if own_server else {})}
    if not settings.telemetry:
        ours |= {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    for name, value in ours.items():
        found.setdefault(name, value)
    found["PREFECT_API_URL"] = api
    found[f"{PREFIX}DATA"] = str(settings.data.absolute())
    if settings.sources is not None:
        found[f"{PREFIX}SOURCES"] = str(settings.sources.absolute())
    if own_server:
        host, _, port = host_and_port.rpartition(":")
        found["PREFECT_HOME"] = str(prefect_folder(settings))
        # Without its port the UI that the server hands out calls port 4200.
        found["PREFECT_SERVER_API_HOST"], found["PREFECT_SERVER_API_PORT"] = host, port
        found["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] = ",".join(sorted(origins_of(settings, int(port))))
        if settings.prefect_auth is not None:
            login = settings.prefect_auth.get_secret_value()
            found["PREFECT_SERVER_API_AUTH_STRING"] = found["PREFECT_API_AUTH_STRING"] = login
    return found


def is_loopback(host: str) -> bool:
    """Whether what listens on this address can be reached from this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def names_of(settings: Settings) -> frozenset[str]:
    """The names by which our server may be called: the loopback ones, its own address, those that the settings add."""
    named = {urlsplit(one if "//" in one else f"//{one}").hostname or "" for one in settings.prefect_addresses}
    return frozenset({*_LOOPBACK, *_own_address(settings), *named})


def origins_of(settings: Settings, port: int) -> frozenset[str]:
    """The origins whose pages may call our server on this port: its own, under each name, and those that the settings add."""
    own = {*_LOOPBACK, *_own_address(settings)}
    return frozenset(
        {*(f"http://{f'[{name}]' if ':' in name else name}:{port}" for name in own)}
        | {one for one in settings.prefect_addresses if "//" in one}
    )


def _own_address(settings: Settings) -> set[str]:
    """The address it listens on; none where that is every address of the machine."""
    host = settings.prefect_host.lower()
    return set() if host in ("0.0.0.0", "::") else {host}  # noqa: S104
