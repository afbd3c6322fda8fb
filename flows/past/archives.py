"""Reading one web archive file into the database: the unit of work that a backfill hands to threads, processes or Dask.

A job is small, can be pickled, and can be run twice: pages are stored by address, so a job whose worker was killed
is simply given to another one.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from flows.collecting.article_writer import ArticleWriter
from flows.past.parts import PartResult, finish, finished_before, store
from flows.reading.page import read_page
from flows.reading.page_dates import choose_published
from flows.reading.sources import Window
from flows.reading.warc import ArchiveDamaged, Capture, Wanted, captures, site_of
from models.admission import Candidate, ReadEntry, outcome_of_page
from models.entries import Entry
from models.outcomes import Outcome
from models.rights import DEFAULT_RIGHTS, Rights
from models.settings import load_settings
from models.sources import Registry, Source
from models.store import backfill as queries
from models.store.database import Database, open_database
from models.text_safety import storable
from models.urls import host_of
from models.weeks import utc_now

logger = logging.getLogger(__name__)

PAGES_A_BATCH = 50  # one transaction
BYTES_A_BATCH = 16 * 1024 * 1024  # of pages that wait to be read; bounds memory where pages are large
WEB_ARCHIVE = "web-archive"  # the source of articles from hosts that the registry does not name
# Sources of these kinds stand at the address of the site whose articles they list.
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
    window: Window
    routes: tuple[Route, ...]
    data: Path  # folder of the database, unless the environment names a server

    @property
    def part(self) -> str:
        """Names the job among the finished ones: the same file with the same filter, wherever it is mounted."""
        asked = [f"{self.window.since:%Y-%m-%d %H:%M} {self.window.until:%Y-%m-%d %H:%M}"]
        asked += sorted(f"{route.host}{route.folder} {route.source.id}" for route in self.routes)
        digest = hashlib.sha256("\n".join(asked).encode()).hexdigest()[:12]
        return f"archive {self.path.name} {self.path.stat().st_size} {digest}"


def routes_of(registry: Registry, chosen: Sequence[Source], hosts: Iterable[str] = ()) -> tuple[Route, ...]:
    """The routes of those `chosen` sources whose pages may be read, and of further `hosts`."""
    routes = [
        Route(site_of(host_of(source.url)), _folder(source.url), source, registry.rights_of(source.id))
        for source in chosen
        if source.kind.traits.own_site and registry.rights_of(source.id).fetch_pages
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
    name = str(job.path)
    if storable(name) != name:  # bytes that are no text: neither a database nor a server takes them
        return PartResult(storable(job.path.name), problem=f"{storable(name)}: its name is not UTF-8; rename it")
    try:
        part = job.part
    except OSError as error:
        return PartResult(job.path.name, problem=f"{job.path}: can't be read ({error.strerror})")
    if (done := finished_before(database, part, job.path.name)) is not None:
        return done
    outcomes: Counter[str] = Counter()
    now = utc_now()
    writer = ArticleWriter(database, None, now)
    read = stored = 0
    problem = ""
    try:
        wanted = Wanted(frozenset(route.host for route in job.routes), job.window)
        for batch in _batches(captures(job.path, wanted, outcomes)):
            read += len(batch)
            stored += store(writer, _read_batch(database, batch, job, outcomes), outcomes)
    except ArchiveDamaged as error:
        problem = str(error)
    return finish(database, part, PartResult(job.path.name, read, stored, dict(outcomes), problem), now)


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


def _read_batch(
    database: Database, batch: Sequence[Capture], job: ArchiveJob, outcomes: Counter[str]
) -> list[ReadEntry]:
    """What is to be stored, in the order of capture; of the rest, the outcomes are counted."""
    with database.read() as session:
        held = queries.held({capture.url for capture in batch}, session=session)
    found = []
    for capture in sorted(batch, key=lambda capture: capture.captured_at):
        known = held.get(capture.url)
        if known is not None and known <= capture.captured_at:
            outcomes[Outcome.KNOWN] += 1
            continue
        try:
            read = _read_capture(capture, job.routes)
        except Exception as error:  # noqa: BLE001 - whatever one page does to its reader, the others are read
            logger.warning("%s can't be read (%s)", capture.url, type(error).__name__)
            outcomes[Outcome.FAILED] += 1
            continue
        stated = read.page.published_at if read.page is not None else None
        moment = choose_published(stated, None, capture.captured_at) or capture.captured_at
        if not job.window.holds(moment):
            outcomes[Outcome.TOO_OLD] += 1
        elif read.outcome not in _STORED:
            outcomes[read.outcome] += 1
        else:
            found.append(read)
    return found


def _read_capture(capture: Capture, routes: Sequence[Route]) -> ReadEntry:
    page = read_page(capture.body, url=capture.url, content_type=capture.content_type)
    route = _route(capture.url, routes)
    entry = Entry(url=capture.url, title=page.title)
    candidate = Candidate(route.source, route.rights, entry, seen_at=capture.captured_at)
    return ReadEntry(candidate, outcome_of_page(page), page=page)


def _route(url: str, routes: Sequence[Route]) -> Route:
    host, path = site_of(host_of(url)), urlsplit(url).path
    ours = [route for route in routes if route.host == host]
    fitting = [route for route in ours if path.startswith(route.folder)]
    return max(fitting, key=lambda r: len(r.folder)) if fitting else min(ours, key=lambda r: len(r.folder))


def _folder(url: str) -> str:
    """The folder of a feed's address: "/london/" for `/london/feed/`."""
    parts = [part for part in urlsplit(url).path.split("/") if part]
    return "/".join(["", *parts[:-1], ""]) if len(parts) > 1 else "/"
