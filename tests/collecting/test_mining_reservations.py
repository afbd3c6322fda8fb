"""A site that reserves its texts from mining in /.well-known/tdmrep.json is taken at its word, page by page."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from models.entries import Fetched
from models.store.database import Database
from tests.support.fakes_client import get, with_client
from tests.support.fakes_sites import collected, feed, item, story
from tests.support.fakes_web import Answer, FakeWeb

PLACE = "/.well-known/tdmrep.json"
PATHS = ("/news/a", "/news/open/b", "/blog/c", "/d.pdf")


def rules(*pairs: tuple[str, Any]) -> bytes:
    return json.dumps(
        [{"location": place, "tdm-reservation": reserved, "tdm-policy": "https://x"} for place, reserved in pairs]
    ).encode()


@pytest.mark.parametrize(
    ("body", "reserved"),
    [
        (rules(("/", 1)), PATHS),
        (rules(("/*", 1)), PATHS),
        (rules(("/news", 1)), PATHS[:2]),
        (rules(("/news/", 1), ("/news/open/", 0)), PATHS[:1]),
        (rules(("/*.pdf$", 1)), PATHS[3:]),
        (rules(("blog", "1")), PATHS[2:3]),
        (rules(("/", 0)), ()),
        (rules(("", 1)), ()),
        (b"", ()),
        (b"{}", ()),
        (b"[1, null, {}]", ()),
        (b"<html>not found</html>", ()),
        (b"[" * 100_000, ()),
    ],
)
def test_what_is_reserved_is_not_read(body: bytes, reserved: tuple[str, ...]) -> None:
    with FakeWeb() as web:
        web.pages |= {path: Answer(b"hello") for path in PATHS}
        web.pages[PLACE] = Answer(body, kind="application/json")

        async def ask(client: Any) -> list[Fetched]:
            return [(await client.get(web.url(path), for_mining=True)).outcome for path in PATHS]

        outcomes = with_client(ask)
        assert outcomes == [Fetched.DISALLOWED if path in reserved else Fetched.OK for path in PATHS]
        assert web.paths().count(PLACE) == 1  # in a run
        assert get(web.url("/news/a")).outcome is Fetched.OK  # a listing is no text


def test_reserved_pages_are_stored_by_their_headlines(sqlite: Database, tmp_path: Path, now: datetime) -> None:
    with FakeWeb(
        {"/feed": feed(item("/a", "Board of the trust quits"), item("/open/b", "Chair of the trust quits"))}
    ) as web:
        web.pages |= {
            "/a": Answer(story("Board of the trust quits")),
            "/open/b": Answer(story("Chair of the trust quits")),
        }
        web.pages[PLACE] = Answer(rules(("/", 1), ("/open", 0)), kind="application/json")
        found = collected(web, sqlite, tmp_path, now)
    assert found.outcomes == {"disallowed": 1, "new": 1}
    assert "/a" not in web.paths()
