# ruff: noqa: E501 - headlines and addresses read better in one piece
"""`culture-monitor compare`: a bulletin that people made beside our edition, in every form in which people send one."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from models.store.database import open_database
from models.store.tables import ArticleAlias, ArticleEdition, Edition, Review, Tag
from tests.product.test_commands import command
from tests.support import fakes_edition as fakes
from tests.support.fakes_composing import BOARD, CARE, GAZETTE, HARBOUR, MIDWEEK, add, edition

STORY = "https://vale-gazette.example/2026/chair-of-northmoor-trust-steps-down"


@dataclass(frozen=True, slots=True)
class Told:
    """One report of the bulletin: how it stands there, and what must come of it."""

    title: str
    url: str
    outlet: str
    result: str  # a reason; "" for what both have


TOLD = (
    Told("Northmoor trust chair steps down", f"https://eur01.safelinks.protection.outlook.com/?url={STORY}&data=1", "", ""),
    Told("Moved: midwives at Eastwold give evidence", "http://www.harbour-post.example/old/midwives", "", ""),
    Told("Racism went unchallenged at Wrayburn trust, review finds", "https://x.us1.list-manage.com/track/click?u=1&id=2", "Vale Gazette", ""),
    Told("Managers to be held to a code", "https://ward-and-board.example/code", "", ""),
    Told("Northmoor chair goes, says Harbour Post", "https://harbour-post.example/chair", "", "folded"),
    Told("Council opens a new car park by the hospital", "https://care-weekly.example/car-park", "", "out-of-scope"),
    Told("Ward managers think of leaving Greatford", "https://care-weekly.example/leaving", "", "told-by-another-week"),
    Told("Appraisals scrapped at Sandholme hospital", "https://care-weekly.example/appraisals", "", "not-in-the-week"),
    Told("Regatta for the hospital charity in Kingsferry", "https://care-weekly.example/regatta", "", "left-out-by-a-person"),
    Told("New story that nobody has tagged so far", "https://care-weekly.example/untagged", "", "not-tagged"),
    Told("Nurses of Glen Affrick write to the minister", "https://harbour-post.example/glen-affrick", "", "not-collected"),
    Told("Guardian of the year is named in Pen-y-Cwm", "https://unknown.example/news/guardian", "", "source-not-in-registry"),
    Told("Borough looks for its fourth director of care", "https://old-feed.example/news/director", "", "source-switched-off"),
    Told("Something about leaders that nobody can place", "https://bit.ly/abc", "", "not-found"),
)  # fmt: skip


def as_addresses() -> bytes:
    return "\n".join(one.url for one in TOLD).encode()


def as_text() -> bytes:
    rows = ["Dear all,", "", "Here is what we read this week:", "", "LEADERSHIP", ""]
    for number, one in enumerate(TOLD):
        named = f"{one.title} ({one.outlet})" if one.outlet else one.title
        rows += [f"* {named}", f"  {one.url}"] if number % 2 else [f"{number + 1}. {named} - <{one.url}>"]
        rows += [
            "A summary of the report in our own words, which goes on for some time and",
            "ends with a full stop.",
            "",
        ]
    return "\r\n".join([*rows, "To unsubscribe: https://desk.example/unsubscribe"]).encode("cp1252")


def as_html() -> bytes:
    rows = []
    for number, one in enumerate(TOLD):
        aside = f" ({one.outlet})" if one.outlet else ""
        link = one.url.replace("&", "&amp;")
        rows.append(
            (
                f'<li><a href="{link}">{one.title}</a>{aside}<br>What it says, in a sentence.</li>',
                f'<tr><td><h3>{one.title}{aside}</h3><p>What it says, in a sentence.</p><p><a href="{link}">Read more</a></p></td></tr>',
                f'<div><a href="{link}"><img src="cid:1" alt=""></a><p><b><a href="{link}">{one.title}</a></b>{aside}</p></div>',
            )[number % 3]
        )
    return f"""<!DOCTYPE html><html><head><title>Bulletin of the week</title><style>p {{ color: red }}</style></head><body>
      <p><a href="https://desk.example/view">View this email in your browser</a></p><h1>Leadership</h1><p>Dear all, this is our week.</p>
      {"".join(rows)}<p><a href="https://www.facebook.com/desk">Facebook</a> <a href="https://desk.example/">Our site</a>
      <a href="https://desk.example/u?id=1">Unsubscribe from this list</a> <a href="mailto:desk@example.org">Write to us here</a></p></body></html>""".encode()


def as_mail() -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Desk <desk@example.org>", "all@example.org", "Our week – leadership"
    mail.set_content(as_text().decode("cp1252"))
    mail.add_alternative(as_html().decode(), subtype="html", cte="quoted-printable")
    return mail.as_bytes()


FORMS: dict[str, Callable[[], bytes]] = {"list.txt": as_addresses, "news.txt": as_text, "news.html": as_html, "news.eml": as_mail}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A week of news of which an edition can be made, and the bulletin in its four forms."""
    folder = tmp_path_factory.mktemp("compare")
    (folder / "data").mkdir()
    off = 'enabled = false\ndisabled_because = "it asks for a login"\n'
    tables = (
        f'[[source]]\nid = "{one.id}"\nname = "{one.name}"\nurl = "{one.url}"\n{off * (one.id == "old-feed")}'
        for one in fakes.SOURCES
    )
    (folder / "sources.toml").write_text("\n".join(tables), encoding="utf-8")
    with open_database(f"sqlite:///{folder / 'data' / 'culture.db'}") as database, database.write() as session:
        lead = add(session, "Chair of Northmoor trust steps down after critical review", url=STORY, copies=[HARBOUR])
        copy = session.get_one(type(lead), (lead.id or 0) + 1)
        copy.url = "https://harbour-post.example/chair"
        moved = add(session, "‘Nobody listened’: midwives at Eastwold give evidence", source=HARBOUR)
        session.add(ArticleAlias(url="https://harbour-post.example/old/midwives", article_id=moved.id or 0))
        add(session, "Racism went unchallenged at Wrayburn trust, review finds", source=GAZETTE)
        add(session, "Racism went unchallenged at Loughmore trust, review finds", source=GAZETTE)  # in ours alone
        code = add(
            session, "Managers to be held to a code", source=BOARD, url="https://ward-and-board.example/code", themes=[]
        )
        doubt: dict[str, Any] = {"score": 0.41, "state": "uncertain", "evidence": "", "model_version": "v1"}
        session.add(Tag(article_id=code.id or 0, theme="appraisal", **doubt))
        add(session, "Car park", source=CARE, url="https://care-weekly.example/car-park", scope="no", themes=[])
        told = add(
            session, "Leaving", source=CARE, url="https://care-weekly.example/leaving", at=MIDWEEK - timedelta(days=7)
        )
        session.add(ArticleEdition(article_id=told.id or 0, week="2026-W46", at=MIDWEEK))
        add(
            session,
            "Appraisals",
            source=CARE,
            url="https://care-weekly.example/appraisals",
            at=MIDWEEK - timedelta(days=14),
        )
        denied = add(session, "Regatta", source=CARE, url="https://care-weekly.example/regatta")
        session.add(Review(article_id=denied.id or 0, theme="in-scope", verdict=False, reviewer="Jo", at=MIDWEEK))
        waits = add(session, "Waits", source=CARE, url="https://care-weekly.example/untagged", themes=[])
        waits.scope_state = waits.in_scope = None
    for name, made in FORMS.items():
        (folder / name).write_bytes(made())
    return folder


def compared(folder: Path, name: str) -> dict[str, Any]:
    registry = ("--sources", "sources.toml") if (folder / "sources.toml").exists() else ()
    ran = command(folder, "compare", name, "--week", "2026-W47", *registry, "--json")
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_a_bulletin_says_the_same(folder: Path, name: str) -> None:
    found = compared(folder, name)
    results = {one["url"]: one["reason"] for one in found["missed"]} | {one["url"]: "" for one in found["shared"]}
    wanted = {one.url: one.result for one in TOLD}
    if name == "list.txt":  # without its headline, nothing tells what is behind a link that hides it
        wanted["https://x.us1.list-manage.com/track/click?u=1&id=2"] = "not-found"
    assert results == wanted
    titles = {one["url"]: (one["title"], one["outlet"]) for one in (*found["missed"], *found["shared"])}
    assert name == "list.txt" or titles == {one.url: (one.title, one.outlet) for one in TOLD}
    ours = [story["title"] for story in found["only_ours"]]
    hidden = ["Racism went unchallenged at Wrayburn trust, review finds"] * (name == "list.txt")
    assert sorted(ours) == sorted(["Racism went unchallenged at Loughmore trust, review finds", *hidden])


def test_each_reason_says_what_it_rests_on(folder: Path) -> None:
    found = compared(folder, "news.html")
    said = {one["reason"]: one for one in found["missed"]}
    assert said["folded"]["folded_into"]["url"] == STORY
    assert said["out-of-scope"]["score"] == 0.1
    assert said["told-by-another-week"]["week"] == "2026-W46"
    assert said["not-in-the-week"]["week"] == "2026-W45"
    assert "Harbour Post" in said["not-collected"]["detail"]
    assert "it asks for a login" in said["source-switched-off"]["detail"]
    (one,) = (one for one in found["shared"] if one["under_no_theme"])
    assert (one["title"], one["closest_theme"], one["closest_score"]) == (
        "Managers to be held to a code",
        "appraisal",
        0.41,
    )


def test_a_feed_that_is_on_speaks_for_its_outlet_on_another_host(tmp_path: Path) -> None:
    # The sitemap has the pages' host and is switched off; the feed of the same outlet is on, on a host of its own.
    tables = (("pages", "Borough Post: sitemap", "https://www.borough.example/map", "false"), ("feed", "Borough Post: health", "https://feeds.boro.example/rss", "true"))  # fmt: skip
    rows = [
        f'[[source]]\nid = "{id_}"\nname = "{name}"\nurl = "{url}"\nenabled = {on}' for id_, name, url, on in tables
    ]
    (tmp_path / "sources.toml").write_text("\n".join(rows), encoding="utf-8")
    (tmp_path / "list.txt").write_text("https://www.borough.example/news/1\n", encoding="utf-8")
    open_database(f"sqlite:///{tmp_path / 'data' / 'culture.db'}").close()
    (missed,) = compared(tmp_path, "list.txt")["missed"]
    assert (missed["reason"], missed["detail"]) == (
        "not-collected",
        "Borough Post: health: switched on, but nothing like it is stored",
    )


def test_a_line_that_may_be_a_report_is_listed_where_it_was_not_understood(tmp_path: Path) -> None:
    lines = ["News this week", "", "Chair of the trust steps down after a review", "Vale Evening Gazette", STORY, ""]
    lines += ["A sentence of what this is about.", "", "Matron writes a book", "The Guardian"]
    (tmp_path / "news.txt").write_text("\n".join(lines), encoding="utf-8")
    open_database(f"sqlite:///{tmp_path / 'data' / 'culture.db'}").close()
    assert compared(tmp_path, "news.txt")["not_understood"] == ["News this week", "Matron writes a book"]
    said = command(tmp_path, "compare", "news.txt", "--week", "2026-W47").stdout
    assert "Not understood as reports, and not counted" in said
    assert "- Matron writes a book" in said


def test_a_sealed_edition_is_taken_as_it_was_sent(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with open_database(f"sqlite:///{tmp_path / 'data' / 'culture.db'}") as database:
        with database.write() as session:
            told = add(session, "Chair of Northmoor trust steps down", url=STORY)
            other = add(session, "Third chief takes over at Ashcombe", url="https://vale-gazette.example/third")
            told_id, other_id = told.id or 0, other.id or 0
        content = edition(database).to_json()
        content["stories"] = [story for story in content["stories"] if story["id"] == told_id]
        with database.write() as session:
            session.add(Edition(week="2026-W47", composed_at=fakes.MONDAY_7, content=content, sealed=True))
            session.add(ArticleEdition(article_id=other_id, reason="edition-not-sent", at=MIDWEEK))
    (tmp_path / "list.txt").write_text(f"{STORY}\nhttps://vale-gazette.example/third\n", encoding="utf-16")
    found = json.loads(command(tmp_path, "compare", "list.txt", "--week", "2026-W47", "--json").stdout)
    assert (found["edition"], [one["address"] for one in found["shared"]], found["only_ours"]) == ("kept", [STORY], [])
    assert [(one["reason"], one["detail"]) for one in found["missed"]] == [
        ("not-listed", "in scope, but not in the edition: edition not sent")
    ]


def test_people_read_what_was_missed_and_why(folder: Path) -> None:
    ran = command(folder, "compare", "news.eml", "--week", "2026-W47", "--sources", "sources.toml")
    said = " ".join(ran.stdout.split())
    assert (
        "of 14 reports in the bulletin, our edition has 4 and has not 10; 1 of its stories are in ours alone." in said
    )
    assert "folded: folded into “Chair of Northmoor trust steps down after critical review” (Vale Gazette)" in said
    assert "(Vale Gazette) taken for: Racism went unchallenged at Wrayburn trust, review finds (Vale Gazette)" in said
    assert "out-of-scope: the model has it out of scope (score 0.10)" in said


@pytest.mark.parametrize(("name", "content", "said"), [("none.eml", None, "can't be read"), ("empty.txt", b"", "holds no headline"), ("week.docx", b"PK\3\4\0\0 Chair of the trust steps down", "holds no headline"), ("page.html", b"<html><body><p>Dear all,</p>", "holds no headline")])  # fmt: skip
def test_what_is_no_bulletin_is_told(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    ran = command(tmp_path, "compare", name)
    assert ran.returncode == 2
    assert said in " ".join(ran.stderr.split())
