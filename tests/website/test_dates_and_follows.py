"""The dates ahead as a calendar that calendar programs read, and what a story's page says of before and after."""

import re
from pathlib import Path

import pytest
from lxml import html

from models.settings import Settings
from models.sources import Registry
from models.store.database import Database
from models.store.tables import Article
from tests.store.test_recorded_events import WATCH, run, told  # noqa: F401 - a fixture
from tests.support import fakes_edition as fakes
from tests.support.fakes_website import Visitor, visitor


@pytest.fixture
def reader(database: Database, told: dict[str, int], tmp_path: Path) -> Visitor:  # noqa: F811
    run(database)
    return visitor(database, Settings(data=tmp_path, base_url="https://monitor.example.org"))


def events_of(raw: bytes) -> list[dict[str, str]]:
    """The events of a calendar by the rules of RFC 5545: unfolded, split at the first colon, unescaped."""
    assert raw.endswith(b"\r\n")
    lines = raw.removesuffix(b"\r\n").split(b"\r\n")
    assert all(len(line) <= 75 and b"\n" not in line and b"\r" not in line for line in lines)
    whole = re.sub(r"\r\n ", "", raw.decode()).strip().split("\r\n")
    assert (whole[0], whole[1], whole[-1]) == ("BEGIN:VCALENDAR", "VERSION:2.0", "END:VCALENDAR")
    events: list[dict[str, str]] = []
    for line in whole:
        name, _, value = line.partition(":")
        if line == "BEGIN:VEVENT":
            events.append({})
        elif events:
            events[-1][name] = re.sub(r"\\([\\;,])", r"\1", value)
    return events


def test_dates_ahead_are_a_calendar(database: Database, reader: Visitor, told: dict[str, int]) -> None:  # noqa: F811
    answer = reader.get("/dates.ics")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    found = events_of(answer.content)
    assert len(found) == len({one["UID"] for one in found}) == 4
    first = next(one for one in found if one["UID"] == f"{told['first']}-20261209-day@monitor.example.org")
    assert (first["DTSTART;VALUE=DATE"], first["DTEND;VALUE=DATE"]) == ("20261209", "20261210")
    assert first["SUMMARY"] == "Ashcombe’s chair goes over a midwife’s email"
    assert first["DESCRIPTION"] == f"“{WATCH}” Harbour Post"
    assert first["URL"] == f"https://monitor.example.org/stories/{told['first']}"
    assert reader.get("/dates.ics").content == answer.content
    assert events_of(reader.get("/dates.ics?theme=appraisal").content) == []
    assert {one["UID"].split("-")[0] for one in events_of(reader.get("/dates.ics?q=midwife").content)} >= {
        str(told["first"])
    }


def test_a_headline_stays_text_and_no_more_is_quoted_than_its_source_allows(
    database: Database,
    told: dict[str, int],  # noqa: F811
    tmp_path: Path,
) -> None:
    nasty = "Dates; commas, back\\slashes\r\nBEGIN:VEVENT\r\nX:1 and é" + "’" * 60
    with database.write() as session:
        row = session.get_one(Article, told["first"])
        row.title, row.text = nasty, f"The inquiry will report in January 2027, {'said the chair ' * 20}."
        session.add(row)
    strict = Registry(
        sources=tuple(source.model_copy(update={"rights": "discovery"}) for source in fakes.SOURCES),
        rights=fakes.REGISTRY.rights,
    )
    for registry in (fakes.REGISTRY, strict):
        found = events_of(visitor(database, Settings(data=tmp_path), registry).get("/dates.ics").content)
        one = next(one for one in found if one["UID"].startswith(f"{told['first']}-"))
        assert one["SUMMARY"] == " ".join(nasty.split())
        assert (one["DTSTART;VALUE=DATE"], one["DTEND;VALUE=DATE"]) == ("20270101", "20270201")
        assert one["DESCRIPTION"] == "Harbour Post"  # the sentence is longer than may be quoted
        assert ("“" in str(found)) is (registry is fakes.REGISTRY)


def test_a_storys_page_leads_to_what_went_before_and_to_what_followed(
    reader: Visitor,
    told: dict[str, int],  # noqa: F811
) -> None:
    def linked(number: int, section: str) -> list[str]:
        page = html.fromstring(reader.get(f"/stories/{number}").text)
        return [str(one) for one in page.xpath(f"//section[@aria-labelledby='{section}']//a/@href")]

    assert linked(told["first"], "follows") == linked(told["second"], "follows") == [f"/stories/{told['before']}"]
    assert linked(told["before"], "followed")[0] in {f"/stories/{told[one]}" for one in ("first", "second")}
    assert linked(told["before"], "follows") == linked(told["parking"], "followed") == []
