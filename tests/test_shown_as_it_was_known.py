"""What is stored is shown with what was known when it was stored, whichever registry the next command is given."""

import asyncio
import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlmodel import select

from deployments.doctor import Finding, Health, examine
from flows import jobs
from flows.exporting import stories_between, write_csv
from models.edition import StoryItem
from models.sources import Registry, load_registry
from models.store.database import Database
from models.store.tables import Article, SourceState, Tag
from models.store.upkeep import keep_up
from models.tagging.decisions import State
from models.themes import load_themes
from models.weeks import Week
from tests.fakes_feeds import rss
from tests.fakes_pages import page
from tests.fakes_web import Answer, FakeWeb
from tests.fakes_weekly import Weekly, weekly_monitor

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
WEEK = Week.of(NOW)
SENTENCE = " ".join(f"w{number}" for number in range(90)) + "."
ELSEWHERE = {"id": "elsewhere", "name": "The Other Paper", "url": "https://other.example/feed"}


class Desk(Weekly):
    """A monitor of one source, the Vale Gazette, which lists one story."""

    web: FakeWeb
    folder: Path
    address: str

    def registry(self, *rows: dict[str, Any]) -> Registry:
        """A registry file with these sources."""
        lines = []
        for row in rows:
            lines += ["[[source]]", *(f"{key} = {_toml(value)}" for key, value in row.items())]
        file = self.folder / "sources.toml"
        file.write_text("\n".join(lines), encoding="utf-8")
        return load_registry(file)

    def gazette(self, **values: Any) -> dict[str, Any]:
        """The source's row, with changes."""
        row = {
            "id": "gazette", "name": "Vale Gazette", "url": self.web.url("/feed"), "sector": "regional",
            "nation": "wales", "rights": "open", "weight": 2.0,
        }  # fmt: skip
        return row | values

    def run(self, registry: Registry) -> None:
        """Collect, and tag what is new as a model would."""
        asyncio.run(jobs.collect(self.database, registry, self.settings, now=NOW, all_due=True))
        with self.database.read() as session:
            new = session.exec(select(Article).where(Article.model_version == None)).all()  # noqa: E711
        for article in new:
            self.tag(article, State.YES)
        with self.database.write() as session:
            for tag in session.exec(select(Tag)):
                tag.evidence = SENTENCE
                session.add(tag)

    def shown(self, registry: Registry) -> StoryItem:
        """The one story, as the digest of a command with this registry has it."""
        self.digest(WEEK, registry, send=False)
        (story,) = self.edition(WEEK).stories
        return story

    def exported(self, registry: Registry) -> dict[str, str]:
        """The one story, as an export has it."""
        first = WEEK.monday
        stories = stories_between(
            self.database, registry, load_themes(), first=first, last=first + timedelta(days=6), now=NOW
        )
        (row,) = csv.DictReader(io.StringIO(write_csv(stories)))
        return row


def _toml(value: object) -> str:
    return str(value) if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else f'"{value}"'


@pytest.fixture
def desk(database: Database, database_address: str, tmp_path: Path) -> Iterator[Desk]:
    with weekly_monitor(database, tmp_path) as running, FakeWeb() as web:
        settings = running.settings.model_copy(
            update={"allow_hosts": frozenset({"127.0.0.1"}), "workers": 1, "host_gap_seconds": 0.0}
        )
        made = Desk(database, settings, running.mailboxes)
        made.web, made.folder, made.address = web, tmp_path, database_address
        item = f"<item><title>Trust board quits</title><link>{web.url('/a')}</link></item>"
        web.pages |= {"/feed": Answer(rss(item).encode(), kind="application/rss+xml"), "/a": Answer(page().encode())}
        yield made


def words(story: StoryItem) -> int:
    return len(story.themes[0].quote.removesuffix(" …").split())


def test_another_registry_changes_nothing_that_is_shown(desk: Desk) -> None:
    own = desk.registry(desk.gazette())
    desk.run(own)
    shown, exported = desk.shown(own), desk.exported(own)
    other = desk.registry(ELSEWHERE)
    assert desk.shown(other) == shown
    assert desk.exported(other) == exported
    assert (shown.outlet, shown.nation, shown.sector, words(shown)) == ("Vale Gazette", "wales", "regional", 90)
    content = desk.edition(WEEK)
    assert (content.sources, content.sources_enabled, content.gaps) == (1, 1, ())


def test_a_source_that_is_renamed_moved_and_weighed_otherwise(desk: Desk) -> None:
    before = desk.registry(desk.gazette())
    desk.run(before)
    shown = desk.shown(before)
    after = desk.registry(desk.gazette(name="Vale Times", nation="scotland", sector="national", weight=0.1))
    assert desk.shown(after) == shown
    desk.run(after)  # a run that polls it under its new name
    assert desk.shown(after) == shown
    assert desk.exported(after)["outlet"] == "Vale Gazette"


@pytest.mark.parametrize(
    ("then", "now", "allowed"), [("open", "headline", 40), ("headline", "open", 40), ("open", "discovery", 0)]
)
def test_of_the_rights_then_and_now_the_stricter_hold(desk: Desk, then: str, now: str, allowed: int) -> None:
    desk.run(desk.registry(desk.gazette(rights=then)))
    changed = desk.registry(desk.gazette(rights=now))
    assert words(desk.shown(changed)) == allowed
    assert len(desk.exported(changed)["quote"].removesuffix(" …").split()) == allowed
    desk.run(changed)
    assert words(desk.shown(desk.registry(ELSEWHERE))) == allowed  # the last run's word counts as today's


def test_a_source_that_left_is_shown_as_before_and_is_no_longer_missed(desk: Desk) -> None:
    own = desk.registry(desk.gazette())
    desk.run(own)
    shown = desk.shown(own)
    without = desk.registry(ELSEWHERE | {"url": desk.web.url("/none")})
    desk.run(without)
    assert desk.shown(without) == shown
    assert [gap.name for gap in desk.edition(WEEK).gaps] == ["The Other Paper"]  # it answers 404
    assert desk.edition(WEEK).sources_enabled == 1


def test_a_source_that_failed_is_missed_whatever_the_registry_of_the_digest(desk: Desk) -> None:
    desk.web.pages["/feed"] = Answer(b"", 503)
    desk.run(desk.registry(desk.gazette(), ELSEWHERE | {"enabled": False}))
    desk.digest(WEEK, desk.registry(ELSEWHERE), send=False)
    assert [gap.name for gap in desk.edition(WEEK).gaps] == ["Vale Gazette"]


def test_before_the_first_run_after_an_upgrade_nothing_is_called_unseen(desk: Desk) -> None:
    """Rows of an earlier release know no nation, and nothing is on record of the sources."""
    with desk.database.write() as session:
        session.add(
            Article(
                url="https://vale.example/a", source="gazette", outlet="Vale Gazette", title="Old", first_seen_at=NOW,
                text_status="full", outcome="new", scope_state="yes", model_version="v1",
            )
        )  # fmt: skip
        session.add(
            SourceState(source="gazette", url="https://vale.example/f", last_polled_at=NOW, last_outcome="entries")
        )
    shown = desk.shown(desk.registry(desk.gazette()))
    assert (shown.nation, shown.sector) == ("wales", "regional")
    assert desk.shown(desk.registry(ELSEWHERE)).outlet == "Vale Gazette"
    assert (desk.edition(WEEK).gaps, desk.edition(WEEK).sources_enabled) == ((), 1)


def test_texts_go_after_the_shorter_of_both_terms(desk: Desk) -> None:
    desk.run(desk.registry(desk.gazette(rights="open")))
    later = NOW + timedelta(days=100)
    assert keep_up(desk.database, desk.registry(ELSEWHERE), now=later).texts == 0  # ten years, whatever is given
    assert keep_up(desk.database, desk.registry(desk.gazette(rights="headline")), now=later).texts == 1


def test_doctor_tells_the_registry_that_it_was_given_from_the_sources_that_are_watched(desk: Desk) -> None:
    own = desk.registry(desk.gazette())
    desk.run(own)

    def sources() -> Finding:
        update = {"sources": desk.folder / "sources.toml", "database_url": SecretStr(desk.address), "smtp_url": None}
        settings = desk.settings.model_copy(update=update)
        return next(finding for finding in examine(settings) if finding.what == "sources")

    assert sources().health is Health.FINE
    assert "the last run watched 1, 0 of which failed" in sources().words
    desk.registry(ELSEWHERE, ELSEWHERE | {"id": "third"})
    assert sources().health is Health.NOTE
    assert "2 enabled of 2; the last run watched 1," in sources().words
