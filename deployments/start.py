"""Everything on one machine in one command: the Prefect server with its UI, the process that runs flows, the web edition.

This process imports no Prefect. It starts its children in order and ends when one of them does, with what that one said:
to start again what has died is the work of systemd or of a container's restart policy.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import FrameType

from deployments.prefect_api import Served, forget, free_port, is_healthy, is_of, ui_of, write_record
from deployments.prefect_environment import child_environment, is_loopback, prefect_folder
from deployments.processes import Child, only_instance
from models.settings import Settings, SettingsError
from models.sources import load_registry
from models.store.database import open_database

UP_SECONDS = 240.0  # a first start makes the server's database: half a minute, much longer on a busy machine
STOP_SECONDS = 20.0  # for runs under way to be told and the server to write what it holds
LOOK_EVERY_SECONDS = 0.3

Say = Callable[[str], None]


class StartError(RuntimeError):
    """It could not be started, or did not last; the message says why and what to do."""


@dataclass(slots=True)
class Stop:
    """What the signals asked for."""

    wanted: bool = False
    at_once: bool = False  # asked twice

    def ask(self, _number: int, _frame: FrameType | None) -> None:
        """Note one signal."""
        self.at_once = self.wanted
        self.wanted = True


def start(settings: Settings, say: Say) -> None:
    """Run until Ctrl-C, SIGTERM or SIGHUP.

    Raises:
        SettingsError, DataFileError, DatabaseError: as every command; nothing was started.
        StartError: it runs already, no port is free, or a child did not come up or ended.
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
        open_database(settings.database_address).close()
        with _signals() as stop:
            _Start(settings, say, stop).run()


class _Start:
    """The children of one start."""

    def __init__(self, settings: Settings, say: Say, stop: Stop) -> None:
        self._settings = settings
        self._say = say
        self._stop = stop
        self._logs = prefect_folder(settings) / "logs"
        self._ready = prefect_folder(settings) / "runner.ready"
        self._web = prefect_folder(settings) / "web.ready"
        self._children: list[Child] = []

    def run(self) -> None:
        """Bring up, wait, take down."""
        with ExitStack() as down:
            down.callback(self._take_down)
            self._ready.unlink(missing_ok=True)
            self._web.unlink(missing_ok=True)
            given = os.environ.get("PREFECT_API_URL", "").strip().rstrip("/")
            own = not (given and is_healthy(given))
            if own and given:
                self._say(f"Nothing answers at PREFECT_API_URL ({given}): starting a server here.")
            api = self._start_server(down) if own else given
            environment = child_environment(self._settings, os.environ, api=api, own_server=own)
            runner = ["deployments.serve", "--ready", str(self._ready), *(["--alone"] if own else [])]
            self._start("runner", runner, environment, self._ready.exists)
            self._start("web", ["deployments.web", "--ready", str(self._web)], environment, self._web.exists)
            self._greet(api)
            while not self._stop.wanted:
                self._check_children()
                time.sleep(LOOK_EVERY_SECONDS)
            self._say("Stopping; a second Ctrl-C stops at once.")

    def _start_server(self, down: ExitStack) -> str:
        """Start our own server; the address of its API."""
        host, first = self._settings.prefect_host, self._settings.prefect_port
        self._say("Starting the Prefect server; a first start takes up to a minute.")
        while True:
            port = free_port(host, first)
            if port is None:
                raise StartError(f"no port is free from {first} on; set CULTURE_PREFECT_PORT to one that is")
            if port != self._settings.prefect_port:
                self._say(f"Port {self._settings.prefect_port} is taken by another program: using {port}.")
            try:
                return self._start_server_on(port, down)
            except StartError:
                if self._children or free_port(host, port) == port:
                    raise
                first = port + 1  # another program had the port before our server did

    def _start_server_on(self, port: int, down: ExitStack) -> str:
        host = self._settings.prefect_host
        # What listens on every address is called here by the loopback one.
        called = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
        api = f"http://{f'[{called}]' if ':' in called else called}:{port}/api"
        environment = child_environment(self._settings, os.environ, api=api, own_server=True)
        self._start(
            "server",
            ["deployments.prefect_server", "--host", host, "--port", str(port)],
            environment,
            lambda: is_healthy(api) and is_of(api, self._settings),
        )
        down.callback(forget, self._settings)
        for server in self._children:  # none where somebody asked to stop before it was started
            write_record(self._settings, Served(api, server.pid))
        return api

    def _start(
        self, name: str, words: Sequence[str], environment: Mapping[str, str], is_up: Callable[[], bool]
    ) -> None:
        """Start one child and wait until it is up, or until somebody asks to stop."""
        if self._stop.wanted:
            return
        child = Child(name, [sys.executable, "-m", *words], environment, self._logs / f"{name}.log")
        self._children.append(child)
        until = time.monotonic() + UP_SECONDS
        while not self._stop.wanted and not is_up():
            self._check_children()
            if time.monotonic() > until:
                raise StartError(f"the {name} did not come up; {child.log} says:\n{child.last_words()}")
            time.sleep(LOOK_EVERY_SECONDS)

    def _check_children(self) -> None:
        for child in self._children:
            if child.has_ended():
                self._children.remove(child)
                child.kill_group()  # its runs too
                raise StartError(f"the {child.name} ended; {child.log} says:\n{child.last_words()}")

    def _greet(self, api: str) -> None:
        if self._stop.wanted:
            return
        self._say("")
        self._say(f"The NHS Culture Monitor runs. Open {ui_of(api)}")
        self._say(f"  forms        {ui_of(api)}deployments")
        self._say(f"  results      {ui_of(api)}artifacts")
        for name, when in json.loads(self._ready.read_text(encoding="utf-8")).items():
            self._say(f"  {name:<12} {when}; change it in the UI")
        self._say(f"  web edition  {self._web.read_text(encoding='utf-8')}")
        self._say(f"  logs         {self._logs}")
        self._say("Ctrl-C stops it all.")

    def _take_down(self) -> None:
        for child in reversed(self._children):
            # The server writes what it holds on SIGINT; the others end on SIGTERM.
            how = signal.SIGINT if child.name == "server" else signal.SIGTERM
            child.stop(how, STOP_SECONDS, hurry=lambda: self._stop.at_once)
        self._ready.unlink(missing_ok=True)
        self._web.unlink(missing_ok=True)


@contextmanager
def _signals() -> Iterator[Stop]:
    """Turn the signals that end a program into a wish."""
    stop = Stop()
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), stop.ask) for name in names}
    try:
        yield stop
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
