"""What the privacy notes promise: where an address is kept, what its owner is told, what sites see of us."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

from flows.running import jobs
from models.settings import load_settings
from models.sources import load_registry
from models.store.database import Database
from tests.product.test_commands import command
from tests.support.fakes_feeds import rss
from tests.support.fakes_pages import page
from tests.support.fakes_web import Answer, FakeWeb

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
ADDRESS, NAME = "canary.reader@example.org", "Canary Quillfeather"
# What a request has whatever is asked, the language English; the last two only where a source gave them.
HEADERS = {
    "host",
    "user-agent",
    "accept",
    "accept-language",
    "accept-encoding",
    "connection",
    "if-none-match",
    "if-modified-since",
}


def test_an_address_is_in_the_database_and_nowhere_else(tmp_path: Path) -> None:
    for words in (
        ("recipients", "add", ADDRESS, "--name", NAME),
        ("doctor",),
        ("digest", "--week", "2026-W40"),
        ("export", "out.csv"),
        ("recipients", "remove", ADDRESS),
        ("recipients", "add", ADDRESS, "--name", NAME),
        ("upkeep",),
    ):
        ran = command(tmp_path, *words)
        assert ran.returncode == 0, ran.stderr
    holding = {
        path.name for path in tmp_path.rglob("*") if path.is_file() and ADDRESS.encode() in path.read_bytes().lower()
    }
    assert holding == {"culture.db"}


def test_export_tells_a_person_all_that_is_kept_of_them(tmp_path: Path) -> None:
    added = ("recipients", "add", ADDRESS, "--name", NAME, "--theme", "speaking-up", "--data", "d")
    assert command(tmp_path, *added).returncode == 0
    told = command(tmp_path, "recipients", "export", ADDRESS, "--data", "d").stdout
    kept = json.loads(told)
    for fact in (ADDRESS, NAME, "speaking-up"):
        assert fact in json.dumps(kept, ensure_ascii=False)
    assert command(tmp_path, "recipients", "erase", ADDRESS, "--data", "d").returncode == 0
    assert all(
        word not in path.read_bytes()
        for path in (tmp_path / "d").rglob("*")
        if path.is_file()
        for word in (ADDRESS.encode(), NAME.encode())
    )


def test_sites_see_our_name_and_the_contact_address_and_nothing_else(sqlite: Database, tmp_path: Path) -> None:
    with FakeWeb() as web:
        item = f"<item><title>Board quits</title><link>{web.url('/a')}</link></item>"
        web.pages["/feed"] = Answer(rss(item).encode(), kind="application/rss+xml", headers={"Set-Cookie": "id=1"})
        web.pages["/a"] = Answer(page().encode(), headers={"Set-Cookie": "id=2"})
        file = tmp_path / "sources.toml"
        file.write_text(f'[[source]]\nid = "a"\nname = "a"\nurl = "{web.url("/feed")}"\n', encoding="utf-8")
        settings = load_settings(
            allow_hosts="127.0.0.1",
            host_gap_seconds=0,
            workers=1,
            contact="desk@example.org",
            mail_from=f"{NAME} <{ADDRESS}>",
        )
        for _ in range(2):
            asyncio.run(jobs.collect(sqlite, load_registry(file), settings, now=NOW, all_due=True))
    assert len(web.seen) >= 3
    for seen in web.seen:
        assert set(seen.headers) <= HEADERS
        assert seen.headers["user-agent"] == jobs.user_agent(settings)
        assert seen.headers["user-agent"].endswith("(+desk@example.org)")
