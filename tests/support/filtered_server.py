"""A Prefect server of this machine behind our filter, and a proxy that notes whom anybody asks for."""

import base64
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from deployments.prefect_api import free_port, is_healthy
from deployments.prefect_environment import child_environment, prefect_folder
from models.settings import load_settings
from tests.support.prefect_server import ask, until

UP_SECONDS = 240.0


class FilteredServer:
    """A Prefect server as `start` runs it, without deployments."""

    def __init__(self, folder: Path, first_port: int, login: str = "", addresses: str = "") -> None:
        port = free_port("127.0.0.1", first_port)
        assert port is not None
        self.address = f"http://127.0.0.1:{port}"
        self.api = f"{self.address}/api"
        self.headers = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"} if login else {}
        given = {"prefect_auth": login or None, "prefect_addresses": addresses or None}
        settings = load_settings(data=folder / "data", **given)
        prefect_folder(settings).mkdir(parents=True)
        self.port = port
        self.folder = folder
        self.proxy = Proxy()  # whom the server itself asks
        environment = {
            **child_environment(settings, os.environ, api=self.api, own_server=True),
            "HTTPS_PROXY": f"http://127.0.0.1:{self.proxy.port}",
            **{f"CULTURE_{name.upper()}": value for name, value in given.items() if value},
        }
        words = [sys.executable, "-m", "deployments.prefect_server", "--host", "127.0.0.1", "--port", str(port)]
        with (folder / "server.log").open("wb") as log:
            self.process = subprocess.Popen(words, cwd=folder, env=environment, stdout=log, stderr=log)

    def wait(self) -> None:
        until(lambda: is_healthy(self.api) or self.process.poll() is not None, UP_SECONDS)
        assert self.process.poll() is None

    def variables(self) -> list[str]:
        """The names of the variables that it keeps: what the attacks below try to plant."""
        answer = ask("POST", f"{self.api}/variables/filter", json={}, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return [one["name"] for one in answer.json()]

    def stop(self) -> None:
        self.proxy.close()
        self.process.terminate()
        assert self.process.wait(60) is not None


class Proxy:
    """A proxy that every request to another machine would go through: it notes whom was asked for, and leads nowhere."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._note, daemon=True).start()

    def _note(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.asked.append(connection.recv(2000).split(b"\r\n")[0].decode(errors="replace"))

    def close(self) -> None:
        self._listener.close()
