"""Reading one web archive file into the database: the unit of work that a backfill hands to threads, processes or Dask.

A job is small, can be pickled, and can be run twice: pages are stored by address, so a job whose worker was killed
is simply given to another one.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from flows.history import Found, PartResult, Period, published_at, store
from flows.web.page_reader import read_page
from flows.web.warc_reader import ArchiveDamaged, Capture, Wanted, captures, site_of
from models.admission import Candidate, ReadEntry, outcome_of_page
from models.entries import Entry
from models.kinds import Kind
from models.outcomes import Outcome
from models.rights import DEFAULT_RIGHTS, Rights
from models.settings import load_settings
from models.sources import Registry, Source
from models.store import history as queries
from models.store.database import Database, open_database
from models.urls import host_of
from models.weeks import utc_now

PAGES_A_BATCH = 50  # one transaction
BYTES_A_BATCH = 16 * 1024 * 1024  # of pages that wait to be read; bounds memory where pages are large
WEB_ARCHIVE = "web-archive"  # the source of articles from hosts that the registry does not name
# Sources of these kinds stand at the address of the site whose articles they list.
_OWN_SITE = frozenset({Kind.FEED, Kind.SITEMAP, Kind.GOVUK})
_STORED = frozenset({Outcome.NEW, Outcome.TEASER, Outcome.PAYWALLED})


@dataclass(frozen=True, slots=True)
class Route:
    """Which source the pages of a host belong to."""

    host: str  # as `site_of` names it
    folder: str  # of the source's address; where sources share a host, the longest that fits decides
    source: Source
    rights: Rights


@dataclass(frozen=True, slots=True)
class ArchiveJob:
    """One archive to read, and for whom."""

    path: Path
    period: Period
    routes: tuple[Route, ...]
    data: Path  # folder of the database, unless the environment names a server

    @property
    def part(self) -> str:
        """Names the job among the finished ones: the same file with the same filter, wherever it is mounted."""
        asked = [f"{self.period.since:%Y-%m-%d %H:%M} {self.period.until:%Y-%m-%d %H:%M}"]
        asked += sorted(f"{route.host}{route.folder} {route.source.id}" for route in self.routes)
        digest = hashlib.sha256("\n".join(asked).encode()).hexdigest()[:12]
        return f"archive {self.path.name} {self.path.stat().st_size} {digest}"


def routes_of(registry: Registry, chosen: Sequence[Source], hosts: Iterable[str] = ()) -> tuple[Route, ...]:
    """The routes of those `chosen` sources whose pages may be read, and of further `hosts`."""
    routes = [
        Route(site_of(host_of(source.url)), _folder(source.url), source, registry.rights_of(source.id))
        for source in chosen
        if source.kind in _OWN_SITE and registry.rights_of(source.id).fetch_pages
    ]
    for host in hosts:
        source = Source(id=WEB_ARCHIVE, url=f"https://{host}/", name=host)
        routes.append(Route(site_of(host.lower()), "/", source, registry.rights[DEFAULT_RIGHTS]))
    return tuple(routes)


def read_archive(job: ArchiveJob) -> PartResult:
    """Read one archive into the database that this machine's settings name. Expected problems are in the result."""
    settings = load_settings(data=job.data)
    with open_database(settings.database_address) as database:
        return read_into(database, job)


def read_into(database: Database, job: ArchiveJob) -> PartResult:
    """Read one archive into `database`."""
    try:
        part = job.part
    except OSError as error:
        return PartResult(job.path.name, problem=f"{job.path}: can't be read ({error.strerror})")
    with database.read() as session:
        if queries.is_finished(part, session=session):
            return PartResult(job.path.name, was_finished=True)
    outcomes: Counter[str] = Counter()
    wanted = Wanted(frozenset(route.host for route in job.routes), job.period.since, job.period.until)
    read = stored = 0
    try:
        for batch in _batches(captures(job.path, wanted, outcomes)):
            read += len(batch)
            found = _read_batch(database, batch, job, outcomes)
            stored += store(database, found)
    except ArchiveDamaged as error:
        return PartResult(job.path.name, read, stored, dict(outcomes), problem=str(error))
    with database.write() as session:
        queries.finish_part(part, utc_now(), read=read, stored=stored, outcomes=outcomes, session=session)
    return PartResult(job.path.name, read, stored, dict(outcomes))


def _batches(pages: Iterable[Capture]) -> Iterator[list[Capture]]:
    batch: list[Capture] = []
    size = 0
    for page in pages:
        batch.append(page)
        size += len(page.body)
        if len(batch) == PAGES_A_BATCH or size >= BYTES_A_BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _read_batch(database: Database, batch: Sequence[Capture], job: ArchiveJob, outcomes: Counter[str]) -> list[Found]:
    """Extract what is not stored yet."""
    with database.read() as session:
        held = queries.held({capture.url for capture in batch}, session=session)
    found = []
    for capture in batch:
        known = held.get(capture.url)
        if known is not None and known <= capture.captured_at:
            outcomes[Outcome.KNOWN] += 1
            continue
        one = _read_capture(capture, job.routes)
        moment = published_at(one) or one.seen_at
        outcome = Outcome.TOO_OLD if not job.period.holds(moment) else one.read.outcome
        outcomes[outcome] += 1
        if outcome in _STORED:
            found.append(one)
    return found


def _read_capture(capture: Capture, routes: Sequence[Route]) -> Found:
    page = read_page(capture.body, url=capture.url, content_type=capture.content_type)
    route = _route(capture.url, routes)
    candidate = Candidate(route.source, route.rights, Entry(url=capture.url, title=page.title))
    return Found(ReadEntry(candidate, outcome_of_page(page), page=page), capture.captured_at)


def _route(url: str, routes: Sequence[Route]) -> Route:
    host, path = site_of(host_of(url)), urlsplit(url).path
    ours = [route for route in routes if route.host == host]
    fitting = [route for route in ours if path.startswith(route.folder)]
    return max(fitting, key=lambda r: len(r.folder)) if fitting else min(ours, key=lambda r: len(r.folder))


def _folder(url: str) -> str:
    """The folder of a feed's address: "/london/" for `/london/feed/`."""
    parts = [part for part in urlsplit(url).path.split("/") if part]
    return "/".join(["", *parts[:-1], ""]) if len(parts) > 1 else "/"
