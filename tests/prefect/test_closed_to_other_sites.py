"""No web page that somebody has open can change or read anything through the Prefect server, and its UI calls nobody else."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.fakes_web import Answer, FakeWeb
from tests.support.filtered_server import FilteredServer, Proxy
from tests.support.prefect_server import ask

playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright (the extra `test` has it)")

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(BROWSER is None, reason="needs Chromium: 'apt-get install chromium'")
pytestmark = pytest.mark.long

LOGIN = "ada:a-pass-word-of-the-tests"
OF_THE_BROWSER = re.compile(r"\.(?:google|googleapis|gvt1)\.com[:/]")  # updates, which no page has asked for
EVIL = "https://evil.example"
CHANGE = {"name": "planted", "value": "by another site"}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, FilteredServer]]:
    """One without and one with a login and a further name, started side by side."""
    found = {
        "open": FilteredServer(tmp_path_factory.mktemp("open"), 4610),
        "login": FilteredServer(tmp_path_factory.mktemp("login"), 4640, LOGIN, "server,https://monitor.example.org"),
    }
    try:
        for server in found.values():
            server.wait()
        yield found
    finally:
        for server in found.values():
            server.stop()


@pytest.fixture
def server(servers: dict[str, FilteredServer]) -> FilteredServer:
    return servers["open"]


def test_a_program_on_this_machine_is_served(server: FilteredServer) -> None:
    made = ask("POST", f"{server.api}/variables/", json={"name": "ours", "value": 1})
    assert made.status_code == 201
    assert "ours" in server.variables()
    assert ask("DELETE", f"{server.api}/variables/name/ours").status_code == 204


@pytest.mark.parametrize(
    "origin", [EVIL, "null", "http://127.0.0.1:1", "http://localhost:3000", "https://127.0.0.1", ""]
)
@pytest.mark.parametrize("method", ["POST", "OPTIONS", "GET", "DELETE", "PATCH", "PUT"])
def test_another_origin_gets_nothing_and_changes_nothing(server: FilteredServer, origin: str, method: str) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    answer = ask(
        method,
        f"{server.api}/variables/",
        content=json.dumps(CHANGE) if method not in ("GET", "OPTIONS") else None,
        headers={"Origin": origin, "Content-Type": "application/json", **(asked if method == "OPTIONS" else {})},
    )
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert "planted" not in server.variables()


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
def test_what_a_page_can_send_without_asking_is_refused_even_without_an_origin(
    server: FilteredServer, kind: str | None
) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    answer = ask("POST", f"{server.api}/variables/", content=json.dumps(CHANGE), headers=headers)
    assert answer.status_code == 415
    assert "planted" not in server.variables()


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:4200",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "127.0.0.1, evil.example",
        "[",
        "[::1]evil.example",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/api/variables/filter", "/api/health", "/v2/", "/ui-settings"])
def test_a_name_that_is_made_to_lead_here_gets_nothing(server: FilteredServer, host: str, path: str) -> None:
    method = "POST" if path.endswith("filter") else "GET"
    answer = raw(server.port, f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n")
    assert answer.split(b" ", 2)[1] in (b"421", b"400")


def test_two_hosts_or_none_get_nothing(server: FilteredServer) -> None:
    for hosts in ("", f"Host: 127.0.0.1:{server.port}\r\nHost: evil.example\r\n"):
        assert raw(server.port, f"GET /api/health HTTP/1.1\r\n{hosts}").split(b" ", 2)[1] in (b"421", b"400")


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_its_own_names_are_served(server: FilteredServer, name: str) -> None:
    answer = raw(server.port, f"GET /api/health HTTP/1.1\r\nHost: {name}:{server.port}\r\n")
    assert answer.split(b" ", 2)[1] == b"200"


def test_more_than_anybody_sends_is_held_for_nobody(servers: dict[str, FilteredServer]) -> None:
    given: Any = {"content": b" " * 20_000_001, "headers": {"Content-Type": "application/json"}}
    assert ask("POST", f"{servers['login'].api}/variables/", **given).status_code == 413


def raw(port: int, head: str) -> bytes:
    """The answer to a request with these very header lines."""
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(f"{head}Content-Length: 2\r\nConnection: close\r\n\r\n{{}}".encode())
        found = b""
        while part := connection.recv(65536):
            found += part
    return found


@pytest.mark.parametrize("path", ["/api/events/out", "/api/events/in", "/api/logs/out"])
def test_a_websocket_of_another_site_is_refused(server: FilteredServer, path: str) -> None:
    upgrade = (
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: prefect\r\n"
    )
    for origin, expected in ((f"Origin: {EVIL}\r\n", b"403"), ("", b"101")):
        with socket.create_connection(("127.0.0.1", server.port), 60) as connection:
            connection.sendall(
                f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n{origin}{upgrade}\r\n".encode()
            )
            assert connection.recv(100).split(b" ", 2)[1] == expected


def test_further_names_count_where_the_setting_names_them(servers: dict[str, FilteredServer]) -> None:
    server = servers["login"]
    for host, status in (("server:4200", 200), ("monitor.example.org", 200), ("other.example.org", 421)):
        answer = httpx.get(f"{server.api}/health", headers={"Host": host}, timeout=60)
        assert (host, answer.status_code) == (host, status)
    for origin, status in (("https://monitor.example.org", 200), ("http://server:4200", 403), (EVIL, 403)):
        answer = ask("POST", f"{server.api}/variables/filter", json={}, headers={**server.headers, "Origin": origin})
        assert (origin, answer.status_code) == (origin, status)


def test_the_login_is_asked_for(servers: dict[str, FilteredServer]) -> None:
    server = servers["login"]
    assert ask("POST", f"{server.api}/variables/filter", json={}).status_code == 401
    for guess in ("guess", "é", b"\xff\0"):
        assert ask("POST", f"{server.api}/variables/", json=CHANGE, auth=("ada", guess)).status_code == 401
    assert server.variables() == []
    password = LOGIN.partition(":")[2]
    assert password not in httpx.get(f"{server.api}/admin/settings", headers=server.headers, timeout=60).text
    written = [file for file in server.folder.rglob("*") if file.is_file()]
    assert len(written) > 2
    assert not [file for file in written if password.encode() in file.read_bytes()]


def test_the_server_itself_asks_nobody_either(server: FilteredServer) -> None:
    answer = httpx.get(f"{server.api}/collections/views/aggregate-worker-metadata", timeout=60)
    assert "process" in answer.json()["prefect"]
    assert server.proxy.asked == []


def test_start_refuses_to_serve_beyond_this_machine_without_a_login(tmp_path: Path) -> None:
    environment = {**os.environ, "CULTURE_PREFECT_HOST": "0.0.0.0", "CULTURE_DATA": str(tmp_path / "data")}
    ran = subprocess.run(
        [sys.executable, "-m", "deployments.cli", "start"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 2
    assert "set CULTURE_PREFECT_AUTH=user:password too" in ran.stderr
    assert not (tmp_path / "data").exists()


ATTACK = """
<!doctype html><title>an innocent page</title><script>
const api = "API", body = JSON.stringify({name: "planted", value: "from a page"});
const json = {"Content-Type": "application/json"};
const tries = [
  () => fetch(api + "/variables/", {method: "POST", headers: json, body}),
  () => fetch(api + "/variables/", {method: "POST", mode: "no-cors", body}),
  () => fetch(api + "/variables/", {method: "POST", mode: "no-cors", body: new Blob([body])}),
  () => fetch(api + "/variables/", {method: "POST", mode: "no-cors", body: new Blob([body]), referrerPolicy: "no-referrer"}),
  () => fetch(api + "/variables/", {method: "POST", mode: "no-cors", body: new URLSearchParams({name: "planted"})}),
  () => Promise.resolve(navigator.sendBeacon(api + "/variables/", new Blob([body]))),
  () => fetch(api + "/variables/filter", {method: "POST", headers: json, body: "{}"}).then(a => a.text()).then(t => read.push(t)),
  () => fetch(api + "/admin/settings").then(a => a.text()).then(t => read.push(t)),
];
const read = [];
(async () => {
  for (const one of tries) { try { await one(); } catch (error) {} }
  const frame = document.createElement("iframe");
  frame.name = "target";
  document.body.append(frame);
  const form = document.createElement("form");
  Object.assign(form, {method: "post", action: api + "/variables/", target: "target", enctype: "text/plain"});
  const field = document.createElement("input");
  field.name = body.slice(0, -1) + ', "x": "'; field.value = '"}';
  form.append(field); document.body.append(form); form.submit();
  setTimeout(() => { document.title = "done " + JSON.stringify(read); }, 500);
})();
</script><body></body>
"""


@needs_browser
def test_a_page_of_another_site_changes_and_reads_nothing(server: FilteredServer) -> None:
    for api in (server.api, server.api.replace("127.0.0.1", "localhost")):
        with FakeWeb({"/": Answer(ATTACK.replace("API", api).encode())}) as site, chromium() as page:
            asked: list[str] = []
            page.on("request", lambda request, seen=asked: seen.append(request.url))
            page.goto(site.url("/"))
            page.wait_for_function("document.title.startsWith('done')")
            assert page.title() == "done []"
            assert sum(url.startswith(api) for url in asked) >= 8  # every try went out
    assert server.variables() == []


@needs_browser
@pytest.mark.parametrize("name", ["open", "login"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_ui_works_and_asks_nobody_else(servers: dict[str, FilteredServer], name: str, host: str) -> None:
    server = servers[name]
    shown = {"name": f"seen-at-{host.replace('.', '-')}", "value": 1}
    made = ask("POST", f"{server.api}/variables/", json=shown, headers=server.headers)
    assert made.status_code == 201
    proxy = Proxy()
    with closing(proxy), chromium(proxy) as page:
        page.goto(f"http://{host}:{server.port}/v2/variables")
        if name == "login":
            page.get_by_placeholder("admin:pass").fill(LOGIN)
            page.get_by_role("button", name="Login").click()
            playwright.expect(page.get_by_role("link", name="Variables")).to_be_visible(timeout=60_000)
            page.goto(f"http://{host}:{server.port}/v2/variables")
        playwright.expect(page.get_by_text(shown["name"]).first).to_be_visible(timeout=60_000)
        page.wait_for_timeout(1000)
    assert [asked for asked in proxy.asked if not OF_THE_BROWSER.search(asked)] == []
    gone = ask("DELETE", f"{server.api}/variables/name/{shown['name']}", headers=server.headers)
    assert gone.status_code == 204


@contextmanager
def chromium(proxy: Proxy | None = None) -> Iterator[Any]:
    """A page of a fresh browser that asks for nothing on its own account."""
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    way = [f"--proxy-server=http://127.0.0.1:{proxy.port}"] if proxy else []  # addresses of this machine never use it
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", *quiet, *way])
        try:
            yield browser.new_page()
        finally:
            browser.close()
