"""Filling the past: what sources can still list of an earlier time, and what web archives hold of it.

Each part (some days of a source, one archive file) is remembered when all of it is stored, so a backfill that was
stopped goes on where it was. What was read is then folded into stories in the order in which it came out, and tagged.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path

from flows.past.archives import ArchiveJob, read_archive, routes_of
from flows.past.parts import PartResult, ReadSummary
from flows.past.sources import can_list_the_past, read_sources
from flows.past.task_runner import run_jobs
from flows.reading.sources import Window, key_of
from flows.running import jobs
from flows.running.steps import Report, RunStep, at_once, unreported
from models.errors import UserError
from models.folding import FoldSummary, cluster_unassigned
from models.settings import Settings
from models.sources import Registry, Source
from models.store.database import Database
from models.tagging.apply import TagSummary
from models.themes import load_framework
from models.urls import host_of
from models.weeks import LONDON

EARLIEST = date(1995, 1, 1)  # a day before it is a slip of the pen, and would be asked for week by week


@dataclass(frozen=True, slots=True)
class BackfillPlan:
    """What is to be filled: archives where there are any, else what sources can list of the window."""

    window: Window
    sources: tuple[Source, ...]
    archives: tuple[ArchiveJob, ...]


@dataclass(frozen=True, slots=True)
class BackfillSummary:
    """What a backfill did."""

    read: ReadSummary
    folded: FoldSummary
    tagged: TagSummary
    notes: tuple[str, ...] = field(default=())

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        read = self.read
        return (
            f"{read.stored:,} articles stored from {read.parts:,} parts ({read.parts_before:,} were done before, "
            f"{len(read.problems):,} have problems), {self.folded.copies:,} of them copies; {self.tagged.judged:,} stories "
            f"read, {self.tagged.in_scope:,} on {load_framework().scope}"
        )


class BackfillError(UserError, ValueError):
    """What was asked for cannot be filled; the message says why and what to do."""


def plan_backfill(
    registry: Registry,
    settings: Settings,
    *,
    first: date,
    last: date,
    today: date,
    chosen: Sequence[Source] | None = None,
    paths: Sequence[Path] = (),
    hosts: Iterable[str] = (),
) -> BackfillPlan:
    """What a person asked for, checked: days in London, chosen sources (None: all that are enabled), archive files or folders.

    Raises:
        BackfillError: it cannot be meant, or nothing could be filled by it.
        SettingsError: the key of a source can't be read outside Prefect.
    """
    window = window_of_days(first, last, today=today)
    sources = registry.enabled() if chosen is None else tuple(chosen)
    files = archive_files(paths)
    if chosen is not None and not files:
        check_can_be_asked(chosen)
    for source in () if files else sources:
        key_of(source.kind, settings)
    archives = archive_jobs(files, registry, settings, window=window, sources=sources, hosts=hosts)
    return BackfillPlan(window, sources, tuple(archives))


def window_of_days(first: date, last: date, *, today: date) -> Window:
    """From the first moment of one day in London to the last of the other.

    Raises:
        BackfillError: the days are in the wrong order, before any news on the web, or yet to come.
    """
    if last < first:
        raise BackfillError(f"the last day, {last:%Y-%m-%d}, lies before the first, {first:%Y-%m-%d}")
    if first < EARLIEST:
        raise BackfillError(f"the first day, {first:%Y-%m-%d}, lies before {EARLIEST.year}: was another year meant?")
    if last > today:
        raise BackfillError(f"the last day, {last:%Y-%m-%d}, is yet to come")
    return Window(_midnight(first), _midnight(last + timedelta(days=1)))


def archive_files(paths: Sequence[Path]) -> list[Path]:
    """The files named, and the *.warc* files of the folders named, each once and in order.

    Raises:
        BackfillError: one is not there, or holds none.
    """
    found: list[Path] = []
    for path in paths:
        if os.path.isdir(path):  # noqa: PTH112 - takes any words of a form; Path fails on very long ones
            inside = sorted(file for file in path.rglob("*.warc*") if file.is_file())
            if not inside:
                raise BackfillError(f"{path}: holds no *.warc or *.warc.gz file")
            found += inside
        elif os.path.isfile(path):  # noqa: PTH113
            found.append(path)
        else:
            raise BackfillError(f"{path}: there is no such file or folder")
    return list(dict.fromkeys(found))


def can_be_filled(registry: Registry, source: Source) -> bool:
    """Whether a source has a past to read: it lists earlier times, or web archives may hold its pages."""
    return can_list_the_past(source) or bool(routes_of(registry, [source]))


def check_can_be_asked(chosen: Sequence[Source]) -> None:
    """Refuse sources that list only their newest entries.

    Raises:
        BackfillError: names the first of them.
    """
    for one in chosen:
        if not can_list_the_past(one):
            raise BackfillError(f"{one.id} is a {one.kind}: it lists only its newest entries; give web archive files")


def archive_jobs(
    paths: Sequence[Path],
    registry: Registry,
    settings: Settings,
    *,
    window: Window,
    sources: Sequence[Source],
    hosts: Iterable[str] = (),
) -> list[ArchiveJob]:
    """One job per file: the pages of the sites of `sources` and of further `hosts`.

    Raises:
        BackfillError: there are files, and no page of theirs may be read.
    """
    routes = routes_of(registry, sources, map(_checked_host, hosts))
    if paths and not routes:
        raise BackfillError("none of these sources is a site whose pages may be read; name a host")
    data = settings.data.absolute()
    return [ArchiveJob(path.absolute(), window, routes, data) for path in paths]


def _checked_host(named: str) -> str:
    host = host_of(f"https://{named.strip()}/")
    if not host or any(letter in named for letter in "/?#@"):
        raise BackfillError(f"{named!r} is not a host; name it as www.example.org")
    return host


async def read_archives(
    archives: Sequence[ArchiveJob], settings: Settings, *, report: Report = unreported
) -> ReadSummary:
    """Read archive files on what the settings name; one that failed is a problem, and is done by the next backfill."""
    summary, ended = ReadSummary(), 0

    def add(job: ArchiveJob, result: PartResult | BaseException) -> None:
        nonlocal ended
        if isinstance(result, BaseException):
            result = PartResult(job.path.name, problem=f"{job.path}: {type(result).__name__}: {result}")
        summary.add(result)
        ended += 1
        report("archives", ended, len(archives))

    await run_jobs(read_archive, archives, settings, add)
    return summary


async def fold_copies(database: Database, *, report: Report = unreported) -> FoldSummary:
    """Fold what was read into stories, in the order in which it came out."""
    return cluster_unassigned(database, progress=partial(report, "fold"))


async def backfill(
    database: Database,
    registry: Registry,
    settings: Settings,
    plan: BackfillPlan,
    *,
    now: datetime,
    run_step: RunStep = at_once,
    report: Report = unreported,
) -> BackfillSummary:
    """The whole job: read the archives, or (without any) ask the sources; then fold and tag."""
    if plan.archives:
        done = await run_step(read_archives, plan.archives, settings, report=report)
    else:
        done = await read_sources(
            database,
            registry,
            settings,
            sources=[source for source in plan.sources if can_list_the_past(source)],
            window=plan.window,
            now=now,
            user_agent=jobs.user_agent(settings),
            run_step=run_step,
            report=report,
        )
    folded = await run_step(fold_copies, database, report=report)
    tagged, notes = await jobs.tag(database, settings, now=now, run_step=run_step, report=report)
    return BackfillSummary(done, folded, tagged, tuple(notes))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), LONDON).astimezone(UTC)
