"""What a collecting run asks and in which order: the sources that are due, pages that failed before, hosts in turn. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from models.admission import Candidate, ReadEntry
from models.entries import Entry
from models.outcomes import Outcome, TextStatus
from models.revisits import next_look
from models.rights import Rights
from models.sources import Source
from models.store.tables import Article, SourceState
from models.urls import host_of

_ALL_TO_SEE = frozenset({Outcome.NEW, Outcome.NO_TEXT})  # outcomes of a page of which no part is closed


def is_due(source: Source, state: SourceState | None, now: datetime) -> bool:
    """Whether a source is to be polled now."""
    if state is None or state.url != source.url or state.next_poll_at is None or state.next_poll_at <= now:
        return True
    # Polled in what is the future now: the clock was wrong then, and so is everything that was planned by it.
    return state.last_polled_at is not None and state.last_polled_at > now


def longest_due_first(due: Sequence[Source], states: Mapping[str, SourceState]) -> list[Source]:
    """The sources in the order in which they are asked: where a run's time does not do for all, no one is left out each time."""

    def due_since(source: Source) -> datetime:
        state = states.get(source.id)
        return (state.next_poll_at if state else None) or datetime.min.replace(tzinfo=UTC)

    return sorted(due, key=due_since)


def entry_of(article: Article) -> Entry:
    """The entry by which an article was once listed."""
    return Entry(
        url=article.url,
        title=article.title,
        summary=article.summary,
        published_at=article.published_at,
        author=article.author,
        outlet=article.outlet,
        language=article.language,
        paywalled=article.paywalled,
    )


def visit_again(article: Article, source: Source | None, rights: Rights, *, recheck: bool = False) -> Candidate:
    """The candidate by which a stored article's page is visited; `source` None where the registry has it no more."""
    return Candidate(
        source or Source(id=article.source, url=article.url, name=article.outlet),
        rights,
        entry_of(article),
        article_id=article.id,
        attempts=article.attempts,
        recheck=recheck,
        etag=article.page_etag if recheck else None,
        sha256=article.page_sha256 if recheck else None,
    )


def look_again_at(read: ReadEntry, earlier: Article | None, now: datetime) -> datetime | None:
    """When a page that was just read, or looked at, is to be looked at again whatever it tells of.

    Args:
        earlier: the article as it is stored; None where it is not yet.
    """
    entry, page = read.candidate.entry, read.page
    if page is not None:
        words = len(page.text.split()) if read.outcome in _ALL_TO_SEE else None
    else:  # it has not changed
        words = earlier.words if earlier is not None and earlier.text_status == TextStatus.FULL else None
    return next_look(
        entry.title,
        entry.url,
        says_live=page is not None and page.live,
        first_seen_at=earlier.first_seen_at if earlier is not None else read.candidate.seen_at or now,
        now=now,
        published_at=entry.published_at or (page.published_at if page is not None else None),
        words=words,
    )


def round_robin(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates with the hosts taking turns, so that every batch keeps many hosts busy."""
    by_host: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        by_host[host_of(candidate.entry.url)].append(candidate)
    longest = max(map(len, by_host.values()), default=0)
    return [queue[turn] for turn in range(longest) for queue in by_host.values() if turn < len(queue)]
