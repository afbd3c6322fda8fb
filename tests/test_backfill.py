"""A backfill: the past of sources and archives, each once, the same whatever read it and however often it stopped."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlmodel import select

from flows import archives, history
from flows.archives import ArchiveJob, read_archive, read_into, routes_of
from flows.backfilling import archive_jobs, read_archives, sum_up
from flows.history import Period, ReadSummary
from flows.task_runner import fan_out, prefect_runner
from models.folding import fold_waiting
from models.outcomes import Outcome
from models.settings import Settings, SettingsError, load_settings
from models.sources import Registry, Source, load_registry
from models.store.database import Database, open_database
from models.store.tables import Article, ArticleAlias, BackfillPart, Story
from tests.archives import Captured, article_html, demo_captures, demo_registry, write_archive

THEN = datetime(2022, 9, 1, 9, 0, tzinfo=UTC)
PAST = Period(THEN - timedelta(days=80), THEN)
Row = tuple[Any, ...]


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


def spread(pages: Sequence[Captured], folder: Path, files: int = 4) -> list[Path]:
    """The pages over several archives, as a crawler's machines would have kept them."""
    return [write_archive(folder / f"{n}.warc.gz", pages[n::files]) for n in range(files)]


def jobs_of(paths: Sequence[Path], registry: Registry, settings: Settings, period: Period = PAST) -> list[ArchiveJob]:
    return archive_jobs(paths, registry, settings, period=period, sources=registry.enabled())


def read(database: Database, jobs: Sequence[ArchiveJob]) -> ReadSummary:
    summary = sum_up(jobs, lambda some: ((job, read_into(database, job)) for job in some))
    fold_waiting(database)
    return summary


def rows(database: Database) -> list[Row]:
    """All that a backfill stored, without the numbers of rows, which depend on the order."""
    with database.read() as session:
        articles = {article.id: article for article in session.exec(select(Article))}
        stories = {story.id: story for story in session.exec(select(Story))}
        aliases = sorted((a.url, articles[a.article_id].url) for a in session.exec(select(ArticleAlias)))
    found: list[Row] = []
    for article in articles.values():
        story = stories[article.story_id]
        facts = article.model_dump(exclude={"id", "story_id"})
        found.append(
            (
                article.url,
                *sorted(facts.items()),
                story.outlets,
                story.first_seen_at,
                articles[story.lead_article_id].url,
            )
        )
    return [*sorted(found, key=lambda row: row[0]), *aliases]


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


def test_read_again_an_archive_adds_nothing_and_is_not_even_opened(
    database: Database, pages: list[Captured], registry: Registry, settings: Settings, tmp_path: Path
) -> None:
    jobs = jobs_of(spread(pages, tmp_path), registry, settings)
    read(database, jobs)
    before = rows(database)
    again = read(database, jobs)
    assert (again.parts, again.parts_before, again.read) == (0, 4, 0)
    assert rows(database) == before


def test_another_filter_reads_the_same_file_again_and_stores_only_what_is_new(
    sqlite: Database, pages: list[Captured], registry: Registry, settings: Settings, tmp_path: Path
) -> None:
    paths = spread(pages, tmp_path, files=1)
    half = Period(PAST.since, THEN - timedelta(days=30))
    first = read(sqlite, jobs_of(paths, registry, settings, half))
    rest = read(sqlite, jobs_of(paths, registry, settings))
    assert 0 < first.stored < rest.read
    assert rest.outcomes[Outcome.KNOWN] >= first.stored
    with open_database(f"sqlite:///{tmp_path / 'other.db'}") as other:
        read(other, jobs_of(paths, registry, settings))
        assert rows(sqlite) == rows(other)


def test_the_rows_are_the_same_in_whichever_order_the_files_are_read(
    sqlite: Database, pages: list[Captured], registry: Registry, settings: Settings, tmp_path: Path
) -> None:
    jobs = jobs_of(spread(pages, tmp_path), registry, settings)
    read(sqlite, jobs)
    for seed in range(2):
        with open_database(f"sqlite:///{tmp_path / str(seed)}.db") as other:
            read(other, Random(seed).sample(jobs, len(jobs)))
            assert rows(other) == rows(sqlite)


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
    calls = 0

    def killed(*arguments: Any) -> int:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return history.store(*arguments)

    monkeypatch.setattr(archives, "store", killed)
    with pytest.raises(KeyboardInterrupt):
        read(database, jobs)
    with database.read() as session:
        assert 0 < len(session.exec(select(Article)).all()) <= 20
    summary = read(database, jobs)
    assert summary.outcomes[Outcome.KNOWN] == 20
    with open_database(f"sqlite:///{tmp_path / 'whole.db'}") as whole:
        read(whole, jobs)
        assert rows(whole) == rows(database)


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
    fold_waiting(database)
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


@pytest.mark.parametrize("engine", ["threads", "processes", "dask"])
def test_the_rows_are_the_same_whatever_the_engine(
    pages: list[Captured], registry: Registry, tmp_path: Path, engine: str
) -> None:
    if engine == "dask":
        pytest.importorskip("distributed", reason="pip install 'nhs-culture-monitor[dask]'")
    paths = spread(pages[:40], tmp_path, files=3)
    settings = load_settings(data=tmp_path / "data", task_runner=engine, workers=2)
    jobs = jobs_of(paths, registry, settings)
    summary = read_archives(jobs, settings)
    assert summary.parts == 3, summary.problems
    with (
        open_database(settings.database_address) as database,
        open_database(f"sqlite:///{tmp_path / 'plain.db'}") as plain,
    ):
        fold_waiting(database)
        read(plain, jobs)
        assert rows(database) == rows(plain)


def _die_once(marker: Path) -> str:
    if not marker.exists():
        marker.touch()
        os._exit(1)
    return marker.name


def test_a_job_whose_process_dies_is_done_by_another(tmp_path: Path) -> None:
    settings = load_settings(task_runner="processes", workers=1)
    done = dict(fan_out(_die_once, [tmp_path / "a", tmp_path / "b"], settings))
    assert {marker.name: result for marker, result in done.items()} == {"a": "a", "b": "b"}


def test_workers_of_other_machines_need_a_database_server(tmp_path: Path) -> None:
    settings = load_settings(task_runner="dask", dask_address="tcp://scheduler.example:8786", data=tmp_path)
    with pytest.raises(SettingsError, match="CULTURE_DATABASE_URL"):
        list(fan_out(read_archive, [], settings))
    with pytest.raises(SettingsError, match="CULTURE_DATABASE_URL"):
        prefect_runner(settings)


@pytest.mark.parametrize(
    ("engine", "runner"), [("threads", "ThreadPool"), ("processes", "ProcessPool"), ("dask", "Dask")]
)
def test_the_flow_runs_on_the_same_engine(engine: str, runner: str) -> None:
    if engine == "dask":
        pytest.importorskip("prefect_dask", reason="pip install 'nhs-culture-monitor[dask]'")
    assert type(prefect_runner(load_settings(task_runner=engine))).__name__.startswith(runner)
