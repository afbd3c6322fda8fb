"""The web edition as `culture-monitor web` serves it: to slow, hostile and ordinary visitors."""

import asyncio
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

from flows.website import guard, server
from models.settings import Settings
from models.store import recipients
from models.store.database import open_database
from models.store.tables import Recipient
from models.weeks import utc_now
from tests.support.fakes_website import filled

UP_SECONDS = 60.0
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found: int = free.getsockname()[1]
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of an installation with an edition."""
    data = tmp_path_factory.mktemp("installation") / "d"
    with open_database(f"sqlite:///{data / 'culture.db'}") as database:
        filled(database, data)
    (data / "secret.html").write_text("not for visitors", encoding="utf-8")
    return data


@pytest.fixture(scope="module")
def served(folder: Path, port: int) -> Iterator[str]:
    """The address of a running `culture-monitor web`."""
    environment = {**os.environ, "CULTURE_WEB_PORT": str(port)}
    command = [sys.executable, "-m", "deployments.cli", "web", "--data", str(folder)]
    log = folder.parent / "log"
    with (
        log.open("wb") as out,
        subprocess.Popen(command, env=environment, cwd=ROOT, stdout=out, stderr=out) as process,
    ):
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
    said = log.read_text()
    assert "Traceback" not in said
    assert "unsubscribe" not in said


def get(address: str, data: bytes | None = None) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, data=data), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def raw(port: int, request: bytes) -> bytes:
    """What comes back for these bytes, whatever they are."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(request)
        parts = []
        while part := line.recv(65536):
            parts.append(part)
    return b"".join(parts)


def test_the_editions_are_served_and_nothing_else_of_the_data_folder(served: str) -> None:
    status, page = get(f"{served}/2026-W47.html")
    assert status == 200
    assert "<h1>Week 47: 16 to 22 November 2026</h1>" in page
    for path in ("../secret.html", "secret.html", "culture.db", "archive/2026-W47.html", "..%2fsecret.html"):
        status, page = get(f"{served}/{path}")
        assert status == 404
        assert "not for visitors" not in page


def test_a_file_in_the_archive_folder_is_not_what_is_served(served: str, folder: Path) -> None:
    archive = folder / "archive"
    (archive / "2026-W46.html").symlink_to(folder / "secret.html")
    (archive / "2026-W45.html").mkdir()
    os.mkfifo(archive / "2026-W43.html")
    for name in ("2026-W46", "2026-W45", "2026-W43"):
        status, page = get(f"{served}/{name}.html")
        assert status == 404
        assert "not for visitors" not in page


HOSTILE = {
    "null byte": (b"GET /a%00b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", b"404"),
    "broken letters": (b"GET /themes/%ff%fe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", b"404"),
    "letters beyond ASCII": (b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n", b"400"),
    "traversal": (b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", b"404"),
    "an address as the target": (
        b"GET http://other/etc HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"404",
    ),
    "a flood of headers": (
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + b"X-A: bbbbbbbb\r\n" * 3000 + b"\r\n",
        b"431",
    ),
    "an endless address": (
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"414",
    ),
    "a wrong length": (b"POST /unsubscribe/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n", b"400"),
    "an odd method": (b"BREW / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", b"405"),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"400"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_proper_request_is_refused(served: str, port: int, name: str) -> None:
    request, status = HOSTILE[name]
    answer = raw(port, request)
    assert answer.split(b" ", 2)[1] in {status, b"400"}
    assert b"Traceback" not in answer


async def short(_scope: Any, _receive: Any, send: Any) -> None:
    """An application whose answer is short."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def test_a_visitor_who_does_not_come_to_the_point_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.3)

    async def visit() -> tuple[bytes, bytes]:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            serving = server.make_server(short, "127.0.0.1", 0)
            serving.config.lifespan = "off"
            running = asyncio.create_task(serving.serve(sockets=[listening]))
            slow, pen = await asyncio.open_connection(*listening.getsockname())
            pen.write(b"GET / HTTP/1.1\r\nHost")
            async with asyncio.timeout(30):
                begun = await slow.read()  # until we are hung up on
            again, pen2 = await asyncio.open_connection(*listening.getsockname())
            pen2.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /")  # and never the rest of the second
            whole = await again.read()
            for one in (pen, pen2):
                one.close()
            serving.should_exit = True
            await running
        return begun, whole

    begun, whole = asyncio.run(visit())
    assert begun == b""
    assert whole.endswith(b"ok")


def test_who_does_not_fetch_their_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.2)
    monkeypatch.setattr(guard, "ANSWER_SECONDS", 0.2)

    async def long(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(100):
            await send({"type": "http.response.body", "body": b"x" * 200_000, "more_body": True})

    async def visit() -> int:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            serving = server.make_server(guard.Guard(long, Settings(), lambda *_: long), "127.0.0.1", 0)
            serving.config.lifespan = "off"
            running = asyncio.create_task(serving.serve(sockets=[listening]))
            line = socket.socket()
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.connect(listening.getsockname())
            line.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for turn in range(100):
                await asyncio.sleep(0.05)
                if turn > 10 and not serving.server_state.connections:
                    break
            left = len(serving.server_state.connections)
            line.close()
            serving.should_exit = True
            await running
        return left

    assert asyncio.run(visit()) == 0


def test_one_address_can_not_hold_every_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CONNECTIONS_OF_ONE", 3)
    monkeypatch.setattr(server, "CONNECTIONS", 5)
    monkeypatch.setattr(server, "is_loopback", lambda address: address == "127.0.0.1")

    async def visit() -> tuple[bytes, bytes]:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            serving = server.make_server(short, "127.0.0.1", 0)
            serving.config.lifespan = "off"
            running = asyncio.create_task(serving.serve(sockets=[listening]))
            where = listening.getsockname()
            many = [await asyncio.open_connection(*where, local_addr=("127.0.0.2", 0)) for _ in range(8)]
            answers = []
            for source in ("127.0.0.3", "127.0.0.2"):
                if source == "127.0.0.2":  # some of them end: there is room again
                    for _, pen in many[:3]:
                        pen.close()
                    await asyncio.sleep(0.1)
                reader, pen = await asyncio.open_connection(*where, local_addr=(source, 0))
                pen.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                answers.append(await reader.read())
                pen.close()
            for _, pen in many:
                pen.close()
            serving.should_exit = True
            await running
        return answers[0], answers[1]

    other, again = asyncio.run(visit())
    assert other.endswith(b"ok")
    assert again.endswith(b"ok")


@pytest.mark.parametrize("path", ["2026-W47.html", "unsubscribe/x", "nothing"])
def test_no_other_site_may_show_our_pages_in_a_frame(served: str, path: str) -> None:
    try:
        answer: Any = urllib.request.urlopen(f"{served}/{path}", timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Frame-Options"] == "DENY"


def test_one_click_leaves_the_list_and_a_mere_visit_does_not(served: str, folder: Path) -> None:
    with open_database(f"sqlite:///{folder / 'culture.db'}") as database:
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
