"""Canaries: passwords and keys are planted in the settings; nothing that is written or printed holds one."""

import base64
import json
import logging
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

from models.settings import load_settings
from models.sources import load_registry
from models.store.database import open_database
from models.weeks import Week, utc_now
from tests.product.test_commands import Ran, command
from tests.support import fakes_mail
from tests.support.fakes_mail import Mailboxes, smtp_server
from tests.support.fakes_web import Answer, FakeWeb, Handler
from tests.support.prefect_server import CANARY, Product

pytestmark = pytest.mark.long

GUARDIAN = "canary-guardian-5f1e"
DATABASE = "canary:database/7a@3c"
SMTP = fakes_mail.PASSWORD
CANARIES = (GUARDIAN, DATABASE, SMTP)


def forms(secret: str) -> set[str]:
    """The secret as it may stand somewhere: plain, escaped, encoded, and as the logins of SMTP carry it."""
    pairs = [secret, f"\0{fakes_mail.USER}\0{secret}"]
    return {secret, quote(secret, safe=""), *(base64.b64encode(one.encode()).decode() for one in pairs)}


def found_in(content: str) -> list[str]:
    return [form for secret in CANARIES for form in forms(secret) if form in content]


class Everything(logging.Handler):
    """Every record of every logger at debug level, as a handler would write it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
        self.lines.append(repr(record.__dict__.get("args")))


@pytest.fixture
def log() -> Iterator[Everything]:
    handler, root = Everything(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def web() -> Iterator[FakeWeb]:
    def moved(handler: Handler) -> None:
        handler.give(Answer(b"", 302, headers={"Location": f"/again?{handler.path.partition('?')[2]}"}))

    def broken(handler: Handler) -> None:
        handler.give(Answer(f"no such key: {handler.path}".encode(), 403, kind="application/json"))

    class Any(dict[str, object]):
        """Answers by the path without its query."""

        def get(self, path: str, default: object = None) -> object:
            return {"/search": answer, "/moved": moved, "/broken": broken}.get(path.partition("?")[0], default)

    item = {
        "webTitle": "Nurses say that managers did not listen",
        "webUrl": "https://www.theguardian.com/society/2026/nov/20/nurses",
        "webPublicationDate": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "fields": {"trailText": "Staff said that raising concerns had cost them."},
    }
    body = json.dumps({"response": {"status": "ok", "results": [item]}}).encode()
    answer = Answer(body, kind="application/json")
    with FakeWeb() as running:
        running.pages = Any()  # type: ignore[assignment]
        yield running


def sources(web: FakeWeb, folder: Path) -> Path:
    rows = [
        f'[[source]]\nid = "{name}"\nurl = "{web.url(f"/{name}")}"\nkind = "guardian"\nrights = "guardian"\n'
        for name in ("search", "moved", "broken", "gone")
    ]
    file = folder / "my.toml"
    file.write_text("\n".join(rows))
    return file


def written(folder: Path) -> Iterator[tuple[str, str]]:
    for file in folder.rglob("*"):
        if file.is_file():
            yield str(file), file.read_bytes().decode("latin-1")


def rows_of(address: str) -> str:
    """Every row of every table."""
    lines: list[str] = []
    with open_database(address) as database, database.engine.connect() as connection:
        for table in SQLModel.metadata.tables:
            lines += [repr(tuple(row)) for row in connection.execute(text(f'SELECT * FROM "{table}"'))]
    assert len(lines) > 5
    return "\n".join(lines)


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_nothing_that_is_written_or_printed_holds_a_secret(
    request: pytest.FixtureRequest, tmp_path: Path, web: FakeWeb, log: Everything
) -> None:
    server = request.getfixturevalue("postgres")
    week = str(Week.of(utc_now()).plus(-1))
    with server.new_database() as address, smtp_server(Mailboxes(), auth=True) as port:
        place = address.partition("@")[2]
        user = quote(fakes_mail.USER)
        environment = {
            "CULTURE_GUARDIAN_API_KEY": GUARDIAN,
            "CULTURE_DATABASE_URL": f"postgresql://postgres:{quote(DATABASE, safe='')}@{place}",
            "CULTURE_SMTP_URL": f"smtp://{user}:{quote(SMTP, safe='')}@127.0.0.1:{port}",
            "CULTURE_ALLOW_HOSTS": "127.0.0.1",
            "CULTURE_HOST_GAP_SECONDS": "0",
        }
        mine = ("--sources", str(sources(web, tmp_path)))
        every = (
            ("recipients", "add", "reader@r.example", "--send-empty"),
            ("run", *mine, "--all", "--json", "--verbose"),
            ("run", *mine, "--all", "--verbose"),
            ("digest", "--week", week, *mine, "--json", "--verbose"),
            ("recipients", "list"),
            ("recipients", "export", "reader@r.example"),
            ("export", "--format", "json", *mine),
            ("sources", "list", *mine, "--json"),
            ("sources", "check", *mine, "--json"),
            ("model", "list", "--json"),
            ("backup", "monitor.backup"),
        )
        ran: list[Ran] = [command(tmp_path, *words, **environment) for words in every]
        stored = rows_of(address)
        settings = load_settings(
            database_url=environment["CULTURE_DATABASE_URL"],
            smtp_url=environment["CULTURE_SMTP_URL"],
            guardian_api_key=GUARDIAN,
        )
    assert any(f"api-key={GUARDIAN}" in seen.path for seen in web.seen), "the key must have been used"
    assert any("nurses" in line for line in stored.splitlines()), "what the key brought must have been stored"
    assert [one.stderr for one in ran if "Traceback" in one.stderr] == []
    for one in ran:
        assert found_in(one.stdout + one.stderr) == []
    assert found_in(stored) == []
    assert found_in("\n".join(log.lines)) == []
    for file, content in written(tmp_path):
        assert found_in(content) == [], file
    assert found_in(repr(settings) + str(settings) + settings.model_dump_json() + repr(settings.model_dump())) == []
    assert load_registry(tmp_path / "my.toml")  # the registry is as it was


@pytest.mark.parametrize(
    ("words", "environment"),
    [
        (("digest", "--to", "a@r.example"), {"CULTURE_SMTP_URL": f"smtp://u:{quote(SMTP, safe='')}@127.0.0.1:9"}),
        (("digest", "--to", "a@r.example"), {"CULTURE_SMTP_URL": f"smtp://u:{SMTP}@127.0.0.1:9"}),
        (("digest", "--to", "a@r.example"), {"CULTURE_SMTP_URL": f"ftp://u:{quote(SMTP, safe='')}@127.0.0.1:9"}),
        (("run",), {"CULTURE_DATABASE_URL": f"postgresql://u:{quote(DATABASE, safe='')}@127.0.0.1:9/x"}),
        (("run",), {"CULTURE_DATABASE_URL": f"postgres//u:{DATABASE}@127.0.0.1/x"}),
        (("backup", "x"), {"CULTURE_DATABASE_URL": f"postgresql://u:{quote(DATABASE, safe='')}@127.0.0.1:9/x"}),
        *(
            (words, {"CULTURE_DATABASE_URL": address})
            for words in (("run",), ("recipients", "list"), ("backup", "x"), ("restore", "x"))
            for address in (
                f"postgresql://127.0.0.1:9/x?user=u&password={quote(DATABASE, safe='')}",
                f"postgresql://u@127.0.0.1:9/x?sslpassword={quote(DATABASE, safe='')}",
                f"postgresql://u:{DATABASE}@127.0.0.1:port/x",
                f"postgresql+asyncpg://u:{DATABASE}@127.0.0.1:9/x",
            )
        ),
    ],
)
@pytest.mark.parametrize("verbose", [(), ("--verbose",)])
def test_no_error_shows_one_even_with_its_traceback(
    tmp_path: Path, log: Everything, words: tuple[str, ...], environment: dict[str, str], verbose: tuple[str, ...]
) -> None:
    try:
        ran = command(tmp_path, *words, *verbose, **environment)
        said = ran.stdout + ran.stderr
        assert ran.returncode in {1, 2}
    except Exception as error:  # noqa: BLE001 - with --verbose it comes out whole, as a terminal would show it
        assert verbose
        said = "".join(traceback.format_exception(error))
    assert found_in(said) == []
    assert found_in("\n".join(log.lines)) == []


def test_nothing_that_prefect_keeps_holds_a_key(product: Product) -> None:
    """Its database with parameters, artifacts and logs, the logs of server and runner, and what the API tells."""
    assert product.run("monitor", {"all_due": True})["state_type"] == "COMPLETED"
    read = 0
    for file in product.folder.rglob("*"):
        if file.is_file():
            assert CANARY.encode() not in file.read_bytes(), file
            read += 1
    assert read > 5
    for path in ("/flow_runs/filter", "/task_runs/filter", "/artifacts/filter", "/deployments/filter", "/logs/filter"):
        assert CANARY not in json.dumps(product.call("POST", path, {})), path
