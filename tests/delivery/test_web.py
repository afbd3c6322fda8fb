"""The served archive and one-click unsubscribing, as `culture-monitor web` serves them."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from models.store import recipients
from models.store.database import open_database
from models.store.tables import Recipient
from models.weeks import utc_now

UP_SECONDS = 60.0


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found: int = free.getsockname()[1]
    return found


@pytest.fixture
def served(tmp_path: Path, port: int) -> Iterator[str]:
    """The address of a running `culture-monitor web`, whose archive has a page."""
    (tmp_path / "d" / "archive").mkdir(parents=True)
    (tmp_path / "d" / "archive" / "2026-W47.html").write_text("<p>Week 47</p>", encoding="utf-8")
    (tmp_path / "d" / "secret.txt").write_text("not for visitors", encoding="utf-8")
    environment = {**os.environ, "CULTURE_WEB_PORT": str(port)}
    command = [sys.executable, "-m", "deployments.cli", "web", "--data", str(tmp_path / "d")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        until = time.monotonic() + UP_SECONDS
        while time.monotonic() < until and process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def get(address: str, data: bytes | None = None) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, data=data), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_the_archive_is_served_and_nothing_else_of_the_data_folder(served: str) -> None:
    assert get(f"{served}/2026-W47.html") == (200, "<p>Week 47</p>")
    assert get(f"{served}/../secret.txt")[0] == 404
    assert get(f"{served}/culture.db")[0] == 404


def test_neither_a_link_nor_a_folder_in_the_archive_is_served(served: str, tmp_path: Path) -> None:
    archive = tmp_path / "d" / "archive"
    (archive / "2026-W46.html").symlink_to(tmp_path / "d" / "secret.txt")
    (archive / "2026-W45.html").mkdir()
    (archive / "2026-W44.html").symlink_to(tmp_path / "nowhere")
    os.mkfifo(archive / "2026-W43.html")
    for name in ("2026-W46", "2026-W45", "2026-W44", "2026-W43"):
        status, page = get(f"{served}/{name}.html")
        assert status == 404
        assert "not for visitors" not in page
    assert get(f"{served}/2026-W47.html")[0] == 200


@pytest.mark.parametrize("path", ["2026-W47.html", "unsubscribe/x", "nothing"])
def test_no_other_site_may_show_our_pages_in_a_frame(served: str, path: str) -> None:
    try:
        answer: Any = urllib.request.urlopen(f"{served}/{path}", timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Frame-Options"] == "DENY"


def test_one_click_leaves_the_list_and_a_mere_visit_does_not(served: str, tmp_path: Path) -> None:
    with open_database(f"sqlite:///{tmp_path / 'd' / 'culture.db'}") as database:
        with database.write() as session:
            person, _ = recipients.add("ada@example.org", utc_now(), session=session)
            token = person.token
        link = f"{served}/unsubscribe/{token}"

        def active() -> bool:
            with database.read() as session:
                return session.exec(select(Recipient.active)).one()

        assert get(link)[0] == 200
        assert active()
        assert get(link, b"List-Unsubscribe=One-Click")[0] == 200
        assert not active()
