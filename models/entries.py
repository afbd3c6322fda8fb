"""What the web hands to the monitor, as plain values: an entry of a source, a page, a reply to a request."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from models.outcomes import TextStatus

MAX_PAGE_BYTES = 3 * 1024 * 1024  # ample for news: the longest real pages measured are under 2 MB


@dataclass(frozen=True, slots=True)
class Entry:
    """One item that a source lists. Only the link and the title are needed; nothing here is trusted to be clean."""

    url: str  # absolute, normalised by `models.urls.normalise_url`
    title: str  # plain text
    summary: str = ""  # plain text
    published_at: datetime | None = None  # aware
    author: str | None = None
    outlet: str = ""  # who published it, where the source is a search service
    language: str | None = None
    text: str | None = None  # full text, where the source's API delivers it: no page is fetched then
    paywalled: bool = False
    updated_at: datetime | None = None  # aware; when its listing says that it was last changed
    shares_page: bool = False  # with other entries of its listing: the text of the page is not its own


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says of itself, read from its HTML."""

    text: str  # clean text, paragraphs apart by a newline; empty where there is none
    text_status: TextStatus  # FULL, TEASER, PAYWALLED; HEADLINE where no text was found
    title: str = ""
    author: str | None = None
    published_at: datetime | None = None  # aware
    date_guessed: bool = False  # whether that may be another date: of a change, or of another article
    language: str | None = None  # ISO 639-1, as told from the text
    site_name: str | None = None
    canonical_url: str | None = None  # normalised, on the same site
    mining_reserved: bool = False  # a tdm-reservation meta tag
    gone: bool = False  # says "not found" though its status was 200
    bare: bool = (
        False  # a few words, and no sign of an article: perhaps what stands there while the site is not to be had
    )
    live: bool = False  # a live blog that goes on: its text will grow


class Fetched(StrEnum):
    """How a request ended."""

    OK = "ok"
    NOT_MODIFIED = "not-modified"
    DISALLOWED = "disallowed"  # robots.txt, or a tdm-reservation header
    NO_ROBOTS = "no-robots"  # robots.txt answers 5xx or 429: nothing may be fetched for now (RFC 9309, 2.3.1.4)
    BLOCKED = "blocked"  # 401, 403, 429, 451 or a block page
    GONE = "gone"  # 404, 410
    TOO_LARGE = "too-large"
    REFUSED = "refused"  # a private address, not http(s), a malformed address
    UNREACHABLE = "unreachable"  # DNS, connection refused, no route, TLS
    DEFERRED = "deferred"  # the host asked to be left alone until later
    FAILED = "failed"  # time-out, 5xx, broken transfer, too many redirects


@dataclass(frozen=True, slots=True)
class Reply:
    """The end of one request; never an exception."""

    url: str  # that was asked for, without credentials
    outcome: Fetched
    started_at: datetime
    seconds: float
    status: int | None = None
    final_url: str = ""  # after redirects
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = b""  # decompressed, within the limit
    transferred: int = 0  # bytes
    detail: str = ""  # one line for people
    retry_after: datetime | None = None
    requests: int = 1  # that were sent (none where robots.txt or a refusal stopped it)
    moved_to: str = ""  # where the address has moved for good, as the server says

    @property
    def notice(self) -> str:
        """One line for people on an answer that was had, but not as it should be; "" where all is well."""
        return f"has moved for good to {self.moved_to}" if self.moved_to else ""
