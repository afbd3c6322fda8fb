"""The environment of the Prefect server and of the process that runs flows: set before Prefect is imported.

Everything that Prefect writes goes below the data folder, so that the profile of whoever starts it stays as it is.
"""

from collections.abc import Mapping
from pathlib import Path

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
# These of a person's own would lead our processes to another server, profile or database.
_DROPPED = ("PREFECT_PROFILE", "PREFECT_PROFILES_PATH", "PREFECT_API_URL", "PREFECT_UI_URL", "PREFECT_SERVER_API_PORT")


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
        found["PREFECT_HOME"] = str(prefect_folder(settings))
        # Without its port the UI that the server hands out calls port 4200.
        found["PREFECT_SERVER_API_HOST"], _, found["PREFECT_SERVER_API_PORT"] = host_and_port.rpartition(":")
    return found
