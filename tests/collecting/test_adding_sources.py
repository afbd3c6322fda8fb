"""Adding a source by `culture-monitor sources add`: the feed is found, proposed, and listed once a person agrees."""

import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.collecting import feed_discovery
from tests.product.test_commands import command
from tests.support.fakes_registry import ALLOW, HEAD, NEWS, OLD_NEWS, PAGE, alternate, home, registry, rows, run_with
from tests.support.fakes_sites import feed, item
from tests.support.fakes_web import Answer, FakeWeb, Handler, redirect


@pytest.fixture
def web() -> Iterator[FakeWeb]:
    with FakeWeb({"/feed": NEWS, "/a": PAGE, "/b": PAGE}) as running:
        yield running


def test_without_a_file_of_ones_own_the_shipped_registry_is_copied_into_the_data_folder_and_used_from_then_on(
    web: FakeWeb, tmp_path: Path
) -> None:
    web.pages["/"] = home(alternate("/feed"))
    ran = command(tmp_path, "sources", "add", web.url("/"), "--yes", "--id", "barrowmere", **ALLOW)
    assert ran.returncode == 0, ran.stderr
    own = tmp_path / "data" / "sources.toml"
    shipped = command(tmp_path, "sources", "list", "--json", "--data", "elsewhere", **ALLOW)
    assert own.read_text(encoding="utf-8").startswith("# The registry of sources")
    assert list(rows(own)) == [*(source["id"] for source in json.loads(shipped.stdout)), "barrowmere"]
    text = own.read_text(encoding="utf-8")
    own.write_text(text[: text.index("[[source]]")] + text[text.rindex("[[source]]") :], encoding="utf-8")
    doctor = " ".join(command(tmp_path, "doctor", COLUMNS="300").stdout.split())
    assert f"1 enabled of 1 ({text.count('[[source]]') - 1} that are shipped are not in it)" in doctor
    web.seen.clear()
    web.pages["/feed"] = OLD_NEWS
    assert command(tmp_path, "run", "--only", "barrowmere", **ALLOW).returncode == 0
    assert web.paths() == ["/feed"]


def test_a_home_page_with_two_feeds_proposes_the_first_that_is_news(web: FakeWeb, tmp_path: Path) -> None:
    web.pages |= {
        "/": home(alternate("comments.xml", "Comments"), alternate("news.xml"), alternate("empty.xml")),
        "/comments.xml": feed(item("/c", "A comment")),
        "/news.xml": NEWS,
        "/empty.xml": feed(),
    }
    file = registry(tmp_path, f'[[source]]\nid = "mine"\nurl = "{web.url("/feed")}"\n# the end\n')
    ran = run_with(tmp_path, "sources", "add", web.url("/"), "--yes")
    assert ran.returncode == 0, ran.stderr
    assert "several feeds" in ran.stdout
    assert web.url("/comments.xml") in ran.stdout
    (added,) = [row for name, row in rows(file).items() if name != "mine"]
    assert added["url"] == web.url("/news.xml")
    assert added["name"] == "N"
    assert web.url("/") in added["evidence"]
    assert added["checked_entries"] == 2
    assert file.read_text(encoding="utf-8").startswith(f'{HEAD}[[source]]\nid = "mine"')
    assert "# the end" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("pages", "path", "found", "kind"),
    [
        ({"/": home(), "/rss.xml": NEWS}, "/", "/rss.xml", "feed"),
        ({"/news/": home(), "/news/feed/": NEWS}, "/news/", "/news/feed/", "feed"),
        ({"/": home(body="<a href='/press.rss'>RSS</a>"), "/press.rss": NEWS}, "/", "/press.rss", "feed"),
        ({"/": redirect("/start"), "/start": home("<base href='/deep/'>", alternate("f")), "/deep/f": NEWS}, "/", "/deep/f", "feed"),
        ({"/moved": redirect("/feed", 301), "/feed": NEWS}, "/moved", "/feed", "feed"),
        (
            {"/f.json": Answer(b'{"version": "https://jsonfeed.org/version/1.1", "title": "J", "items": '
                               b'[{"id": "1", "url": "/a", "title": "A"}]}', kind="application/feed+json")},
            "/f.json", "/f.json", "feed",
        ),
        (
            {"/map.xml": Answer(b'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>/a</loc></url></urlset>',
                                kind="application/xml")},
            "/map.xml", "/map.xml", "sitemap",
        ),
    ],
)  # fmt: skip
def test_the_feed_is_found_wherever_the_site_has_it(
    pages: dict[str, Any], path: str, found: str, kind: str, tmp_path: Path
) -> None:
    with FakeWeb(pages) as site:
        file = registry(tmp_path, '[[source]]\nid = "mine"\nurl = "https://example.org/feed"\n')
        ran = run_with(tmp_path, "sources", "add", site.url(path), "--yes", "--id", "new")
        assert ran.returncode == 0, ran.stderr
        assert (rows(file)["new"]["url"], rows(file)["new"].get("kind", "feed")) == (site.url(found), kind)


def test_what_is_not_to_be_added_is_refused_in_one_line_and_the_file_stays(web: FakeWeb, tmp_path: Path) -> None:
    web.pages |= {"/": home(alternate("/feed")), "/other": NEWS, "/page": PAGE}
    file = registry(tmp_path, f'[[source]]\nid = "mine"\nurl = "{web.url("/feed")}"\nenabled = false\n')
    text = file.read_bytes()
    for arguments, code, said in [
        ((web.url("/feed"),), 2, "as mine; it is switched off"),
        ((web.url("/feed/"),), 2, "as mine"),
        ((web.url("/"),), 2, "as mine"),
        ((web.url("/other"), "--id", "mine"), 2, "id of another source"),
        ((web.url("/other"), "--id", "Not an id"), 2, "--id"),
        ((web.url("/other"), "--rights", "free"), 2, "known are ogl"),
        ((web.url("/nothing"),), 1, "404"),
        ((web.url("/page"),), 1, "no feed"),
        (("http://127.0.0.1:9/",), 1, "no feed was found"),
    ]:
        ran = run_with(tmp_path, "sources", "add", *arguments, "--yes")
        words = " ".join(ran.stderr.replace("│", " ").split())
        assert (ran.returncode, said in words) == (code, True), (arguments, ran)
        assert "Traceback" not in ran.stderr
    assert file.read_bytes() == text


def test_a_person_who_does_not_answer_yes_adds_nothing(
    web: FakeWeb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = registry(tmp_path, '[[source]]\nid = "mine"\nurl = "https://example.org/feed"\n')
    text = file.read_bytes()
    for answer in ("n\n", ""):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        ran = run_with(tmp_path, "sources", "add", web.url("/feed"))
        shown = dict(line.split(maxsplit=1) for line in ran.stdout.splitlines() if line.startswith("  "))
        assert shown == {
            "name": "N",
            "address": web.url("/feed"),
            "id": "n",
            "kind": "feed",
            "sector": "health-and-care",
            "nation": "uk",
            "rights": shown["rights"],
        }
        assert shown["rights"].startswith("headline (")
        assert "It lists 2 entries." in ran.stdout
    assert file.read_bytes() == text
    web.pages["/feed"] = feed(item("/a", "Board of the trust resigns"))
    assert "It lists 1 entry." in run_with(tmp_path, "sources", "add", web.url("/feed")).stdout


def test_a_site_that_answers_too_slowly_is_not_waited_for(
    web: FakeWeb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_discovery, "TRY_SECONDS", 4.0)
    enough = threading.Event()
    web.pages |= {"/": home(alternate("/news.xml"), alternate("/slow.xml"), alternate("/c")), "/news.xml": NEWS}

    def never(_: Handler) -> None:
        enough.wait(60)

    web.pages["/slow.xml"] = never
    file = registry(tmp_path, '[[source]]\nid = "mine"\nurl = "https://example.org/feed"\n')
    try:
        ran = run_with(tmp_path, "sources", "add", web.url("/"), "--yes", "--id", "new")
    finally:
        enough.set()
    assert ran.returncode == 0, ran.stderr
    assert rows(file)["new"]["url"] == web.url("/news.xml")
    assert "/c" not in web.paths()
