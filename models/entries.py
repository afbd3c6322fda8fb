"""What the web hands to the monitor, as plain values: an entry of a source, a page, a reply to a request.

When nothing can be read, sixty sources are not to blame: what tells a fault of this machine's network stands here too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from models.outcomes import PollOutcome, TextStatus

MAX_PAGE_BYTES = 3 * 1024 * 1024  # ample for news: the longest real pages measured are under 2 MB

LEAST_SOURCES = 2  # one source that does not answer tells nothing of the others
LEAST_ANSWERS = 5  # so many sites that all answer something else at once have something before them


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


_FROM_ROBOTS = {Fetched.DISALLOWED, Fetched.NO_ROBOTS}  # without a status of their own


@dataclass(frozen=True, slots=True)
class Asked:
    """How one source answered a request: `answered` says whether a server was reached, whatever it said."""

    outcome: PollOutcome
    answered: bool


def is_answered(replies: Sequence[Reply]) -> bool:
    """Whether a server was reached by any of these requests."""
    return any(reply.status is not None or reply.outcome in _FROM_ROBOTS for reply in replies)


def network_trouble(asked: Sequence[Asked]) -> str:
    """One line on what keeps this machine from the web; empty where any source could be read, or where sources are to blame.

    Args:
        asked: the sources that a request was made to; those that wait for a host's Retry-After or lack a key are none.
    """
    if len(asked) < LEAST_SOURCES or not all(one.outcome.is_failure for one in asked):
        return ""
    if not any(one.answered for one in asked):
        return (
            f"None of the {len(asked)} sources could be reached: this machine seems to be offline, or a proxy or firewall "
            "lets nothing through. Check its network (and CULTURE_PROXY), then run this again."
        )
    if len(asked) >= LEAST_ANSWERS:
        return (
            f"None of the {len(asked)} sources could be read, though something answered: a proxy, a firewall or the login "
            "page of a network may stand between. Check this machine's network (and CULTURE_PROXY), then run this again."
        )
    return ""
