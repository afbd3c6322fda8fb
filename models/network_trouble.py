"""Telling a fault of this machine's network from faults of sources: when nothing can be read, sixty sources are not to blame."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.entries import Fetched, Reply
from models.outcomes import PollOutcome

LEAST_SOURCES = 2  # one source that does not answer tells nothing of the others
LEAST_ANSWERS = 5  # so many sites that all answer something else at once have something before them
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
