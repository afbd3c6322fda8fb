"""Keeping what a run found: articles folded into stories, states of sources and hosts, the log of requests."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from sqlmodel import Session

from flows.collecting.batch import Batch
from flows.collecting.listings import ListingResult, PollListing
from flows.collecting.source_polls import Poll
from flows.fetching.client import HostFacts
from models.admission import ReadEntry, address_of, cleaned, outcome_of_page
from models.copies import fingerprint
from models.entries import Reply
from models.outcomes import Outcome, PollOutcome, TextStatus
from models.page_identity import is_unrelated, site_of, without_headline
from models.polling import max_age, new_entries, next_poll
from models.sources import Registry
from models.store import collecting as queries
from models.store import story_leads
from models.store.collecting import Row
from models.store.database import Database
from models.store.locks import lock_writers
from models.store.tables import Article, HostState, SourceState, Story
from models.stories import STORY_DAYS, Report, StoryIndex
from models.text_safety import MAX_DETAIL, storable, validator


class ArticleWriter:
    """Stores the results of one run, a batch in a transaction."""

    def __init__(self, database: Database, run_id: int | None, now: datetime) -> None:
        """`run_id`: of the run whose requests are logged; None where none are made."""
        self._database = database
        self._run_id = run_id
        self._now = now
        self._session: Session | None = None
        self._batch: Batch | None = None  # while a batch is stored
        self._index: StoryIndex | None = None

    @contextmanager
    def _write(self) -> Iterator[Session]:
        with self._database.write() as session:
            lock_writers("collect", session=session)
            yield session

    def store(self, read: Sequence[ReadEntry]) -> list[Outcome]:
        """Store a batch; the final outcome of each entry, in order."""
        addresses = {address_of(entry) for entry in read}
        again = {entry.candidate.article_id for entry in read if entry.candidate.article_id is not None}
        past = any(entry.candidate.seen_at is not None for entry in read)
        with self._write() as session, self._batch_of(session, addresses, again, len(read), past=past) as batch:
            found = map(cleaned, read)
            outcomes = [batch.add(entry if past else self._without_furniture(entry)) for entry in found]
            sent = [entry for entry in read if entry.reply is not None and entry.reply.requests]
            queries.add_events([self._page_event(entry) for entry in sent], session=session)
        return outcomes

    def store_poll(self, poll: Poll, registry: Registry, *, oldest: datetime) -> ListingResult:
        """Store all that a source listed, in one transaction with what is remembered of the source."""
        addresses = {entry.url for entry in poll.entries}
        with self._write() as session:
            stored = queries.stored_at(addresses, session=session)
            with_text = {stored[entry.url].id for entry in poll.entries if entry.text and entry.url in stored}
            with self._batch_of(session, addresses, with_text, len(poll.entries)) as batch:
                listing = PollListing(poll, registry, batch, stored, now=self._now, oldest=oldest)
                result = listing.store()
            queries.add_events(self._poll_events(poll), session=session)
            session.merge(self._state(poll, result.outcomes))
        return result

    @contextmanager
    def _batch_of(
        self, session: Session, addresses: Collection[str], again: Collection[int], size: int, *, past: bool = False
    ) -> Iterator[Batch]:
        """A batch of at most `size` new articles, stored at the end; those of the past are folded into no story yet."""
        self._session = session
        try:
            stored = queries.article_ids_of(addresses, session=session)
            self._batch = batch = Batch(
                StoryIndex(self._texts_of) if past else self._stories(),
                self._now,
                stored=stored,
                earlier=queries.articles_by_id({*again, *(stored.values() if again or past else ())}, session=session),
                article_ids=iter(queries.reserve_ids(Article, size, session=session)),
                story_ids=iter(queries.reserve_ids(Story, size, session=session)),
            )
            yield batch
            queries.store_rows(batch.rows, session=session)
            story_leads.move_articles(batch.rows.moves, session=session)
            story_leads.settle_stories(batch.rows.unsettled, session=session)
        finally:
            self._session = self._batch = None

    def _stories(self) -> StoryIndex:
        if self._index is None:
            self._index = StoryIndex(self._texts_of, days=STORY_DAYS)
            with self._database.read() as session:
                since = self._now - timedelta(days=STORY_DAYS)
                for row in queries.recent_articles(since, session=session):
                    self._index.add(Report(*row[:-1], site=site_of(row.url)))
        return self._index

    def _without_furniture(self, read: ReadEntry) -> ReadEntry:
        """The entry without a text that its site has on other pages as well, as earlier runs saw."""
        page, entry = read.page, read.candidate.entry
        if page is None or not page.text or read.reply is None:
            return read
        title = entry.title or page.title
        sketch = fingerprint(page.text) if is_unrelated(title, without_headline(page.text, title)) else None
        own, site = read.candidate.article_id, site_of(entry.url)
        if sketch is None or not self._stories().is_furniture(sketch, page.text, title, site, self._now, own):
            return read
        bare = replace(page, text="", text_status=TextStatus.HEADLINE)
        return replace(read, page=bare, outcome=outcome_of_page(bare))

    def _texts_of(self, article_ids: Sequence[int]) -> Mapping[int, str]:
        assert self._session is not None  # the index asks only while a batch is stored
        texts = self._batch.texts if self._batch is not None else {}
        stored = [number for number in article_ids if number not in texts]
        return {**queries.article_texts(stored, session=self._session), **texts} if stored else texts

    def save_poll(self, poll: Poll) -> None:
        """Log the requests of a poll."""
        with self._write() as session:
            queries.add_events(self._poll_events(poll), session=session)

    def save_state(self, poll: Poll, outcomes: Counter[Outcome]) -> None:
        """Remember a source for its next poll, by what became of its entries in the end."""
        with self._write() as session:
            session.merge(self._state(poll, outcomes))

    def _state(self, poll: Poll, outcomes: Counter[Outcome]) -> SourceState:
        previous = poll.previous
        failed = poll.outcome.is_failure
        unasked = poll.outcome is PollOutcome.DEFERRED  # what failed before still does, for all we know
        failures = (previous.failures if previous else 0) + failed if failed or unasked else 0
        new = new_entries(outcomes)
        first = poll.replies[0] if poll.replies else None
        last_new_at = self._now if new else (previous.last_new_at if previous else None)
        planned = next_poll(
            kind=poll.source.kind,
            now=self._now,
            outcome=poll.outcome,
            interval_seconds=previous.interval_seconds if previous else 0,
            failures=failures,
            new_entries=new,
            last_new_at=last_new_at,
            ttl_seconds=poll.ttl_seconds,
            max_age_seconds=max_age(first.headers, self._now) if first else None,
            retry_after=first.retry_after if first else None,
        )
        held = previous if (poll.outcome is PollOutcome.NOT_MODIFIED or unasked) and previous is not None else poll
        before = previous if failed or unasked else None  # of whose failing it is the same one
        failing_since = before.failing_since if before else None
        return SourceState(
            source=poll.source.id,
            url=poll.source.url,
            etag=None if failed else validator(held.etag),
            last_modified=None if failed else validator(held.last_modified),
            next_poll_at=planned.at,
            interval_seconds=planned.interval_seconds,
            failures=failures,
            failing_since=failing_since or self._now if failed else failing_since,
            failure_told_at=before.failure_told_at if before else None,
            last_outcome=poll.outcome,
            last_detail=storable(poll.detail, MAX_DETAIL) or None,
            last_polled_at=self._now,
            last_success_at=(previous.last_success_at if previous else None) if failed or unasked else self._now,
            last_new_at=last_new_at,
        )

    def save_hosts(self, hosts: Mapping[str, HostFacts], blocked_until: Mapping[str, datetime]) -> None:
        """Remember robots.txt files, and which hosts asked to be left alone."""
        with self._write() as session:
            for host in {*hosts, *blocked_until}:
                facts = hosts.get(host, HostFacts())
                session.merge(
                    HostState(
                        host=host,
                        robots=storable(facts.robots) if facts.robots else facts.robots,
                        robots_status=facts.robots_status,
                        robots_fetched_at=facts.robots_fetched_at,
                        retry_after=facts.retry_after,
                        blocked_until=blocked_until.get(host),
                    )
                )

    def save_requests(self, replies: Iterable[Reply]) -> None:
        """Log the requests for robots.txt files."""
        with self._write() as session:
            queries.add_events(
                (self._event("", "robots", reply, reply.outcome, reply.detail) for reply in replies), session=session
            )

    def _poll_events(self, poll: Poll) -> Iterator[Row]:
        for number, reply in enumerate(poll.replies):
            url = reply.url if number else poll.shown_url
            yield self._event(poll.source.id, "source", reply, poll.outcome, poll.detail, url=url)

    def _page_event(self, read: ReadEntry) -> Row:
        assert read.reply is not None
        return self._event(read.candidate.source.id, "page", read.reply, read.outcome, read.detail)

    def _event(self, source: str, kind: str, reply: Reply, outcome: str, detail: str, *, url: str = "") -> Row:
        return {
            "run_id": self._run_id,
            "source": source,
            "kind": kind,
            "url": storable(url or reply.url),
            "started_at": reply.started_at,
            "status": reply.status,
            "bytes": reply.transferred,
            "seconds": round(reply.seconds, 3),
            "outcome": outcome,
            "detail": storable(detail, MAX_DETAIL),
        }
