"""A backfill: the past of sources and archives, each once, the same whatever read it and however often it stopped."""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlmodel import select

from flows.collecting.article_writer import ArticleWriter
from flows.past import archives
from flows.past.archives import read_into, routes_of
from flows.past.backfilling import (
    BackfillError,
    archive_files,
    archive_jobs,
    check_can_be_asked,
    window_of_days,
)
from flows.reading.page import read_page
from flows.reading.sources import Window
from models.admission import ReadEntry
from models.entries import Page
from models.folding import cluster_unassigned
from models.kinds import Kind
from models.outcomes import Outcome
from models.settings import Settings, load_settings
from models.sources import Registry, Source, load_registry
from models.store.database import Database, open_database
from models.store.tables import Article, BackfillPart, Story
from tests.support.archives import Captured, article_html, demo_captures, demo_registry, write_archive
from tests.support.backfilled import PAST, THEN, jobs_of, read, rows_of, spread


@pytest.fixture(scope="module")
def pages() -> list[Captured]:
    return demo_captures(THEN)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("registry") / "demo.toml"
    file.write_text(demo_registry(THEN), encoding="utf-8")
    return load_registry(file)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data=tmp_path, task_runner="threads", workers=2)


def test_an_archive_becomes_articles_and_stories_of_their_own_time(
    database: Database, pages: list[Captured], registry: Registry, settings: Settings, tmp_path: Path
) -> None:
    summary = read(database, jobs_of(spread(pages, tmp_path), registry, settings))
    assert not summary.problems
    assert summary.parts == 4
    with database.read() as session:
        articles = session.exec(select(Article)).all()
        (wire,) = session.exec(select(Story).where(Story.outlets > 1)).all()
        members = [article for article in articles if article.story_id == wire.id]
    assert len(articles) == summary.stored > 60
    assert wire.outlets == len(members) == 5
    assert wire.lead_article_id == min(members, key=lambda one: (one.published_at, one.url)).id
    assert sum(article.outcome == Outcome.COPY for article in articles) == 4
    by_url = {page.url: page for page in pages}
    for article in articles:
        assert article.published_at is not None
        assert PAST.holds(article.published_at)
        assert article.published_at <= article.first_seen_at == by_url[article.url].at
        assert article.words > 20
    sources = {source.id: source for source in registry.sources}
    assert all(article.url.startswith(f"https://{article.source}.example/") for article in articles)
    assert {article.outlet for article in articles} <= {source.label for source in sources.values()}


@pytest.mark.parametrize("fault", [MemoryError, RecursionError, KeyError])
def test_a_page_on_which_its_reader_fails_costs_itself_alone(
    sqlite: Database,
    pages: list[Captured],
    registry: Registry,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: type[Exception],
) -> None:
    def read_or_fail(html: bytes, *, url: str, content_type: str) -> Page:
        if url == pages[3].url:
            raise fault
        return read_page(html, url=url, content_type=content_type)

    monkeypatch.setattr(archives, "read_page", read_or_fail)
    summary = read(sqlite, jobs_of(spread(pages[:8], tmp_path), registry, settings))
    assert not summary.problems
    assert (summary.stored, summary.outcomes[Outcome.FAILED]) == (7, 1)


def test_read_again_an_archive_adds_nothing_and_is_not_even_opened(
    database: Database, pages: list[Captured], registry: Registry, settings: Settings, tmp_path: Path
) -> None:
    jobs = jobs_of(spread(pages, tmp_path), registry, settings)
    read(database, jobs)
    before = rows_of(database)
    again = read(database, jobs)
    assert (again.parts, again.parts_before, again.read) == (0, 4, 0)
    assert rows_of(database) == before


def test_another_filter_reads_the_same_file_again_and_stores_only_what_is_new(
    sqlite: Database, pages: list[Captured], registry: Registry, settings: Settings, tmp_path: Path
) -> None:
    paths = spread(pages, tmp_path, files=1)
    half = Window(PAST.since, THEN - timedelta(days=30))
    first = read(sqlite, jobs_of(paths, registry, settings, half))
    rest = read(sqlite, jobs_of(paths, registry, settings))
    assert 0 < first.stored < rest.read
    assert rest.outcomes[Outcome.KNOWN] >= first.stored
    with open_database(f"sqlite:///{tmp_path / 'other.db'}") as other:
        read(other, jobs_of(paths, registry, settings))
        assert rows_of(sqlite) == rows_of(other)


def test_the_rows_are_the_same_in_whichever_order_the_files_are_read(
    sqlite: Database, pages: list[Captured], registry: Registry, settings: Settings, tmp_path: Path
) -> None:
    jobs = jobs_of(spread(pages, tmp_path), registry, settings)
    read(sqlite, jobs)
    for seed in range(2):
        with open_database(f"sqlite:///{tmp_path / str(seed)}.db") as other:
            read(other, Random(seed).sample(jobs, len(jobs)))
            assert rows_of(other) == rows_of(sqlite)


def test_a_backfill_that_is_killed_goes_on_where_it_was(
    database: Database,
    pages: list[Captured],
    registry: Registry,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jobs = jobs_of(spread(pages, tmp_path, files=2), registry, settings)
    monkeypatch.setattr(archives, "PAGES_A_BATCH", 10)
    calls, real = 0, ArticleWriter.store

    def killed(self: ArticleWriter, entries: Sequence[ReadEntry]) -> list[Outcome]:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return real(self, entries)

    monkeypatch.setattr(ArticleWriter, "store", killed)
    with pytest.raises(KeyboardInterrupt):
        read(database, jobs)
    with database.read() as session:
        assert 0 < len(session.exec(select(Article)).all()) <= 20
    summary = read(database, jobs)
    assert summary.outcomes[Outcome.KNOWN] == 20
    with open_database(f"sqlite:///{tmp_path / 'whole.db'}") as whole:
        read(whole, jobs)
        assert rows_of(whole) == rows_of(database)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_captures_of_a_page_the_earlier_stays(
    database: Database, registry: Registry, settings: Settings, tmp_path: Path, order: tuple[int, int]
) -> None:
    words = "The trust said that it had listened to its staff and would act on what it had heard from them."
    host = f"https://{registry.sources[0].id}.example"
    paths = [
        write_archive(
            tmp_path / f"{n}.warc.gz",
            [Captured(f"{host}/story", article_html("A story", [f"Version {n}. {words}"] * 4), at=at)],
        )
        for n, at in enumerate((THEN - timedelta(days=3), THEN - timedelta(days=2)))
    ]
    jobs = jobs_of(paths, registry, settings)
    for n in order:
        assert not read_into(database, jobs[n]).problem
    cluster_unassigned(database)
    with database.read() as session:
        (article,) = session.exec(select(Article)).all()
    assert article.first_seen_at == THEN - timedelta(days=3)
    assert (article.text or "").count("Version 0.") == 1


def test_history_joins_the_stories_that_stand_already(
    sqlite: Database, pages: list[Captured], registry: Registry, settings: Settings, tmp_path: Path
) -> None:
    wire = [page for page in pages if "strike" in page.url or "wire" in page.url] or list(pages)
    read(sqlite, jobs_of([write_archive(tmp_path / "1.warc.gz", wire[::2])], registry, settings))
    read(sqlite, jobs_of([write_archive(tmp_path / "2.warc.gz", pages)], registry, settings))
    with sqlite.read() as session:
        (story,) = session.exec(select(Story).where(Story.outlets > 1)).all()
        assert story.outlets == 5


def test_what_a_rights_class_forbids_is_not_read_from_an_archive_either(registry: Registry) -> None:
    allowed = {route.source.id for route in routes_of(registry, registry.enabled())}
    assert allowed
    for source in registry.sources:
        assert (source.id in allowed) == registry.rights_of(source.id).fetch_pages


def test_where_sources_share_a_site_the_nearest_folder_decides(registry: Registry) -> None:
    sources = [
        Source(id="all", url="https://site.example/feed/"),
        Source(id="north", url="https://www.site.example/north/feed/"),
    ]
    routes = routes_of(Registry(sources=tuple(sources), rights=registry.rights), sources, ["other.example"])
    chosen = {url: archives._route(f"https://{url}", routes).source.id for url in (
        "site.example/a", "www.site.example/north/b", "www.site.example/northern", "other.example/c")}  # fmt: skip
    assert list(chosen.values()) == ["all", "north", "all", "web-archive"]


def test_a_damaged_archive_is_a_problem_of_its_own(
    sqlite: Database, pages: list[Captured], registry: Registry, settings: Settings, tmp_path: Path
) -> None:
    paths = spread(pages, tmp_path, files=2)
    paths[0].write_bytes(paths[0].read_bytes()[:-500])
    summary = read(
        sqlite, [*jobs_of(paths, registry, settings), *jobs_of([tmp_path / "none.warc"], registry, settings)]
    )
    assert summary.parts == 1
    assert [problem.split(": ")[0] for problem in summary.problems] == [str(paths[0]), str(tmp_path / "none.warc")]
    with sqlite.read() as session:
        assert len(session.exec(select(BackfillPart)).all()) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are Unicode")
def test_an_archive_whose_name_is_not_utf8_is_a_problem_of_its_own(
    sqlite: Database, pages: list[Captured], registry: Registry, settings: Settings, tmp_path: Path
) -> None:
    named, other = spread(pages, tmp_path, files=2)
    odd = named.rename(tmp_path / os.fsdecode(b"caf\xe9.warc.gz"))
    summary = read(sqlite, jobs_of([odd, other], registry, settings))
    assert summary.parts == 1
    (problem,) = summary.problems
    assert problem == f"{tmp_path}/caf.warc.gz: its name is not UTF-8; rename it"


def test_days_begin_and_end_at_midnight_in_london() -> None:
    window = window_of_days(date(2022, 6, 1), date(2022, 12, 31), today=date(2026, 11, 20))
    assert window == Window(datetime(2022, 5, 31, 23, tzinfo=UTC), datetime(2023, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        (date(2022, 6, 2), date(2022, 6, 1), "before the first"),
        (date(1922, 6, 2), date(2022, 6, 1), "another year"),
        (date(2022, 6, 2), date(2026, 11, 21), "yet to come"),
    ],
)
def test_days_that_cannot_be_meant_are_refused(first: date, last: date, reason: str) -> None:
    with pytest.raises(BackfillError, match=reason):
        window_of_days(first, last, today=date(2026, 11, 20))


def test_what_names_no_archive_is_refused(registry: Registry, settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "of 2022" / "a.warc"
    with pytest.raises(BackfillError, match="no such file"):
        archive_files([file])
    file.parent.mkdir()
    with pytest.raises(BackfillError, match="holds no"):
        archive_files([file.parent])
    file.touch()
    for odd in ("a" * 5000, "a\0b"):  # a form lets them through
        with pytest.raises(BackfillError, match=r"there is no such file or folder"):
            archive_files([file.parent / odd])
    assert archive_files([file.parent, file]) == [file]
    for odd in ("[::1", "", "@", "https://www.example.org/", "a b"):
        with pytest.raises(BackfillError, match="is not a host; name it as"):
            archive_jobs([file], registry, settings, window=PAST, sources=[], hosts=[odd])
    with pytest.raises(BackfillError, match="name a host"):
        archive_jobs([file], registry, settings, window=PAST, sources=[])


def test_sources_that_list_only_what_is_new_are_refused_without_archives() -> None:
    check_can_be_asked([Source(id="g", url="https://g.example/s.json", kind=Kind.GOVUK)])
    with pytest.raises(BackfillError, match="newest entries"):
        check_can_be_asked([Source(id="f", url="https://f.example/feed", kind=Kind.FEED)])
