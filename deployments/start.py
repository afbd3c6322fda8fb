"""Everything on one machine in one command: the Prefect server with its UI, all deployments, the process that runs them.

This process imports no Prefect: it starts two children, looks after them, and takes them along when it ends.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from deployments.prefect_api import Served, forget, free_port, is_healthy, is_of, ui_of, write_record
from deployments.prefect_environment import child_environment, is_loopback, prefect_folder
from deployments.processes import Child, end_leftovers, note_children
from deployments.schedules import catalogue
from deployments.single_instance import only_instance
from models.settings import Settings, SettingsError
from models.sources import load_registry
from models.store.database import open_database

SERVER_UP_SECONDS = 240.0  # a first start makes the server's database: half a minute, much longer on a busy machine
RUNNER_UP_SECONDS = 240.0
STOP_SECONDS = 20.0  # for runs under way to be told and the server to write what it holds
LOOK_EVERY_SECONDS = 0.3
RESTARTS = 5  # of one child within
RESTARTS_WITHIN_SECONDS = 600.0

Say = Callable[[str], None]


class StartError(RuntimeError):
    """It could not be started; the message says why and what to do."""


@dataclass(slots=True)
class _Stop:
    """What the signals asked for."""

    wanted: bool = False
    again: bool = False  # asked twice: don't wait

    def ask(self, _number: int, _frame: FrameType | None) -> None:
        self.again = self.wanted
        self.wanted = True


@dataclass(slots=True)
class _Restarts:
    """When a child was started again."""

    at: list[float] = field(default_factory=list)

    def allowed(self, now: float) -> bool:
        self.at = [moment for moment in self.at if now - moment < RESTARTS_WITHIN_SECONDS]
        self.at.append(now)
        return len(self.at) <= RESTARTS


def start(settings: Settings, say: Say) -> None:
    """Run until Ctrl-C, SIGTERM or SIGHUP.

    Raises:
        SettingsError, DataFileError, DatabaseError: as every command; nothing was started.
        StartError: it runs already, no port is free, or a child did not come up.
    """
    load_registry(settings.sources)
    if not is_loopback(settings.prefect_host) and settings.prefect_auth is None:
        raise SettingsError(
            f"CULTURE_PREFECT_HOST is {settings.prefect_host}, which other machines can reach, and whoever reaches "
            "Prefect can run commands here: set CULTURE_PREFECT_AUTH=user:password too"
        )
    folder = prefect_folder(settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{folder}: can't be made ({error.strerror}); name another --data folder") from error
    with only_instance(folder / "start.lock") as other:
        if other is not None:
            whose = f" (process {other})" if other else ""
            raise StartError(
                f"it runs already for {settings.data}{whose}; stop that one, or name another --data folder"
            )
        if end_leftovers(children_file(settings)):  # before anything else: one may hold the database
            say("The last start was killed; what it had left running was ended.")
        open_database(settings.database_address).close()
        with _signals() as stop:
            _Supervisor(settings, say, stop).run()


def children_file(settings: Settings) -> Path:
    """Where a start notes what it runs, for the next one to end where this one is killed."""
    return prefect_folder(settings) / "children.json"


class _Supervisor:
    """The children of one start."""

    def __init__(self, settings: Settings, say: Say, stop: _Stop) -> None:
        self._settings = settings
        self._say = say
        self._stop = stop
        self._folder = prefect_folder(settings)
        self._server: Child | None = None
        self._runner: Child | None = None
        self._web: Child | None = None  # where links in the email lead; only where CULTURE_BASE_URL says that they do
        self._api = ""
        self._port = 0
        self._restarts = {"server": _Restarts(), "runner": _Restarts(), "web": _Restarts()}

    def run(self) -> None:
        """Bring up, look after, take down."""
        try:
            self._find_or_start_server()
            if self._wait_for_server():
                self._start_runner()
                if self._wait_for_runner():
                    self._start_web()
                    self._greet()
                    self._look_after()
        finally:
            self._take_down()

    def _find_or_start_server(self) -> None:
        given = os.environ.get("PREFECT_API_URL", "").strip().rstrip("/")
        if given and is_healthy(given):
            self._api = given
            return
        if given:
            self._say(f"Nothing answers at PREFECT_API_URL ({given}): starting a server here.")
        self._choose_port(self._settings.prefect_port)
        self._say("Starting the Prefect server; a first start takes up to a minute.")
        self._start_server()

    def _choose_port(self, first: int) -> None:
        host, wanted = self._settings.prefect_host, self._settings.prefect_port
        port = free_port(host, first)
        if port is None:
            raise StartError(f"no port is free from {first} on; set CULTURE_PREFECT_PORT to one that is")
        if port != wanted:
            self._say(f"Port {wanted} is taken by another program: using {port}.")
        # What listens on every address is called here by the loopback one.
        called = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
        self._api = f"http://{f'[{called}]' if ':' in called else called}:{port}/api"
        self._port = port

    def _is_taken(self) -> bool:
        return free_port(self._settings.prefect_host, self._port) != self._port

    def _start_server(self) -> None:
        environment = child_environment(self._settings, os.environ, api=self._api, own_server=True)
        where = ["--host", self._settings.prefect_host, "--port", str(self._port)]
        words = ["-m", "deployments.prefect_server", *where]
        self._server = Child("server", [sys.executable, *words], environment, self._folder / "logs" / "server.log")
        write_record(self._settings, Served(self._api, self._server.pid))
        self._note()

    def _start_runner(self) -> None:
        own = self._server is not None
        environment = child_environment(self._settings, os.environ, api=self._api, own_server=own)
        self._ready.unlink(missing_ok=True)
        words = ["-m", "deployments.serve", "--ready", str(self._ready), *(["--alone"] if own else [])]
        self._runner = Child("runner", [sys.executable, *words], environment, self._folder / "logs" / "runner.log")
        self._note()

    def _start_web(self) -> None:
        if not self._settings.base_url:
            return
        environment = child_environment(self._settings, os.environ, api=self._api, own_server=self._server is not None)
        words = ["-m", "deployments.cli", "web"]
        self._web = Child("web", [sys.executable, *words], environment, self._folder / "logs" / "web.log")
        self._note()

    def _wait_for_server(self) -> bool:
        until = time.monotonic() + SERVER_UP_SECONDS
        while not self._stop.wanted:
            if is_healthy(self._api) and (self._server is None or is_of(self._api, self._settings)):
                return True
            if self._server is not None and self._server.has_ended() and self._is_taken():
                self._choose_port(self._port + 1)  # another program had the port before our server did
                self._start_server()
            self._check_child(self._server, until, "the Prefect server")
            time.sleep(LOOK_EVERY_SECONDS)
        return False

    def _wait_for_runner(self) -> bool:
        until = time.monotonic() + RUNNER_UP_SECONDS
        while not self._stop.wanted:
            if self._ready.exists():
                return True
            self._check_child(self._runner, until, "the process that runs flows")
            time.sleep(LOOK_EVERY_SECONDS)
        return False

    def _check_child(self, child: Child | None, until: float, what: str) -> None:
        if child is None:
            return
        if child.has_ended():
            raise StartError(f"{what} ended at once; {child.log} says:\n{child.last_words()}")
        if time.monotonic() > until:
            raise StartError(f"{what} did not come up; {child.log} says:\n{child.last_words()}")

    def _greet(self) -> None:
        self._say("")
        self._say(f"The NHS Culture Monitor runs. Open {ui_of(self._api)}")
        self._say(f"  forms        {ui_of(self._api)}deployments")
        self._say(f"  results      {ui_of(self._api)}artifacts")
        for deployed in catalogue(self._settings):
            if deployed.cron:
                self._say(f"  {deployed.name:<12} at first on {deployed.cron} (cron, London time); change it in the UI")
        if self._web is not None:
            self._say(f"  archive      http://{self._settings.web_host}:{self._settings.web_port}/")
        self._say(f"  logs         {self._folder / 'logs'}")
        self._say("Ctrl-C stops it all.")

    def _look_after(self) -> None:
        """Start again what dies, as long as it does not die again and again."""
        while not self._stop.wanted:
            time.sleep(LOOK_EVERY_SECONDS)
            if self._server is not None and self._server.has_ended():
                self._again(self._server)
                self._start_server()
                self._wait_for_server()
            if self._runner is not None and self._runner.has_ended():
                self._again(self._runner)
                self._start_runner()
                self._wait_for_runner()
            if self._web is not None and self._web.has_ended():
                self._again(self._web)
                self._start_web()

    def _again(self, child: Child) -> None:
        child.kill_group()  # its runs too: they would go on beside those of the next
        if not self._restarts[child.name].allowed(time.monotonic()):
            raise StartError(f"the {child.name} ended {RESTARTS + 1} times in ten minutes; see {child.log}")
        self._say(f"The {child.name} ended unexpectedly and is started again; see {child.log}")

    def _take_down(self) -> None:
        if self._stop.wanted:
            self._say("Stopping; a second Ctrl-C stops at once.")
        if self._web is not None:
            self._web.stop(signal.SIGTERM, STOP_SECONDS, hurry=lambda: self._stop.again)
        if self._runner is not None:
            self._runner.stop(signal.SIGTERM, STOP_SECONDS, hurry=lambda: self._stop.again)
        if self._server is not None:
            self._server.stop(signal.SIGINT, STOP_SECONDS, hurry=lambda: self._stop.again)
            forget(self._settings)
        self._ready.unlink(missing_ok=True)
        children_file(self._settings).unlink(missing_ok=True)

    def _note(self) -> None:
        note_children(
            children_file(self._settings), [one for one in (self._server, self._runner, self._web) if one is not None]
        )

    @property
    def _ready(self) -> Path:
        return self._folder / "runner.ready"


@contextmanager
def _signals() -> Iterator[_Stop]:
    """Turn the signals that end a program into a wish."""
    stop = _Stop()
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), stop.ask) for name in names}
    try:
        yield stop
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
