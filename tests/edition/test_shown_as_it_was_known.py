"""What is stored is shown with what was known when it was stored, whichever registry the next command is given."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import delete, update

from deployments.doctor import Finding, Health, examine
from models.edition.content import StoryItem
from models.store.database import Database
from models.store.tables import Article, SourceSnapshot, SourceState
from models.store.upkeep import keep_up
from tests.support.fakes_desk import NOW, WEEK, Desk, desk_on
from tests.support.fakes_web import Answer

ELSEWHERE = {"id": "elsewhere", "name": "The Other Paper", "url": "https://other.example/feed"}


@pytest.fixture
def desk(database: Database, database_address: str, tmp_path: Path) -> Iterator[Desk]:
    with desk_on(database, database_address, tmp_path) as running:
        yield running


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


def test_articles_of_an_earlier_release_keep_what_the_first_run_after_the_upgrade_knew(desk: Desk) -> None:
    desk.run(desk.registry(desk.gazette()))
    with desk.database.write() as session:  # as the earlier release left them
        session.execute(delete(SourceSnapshot))
        session.execute(update(Article).values(nation=None, sector=None, rights=None, weight=None))
    desk.run(desk.registry(desk.gazette(rights="headline")))
    desk.run(desk.registry(desk.gazette(nation="scotland", sector="national", rights="open")))
    shown = desk.shown(desk.registry(ELSEWHERE))
    assert (shown.nation, shown.sector, words(shown)) == ("wales", "regional", 40)


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
    assert "2 enabled of 2 " in sources().words
    assert "; the last run watched 1," in sources().words
