"""The registry as its owner works with it: checked, corrected, added to and listed by `culture-monitor sources`."""

import io
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes_sites import feed, item, story
from tests.fakes_web import Answer, FakeWeb, redirect
from tests.test_commands import Ran, command

ALLOW = {"CULTURE_ALLOW_HOSTS": "127.0.0.1", "CULTURE_HOST_GAP_SECONDS": "0", "COLUMNS": "80"}
NEWS = feed(item("/a", "Board of the trust resigns"), item("/b", "A new chair for the trust"))
OLD_NEWS = feed(item("/a", "Board of the trust resigns", "Mon, 01 Jan 2001 09:00:00 GMT"))  # no page of it is read
PAGE = Answer(story("Welcome"))
HEAD = "# The registry of our board.\n\n"


@pytest.fixture
def web() -> Iterator[FakeWeb]:
    with FakeWeb({"/feed": NEWS, "/a": PAGE, "/b": PAGE}) as running:
        yield running


def home(*links: str, body: str = "") -> Answer:
    head = "<meta property='og:site_name' content='Barrowmere NHS Foundation Trust'>" + "".join(links)
    return Answer(f"<html><head>{head}</head><body><p>Welcome</p>{body}</body></html>".encode())


def alternate(path: str, title: str = "News", kind: str = "application/rss+xml") -> str:
    return f'<link rel="alternate" type="{kind}" title="{title}" href="{path}">'


def rows(file: Path) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in tomllib.loads(file.read_text(encoding="utf-8"))["source"]}


def registry(folder: Path, *tables: str) -> Path:
    file = folder / "my.toml"
    file.write_text(HEAD + "\n".join(tables), encoding="utf-8")
    return file


def run(folder: Path, *arguments: str) -> Ran:
    return command(folder, *arguments, "--sources", "my.toml", **ALLOW)


def test_a_check_records_what_answered_and_keeps_comments_and_order(web: FakeWeb, tmp_path: Path) -> None:
    before = (
        f'[[source]] # first of all\nid = "well"\nurl = "{web.url("/feed")}" # the press office\nsector = "nhs"\n',
        '\n# ---- of no use to us\n\n[[source]]\nid = "lost" # since the merger\n'
        f'url = "{web.url("/lost")}"\nenabled = true # as agreed\n# last words of this row\n',
        f'\n# ---- off by our own choice\n[[source]]\n  id = "unwanted"\n  url = "{web.url("/also-lost")}"\n  enabled = false\n',
    )
    file = registry(tmp_path, *before)
    ran = run(tmp_path, "sources", "check", "--all", "--write")
    assert ran.returncode == 1, ran.stderr
    after = rows(file)
    day = after["well"]["checked_on"]
    assert after["well"] == {
        "id": "well", "url": web.url("/feed"), "sector": "nhs",
        "checked_on": day, "checked_outcome": "entries", "checked_entries": 2,
    }  # fmt: skip
    assert (after["lost"]["enabled"], after["lost"]["checked_outcome"]) == (False, "gone")
    assert "404" in after["lost"]["disabled_because"]
    assert "disabled_because" not in after["unwanted"]
    assert "lost: switched off" in ran.stdout
    assert "unwanted: " not in ran.stdout
    text = file.read_text(encoding="utf-8")
    kept = [line.replace("enabled = true #", "enabled = false #") for line in (HEAD + "\n".join(before)).splitlines()]
    left = iter(text.splitlines())
    assert all(line in left for line in kept), text  # in this order
    assert text.index("checked_on") < text.index("# ---- of no use")
    listed = run(tmp_path, "sources", "list", "--disabled")
    assert "check of" in listed.stdout


def test_a_check_changes_no_file_unless_it_is_asked_to(web: FakeWeb, tmp_path: Path) -> None:
    file = registry(tmp_path, f'[[source]]\nid = "lost"\nurl = "{web.url("/lost")}"\n')
    text = file.read_bytes()
    assert run(tmp_path, "sources", "check").returncode == 1
    assert file.read_bytes() == text
    assert not (tmp_path / "data").exists()


def test_a_feed_that_moved_for_good_is_followed_written_down_and_read_there_by_the_next_run(
    web: FakeWeb, tmp_path: Path
) -> None:
    web.pages |= {"/old": redirect("/feed", 301), "/for-today": redirect("/feed", 302)}
    file = registry(tmp_path, *(f'[[source]]\nid = "{n}"\nurl = "{web.url(f"/{n}")}"\n' for n in ("old", "for-today")))
    ran = run(tmp_path, "sources", "check", "--write")
    assert ran.returncode == 0, ran.stderr
    assert f"old: has moved for good: its address is now {web.url('/feed')}" in ran.stdout
    assert (rows(file)["old"]["url"], rows(file)["for-today"]["url"]) == (web.url("/feed"), web.url("/for-today"))
    web.seen.clear()
    web.pages["/feed"] = OLD_NEWS
    assert run(tmp_path, "run", "--only", "old").returncode == 0
    assert "/old" not in web.paths()
    assert web.paths().count("/feed") == 1


def test_two_that_moved_to_one_address_are_not_both_read(web: FakeWeb, tmp_path: Path) -> None:
    web.pages |= {"/one": redirect("/feed", 308), "/two": redirect("/feed", 301)}
    file = registry(tmp_path, *(f'[[source]]\nid = "{n}"\nurl = "{web.url(f"/{n}")}"\n' for n in ("one", "two")))
    run(tmp_path, "sources", "check", "--write")
    assert rows(file)["one"]["url"] == web.url("/feed")
    assert rows(file)["two"]["enabled"] is False
    assert "address of one" in rows(file)["two"]["disabled_because"]


def test_a_lost_feed_is_looked_for_on_its_publishers_pages(web: FakeWeb, tmp_path: Path) -> None:
    web.pages |= {
        "/": home(alternate("/comments/feed", "Comments"), alternate("/new.xml"), alternate("/dead.xml")),
        "/new.xml": NEWS,
        "/comments/feed": NEWS,
    }
    registry(tmp_path, f'[[source]]\nid = "lost"\nurl = "{web.url("/news/feed/")}"\n')
    ran = run(tmp_path, "sources", "check", "--write")
    assert "sources add" in ran.stdout
    assert f"{web.url('/new.xml')} (2 entries)" in ran.stdout
    assert ran.stdout.index("/new.xml") < ran.stdout.index("/comments/feed")
    assert "dead.xml" not in ran.stdout
    (report,) = json.loads(run(tmp_path, "sources", "check", "lost", "--json").stdout)
    assert [found["url"] for found in report["replacements"]] == [web.url("/new.xml"), web.url("/comments/feed")]


def test_a_server_that_is_out_of_order_for_a_day_is_not_switched_off(web: FakeWeb, tmp_path: Path) -> None:
    web.pages |= {"/ill": Answer(b"", 500), "/later": Answer(b"", 429, headers={"Retry-After": "3600"})}
    file = registry(
        tmp_path, *(f'[[source]]\nid = "{n}"\nurl = "{web.url(f"/{n}")}"\n' for n in ("feed", "ill", "later"))
    )
    run(tmp_path, "sources", "check", "--write")
    assert [row.get("enabled", True) for row in rows(file).values()] == [True, True, True]
    assert rows(file)["ill"]["checked_outcome"] == "failed"


def test_what_a_check_switched_off_it_switches_on_again_and_a_persons_choice_stays(
    web: FakeWeb, tmp_path: Path
) -> None:
    file = registry(
        tmp_path,
        f'[[source]]\nid = "back"\nurl = "{web.url("/back")}"\n',
        f'[[source]]\nid = "ours"\nurl = "{web.url("/ours")}"\nenabled = false\ndisabled_because = "too many"\n',
        f'[[source]]\nid = "well"\nurl = "{web.url("/feed")}"\n',
    )
    run(tmp_path, "sources", "check", "--all", "--write")
    assert rows(file)["back"]["enabled"] is False
    web.pages |= {"/back": NEWS, "/ours": NEWS}
    ran = run(tmp_path, "sources", "check", "--all", "--write")
    assert "back: answers again: switched on" in ran.stdout
    assert rows(file)["back"]["enabled"] is True
    assert "disabled_because" not in rows(file)["back"]
    assert (rows(file)["ours"]["enabled"], rows(file)["ours"]["disabled_because"]) == (False, "too many")


def test_without_a_network_nothing_is_recorded_and_one_line_says_why(tmp_path: Path) -> None:
    file = registry(tmp_path, *(f'[[source]]\nid = "s{n}"\nurl = "http://127.0.0.1:{n}/feed"\n' for n in range(1, 4)))
    text = file.read_bytes()
    ran = run(tmp_path, "sources", "check", "--all", "--write")
    assert ran.returncode == 1
    assert ran.stdout.count("\n") == 1
    assert "seems to be offline" in ran.stdout
    assert file.read_bytes() == text


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
    ran = run(tmp_path, "sources", "add", web.url("/"), "--yes")
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
        ran = run(tmp_path, "sources", "add", site.url(path), "--yes", "--id", "new")
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
        ran = run(tmp_path, "sources", "add", *arguments, "--yes")
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
        ran = run(tmp_path, "sources", "add", web.url("/feed"))
        assert 'kind = "feed"' not in ran.stdout
        assert web.url("/feed") in ran.stdout
    assert file.read_bytes() == text


def test_a_file_in_a_form_that_is_not_edited_is_told_and_left(web: FakeWeb, tmp_path: Path) -> None:
    for text in (
        f'source = [{{id = "a", url = "{web.url("/feed")}"}}]\n',
        f'[[source]]\nid = "a"\nname = """\n[[source]]\n"""\nurl = "{web.url("/feed")}"\n',
        f'[[source]]\nid = "a"\nurl = """{web.url("/feed")}"""\nname = """\nchecked_on = 1\n"""\n',
    ):
        file = tmp_path / "my.toml"
        file.write_text(text, encoding="utf-8")
        ran = run(tmp_path, "sources", "check", "--write")
        assert (ran.returncode, file.read_text(encoding="utf-8")) == (2, text), ran
        assert "can't be changed here" in " ".join(ran.stderr.split())


def test_line_ends_and_odd_but_valid_rows_are_kept(web: FakeWeb, tmp_path: Path) -> None:
    text = f"\t[[ source ]]\r\n  id='a' # one\r\n'url' = '{web.url('/feed')}'\r\nname = \"A # b\" # two\r\n\r\n# end"
    file = tmp_path / "my.toml"
    file.write_bytes(text.encode())
    assert run(tmp_path, "sources", "check", "--write").returncode == 0
    found = file.read_bytes().decode()
    assert found.count("\n") == found.count("\r\n")
    assert found.startswith(text.removesuffix("\r\n\r\n# end"))
    assert found.endswith("\r\n\r\n# end")


def test_the_list_is_read_at_80_columns_and_filtered(tmp_path: Path) -> None:
    everything = command(tmp_path, "sources", "list", **ALLOW).stdout
    assert max(map(len, everything.splitlines())) <= 80
    ids = [source["id"] for source in json.loads(command(tmp_path, "sources", "list", "--json").stdout)]
    lines = [line.removesuffix(" (off)") for line in everything.splitlines()]
    assert [line for line in lines if line in ids] == ids
    given = ("sources", "list", "--sector", "regulator", "--nation", "scotland", "--kind", "feed", "--enabled")
    few = json.loads(command(tmp_path, *given, "--json").stdout)
    assert few
    assert {(s["sector"], s["nation"], s["kind"], s["enabled"]) for s in few} == {
        ("regulator", "scotland", "feed", True)
    }
    both = [
        json.loads(command(tmp_path, "sources", "list", one, "--json").stdout) for one in ("--enabled", "--disabled")
    ]
    assert sorted(source["id"] for found in both for source in found) == sorted(ids)
    wrong = command(tmp_path, "sources", "list", "--sector", "sport")
    assert (wrong.returncode, "known are" in wrong.stderr) == (2, True)


def test_the_export_has_one_form_and_no_switch_that_does_nothing(tmp_path: Path) -> None:
    assert command(tmp_path, "sources", "export").stdout.startswith("<?xml")
    assert command(tmp_path, "sources", "export", "--opml").stdout.startswith("<?xml")
    assert command(tmp_path, "sources", "export", "--no-opml").returncode == 2
