"""What can become of an entry: exactly one of these is recorded for every entry that enters a run."""

from enum import StrEnum


class Outcome(StrEnum):
    """The end of one entry in a run. The texts are what the summary and flows/README.md say."""

    NEW = "new"
    KNOWN = "known"
    UPDATED = "updated"
    COPY = "copy"
    TOO_OLD = "too-old"
    HEADLINE = "headline"
    TEASER = "teaser"
    PAYWALLED = "paywalled"
    NO_TEXT = "no-text"
    OTHER_LANGUAGE = "other-language"
    DISALLOWED = "disallowed"
    BLOCKED = "blocked"
    GONE = "gone"
    NOT_HTML = "not-html"
    TOO_LARGE = "too-large"
    REFUSED = "refused"
    FAILED = "failed"
    INVALID = "invalid"
    DEFERRED = "deferred"

    @property
    def meaning(self) -> str:
        """One line for people."""
        return _MEANINGS[self]

    @property
    def is_new_entry(self) -> bool:
        """Whether the source listed something new, whatever could be had of it: for polling and for telling silence."""
        return self not in _NOTHING_NEW

    @property
    def leaves_page_owed(self) -> bool:
        """Whether a later run asks for the page once more."""
        return self in _OWED


class PollOutcome(StrEnum):
    """The end of one request to a source (its feed, sitemap or API)."""

    ENTRIES = "entries"
    NOT_MODIFIED = "not-modified"
    EMPTY = "empty"
    NOT_A_FEED = "not-a-feed"
    DISALLOWED = "disallowed"
    BLOCKED = "blocked"
    GONE = "gone"
    TOO_LARGE = "too-large"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    DEFERRED = "deferred"
    FAILED = "failed"

    @property
    def is_failure(self) -> bool:
        """Whether the source could not be seen this time."""
        return self not in {
            PollOutcome.ENTRIES,
            PollOutcome.NOT_MODIFIED,
            PollOutcome.EMPTY,
            PollOutcome.DEFERRED,
        }

    @property
    def what_to_do(self) -> str:
        """What a person can do about a failure, in one line; "{id}" is the source's."""
        return _WHAT_TO_DO.get(self, "")


class TextStatus(StrEnum):
    """How much of an article the monitor has; kept with the article and said in the digest."""

    FULL = "full"
    TEASER = "teaser"
    PAYWALLED = "paywalled"
    HEADLINE = "headline"
    FAILED = "failed"


_LOOK_FOR_IT = "culture-monitor sources check {id} --write looks for its new address, and switches it off"
_SWITCH_OFF = "ask the site's owner to let the monitor in, or switch the source off"
_WAIT = "nothing yet: it is tried again by itself, ever less often"
_WHAT_TO_DO = {
    PollOutcome.GONE: _LOOK_FOR_IT,
    PollOutcome.NOT_A_FEED: _LOOK_FOR_IT,
    PollOutcome.BLOCKED: _SWITCH_OFF,
    PollOutcome.DISALLOWED: _SWITCH_OFF,
    PollOutcome.TOO_LARGE: "name a smaller feed of the site, or switch the source off",
    PollOutcome.REFUSED: "correct its address or its key",
    PollOutcome.UNREACHABLE: _WAIT,
    PollOutcome.FAILED: _WAIT,
}
_NOTHING_NEW = frozenset({Outcome.KNOWN, Outcome.TOO_OLD, Outcome.INVALID, Outcome.REFUSED})
_OWED = frozenset({Outcome.DEFERRED, Outcome.FAILED, Outcome.BLOCKED})
_MEANINGS = {
    Outcome.NEW: "read, stored, the first report of its story",
    Outcome.KNOWN: "already stored by an earlier run, or listed twice",
    Outcome.UPDATED: "stored already; its headline or text has changed since, or this listing is the page's own outlet",
    Outcome.COPY: "stored as a copy of a story that another outlet had first",
    Outcome.TOO_OLD: "published before the monitor's window, not fetched",
    Outcome.HEADLINE: "stored on headline and summary alone: the source's rights class lets no page be fetched",
    Outcome.TEASER: "only the opening of the page is public; stored on that, headline and summary",
    Outcome.PAYWALLED: "the page says that it is for subscribers; stored on headline and summary",
    Outcome.NO_TEXT: "the page holds no article text; stored on headline and summary",
    Outcome.OTHER_LANGUAGE: "not in English; stored and flagged, never tagged",
    Outcome.DISALLOWED: "robots.txt or a text-mining reservation forbids the page; stored on headline and summary",
    Outcome.BLOCKED: "the site answered 401, 403, 429 or a block page; stored on headline and summary, page owed",
    Outcome.GONE: "the page answered 404 or 410; stored on headline and summary",
    Outcome.NOT_HTML: "the link leads to a PDF, picture or other file; stored on headline and summary",
    Outcome.TOO_LARGE: "the page is over the size limit; stored on headline and summary",
    Outcome.REFUSED: "the link leads to a private address or is not http(s); never fetched",
    Outcome.FAILED: "time-out, server error or broken page; stored on headline and summary, page owed",
    Outcome.INVALID: "the entry has no usable link and title; counted, not stored",
    Outcome.DEFERRED: "page not asked for yet (a run's limits, Retry-After, robots.txt fails, five failures); stored, page owed",
}
