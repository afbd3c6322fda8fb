"""What a site writes is stored by both databases: no address is too long for an index, no text costs the server its square."""

import os
import random
import string
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from flows.collecting.article_writer import ArticleWriter
from models.admission import Candidate, ReadEntry
from models.entries import Entry, Fetched, Page, Reply
from models.outcomes import Outcome, TextStatus
from models.sources import load_registry
from models.store.database import Database, open_database
from tests.product.test_commands import command
from tests.support.fakes_sites import HOUR, collected, feed, item, rfc, story
from tests.support.fakes_web import Answer, FakeWeb
from tests.support.postgres import Postgres

SMALL, LARGE = 15_000, 30_000
RATIO = 3
SLACK = 0.1  # seconds of CPU, for what else the server does


@pytest.mark.parametrize("place", ["link", "guid", "canonical", "redirect"])
def test_a_long_address_loses_nothing_else(place: str, database: Database, tmp_path: Path, now: datetime) -> None:
    """PostgreSQL has room for 2,704 bytes in an index, and packs what repeats itself: this does not."""
    letters = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=3900))
    with FakeWeb() as web:
        long = web.url(f"/{letters}")
        entry = item(long if place == "link" else web.url("/odd"), "An odd entry of this listing", rfc(now - HOUR))
        if place == "guid":  # which tells two entries of one page apart, by a fragment of two words' length
            odd = web.url(f"/{letters[:2400]}")
            entry = "".join(
                item(odd, title, rfc(now - HOUR), guid=f"{sign * 199}{number}")
                for number, (title, sign) in enumerate([("One of them", "é"), ("Another altogether", "😀")])
            )
        head = f'<link rel="canonical" href="{long}">' if place == "canonical" else ""
        web.pages["/odd"] = Answer(story("An odd entry of this listing", head=head))
        if place == "redirect":
            web.pages["/odd"] = Answer(b"", 302, headers={"Location": long})
            web.pages[f"/{letters}"] = Answer(story("An odd entry of this listing"))
        web.pages["/good"] = Answer(story("The board was told of the rota"))
        web.pages["/feed"] = feed(entry, item(web.url("/good"), "The board was told of the rota", rfc(now - HOUR)))
        found = collected(web, database, tmp_path, now)
    assert web.url("/good") in [article.url for article in found.articles]
    assert found.polls == ["entries"]


def server_seconds(database: Database) -> float:
    """The CPU that PostgreSQL's processes for us have used so far."""
    with database.read() as session:
        numbers = session.execute(text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()"))
        told = [Path(f"/proc/{number}/stat").read_text(encoding="utf-8") for (number,) in numbers]
    return sum(int(one.rpartition(")")[2].split()[11]) for one in told) / os.sysconf("SC_CLK_TCK")


def read_entry(url: str, place: str, written: str, now: datetime) -> ReadEntry:
    registry = load_registry(None)
    source = registry.sources[0]
    entry = Entry(url=url, title=f"What was said at {url}", summary=written if place == "summary" else "")
    page = Page(text=written if place == "text" else "Short.", text_status=TextStatus.FULL, language="en")
    reply = Reply(url, Fetched.OK, now, 0.1, status=200, final_url=url)
    return ReadEntry(Candidate(source, registry.rights_of(source.id), entry), Outcome.NEW, page, reply)


def cost(place: str, written: list[str], postgres: Postgres, now: datetime) -> float:
    """The CPU that PostgreSQL takes to store articles with these texts, or summaries."""
    with postgres.new_database(postgres.template()) as address, open_database(address) as database:
        begin = server_seconds(database)
        entries = [read_entry(f"https://one.example/{number}", place, one, now) for number, one in enumerate(written)]
        ArticleWriter(database, None, now).store(entries)
        return server_seconds(database) - begin


@pytest.mark.parametrize("piece", ["a_", "<!--", "<!-- ", "x-1.", "~/"])
def test_no_run_of_letters_is_dear_to_search(piece: str, postgres: Postgres, now: datetime) -> None:
    large, small = ([(piece * length)[:length]] for length in (LARGE, SMALL))
    assert cost("text", large, postgres, now) <= RATIO * cost("text", small, postgres, now) + SLACK


def test_summaries_are_not_dear_to_search(postgres: Postgres, now: datetime) -> None:
    """2,000 of which one listing may bring."""
    odd, plain = (["a_" * 2000] * 20, ["at " * 1333] * 20)
    assert cost("summary", odd, postgres, now) <= 5 * cost("summary", plain, postgres, now) + 5 * SLACK


def test_no_number_of_a_story_is_too_large(database_address: str, tmp_path: Path) -> None:
    """PostgreSQL's numbers end at 2,147,483,647, and asked for more it answers with an error."""
    open_database(database_address).close()
    for words in (["review", "add", "99999999999", "--in-scope"], ["review", "separate", "99999999999", "2"]):
        ran = command(tmp_path, *words, "--reviewer", "Ada", CULTURE_DATABASE_URL=database_address)
        assert ran.returncode == 2
        assert "99999999999" in ran.stderr
        assert "can't be used" not in ran.stderr
