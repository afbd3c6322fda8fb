"""The registry as its owner works with it: checked, corrected, added to and listed by `culture-monitor sources`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.product.test_commands import command
from tests.support.fakes_registry import ALLOW, HEAD, NEWS, OLD_NEWS, PAGE, alternate, home, registry, rows, run_with
from tests.support.fakes_web import Answer, FakeWeb, redirect


@pytest.fixture
def web() -> Iterator[FakeWeb]:
    with FakeWeb({"/feed": NEWS, "/a": PAGE, "/b": PAGE}) as running:
        yield running


def test_a_check_records_what_answered_and_keeps_comments_and_order(web: FakeWeb, tmp_path: Path) -> None:
    before = (
        f'[[source]] # first of all\nid = "well"\nurl = "{web.url("/feed")}" # the press office\nsector = "nhs"\n',
        '\n# ---- of no use to us\n\n[[source]]\nid = "lost" # since the merger\n'
        f'url = "{web.url("/lost")}"\nenabled = true # as agreed\n# last words of this row\n',
        f'\n# ---- off by our own choice\n[[source]]\n  id = "unwanted"\n  url = "{web.url("/also-lost")}"\n  enabled = false\n',
    )
    file = registry(tmp_path, *before)
    ran = run_with(tmp_path, "sources", "check", "--all", "--write")
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
    listed = run_with(tmp_path, "sources", "list", "--disabled")
    assert "check of" in listed.stdout


def test_a_link_that_somebody_left_beside_the_registry_is_not_written_through(web: FakeWeb, tmp_path: Path) -> None:
    file = registry(tmp_path, f'[[source]]\nid = "well"\nurl = "{web.url("/feed")}"\n')
    precious = tmp_path / "precious"
    precious.write_text("mine")
    file.with_name(f".{file.name}.part").symlink_to(precious)
    assert run_with(tmp_path, "sources", "check", "--write").returncode == 0
    assert (precious.read_text(), rows(file)["well"]["checked_outcome"]) == ("mine", "entries")


def test_a_check_changes_no_file_unless_it_is_asked_to(web: FakeWeb, tmp_path: Path) -> None:
    file = registry(tmp_path, f'[[source]]\nid = "lost"\nurl = "{web.url("/lost")}"\n')
    text = file.read_bytes()
    assert run_with(tmp_path, "sources", "check").returncode == 1
    assert file.read_bytes() == text
    assert not (tmp_path / "data").exists()


def test_a_feed_that_moved_for_good_is_followed_written_down_and_read_there_by_the_next_run(
    web: FakeWeb, tmp_path: Path
) -> None:
    web.pages |= {"/old": redirect("/feed", 301), "/for-today": redirect("/feed", 302)}
    file = registry(tmp_path, *(f'[[source]]\nid = "{n}"\nurl = "{web.url(f"/{n}")}"\n' for n in ("old", "for-today")))
    ran = run_with(tmp_path, "sources", "check", "--write")
    assert ran.returncode == 0, ran.stderr
    assert f"old: has moved for good: its address is now {web.url('/feed')}" in ran.stdout
    assert (rows(file)["old"]["url"], rows(file)["for-today"]["url"]) == (web.url("/feed"), web.url("/for-today"))
    web.seen.clear()
    web.pages["/feed"] = OLD_NEWS
    assert run_with(tmp_path, "run", "--only", "old").returncode == 0
    assert "/old" not in web.paths()
    assert web.paths().count("/feed") == 1


def test_two_that_moved_to_one_address_are_not_both_read(web: FakeWeb, tmp_path: Path) -> None:
    web.pages |= {"/one": redirect("/feed", 308), "/two": redirect("/feed", 301)}
    file = registry(tmp_path, *(f'[[source]]\nid = "{n}"\nurl = "{web.url(f"/{n}")}"\n' for n in ("one", "two")))
    run_with(tmp_path, "sources", "check", "--write")
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
    ran = run_with(tmp_path, "sources", "check", "--write")
    assert "sources add" in ran.stdout
    assert f"{web.url('/new.xml')} (2 entries)" in ran.stdout
    assert ran.stdout.index("/new.xml") < ran.stdout.index("/comments/feed")
    assert "dead.xml" not in ran.stdout
    (report,) = json.loads(run_with(tmp_path, "sources", "check", "lost", "--json").stdout)
    assert [found["url"] for found in report["replacements"]] == [web.url("/new.xml"), web.url("/comments/feed")]


def test_a_server_that_is_out_of_order_for_a_day_is_not_switched_off(web: FakeWeb, tmp_path: Path) -> None:
    web.pages |= {"/ill": Answer(b"", 500), "/later": Answer(b"", 429, headers={"Retry-After": "3600"})}
    file = registry(
        tmp_path, *(f'[[source]]\nid = "{n}"\nurl = "{web.url(f"/{n}")}"\n' for n in ("feed", "ill", "later"))
    )
    run_with(tmp_path, "sources", "check", "--write")
    assert [row.get("enabled", True) for row in rows(file).values()] == [True, True, True]
    assert rows(file)["ill"]["checked_outcome"] == "failed"


def test_one_that_cannot_be_reached_is_switched_off_only_where_another_answers(web: FakeWeb, tmp_path: Path) -> None:
    file = registry(
        tmp_path,
        '[[source]]\nid = "gone"\nurl = "http://127.0.0.1:9/feed"\n',
        f'[[source]]\nid = "well"\nurl = "{web.url("/feed")}"\n',
    )
    assert "gone: can't be reached, and stays on" in run_with(tmp_path, "sources", "check", "gone", "--write").stdout
    assert rows(file)["gone"].get("enabled", True)
    assert "gone: switched off" in run_with(tmp_path, "sources", "check", "--write").stdout
    assert rows(file)["gone"]["enabled"] is False


def test_what_a_check_switched_off_it_switches_on_again_and_a_persons_choice_stays(
    web: FakeWeb, tmp_path: Path
) -> None:
    file = registry(
        tmp_path,
        f'[[source]]\nid = "back"\nurl = "{web.url("/back")}"\n',
        f'[[source]]\nid = "ours"\nurl = "{web.url("/ours")}"\nenabled = false\ndisabled_because = "too many"\n',
        f'[[source]]\nid = "well"\nurl = "{web.url("/feed")}"\n',
    )
    run_with(tmp_path, "sources", "check", "--all", "--write")
    assert rows(file)["back"]["enabled"] is False
    web.pages |= {"/back": NEWS, "/ours": NEWS}
    ran = run_with(tmp_path, "sources", "check", "--all", "--write")
    assert "back: answers again: switched on" in ran.stdout
    assert rows(file)["back"]["enabled"] is True
    assert "disabled_because" not in rows(file)["back"]
    assert (rows(file)["ours"]["enabled"], rows(file)["ours"]["disabled_because"]) == (False, "too many")


def test_without_a_network_nothing_is_recorded_and_one_line_says_why(tmp_path: Path) -> None:
    file = registry(tmp_path, *(f'[[source]]\nid = "s{n}"\nurl = "http://127.0.0.1:{n}/feed"\n' for n in range(1, 4)))
    text = file.read_bytes()
    ran = run_with(tmp_path, "sources", "check", "--all", "--write")
    assert ran.returncode == 1
    assert ran.stdout.count("\n") == 1
    assert "seems to be offline" in ran.stdout
    assert file.read_bytes() == text


def test_a_file_in_a_form_that_is_not_edited_is_told_and_left(web: FakeWeb, tmp_path: Path) -> None:
    for text in (
        f'source = [{{id = "a", url = "{web.url("/feed")}"}}]\n',
        f'[[source]]\nid = "a"\nname = """\n[[source]]\n"""\nurl = "{web.url("/feed")}"\n',
        f'[[source]]\nid = "a"\nurl = """{web.url("/feed")}"""\nname = """\nchecked_on = 1\n"""\n',
        f'[[source]]\nid = "a"\nurl = "{web.url("/feed")}"\n"checked\\u005fon" = 2026-01-01\n',
    ):
        file = tmp_path / "my.toml"
        file.write_text(text, encoding="utf-8")
        ran = run_with(tmp_path, "sources", "check", "--write")
        assert (ran.returncode, file.read_text(encoding="utf-8")) == (2, text), ran
        assert "can't be changed here" in " ".join(ran.stderr.split())


def test_line_ends_and_odd_but_valid_rows_are_kept(web: FakeWeb, tmp_path: Path) -> None:
    text = f"\t[[ source ]]\r\n  id='a' # one\r\n'url' = '{web.url('/feed')}'\r\nname = \"A # b\" # two\r\n\r\n# end"
    file = tmp_path / "my.toml"
    file.write_bytes(text.encode())
    assert run_with(tmp_path, "sources", "check", "--write").returncode == 0
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
