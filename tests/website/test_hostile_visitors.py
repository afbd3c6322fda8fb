"""Every address, by every method, with odd values, under odd names: never a 5xx, a trace or a change. And who may see a page."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import pytest
from lxml import etree, html
from sqlmodel import select

from flows.website import guard
from models.settings import Settings
from models.store import recipients
from models.store.database import Database, open_database
from models.store.tables import Recipient
from tests.support import fakes_edition as fakes
from tests.support.fakes_website import Visitor, filled, visitor
from tests.support.postgres import Postgres

ADDRESSES = (
    "/", "/index.html", "/2026-W47.html", "/themes", "/themes/speaking-up", "/recommendations", "/organisations",
    "/organisations/x", "/stories/1", "/stories/1/suggestion", "/search", "/feed.atom", "/dates.ics", "/api/stories", "/stories.csv",
    "/sources", "/about", "/unsubscribe/x", "/robots.txt",
)  # fmt: skip
PROXY, ELSEWHERE = ("10.0.0.2", 1), ("10.0.0.3", 1)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "BREW")
ODD = (
    "%00", "a%00b", "%ff%fe", "%ed%a0%80", "..%2f..%2fetc%2fpasswd", "%2e%2e/", "-1", "0", "99999999999999999999", "1e9",
    "٣", "²", "%E2%80%AE", "NaN", "' OR 1=1 --", "{{7*7}}", "<script>", "%25%25", "+", "🙂", "a" * 3000, "NEAR(a b)", '"', "--",
)  # fmt: skip
NAMES = (
    "q",
    "theme",
    "organisation",
    "nation",
    "sector",
    "outlet",
    "read",
    "since",
    "until",
    "all",
    "sort",
    "page",
    "size",
    "x",
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("hostile")
    with ExitStack() as stack:
        address = f"sqlite:///{folder / 'culture.db'}"
        if request.param == "postgresql":  # which takes no NUL, no half character, and no number or date beyond its own
            server: Postgres = request.getfixturevalue("postgres")
            address = stack.enter_context(server.new_database(server.template()))
        database = stack.enter_context(open_database(address))
        settings = filled(database, folder)
        yield visitor(database, settings)


def check(answer: Any, asked: str) -> None:
    assert answer.status_code < 500, asked
    assert "Traceback" not in answer.text, asked
    assert not [word for word in ("sqlite", "postgres", "psycopg") if word in answer.text.lower()], asked
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("method", METHODS)
def test_every_address_by_every_method(reader: Visitor, method: str) -> None:
    for address in ADDRESSES:
        check(reader.ask(method, address), f"{method} {address}")


def test_odd_values_in_every_place(reader: Visitor) -> None:
    random = Random(7)
    for odd in ODD:
        for place in random.sample(("/themes/", "/organisations/", "/stories/", "/unsubscribe/", "/"), 3):
            check(reader.get(f"{place}{odd}"), f"{place}{odd}")
        address, name = (
            random.choice(("/feed.atom", "/dates.ics", "/api/stories", "/stories.csv", "/themes/workforce")),
            random.choice(NAMES),
        )
        check(reader.get(f"{address}?{name}={odd}&q=staff"), f"{address}?{name}={odd}")
    for name in NAMES:
        check(reader.get(f"/search?{name}={random.choice(ODD)}&{name}=2&q=staff"), name)


def raw(app: Any, **given: Any) -> int:
    """The status for a scope as no client library would make it."""
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "path": "/search", "raw_path": b"/search", "query_string": b"",
        "headers": [], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 1), "scheme": "http", "root_path": "", **given,
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return int(sent[0]["status"])


def test_odd_headers_and_bytes(reader: Visitor) -> None:
    for host in (b"[::1", b"", b"a b", b"\xff", b"x" * 500, b"evil.example:99999"):
        assert raw(reader.app, headers=[(b"host", host)]) == 421
        assert raw(reader.app, headers=[(b"host", host)], path="/feed.atom", client=ELSEWHERE) in (200, 421)
    assert raw(reader.app, query_string=b"q=\xff\xfe&page=\xff") == 200
    assert raw(reader.app, client=None) == 200
    assert raw(reader.app, headers=[(b"x-a", b"b" * 20_000)]) == 431
    assert raw(reader.app, query_string=b"q=" + b"a" * 5000) == 414
    assert raw(reader.app, path="/unsubscribe/x", method="POST", headers=[(b"content-length", b"oh")]) == 404


def test_a_visitor_who_asks_for_very_much_has_to_wait(reader: Visitor) -> None:
    many = Visitor(reader.app, ("192.0.2.9", 1))
    answers = [many.get("/robots.txt").status_code for _ in range(guard.VISITS_PER_MINUTE + 5)]
    assert answers.count(429) == 5
    assert reader.get("/robots.txt").status_code == 200


def test_a_limit_starts_over_with_its_time() -> None:
    clock = [0.0]
    limit = guard.Limit(2, 60, lambda: clock[0])
    assert [limit.allows("a") for _ in range(3)] == [True, True, False]
    clock[0] = 61
    assert limit.allows("a")


@pytest.fixture
def behind_a_login(sqlite: Database, tmp_path: Path) -> Visitor:
    settings = Settings(data=tmp_path, web_trusted_header="X-User", web_proxies="10.0.0.2")
    return visitor(sqlite, settings)


@pytest.mark.parametrize(
    ("client", "headers", "seen"),
    [
        (PROXY, {"X-User": "ada"}, True),
        (PROXY, {}, False),
        (PROXY, {"X-User": ""}, False),
        (ELSEWHERE, {"X-User": "ada"}, False),
        (ELSEWHERE, {"X-User": "ada", "X-Forwarded-For": "10.0.0.2"}, False),
        (("127.0.0.1", 1), {"X-User": "ada"}, False),
    ],
)
def test_only_who_a_named_proxy_names_sees_a_page(
    behind_a_login: Visitor, client: tuple[str, int], headers: dict[str, str], seen: bool
) -> None:
    one = Visitor(behind_a_login.app, client, headers)
    for address in ("/", "/search", "/api/stories", "/feed.atom", "/stories/1"):
        assert (one.get(address).status_code != 403) is seen, address


def test_leaving_needs_no_login(behind_a_login: Visitor, sqlite: Database) -> None:
    with sqlite.write() as session:
        token = recipients.add("ada@example.org", fakes.MONDAY_7, session=session)[0].token
    one = Visitor(behind_a_login.app, ELSEWHERE)
    assert one.get(f"/unsubscribe/{token}").status_code == 200
    assert one.get(f"/unsubscribe/../search?{token}").status_code in {403, 404}
    assert one.ask("POST", f"/unsubscribe/{token}").status_code == 200
    with sqlite.read() as session:
        assert session.exec(select(Recipient.active)).one() is False


HOSTILE = "</title><script>alert(1)</script>\u202e{{7*7}}{% raw %} ]]> & \u0007 “x” <img src=//evil.example/p onerror=alert(1)>"


def test_hostile_text_stays_text_on_every_page(sqlite: Database, tmp_path: Path) -> None:
    settings = filled(sqlite, tmp_path, weeks=1)
    with sqlite.write() as session:
        told = [("speaking-up", HOSTILE, 0.99)]
        lead = fakes.add_story(
            session, source=fakes.SOURCES[6], title=f"Quince {HOSTILE}", at=fakes.WEEK.start, themes=told
        )
        lead.outlet, lead.summary, lead.url = HOSTILE, HOSTILE, "javascript:alert(1)"
        session.add(lead)
        number = lead.id
    reader = visitor(sqlite, settings)
    for address in (
        "/search?q=quince",
        f"/stories/{number}",
        "/themes/speaking-up",
        "/search?since=2026-11-16&until=2026-11-16",
    ):
        page = reader.get(address).text
        assert "Quince" in page, address
        tree = html.fromstring(page)
        assert not tree.xpath("//script | //img | //@onerror"), address
        assert not tree.xpath("//a[starts-with(@href, 'javascript')]"), address
        assert "49" not in tree.xpath("string(//h1)"), address
    entries = etree.fromstring(reader.get("/feed.atom?q=quince").content).findall("{*}entry")
    assert len(entries) == 1
    assert reader.get("/api/stories?q=quince").json()["stories"][0]["url"] is None
    assert "\n=" not in reader.get("/stories.csv?q=quince").text


def test_a_visitor_is_who_the_proxy_says_last(sqlite: Database, tmp_path: Path) -> None:
    app = visitor(sqlite, Settings(data=tmp_path, web_trusted_header="X-User", web_proxies="10.0.0.2")).app

    def asked(*headers: tuple[bytes, bytes]) -> int:
        return raw(app, path="/about", client=PROXY, headers=list(headers))

    signed_in = (b"x-user", b"ada")
    for turn in range(guard.VISITS_PER_MINUTE):  # another name of their own each time, before the proxy's word
        own = (b"x-forwarded-for", f"198.51.100.{turn}".encode())
        assert asked(signed_in, own, (b"x-forwarded-for", b"203.0.113.9")) == 200
    assert asked(signed_in, (b"x-forwarded-for", b"203.0.113.9")) == 429
    assert asked(signed_in, (b"x-user", b"eve")) == 403  # the proxy added its word to the visitor's


def test_all_addresses_of_a_network_of_ipv6_are_one_visitor(reader: Visitor) -> None:
    answers = [
        Visitor(reader.app, (f"2001:db8:0:7::{turn:x}", 1)).get("/robots.txt").status_code
        for turn in range(guard.VISITS_PER_MINUTE + 1)
    ]
    assert answers.count(429) == 1
    assert Visitor(reader.app, ("2001:db8:0:8::1", 1)).get("/robots.txt").status_code == 200
    assert guard.network_of("::ffff:192.0.2.1") == "192.0.2.1"


def test_a_null_byte_leads_nowhere(database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    one = visitor(database, Settings(data=tmp_path))
    for place in ("/organisations/a%00b", "/themes/%00", "/unsubscribe/%00", "/search?outlet=%00&q=%00"):
        assert one.get(place).status_code in {200, 404}, place
    assert caplog.messages == []


def test_a_name_that_is_made_to_lead_to_this_machine_shows_nothing(
    reader: Visitor, sqlite: Database, tmp_path: Path
) -> None:
    for own in (b"127.0.0.1:8000", b"localhost:8000", b"LOCALHOST", b"[::1]:8000", b"localhost."):
        assert raw(reader.app, headers=[(b"host", own)]) == 200, own
    for foreign in (b"evil.example:8000", b"localhost.evil.example", b"127.0.0.1@evil.example", b"192.0.2.1"):
        assert raw(reader.app, headers=[(b"host", foreign)]) == 421, foreign
    assert raw(reader.app, headers=[(b"host", b"localhost"), (b"host", b"evil.example")]) == 421
    public = visitor(sqlite, Settings(data=tmp_path, base_url="https://news.example.nhs.uk")).app
    assert raw(public, headers=[(b"host", b"whatever.example")]) == 200  # the web server in front knows its names


def test_such_a_name_shows_nothing_through_the_gateway_of_a_container_either(reader: Visitor) -> None:
    """What compose.yaml publishes on 127.0.0.1 is asked from another address."""
    gateway = ("172.18.0.1", 50_000)
    for own in (b"127.0.0.1:8330", b"localhost:8330", b"192.0.2.1:8330", b"[2001:db8::1]:8330", b"web:8330"):
        assert raw(reader.app, headers=[(b"host", own)], client=gateway) == 200, own
    for foreign in (
        b"evil.example:8330",
        b"localhost.evil.example",
        b"web@evil.example",
        b"127.0.0.1.evil.example",
        b"",
    ):
        assert raw(reader.app, headers=[(b"host", foreign)], client=gateway) == 421, foreign
