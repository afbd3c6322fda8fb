"""Keeping what a run found: articles folded into stories, states of sources and hosts, the log of requests."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlmodel import Session

from flows.web.page_facts import choose_published
from flows.web.polite_client import HostFacts
from flows.web.source_polls import Poll
from models.admission import ReadEntry, cleaned, text_status_of
from models.entries import Reply
from models.outcomes import Outcome, PollOutcome, TextStatus
from models.polling import max_age, next_poll
from models.store import collecting as queries
from models.store.collecting import EventRow
from models.store.database import Database
from models.store.locks import take_turns
from models.store.tables import Article, HostState, SourceState
from models.stories import Report, StoryIndex, fingerprint
from models.text_safety import MAX_DETAIL, storable, validator

STORY_DAYS = 14  # copies of a report appear within days; a later one is a new story
# Outcomes after which nothing is stored: the next run meets the entry again.
_NOT_STORED = frozenset({Outcome.DEFERRED, Outcome.REFUSED, Outcome.INVALID})
# A first reading that may turn out to be a copy of another outlet's report.
_MAY_BE_COPY = frozenset(Outcome) - _NOT_STORED - {Outcome.OTHER_LANGUAGE, Outcome.FAILED}


class Keeper:
    """Stores the results of one run, a batch in a transaction."""

    def __init__(self, database: Database, run_id: int, now: datetime) -> None:
        self._database = database
        self._run_id = run_id
        self._now = now
        self._session: Session | None = None
        self._stored: dict[str, int] = {}  # articles by address, of those that the batch may hold again
        self._index: StoryIndex | None = None

    @contextmanager
    def _write(self) -> Iterator[Session]:
        with self._database.write() as session:
            take_turns("collect", session=session)
            yield session

    def store(self, read: Sequence[ReadEntry]) -> list[Outcome]:
        """Store a batch; the final outcome of each entry, in order."""
        with self._write() as session:
            self._session = session
            try:
                index = self._stories()
                self._stored = queries.article_ids_of({_address(entry) for entry in read}, session=session)
                outcomes = [self._store_one(cleaned(entry), index, session) for entry in read]
                sent = [entry for entry in read if entry.reply is not None and entry.reply.requests]
                queries.add_events([self._page_event(entry) for entry in sent], session=session)
            finally:
                self._session = None
        return outcomes

    def _store_one(self, read: ReadEntry, index: StoryIndex, session: Session) -> Outcome:
        if read.outcome in _NOT_STORED:
            return read.outcome
        article = self._article(read, session)
        if article.id is None and (existing := self._stored.get(article.url)) is not None:
            # Another entry, or another process, brought the same page under its canonical address.
            queries.add_alias(read.candidate.entry.url, existing, session=session)
            return Outcome.KNOWN
        outcome = read.outcome
        seen_at = article.published_at or article.first_seen_at
        if outcome in _MAY_BE_COPY and article.story_id is None:
            match = index.find(
                fingerprint=article.fingerprint,
                text=article.text,
                title=article.title,
                outlet=article.outlet,
                seen_at=seen_at,
            )
            if match is not None:
                article.story_id, outcome = match.story_id, Outcome.COPY
        article.outcome = outcome
        queries.add_article(article, session=session)
        assert article.id is not None
        assert article.story_id is not None
        self._stored[article.url] = article.id
        if article.url != read.candidate.entry.url:
            queries.add_alias(read.candidate.entry.url, article.id, session=session)
        if outcome is Outcome.COPY:
            queries.count_outlets({article.story_id}, session=session)
        index.add(Report(article.id, article.story_id, article.outlet, article.title, seen_at, article.fingerprint))
        return outcome

    def _article(self, read: ReadEntry, session: Session) -> Article:
        """The row as it is to be stored: a new one, or that of an earlier attempt."""
        candidate, page = read.candidate, read.page
        entry = candidate.entry
        earlier = session.get(Article, candidate.article_id) if candidate.article_id is not None else None
        status = text_status_of(read.outcome, page)
        keeps_text = page is not None and status in {TextStatus.FULL, TextStatus.TEASER}
        text = page.text if page is not None and keeps_text else None
        article = earlier or Article(
            url=_address(read),
            source=candidate.source.id,
            first_seen_at=self._now,
            text_status=status,
            outcome=read.outcome,
        )
        article.outlet = entry.outlet or candidate.source.label
        article.title = entry.title or (page.title if page is not None else "")
        article.summary = entry.summary
        article.author = (page.author if page is not None else None) or entry.author
        article.published_at = choose_published(
            page.published_at if page is not None else None, entry.published_at, self._now
        )
        article.language = (page.language if page is not None else None) or entry.language
        article.text = text
        article.text_status = status
        article.words = len(text.split()) if text else 0
        article.paywalled = entry.paywalled or status is TextStatus.PAYWALLED
        article.attempts = candidate.attempts + (read.reply is not None)
        article.fingerprint = fingerprint(text) if text and status is TextStatus.FULL else None
        return article

    def _stories(self) -> StoryIndex:
        if self._index is None:
            self._index = StoryIndex(self._text_of, days=STORY_DAYS)
            with self._database.read() as session:
                since = self._now - timedelta(days=STORY_DAYS)
                for row in queries.recent_articles(since, session=session):
                    self._index.add(Report(*row))
        return self._index

    def _text_of(self, article_id: int) -> str | None:
        assert self._session is not None  # the index asks only while a batch is stored
        return queries.article_text(article_id, session=self._session) or None

    def save_poll(self, poll: Poll) -> None:
        """Log the requests of a poll."""
        with self._write() as session:
            queries.add_events(
                (
                    self._event(
                        poll.source.id,
                        "source",
                        reply,
                        poll.outcome,
                        poll.detail,
                        url=poll.shown_url if first else reply.url,
                    )
                    for first, reply in zip([True, *[False] * len(poll.replies)], poll.replies, strict=False)
                ),
                session=session,
            )

    def save_state(self, poll: Poll, outcomes: Counter[Outcome]) -> None:
        """Remember a source for its next poll; called when all its entries are stored."""
        previous = poll.previous
        failed = poll.outcome.is_failure
        failures = (previous.failures if previous else 0) + 1 if failed else 0
        new = outcomes[Outcome.NEW] + outcomes[Outcome.COPY] + outcomes[Outcome.HEADLINE] + outcomes[Outcome.TEASER]
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
        complete = not failed and not outcomes[Outcome.DEFERRED]
        not_modified = poll.outcome is PollOutcome.NOT_MODIFIED and previous is not None
        state = SourceState(
            source=poll.source.id,
            url=poll.source.url,
            etag=validator(previous.etag if not_modified and previous else poll.etag) if complete else None,
            last_modified=validator(previous.last_modified if not_modified and previous else poll.last_modified)
            if complete
            else None,
            next_poll_at=planned.at,
            interval_seconds=planned.interval_seconds,
            failures=failures,
            failing_since=((previous.failing_since if previous else None) or self._now) if failed else None,
            last_outcome=poll.outcome,
            last_detail=storable(poll.detail, MAX_DETAIL) or None,
            last_polled_at=self._now,
            last_success_at=(previous.last_success_at if previous else None) if failed else self._now,
            last_new_at=last_new_at,
        )
        with self._write() as session:
            session.merge(state)

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

    def _page_event(self, read: ReadEntry) -> EventRow:
        assert read.reply is not None
        return self._event(read.candidate.source.id, "page", read.reply, read.outcome, read.detail)

    def _event(self, source: str, kind: str, reply: Reply, outcome: str, detail: str, *, url: str = "") -> EventRow:
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


def _address(read: ReadEntry) -> str:
    """The address that an article is stored under: the canonical one where its page names one."""
    page = read.page
    return page.canonical_url if page is not None and page.canonical_url else read.candidate.entry.url
