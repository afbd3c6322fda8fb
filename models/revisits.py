"""Which pages are visited again, and when: pages that are owed, and pages that may have changed since they were read.

A page is owed from the run that stored its listing until it is read, refused, or given up after a stated number of
tries and days. A story that may be in the coming edition, a live page, and one that so far holds but an opening, is
looked at again for corrections and the rest.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from models.outcomes import Outcome

# The pauses after the first, second, … failed try: the next run first, then ever rarer, daily at the end. Eight tries take
# six days and a half, so that a site which is down over a bank-holiday weekend is read when it is back.
RETRY_HOURS = (1, 4, 12, 24)
MAX_TRIES = 8
MAX_DAYS = 7  # for which a page that was tried is owed: after a week its story is no news
MAX_DAYS_UNTRIED = 14  # the same where it was never its turn: the monitor's window
BLOCKED_HOURS = 24  # for which a site that refuses us is left alone

RECHECK_DAYS = 7  # after it was first seen: an edition tells of a week
RECHECK_HOURS = 20  # between two looks at one story: at most once a day
RECHECKS_PER_RUN = 20  # a page that did not change costs 5 ms; so a run with nothing new stays under a second
LIVE_HOURS = 2  # between two looks at a live page
LIVE_DAYS = 1  # for which it is live
OPENING_WORDS = 300  # a shorter text that is new may be the opening of a report that is still being written
OPENING_HOURS = (2, 6)  # after it was first seen, at which such a page is looked at again
_LIVE_TITLE = re.compile(r"^[Ll]ive\b|\bLIVE\b|\b[Ll]ive (?:updates?|blog|coverage|reporting)\b", re.ASCII)
_LIVE_PATH = re.compile(r"/live(?:[/-]|$)|[/-]live-?(?:updates?|blog|coverage|reporting)\b")


@dataclass(frozen=True, slots=True)
class PageDebt:
    """What is still due to an article: the columns `page_owed_since`, `page_due_at` and `page_given_up`."""

    owed_since: datetime | None = None
    due_at: datetime | None = None
    given_up: str | None = None


def after_visit(
    outcome: Outcome,
    *,
    owed_since: datetime,
    tries: int,
    now: datetime,
    retry_after: datetime | None = None,
    detail: str = "",
) -> PageDebt:
    """What is due after a run took up an owed page.

    Args:
        tries: requests for it so far, this run's included.
        retry_after: until when its host asked to be left alone.
    """
    if outcome is Outcome.REFUSED:
        return PageDebt(given_up=detail or outcome.meaning)
    if outcome is Outcome.HEADLINE:  # nobody may read it (any more): `detail` says why, where it was once to be read
        return PageDebt(given_up=detail or None)
    if not outcome.leaves_page_owed:
        return PageDebt()
    limit = timedelta(days=MAX_DAYS if tries else MAX_DAYS_UNTRIED)
    if tries >= MAX_TRIES or now - owed_since >= limit:
        words = (
            f"given up after {tries} {'try' if tries == 1 else 'tries'} in {(now - owed_since).days} days; the last:"
        )
        return PageDebt(given_up=f"{words} {outcome} {detail}".rstrip())
    if outcome is Outcome.DEFERRED:
        due_at = now
    elif outcome is Outcome.BLOCKED:
        due_at = now + timedelta(hours=BLOCKED_HOURS)
    else:
        due_at = now + timedelta(hours=RETRY_HOURS[min(max(tries, 1), len(RETRY_HOURS)) - 1])
    return PageDebt(owed_since, max(due_at, retry_after) if retry_after is not None else due_at)


def next_look(
    title: str,
    url: str,
    *,
    says_live: bool,
    first_seen_at: datetime,
    now: datetime,
    published_at: datetime | None = None,
    words: int | None = None,
) -> datetime | None:
    """When a page that was read is to be looked at again whatever it tells of; None where it is neither live nor an opening.

    Args:
        says_live: whether the page says of itself that it is a live blog that goes on.
        words: of its text, where all of it is public; None for a page that can't be an opening.
    """
    if now - first_seen_at >= timedelta(days=LIVE_DAYS):
        return None
    if says_live or _LIVE_TITLE.search(title) or _LIVE_PATH.search(urlsplit(url).path.lower()):
        return now + timedelta(hours=LIVE_HOURS)
    if words is None or words >= OPENING_WORDS or (published_at and now - published_at >= timedelta(days=LIVE_DAYS)):
        return None
    looks = (first_seen_at + timedelta(hours=hours) for hours in OPENING_HOURS)
    return next((look for look in looks if look > now), None)


def may_look_again(*, first_seen_at: datetime, checked_at: datetime, now: datetime) -> bool:
    """Whether a page is read again because its listing gives it a newer date.

    The first time at once, then each time after as long as it had been known when it was last read: a site that
    calls all its pages updated, always, has each of them read a few times in a week, not at every poll.
    """
    return now - first_seen_at < timedelta(days=RECHECK_DAYS) and now - checked_at >= checked_at - first_seen_at
