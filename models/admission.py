"""Which entries of a source are read, and what is kept of those that can't be: pure decisions, one outcome each."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from models.entries import Entry, Fetched, Page, Reply
from models.outcomes import Outcome, PollOutcome, TextStatus
from models.rights import Rights
from models.sources import Source
from models.text_safety import MAX_NAME, MAX_SUMMARY, MAX_TITLE, plain_line, plain_lines

ENGLISH = "en"

_OUTCOME_OF_FETCH = {
    Fetched.DISALLOWED: Outcome.DISALLOWED,
    Fetched.BLOCKED: Outcome.BLOCKED,
    Fetched.GONE: Outcome.GONE,
    Fetched.TOO_LARGE: Outcome.TOO_LARGE,
    Fetched.REFUSED: Outcome.REFUSED,
    Fetched.UNREACHABLE: Outcome.FAILED,
    Fetched.DEFERRED: Outcome.DEFERRED,
    Fetched.FAILED: Outcome.FAILED,
    Fetched.NOT_MODIFIED: Outcome.FAILED,  # we never ask a page conditionally: a broken answer
}
_OUTCOME_OF_POLL = {
    Fetched.NOT_MODIFIED: PollOutcome.NOT_MODIFIED,
    Fetched.DISALLOWED: PollOutcome.DISALLOWED,
    Fetched.BLOCKED: PollOutcome.BLOCKED,
    Fetched.GONE: PollOutcome.GONE,
    Fetched.TOO_LARGE: PollOutcome.TOO_LARGE,
    Fetched.REFUSED: PollOutcome.REFUSED,
    Fetched.UNREACHABLE: PollOutcome.UNREACHABLE,
    Fetched.DEFERRED: PollOutcome.DEFERRED,
    Fetched.FAILED: PollOutcome.FAILED,
}
_OUTCOME_OF_TEXT = {
    TextStatus.FULL: Outcome.NEW,
    TextStatus.TEASER: Outcome.TEASER,
    TextStatus.PAYWALLED: Outcome.PAYWALLED,
    TextStatus.HEADLINE: Outcome.NO_TEXT,
    TextStatus.FAILED: Outcome.FAILED,
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that is to be stored: its page is read where the rights class allows it."""

    source: Source
    rights: Rights
    entry: Entry
    article_id: int | None = None  # of an article whose page failed in an earlier run
    attempts: int = 0  # made in earlier runs


@dataclass(frozen=True, slots=True)
class ReadEntry:
    """An entry with what could be had of it."""

    candidate: Candidate
    outcome: Outcome  # NEW may still become COPY or KNOWN when it is stored
    page: Page | None = None
    reply: Reply | None = None
    detail: str = ""


def admit(entry: Entry, *, known: bool, now: datetime, max_age_days: int) -> Outcome | None:
    """The outcome of an entry that needs no reading; None where it is to be read."""
    if known:
        return Outcome.KNOWN
    if entry.published_at is not None and entry.published_at < now - timedelta(days=max_age_days):
        return Outcome.TOO_OLD
    return None


def without_page(candidate: Candidate) -> ReadEntry | None:
    """The entry as it is kept where no page is fetched: the source gave its text, or lets no page be fetched."""
    entry = candidate.entry
    if entry.text:
        page = Page(text=entry.text, text_status=TextStatus.FULL, language=entry.language)
        return ReadEntry(candidate, _language_checked(page, Outcome.NEW), page=page)
    if not candidate.rights.fetch_pages:
        return ReadEntry(candidate, Outcome.HEADLINE)
    if entry.shares_page:
        return ReadEntry(candidate, Outcome.NO_TEXT, detail="other entries of its listing have the same page")
    return None


def cleaned(read: ReadEntry) -> ReadEntry:
    """The entry with every text of it made harmless, as it is stored; the one place where text from outside comes in."""
    entry, page = read.candidate.entry, read.page
    entry = replace(
        entry,
        title=plain_line(entry.title, MAX_TITLE),
        summary=plain_line(entry.summary, MAX_SUMMARY),
        author=plain_line(entry.author or "", MAX_NAME) or None,
        outlet=plain_line(entry.outlet, MAX_NAME),
    )
    if page is not None:
        page = replace(
            page,
            text=plain_lines(page.text),
            title=plain_line(page.title, MAX_TITLE),
            author=plain_line(page.author or "", MAX_NAME) or None,
        )
    return replace(read, candidate=replace(read.candidate, entry=entry), page=page)


def outcome_of_fetch(reply: Reply) -> Outcome | None:
    """The outcome of an entry whose page could not be had; None where it was."""
    return None if reply.outcome is Fetched.OK else _OUTCOME_OF_FETCH[reply.outcome]


def outcome_of_poll(reply: Reply, *, entries: int, problem: str) -> PollOutcome:
    """The outcome of a request to a source."""
    if reply.outcome is not Fetched.OK:
        return _OUTCOME_OF_POLL[reply.outcome]
    if entries:
        return PollOutcome.ENTRIES
    return PollOutcome.NOT_A_FEED if problem else PollOutcome.EMPTY


def outcome_of_page(page: Page) -> Outcome:
    """The outcome of an entry whose page was read."""
    if page.mining_reserved:
        return Outcome.DISALLOWED
    if page.gone:
        return Outcome.GONE
    return _language_checked(page, _OUTCOME_OF_TEXT[page.text_status])


def text_status_of(outcome: Outcome, page: Page | None) -> TextStatus:
    """How much of the article is kept."""
    if outcome is Outcome.FAILED:
        return TextStatus.FAILED
    if outcome is Outcome.PAYWALLED:
        return TextStatus.PAYWALLED
    if outcome in {Outcome.NEW, Outcome.TEASER, Outcome.OTHER_LANGUAGE} and page is not None:
        return page.text_status
    return TextStatus.HEADLINE


def _language_checked(page: Page, outcome: Outcome) -> Outcome:
    if page.text and page.language not in {None, ENGLISH}:
        return Outcome.OTHER_LANGUAGE
    return outcome
