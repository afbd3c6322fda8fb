"""The table of what foreign text costs: every public function that takes it does about twice the work for twice the text."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any, ClassVar

import pytest

from flows.fetching.robots import HostFacts, RobotsRules
from flows.publishing.smtp import SmtpMailer, parse_smtp_url
from flows.reading.bulletin import read_bulletin
from flows.reading.page_dates import date_in_address
from flows.reading.page_facts import PageFacts
from flows.reading.page_status import is_consent_wall, is_not_found, judge
from flows.reading.parsing import tell_language
from flows.reading.sources import Window
from flows.reading.sources.listing import repair_xml
from flows.reading.warc import Wanted, captures
from flows.running.markdown import escape, link
from models.bulletins import BulletinItem, Headline, match, merged, target_of
from models.dates_ahead import dates_ahead
from models.events import Account, Compared
from models.mentions import Recogniser
from models.opml import read_opml
from models.organisations import load_organisations, plain_name
from models.page_identity import alike, names_this_page, title_words
from models.revisits import next_look
from models.seeds import DataFileError
from models.tagging.signals import signals
from models.tagging.steps import without_accents
from models.tagging.vocabulary import load_vocabulary
from models.text_safety import plain_line, plain_lines, storable
from models.urls import host_of, mask_keys, same_outlet, without_credentials
from tests.reading.test_cost_of_foreign_text import PIECES, fill, in_proportion
from tests.support.archives import CAPTURED, Captured, write_archive
from tests.support.fakes_feeds import NINE
from tests.support.fakes_pages import page, read

MORE = (
    "on 1 May ", "The report will ", "was due to ", "published on ", "next Tuesday ", "said on ",
    "* ", "Disallow: /*a*", "User-agent: *\n", "\nDisallow: /", "NHS ", "NHS Trust ", "(NHS) ", "A. ", "Trust (AT) ", "| ", " |",
    "by ", "live ", "cookies ", "accept ", "/2026/", "-a", "_", "\\", "`", "\u0301", "&api_key=", "<b>", "<html ", "<a b='",
)  # fmt: skip


@cache
def recogniser() -> Recogniser:
    return Recogniser(load_organisations())


def opml(text: str) -> object:
    plain = text.replace("<", "").replace("&", "").replace("'", "")
    with suppress(DataFileError):
        return read_opml(
            f"<opml><body><outline title='{plain}' xmlUrl='https://a.example/{plain}'/></body></opml>".encode()
        )
    return None


WORK: dict[str, Callable[[str], object]] = {
    "robots.txt": lambda text: RobotsRules(HostFacts(f"User-agent: *\nDisallow: /{text}", 200), "nhs").verdict(
        "https://a.example/" + "a" * 2000
    ),
    "organisations": lambda text: recogniser().mentions(title=text[:300], text=text),
    "names": lambda text: (plain_name(text), title_words(text), alike(text, f"{text} end")),
    "canonical links": lambda text: names_this_page(f"https://a.example/{text}", f"https://a.example/b{text}", text),
    "dates in addresses": date_in_address,
    "live pages": lambda text: next_look(
        text, f"https://a.example/{text}", says_live=False, first_seen_at=NINE, now=NINE
    ),
    "walls": lambda text: (
        is_consent_wall(text), is_not_found(text, PageFacts(title=text)), judge(text, PageFacts(title=text), text)
    ),
    "language": tell_language,
    "plain text": lambda text: (plain_line(text), plain_lines(text), storable(text)),
    "markdown": lambda text: (escape(text), link(text, f"https://a.example/{text}")),
    "credentials": lambda text: (
        mask_keys(text), without_credentials(f"https://{text}"), host_of(f"https://{text}"), same_outlet(text, "https://a.b")
    ),
    "signals": lambda text: (signals([text], load_vocabulary()), without_accents(text)),
    "dates ahead": lambda text: (
        dates_ahead(text, NINE.date()), dates_ahead(f"On 1 December the board will {text}. The report is due {text}", NINE.date())
    ),
    "accounts": lambda text: Compared(Account(1, frozenset(), text, text, NINE, {})),
    "XML": lambda text: repair_xml(text.encode()),
    "OPML": opml,
    "bulletins": lambda text: (
        read_bulletin(f"<html><body><p><a href='https://a.example/{text}'>{text}</a> {text}</p>".encode()),
        read_bulletin(f"From: a@b.example\nSubject: {text}\n\n{text}\nhttps://a.example/{text}".encode()),
    ),
    "links of bulletins": lambda text: (
        target_of(f"https://a.safelinks.protection.outlook.com/?url={text}"), target_of(f"https://lnks.gd/l/a.{text}.b"),
        target_of(f"https://urldefense.com/v3/__{text}"),
    ),
    "headlines of bulletins": lambda text: match(merged([BulletinItem(text)]), [Headline(1, f"{text} end", "", "")], {}),
}  # fmt: skip


def test_an_outline_of_many_attributes_is_not_dear() -> None:
    def work(length: int) -> object:
        many = " ".join(f"a{number}='1'" for number in range(length))
        return read_opml(f"<opml><outline xmlUrl='https://a.example/'/><outline {many}/></opml>".encode())

    assert in_proportion(work)


def test_many_outlines_of_one_name_are_not_dear() -> None:
    def work(length: int) -> object:
        many = "".join(f"<outline text='News' xmlUrl='https://a.example/{number}'/>" for number in range(length // 12))
        return read_opml(f"<opml>{many}</opml>".encode())

    assert in_proportion(work)


def test_outlines_under_a_long_namespace_are_not_dear() -> None:
    def work(length: int) -> None:
        outlines = "<outline x:a='' x:b='' x:c=''/>" * (length // 8)
        with pytest.raises(DataFileError):
            read_opml(f"<opml xmlns:x='{'u' * 4 * length}'>{outlines}</opml>".encode())

    assert in_proportion(work)


def test_many_organisations_of_ones_own_are_not_dear(tmp_path: Path) -> None:
    def work(length: int) -> object:
        numbers = range(length // 20)
        rows = "".join(
            f"a{number} = {{ name = 'Home {number:b}', aliases = ['House {number:b}'] }}\n" for number in numbers
        )
        (tmp_path / "own.toml").write_text(f"[england.care-provider]\n{rows}", encoding="utf-8")
        known = load_organisations(tmp_path / "own.toml")
        return [known.find(f"Home {number:b}") for number in numbers]

    load_organisations()
    assert in_proportion(work)


@pytest.mark.parametrize("name", WORK)
def test_no_run_of_letters_is_dear(name: str) -> None:
    WORK[name]("once, so that what is read from files is read")

    def is_cheap(piece: str) -> bool:
        return in_proportion(lambda length: WORK[name](fill(piece, length)))

    assert [piece for piece in (*PIECES, *MORE) if not is_cheap(piece)] == []


@pytest.mark.parametrize("piece", ["a=b; ", "a*0=b; "])
def test_the_parameters_of_a_mails_field_are_not_dear(piece: str) -> None:
    def work(length: int) -> object:
        return read_bulletin(f"From: a@b.example\nContent-Type: text/html; {fill(piece, length // 6)}\n\n<p>A".encode())

    assert in_proportion(work)


@pytest.mark.parametrize("encoding", ["punycode", "idna", "utf-7", "unicode_escape"])
def test_an_odd_encoding_of_a_mail_is_not_dear(encoding: str) -> None:
    head = f"From: a@b.example\nSubject: A\nContent-Type: text/plain; charset={encoding}\n\n"
    assert in_proportion(lambda length: read_bulletin(f"{head}{'b' * length}".encode()))


def test_the_parts_of_a_mail_are_bounded() -> None:
    parts = "".join(f"--b\n\nhttps://a.example/{number}\n" for number in range(2500))
    found = read_bulletin(f'From: a@b.example\nContent-Type: multipart/mixed; boundary="b"\n\n{parts}--b--\n'.encode())
    assert 1900 <= len(found.items) <= 2000
    assert found.items[0].url == "https://a.example/0"


def everywhere(text: str) -> str:
    """A page with the text wherever something is looked for."""
    quoted = text.replace('"', "").replace("<", "")
    return page(
        f'<title>{text}</title><meta property="og:site_name" content="{quoted}"><meta property="og:title" content="{quoted}">'
        f'<meta http-equiv="refresh" content="{quoted}"><script>{text}</script>',
        f"<article><h1>{text}</h1><p class='byline'>{text}</p><time datetime=''>{text}</time><p>{text}</p></article>",
    )


@pytest.mark.parametrize("piece", [" ", " | ", " - ", "by ", "a ", "&amp;", ". ", "<i>", "\n"])
def test_no_run_of_letters_in_a_page_is_dear(piece: str) -> None:
    assert in_proportion(lambda length: read(everywhere(fill(piece, length // 3))))


@pytest.mark.parametrize("piece", [b"<script>", b"<!--", b"<style ", b"<", b"<html ", b"lang=", b"<svg><head>"])
def test_no_run_of_letters_in_an_archive_is_dear(tmp_path: Path, piece: bytes) -> None:
    wanted = Wanted(frozenset({"a.example"}), Window(CAPTURED.replace(year=2000), CAPTURED.replace(year=2100)))

    def archive(length: int) -> Path:
        file = tmp_path / f"{length}.warc.gz"
        if not file.exists():
            body = b"<html><body>" + piece * (length // len(piece))
            write_archive(file, [Captured("https://a.example/1", body)])
        return file

    assert in_proportion(lambda length: list(captures(archive(length), wanted, Counter())))


class Talkative(StreamRequestHandler):
    """A mail server whose first word is very long."""

    words: ClassVar[list[bytes]] = []

    def handle(self) -> None:
        with suppress(OSError):
            for line in self.words[:-1]:
                self.wfile.write(b"554-" + line + b"\r\n")
            self.wfile.write(b"554 " + self.words[-1] + b"\r\n")


@contextmanager
def talkative(words: list[bytes]) -> Iterator[int]:
    handler: Any = type("Told", (Talkative,), {"words": words})
    with ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join(5)


@pytest.mark.parametrize("line", [b"a" * 500, b"a@" * 250, b" " * 500])
def test_the_words_of_a_mail_server_are_not_dear(line: bytes) -> None:
    def work(length: int) -> None:
        with talkative([line] * (length // len(line))) as port:
            mailer = SmtpMailer(parse_smtp_url(f"smtp://127.0.0.1:{port}"), "monitor@example.org")
            assert mailer.check().detail

    assert in_proportion(work)
