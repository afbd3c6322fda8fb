"""A source that fails is told when it begins to fail and when it answers again, and is a state in between."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from flows.running.jobs import note_told
from models.store.database import Database
from tests.product.test_commands import Ran, command
from tests.support.fakes_sites import HOUR, collected, feed, item
from tests.support.fakes_web import Answer, FakeWeb

NEWS = feed(item("/a", "Board of the trust resigns", "Mon, 01 Jan 2001 09:00:00 GMT"))  # so old that no page is read
BROKEN = Answer(b"", 404)


def run(folder: Path, *more: str) -> Ran:
    return command(folder, "run", "--sources", "my.toml", "--all", *more, CULTURE_ALLOW_HOSTS="127.0.0.1")


@pytest.fixture
def web() -> FakeWeb:
    return FakeWeb({"/one": NEWS, "/two": NEWS})


def write(folder: Path, *urls: str) -> None:
    rows = [f'[[source]]\nid = "s{n}"\nname = "Source {n}"\nurl = "{url}"\n' for n, url in enumerate(urls, 1)]
    (folder / "my.toml").write_text("\n".join(rows), encoding="utf-8")


def test_fails_twice_is_told_once_recovers_is_told_and_fails_anew_is_told_again(web: FakeWeb, tmp_path: Path) -> None:
    with web:
        write(tmp_path, web.url("/one"), web.url("/two"))
        assert run(tmp_path).returncode == 0
        web.pages["/two"] = BROKEN
        first = run(tmp_path)
        assert (first.returncode, first.stdout.count("Source 2")) == (1, 1)
        assert "sources check s2 --write" in " ".join(first.stdout.replace("│", " ").split())
        second = run(tmp_path)
        assert (second.returncode, "Source 2" in second.stdout) == (1, False)
        assert "1 source still fails, as told before: culture-monitor doctor" in second.stdout
        doctor = command(tmp_path, "doctor", "--sources", "my.toml", COLUMNS="300")
        assert "s2 (gone since" in doctor.stdout
        web.pages["/two"] = NEWS
        third = run(tmp_path)
        assert (third.returncode, third.stdout.count("Answers again: Source 2, which failed since")) == (0, 1)
        fourth = run(tmp_path)
        assert (fourth.returncode, "Source 2" in fourth.stdout) == (0, False)
        web.pages["/two"] = BROKEN
        assert "Source 2" in run(tmp_path).stdout


def test_what_was_told_is_remembered_in_either_kind_of_database(
    web: FakeWeb, database: Database, tmp_path: Path, now: datetime
) -> None:
    with web:
        web.pages["/two"] = BROKEN
        begun = []
        for hour in range(3):  # the first run ends before it could tell anybody
            found = collected(web, database, tmp_path, now + hour * HOUR, {"/one": "feed", "/two": "feed"}).summary
            begun.append([result.source.id for result in found.began_to_fail])
            if hour:
                note_told(database, found, now=now)
    assert begun == [["s1"], ["s1"], []]


def test_a_pause_that_the_host_asked_for_is_no_recovery(web: FakeWeb, tmp_path: Path) -> None:
    with web:
        write(tmp_path, web.url("/one"), f"http://localhost:{web.port}/two")
        web.pages["/two"] = Answer(b"", 503, headers={"Retry-After": "7200"})
        allow = {"CULTURE_ALLOW_HOSTS": "127.0.0.1,localhost"}
        given = ("run", "--sources", "my.toml", "--all")
        assert "Source 2" in command(tmp_path, *given, **allow).stdout
        for _ in range(2):  # it is not asked
            again = command(tmp_path, *given, **allow)
            assert "Source 2" not in again.stdout
        assert "s2 (deferred since" in command(tmp_path, "doctor", "--sources", "my.toml", COLUMNS="300").stdout


def test_when_nothing_answers_one_line_says_so_and_what_stays_lost_afterwards_is_told(
    web: FakeWeb, tmp_path: Path
) -> None:
    write(tmp_path, *(f"http://127.0.0.1:{port}/f" for port in range(1, 7)))
    ran = run(tmp_path)
    assert ran.returncode == 1
    assert ran.stdout.count("seems to be offline") == 1
    assert "Source" not in ran.stdout
    assert len([line for line in ran.stdout.splitlines() if "reached" in line]) == 1
    report = json.loads(run(tmp_path, "--json").stdout)
    assert "offline" in report["network_trouble"]
    assert report["began_to_fail"] == []
    assert {source["poll"] for source in report["sources"]} == {"unreachable"}
    with web:  # the network is back, and one of the sources is not
        write(tmp_path, web.url("/one"), web.url("/two"), "http://127.0.0.1:3/f")
        ran = run(tmp_path)
    assert (ran.returncode, ran.stdout.count("Source 3"), "offline" in ran.stdout) == (1, 1, False)
    assert "Answers again" not in ran.stdout  # of the others it was never told that they fail


def test_something_that_answers_for_all_sites_is_told_in_one_line_and_two_lost_feeds_are_told_by_name(
    web: FakeWeb, tmp_path: Path
) -> None:
    with web:
        web.otherwise = Answer(b"<html><form>Log in to Guest WiFi</form></html>")
        write(tmp_path, *(web.url(f"/f{number}") for number in range(6)))
        ran = run(tmp_path)
        assert (ran.returncode, "Source" in ran.stdout, ran.stdout.count("login page")) == (1, False, 1)
        web.otherwise = BROKEN
        write(tmp_path, web.url("/x"), web.url("/y"))
        ran = run(tmp_path)
        assert (ran.returncode, ran.stdout.count("Source 1"), ran.stdout.count("Source 2")) == (1, 1, 1)


def test_a_move_is_told_once(web: FakeWeb, tmp_path: Path) -> None:
    with web:
        web.pages["/one"] = Answer(status=301, headers={"Location": "/two"})
        write(tmp_path, web.url("/one"))
        assert "has moved for good" in " ".join(run(tmp_path).stdout.split())
        assert "moved" not in run(tmp_path).stdout


def index_of(web: FakeWeb, parts: int) -> None:
    """An index of sitemaps without dates, each of which lists what is long past."""
    children = "".join(f"<sitemap><loc>{web.url(f'/part-{n}.xml')}</loc></sitemap>" for n in range(parts))
    web.pages["/one"] = Answer(f"<sitemapindex>{children}</sitemapindex>".encode(), kind="application/xml")
    for n in range(parts):
        listed = f"<urlset><url><loc>{web.url(f'/old/{n}')}</loc><lastmod>2001-01-01</lastmod></url></urlset>"
        web.pages[f"/part-{n}.xml"] = Answer(listed.encode(), kind="application/xml")


@pytest.mark.parametrize(
    ("parts", "broken", "left_out"),
    [
        (9, None, "is in 9 parts, of which 2 were not read"),
        (3, BROKEN, "0 entries read; one further part of its listing could not be: answered 404"),
        (2, None, ""),
    ],
)
def test_a_listing_of_which_a_part_was_left_out_is_no_failure_though_it_lists_nothing_new(
    web: FakeWeb, tmp_path: Path, parts: int, broken: Answer | None, left_out: str
) -> None:
    with web:
        index_of(web, parts)
        if broken is not None:
            web.pages["/part-1.xml"] = broken
        (tmp_path / "my.toml").write_text(f'[[source]]\nid = "s1"\nkind = "sitemap"\nurl = "{web.url("/one")}"\n')
        ran = run(tmp_path, "--json")
        (source,) = json.loads(ran.stdout)["sources"]
        told = run(tmp_path).stdout
    assert (ran.returncode, source["poll"], source["left_out"]) == (0, "empty", left_out)
    assert "What could not be reached" not in told
    assert ("What was listed and not read" in told) is bool(left_out)


def test_an_index_of_which_no_part_can_be_read_is_a_failure(web: FakeWeb, tmp_path: Path) -> None:
    with web:
        index_of(web, 2)
        web.pages["/part-0.xml"] = web.pages["/part-1.xml"] = BROKEN
        (tmp_path / "my.toml").write_text(f'[[source]]\nid = "s1"\nkind = "sitemap"\nurl = "{web.url("/one")}"\n')
        ran = run(tmp_path)
    assert (ran.returncode, "answered 404" in ran.stdout) == (1, True)
