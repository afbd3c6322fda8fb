"""Visiting the pages of entries: fetch politely, read in a worker, one outcome for each, whatever comes back.

A page alone does not tell that its text is a notice of the site, or that its canonical link is that of another page,
which the template or a cache put there. Its neighbours do: so every entry is met before any page is read, and a page
whose text has nothing to do with its headline waits for the others of its host before it is believed.
"""

import asyncio
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from flows.collecting.source_polls import TIME_WAS_UP
from flows.fetching.client import PoliteClient
from flows.reading.page import is_html
from flows.reading.sources import RequestSpec, has_page_api, page_request, read_entry_page
from flows.reading.workers import WorkerError, Workers
from models.admission import Candidate, ReadEntry, outcome_of_fetch, outcome_of_page, without_page
from models.copies import is_copy
from models.entries import Entry, Fetched, Page, Reply
from models.outcomes import Outcome, TextStatus
from models.page_identity import alike, is_unrelated, tells_of, without_headline
from models.revisits import BLOCKED_HOURS
from models.store.tables import Article
from models.text_safety import validator
from models.urls import host_of

READ_SECONDS = 15.0  # for one page; an ordinary one takes 0.05 s, the worst real ones 4 s
BLOCKED_AFTER = 2  # refusals in a row: one page alone may be for members only
GIVE_UP_AFTER = 5  # failures in a row: the rest of a source's pages on that host waits for the next run
# Pages that are fetched and not read yet: enough that no reader waits, few enough that a run's memory does not grow with it.
UNREAD_AT_ONCE = 32
STANDS_IN = "answered 200 with a few words that are not about the headline"
Place = tuple[str, str]  # source id, host
_SILENT = frozenset({Fetched.FAILED, Fetched.UNREACHABLE})


class PageVisits:
    """Reads the pages of one run; remembers which hosts refuse or fail."""

    def __init__(
        self,
        client: PoliteClient,
        workers: Workers,
        *,
        now: datetime,
        blocked_until: dict[str, datetime],
        until: float | None = None,
    ) -> None:
        """`until`: the moment by the event loop's clock from which on pages are left for the next run."""
        self._until = until
        self._client = client
        self._workers = workers
        self._now = now
        self._known_blocked = dict(blocked_until)  # by earlier runs
        self.blocked_until = dict(blocked_until)  # to remember for later ones
        # In a row, by source and host: one source's trouble must not silence another on the same host within a run.
        self._refusals: Counter[Place] = Counter()
        self._failures: Counter[Place] = Counter()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._neighbours = Neighbours()
        self._room = asyncio.Semaphore(UNREAD_AT_ONCE)

    async def read(self, candidate: Candidate) -> ReadEntry:
        """Everything that may be had of an entry."""
        kept = without_page(candidate)
        if kept is not None:
            return kept
        if not candidate.recheck:  # what is stored of an earlier run is compared when the page is stored
            self._neighbours.meet(candidate.entry)
        try:
            async with asyncio.timeout_at(self._until):
                return await self._read(candidate)
        except TimeoutError:
            return ReadEntry(candidate, Outcome.DEFERRED, detail=TIME_WAS_UP)

    async def _read(self, candidate: Candidate) -> ReadEntry:
        request = page_request(candidate.source, candidate.entry.url)
        host = host_of(request.url)
        self._neighbours.begin(host)
        try:
            read = await self._visit(candidate, request, host)
        finally:
            self._neighbours.end(host)
        if read.page is None:
            return read
        page = await self._neighbours.settle(candidate.entry, read.page, host)
        return read if page is read.page else replace(read, page=page, outcome=outcome_of_page(page))

    async def _visit(self, candidate: Candidate, request: RequestSpec, host: str) -> ReadEntry:
        # The client lets one request at a time to a host; waiting here for our turn lets each page know how the last went.
        async with self._turns[host]:
            left_alone = self._left_alone(candidate, host)
            if left_alone is not None:
                return left_alone
            reply = await self._client.get(
                request.url,
                etag=candidate.etag,
                max_bytes=request.max_bytes,
                accept=request.accept,
                for_mining=True,
            )
            self._note(candidate, host, reply)
            await self._room.acquire()  # before the host's next page is fetched
        try:
            return await self._judge(candidate, reply)
        finally:
            self._room.release()

    async def _judge(self, candidate: Candidate, reply: Reply) -> ReadEntry:
        """What is to be had of an entry whose page was asked for."""
        etag, digest = reply.headers.get("etag"), sha256(reply.body).hexdigest() if reply.body else None
        refused = outcome_of_fetch(reply)
        unchanged = reply.outcome is Fetched.NOT_MODIFIED or (refused is None and digest == candidate.sha256)
        if candidate.recheck and unchanged:
            return ReadEntry(candidate, Outcome.KNOWN, reply=_light(reply))
        if refused is not None:
            return ReadEntry(candidate, refused, reply=_light(reply), detail=reply.detail)
        content_type = reply.headers.get("content-type", "")
        if not has_page_api(candidate.source.kind) and not is_html(content_type, reply.body):
            return ReadEntry(candidate, Outcome.NOT_HTML, reply=_light(reply), detail=content_type)
        page = await self._read_page(candidate, reply, content_type)
        if page is None:
            return ReadEntry(
                candidate,
                Outcome.FAILED,
                reply=_light(reply),
                detail=f"reading took over {READ_SECONDS:.0f} s or failed",
            )
        if (
            page.bare
            and page.text
            and not page.gone
            and not tells_of(candidate.entry.title, f"{page.title} {page.text}")
        ):
            return ReadEntry(candidate, Outcome.BLOCKED, reply=_light(reply), detail=STANDS_IN)
        return ReadEntry(
            candidate, outcome_of_page(page), page=page, reply=_light(reply), sha256=digest, etag=validator(etag)
        )

    async def _read_page(self, candidate: Candidate, reply: Reply, content_type: str) -> Page | None:
        kind, url = candidate.source.kind, reply.final_url or reply.url
        try:
            return await self._workers.call(
                read_entry_page, kind, reply.body, url, content_type, timeout_seconds=READ_SECONDS
            )
        except WorkerError:
            return None

    def _left_alone(self, candidate: Candidate, host: str) -> ReadEntry | None:
        place = (candidate.source.id, host)
        if self._refusals[place] >= BLOCKED_AFTER or self._known_blocked.get(host, self._now) > self._now:
            return ReadEntry(candidate, Outcome.BLOCKED, detail="the site refused us within the last day")
        if self._failures[place] >= GIVE_UP_AFTER:
            return ReadEntry(candidate, Outcome.DEFERRED, detail=f"{GIVE_UP_AFTER} pages in a row failed")
        return None

    def _note(self, candidate: Candidate, host: str, reply: Reply) -> None:
        place = (candidate.source.id, host)
        refused = reply.outcome is Fetched.BLOCKED and reply.retry_after is None
        self._refusals[place] = self._refusals[place] + 1 if refused else 0
        if self._refusals[place] >= BLOCKED_AFTER:
            self.blocked_until[host] = self._now + timedelta(hours=BLOCKED_HOURS)
        self._failures[place] = self._failures[place] + 1 if reply.outcome in _SILENT else 0


class Neighbours:
    """The pages of one run. `meet` every entry at once, then `begin`, `settle` and `end` for each page that is read."""

    def __init__(self) -> None:
        self._titles: dict[str, str] = {}  # of entries and pages, by address
        self._claims: dict[str, str] = {}  # who first gave an address as its own: the headline
        self._texts: defaultdict[int, set[tuple[str, str]]] = defaultdict(set)  # addresses and headlines, by text
        self._busy: Counter[str] = Counter()
        self._idle: dict[str, asyncio.Event] = {}

    def meet(self, entry: Entry) -> None:
        """An entry that is about to be read."""
        self._titles.setdefault(entry.url, entry.title)

    def begin(self, host: str) -> None:
        """A page of the host is being read."""
        self._busy[host] += 1

    def end(self, host: str) -> None:
        """It has been read, or not."""
        self._busy[host] -= 1
        if not self._busy[host]:
            del self._busy[host]
            self._idle.pop(host, asyncio.Event()).set()

    async def settle(self, entry: Entry, page: Page, host: str) -> Page:
        """The page without an address that is another page's, and without a text that is the site's."""
        page = self._addressed(entry, page)
        text = without_headline(page.text, page.title, entry.title)
        if not text or not is_unrelated(entry.title, text):
            return page
        self._texts[hash(text)].add((entry.url, entry.title))
        while host in self._busy:
            await self._idle.setdefault(host, asyncio.Event()).wait()
        if self._is_repeated(text):
            return replace(page, text="", text_status=TextStatus.HEADLINE, gone=False)
        return page

    def _addressed(self, entry: Entry, page: Page) -> Page:
        canonical = page.canonical_url
        if canonical is None or canonical == entry.url:
            return page
        headline = entry.title or page.title
        other = self._titles.get(canonical) or self._claims.get(canonical)
        if "#" in entry.url or (other and headline and not alike(headline, other)):
            return replace(page, canonical_url=None)
        self._claims.setdefault(canonical, headline)
        return page

    def _is_repeated(self, text: str) -> bool:
        """Whether other addresses with other headlines gave the same text."""
        places = self._texts[hash(text)]
        titles = [title for _, title in places]
        return len(places) > 1 and any(not alike(titles[0], title) for title in titles[1:])


def claims_anothers(read: ReadEntry, stored: Article) -> bool:
    """Whether a page gives as its own the address of an article of an earlier run that is plainly another report."""
    entry, page = read.candidate.entry, read.page
    if page is None or page.canonical_url in {None, entry.url} or stored.id == read.candidate.article_id:
        return False
    title = entry.title or page.title if stored.text else page.title
    return not alike(title, stored.title) and not (page.text and stored.text and is_copy(page.text, stored.text))


def _light(reply: Reply) -> Reply:
    """The reply without its body: what is kept must not hold every page of a run in memory."""
    return Reply(
        url=reply.url,
        outcome=reply.outcome,
        started_at=reply.started_at,
        seconds=reply.seconds,
        status=reply.status,
        final_url=reply.final_url,
        transferred=reply.transferred,
        detail=reply.detail,
        retry_after=reply.retry_after,
        requests=reply.requests,
    )
