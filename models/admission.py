"""Which entries of a source are read, and what is kept of those that can't be: pure decisions, one outcome each."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from models.entries import Entry, Fetched, Page, Reply
from models.outcomes import Outcome, PollOutcome, TextStatus
from models.rights import Rights
from models.sources import Source
from models.text_safety import MAX_NAME, MAX_SUMMARY, MAX_TEXT, MAX_TITLE, plain_line, plain_lines, searchable

ENGLISH = "en"

_OUTCOME_OF_FETCH = {
    Fetched.DISALLOWED: Outcome.DISALLOWED,
    Fetched.BLOCKED: Outcome.BLOCKED,
    Fetched.GONE: Outcome.GONE,
    Fetched.TOO_LARGE: Outcome.TOO_LARGE,
    Fetched.REFUSED: Outcome.REFUSED,
    Fetched.UNREACHABLE: Outcome.FAILED,
    Fetched.DEFERRED: Outcome.DEFERRED,
    Fetched.NO_ROBOTS: Outcome.DEFERRED,
    Fetched.FAILED: Outcome.FAILED,
    Fetched.NOT_MODIFIED: Outcome.FAILED,  # a page that was never read is not asked for conditionally: a broken answer
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
    Fetched.NO_ROBOTS: PollOutcome.FAILED,  # nobody said when to come back: the source can't be seen
    Fetched.FAILED: PollOutcome.FAILED,
}
_OUTCOME_OF_TEXT = {
    TextStatus.FULL: Outcome.NEW,
    TextStatus.TEASER: Outcome.TEASER,
    TextStatus.PAYWALLED: Outcome.PAYWALLED,
    TextStatus.HEADLINE: Outcome.NO_TEXT,
    TextStatus.FAILED: Outcome.FAILED,
}


class Listed(StrEnum):
    """What a listing's entry is to what is stored."""

    NEW = "new"
    TOO_OLD = "too-old"
    KNOWN = "known"
    CHANGED = "changed"  # its source says something else of it now
    OWN = "own"  # another site named the page first; this is the page's own outlet
    FULLER = "fuller"  # another source named it first, of whose entries no page is read; of this one's it is


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that is to be stored: its page is read where the rights class allows it."""

    source: Source
    rights: Rights
    entry: Entry
    article_id: int | None = None  # that the entry is stored as
    attempts: int = 0  # made in earlier runs
    recheck: bool = False  # its page was read before: has it changed?
    etag: str | None = None  # of the page as it was read
    sha256: str | None = None
    seen_at: datetime | None = (
        None  # of the past alone: when it was captured or published, which a run of its day had seen
    )


@dataclass(frozen=True, slots=True)
class ReadEntry:
    """An entry with what could be had of it."""

    candidate: Candidate
    outcome: Outcome  # NEW may still become COPY or KNOWN when it is stored
    page: Page | None = None
    reply: Reply | None = None
    detail: str = ""
    sha256: str | None = None  # of the page as it was sent
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known of the article at an entry's address."""

    id: int
    source: str
    title: str
    summary: str
    listed_title: str | None
    listed_digest: str | None
    attempts: int
    first_seen_at: datetime
    owed_since: datetime | None
    checked_at: datetime | None  # when its page was last read
    given_up: str | None
    has_text: bool
    outcome: str
    text_status: str

    @property
    def is_headline_only(self) -> bool:
        """Whether no page of it was ever to be read: its source's rights class lets none be fetched."""
        never = self.owed_since is None and self.checked_at is None and self.given_up is None
        unread = self.outcome in {Outcome.HEADLINE, Outcome.COPY} and self.text_status == TextStatus.HEADLINE
        return never and unread and not self.has_text


def listed_as(
    entry: Entry,
    source: Source,
    stored: Stored | None,
    *,
    first_source: Source | None,
    may_read: bool,
    oldest: datetime,
) -> Listed:
    """What an entry of `source` is to what is stored at its address.

    Another site's word about a page counts less than that of the page's own outlet, and an entry of which no page may be
    read (a search service's) less than one of which it may.

    Args:
        first_source: the source of the stored article, where the registry still has it.
        oldest: what was published before is not taken up.
        may_read: whether there is a text or a page to be had of this entry.
    """
    if stored is None:
        old = entry.published_at is not None and entry.published_at < oldest
        return Listed.TOO_OLD if old else Listed.NEW
    if stored.source == source.id:
        return Listed.CHANGED if says_another(entry, stored) else Listed.KNOWN
    if source.speaks_for(entry.url) and not (first_source is not None and first_source.speaks_for(entry.url)):
        return Listed.OWN
    return Listed.FULLER if may_read and stored.is_headline_only else Listed.KNOWN


def says_another(entry: Entry, stored: Stored) -> bool:
    """Whether a source's listing says something else of an entry than it did when it was kept last, if it was kept."""
    # A version that did not keep when an entry was updated made the digest without that.
    return stored.listed_digest not in {None, digest_of(entry), digest_of(replace(entry, updated_at=None))}


def digest_of(entry: Entry) -> str:
    """Tells whether a listing says the same of an entry as it did."""
    moment = entry.published_at.isoformat() if entry.published_at is not None else ""
    said = "\x1f".join([entry.title, entry.summary, moment, entry.text or ""])
    if entry.updated_at is not None:
        said += f"\x1f{entry.updated_at}"
    return sha256(said.encode("utf-8", "replace")).hexdigest()[:16]


def headline(listed: str, page: str, *, own_listing: bool) -> str:
    """The headline that stands: of two words of the outlet itself its listing's; over another site's word the page's."""
    return (listed or page) if own_listing else (page or listed)


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


def cleaned_entry(entry: Entry) -> Entry:
    """What a listing says, made harmless."""
    return replace(
        entry,
        title=plain_line(entry.title, MAX_TITLE),
        summary=searchable(plain_line(entry.summary, MAX_SUMMARY), MAX_SUMMARY),
        author=plain_line(entry.author or "", MAX_NAME) or None,
        outlet=plain_line(entry.outlet, MAX_NAME),
    )


def cleaned(read: ReadEntry) -> ReadEntry:
    """The entry with every text of it made harmless, as it is stored; here and above text from outside comes in."""
    entry, page = cleaned_entry(read.candidate.entry), read.page
    if page is not None:
        page = replace(
            page,
            text=searchable(plain_lines(page.text), MAX_TEXT),
            title=plain_line(page.title, MAX_TITLE),
            author=plain_line(page.author or "", MAX_NAME) or None,
        )
    return replace(read, candidate=replace(read.candidate, entry=entry), page=page)


def is_same_text(cleaned_text: str, stored: str | None) -> bool:
    """Whether a page says what is stored of it, which an earlier version may not have cleaned as it is now."""
    return cleaned_text == searchable(stored or "", MAX_TEXT)


def outcome_of_fetch(reply: Reply) -> Outcome | None:
    """The outcome of an entry whose page could not be had; None where it was."""
    return None if reply.outcome is Fetched.OK else _OUTCOME_OF_FETCH[reply.outcome]


def outcome_of_poll(reply: Reply, *, entries: int, problem: str = "") -> PollOutcome:
    """The outcome of a request to a source; `entries` that it lists, further parts of the listing among them."""
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


def address_of(read: ReadEntry) -> str:
    """The address that an article is stored under: the canonical one where its page names one."""
    page = read.page
    return page.canonical_url if page is not None and page.canonical_url else read.candidate.entry.url
