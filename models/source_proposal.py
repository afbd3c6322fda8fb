"""What the registry is to say of a source. Pure.

Of a new one, by its address and what it calls itself: a proposal that a person confirms. Of one that was checked: what it
answered, a new address, whether it is asked at all.
"""

import re
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit

from models.kinds import Kind
from models.opml import free_id
from models.organisations import Organisations
from models.outcomes import PollOutcome
from models.registry_file import Value
from models.sources import Registry, Source
from models.urls import host_of, normalise_url, same_outlet

# Hosts, or what they end with; the first that fits says nation, sector and rights. Councils and trusts publish under terms
# of their own, so only what is known to be under an open licence is proposed as such.
_HOSTS = (
    ("www.theguardian.com", "uk", "national", "guardian"),
    ("content.guardianapis.com", "uk", "national", "guardian"),
    ("bbci.co.uk", "uk", "national", "bbc"),
    ("bbc.co.uk", "uk", "national", "bbc"),
    ("bbc.com", "uk", "national", "bbc"),
    ("news.google.com", "uk", "health-and-care", "discovery"),
    ("gdeltproject.org", "uk", "health-and-care", "discovery"),
    ("parliament.uk", "uk", "parliament", "opl"),
    ("parliament.scot", "scotland", "parliament", "headline"),
    ("senedd.wales", "wales", "parliament", "headline"),
    ("england.nhs.uk", "england", "nhs", "ogl"),
    ("scot.nhs.uk", "scotland", "nhs", "headline"),
    ("nhs.scot", "scotland", "nhs", "headline"),
    ("wales.nhs.uk", "wales", "nhs", "headline"),
    ("nhs.wales", "wales", "nhs", "headline"),
    ("hscni.net", "northern-ireland", "nhs", "headline"),
    ("nhs.uk", "england", "nhs", "headline"),
    ("www.gov.uk", "uk", "health-and-care", "ogl"),
    ("blog.gov.uk", "uk", "health-and-care", "ogl"),
    ("health-ni.gov.uk", "northern-ireland", "health-and-care", "ogl"),
    ("northernireland.gov.uk", "northern-ireland", "health-and-care", "ogl"),
    ("gov.scot", "scotland", "health-and-care", "ogl"),
    ("gov.wales", "wales", "health-and-care", "ogl"),
    ("gov.uk", "uk", "local-government", "headline"),
    (".scot", "scotland", "health-and-care", "headline"),
    (".wales", "wales", "health-and-care", "headline"),
    (".cymru", "wales", "health-and-care", "headline"),
)
_SECTORS_OF_KINDS = {
    "regulator": "regulator",
    "ombudsman": "regulator",
    "foundation-trust": "nhs",
    "nhs-trust": "nhs",
    "mental-health-trust": "nhs",
    "ambulance-trust": "nhs",
    "icb": "nhs",
    "health-board": "nhs",
    "special-health-board": "nhs",
    "hsc-trust": "nhs",
    "care-provider": "social-care",
}
_NO_NAMES = re.compile(
    r"(?i)^(?:(?:latest|all|recent|our)\s+)?(?:news|posts|articles|blog|rss|feed|updates|home|atom|untitled)?$"
)
_TAILS = re.compile(r"(?i)\s*(?:[|»«:·–—-]\s*)?(?:(?:rss|atom)(?:\s+feed)?|feed|home ?page)\s*$")
_CARE = re.compile(r"(?i)social care|care home|homecare|home care|carers?\b")

# What asking again changes nothing of. A server that fails (5xx, too slow) is not among them: those come back.
_DEAD = frozenset(
    {
        PollOutcome.GONE,
        PollOutcome.NOT_A_FEED,
        PollOutcome.UNREACHABLE,
        PollOutcome.BLOCKED,
        PollOutcome.DISALLOWED,
    }
)
_FEED_IS_ELSEWHERE = frozenset({PollOutcome.GONE, PollOutcome.NOT_A_FEED})
_SEEN = frozenset({PollOutcome.ENTRIES, PollOutcome.EMPTY})
_BY_CHECK = "check of "  # how a reason begins that a check gave, and may take back


def kind_of(url: str) -> Kind | None:
    """The kind of an address of an API or search that has a reader of its own; None for all others."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    place = f"{(parts.hostname or '').lower()}{parts.path}"
    return next((kind for kind in Kind if place.startswith(kind.traits.addresses)), None)


def already_listed(url: str, registry: Registry) -> Source | None:
    """The source that has this address, https or not, with or without a slash at its end."""
    wanted = _plain(url)
    return next((source for source in registry.sources if _plain(source.url) == wanted), None)


def propose(
    url: str, kind: Kind, registry: Registry, organisations: Organisations, *, title: str = "", site: str = ""
) -> Source:
    """A source of a free id for the feed at `url`.

    Args:
        title: what the feed calls itself.
        site: what its site calls itself.
    """
    name = _name(title, site) or host_of(url).removeprefix("www.")
    likes = [source for source in registry.sources if same_outlet(source.url, url) and source.kind is kind]
    host = host_of(url)
    known = next((row for row in _HOSTS if host == row[0] or host.endswith(f".{row[0].lstrip('.')}")), None)
    organisation = organisations.find(name) or (organisations.find(site) if site else None)
    if likes and len({(like.nation, like.sector, like.rights) for like in likes}) == 1:  # its outlet is in the registry
        nation, sector, rights = likes[0].nation, likes[0].sector, likes[0].rights
    elif known:
        _, nation, sector, rights = known
    else:
        sector = "social-care" if _CARE.search(name) else "health-and-care"
        nation, rights = "uk", "headline"
    if organisation is not None and not likes:
        nation = organisation.nation
        sector = _SECTORS_OF_KINDS.get(organisation.kind, sector)
    taken = {source.id for source in registry.sources}
    return Source(
        id=free_id(name, url, taken), name=name, url=url, kind=kind, sector=sector, nation=nation, rights=rights
    )


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How a source answered a check."""

    outcome: PollOutcome
    entries: int
    moved_to: str  # its new address, where the server says that it moved for good
    problem: str  # one line
    comes_back: bool  # the server said when to come back


@dataclass(frozen=True, slots=True)
class SourceUpkeep:
    """The keys of a source's row that change, and what of it is worth a line to a person."""

    changes: dict[str, Value | None]
    words: str = ""


def is_dead(outcome: PollOutcome, *, comes_back: bool) -> bool:
    """Whether a source is to be switched off for such an answer."""
    return outcome in _DEAD and not comes_back


def may_be_elsewhere(outcome: PollOutcome) -> bool:
    """Whether the publisher may have the feed at another address."""
    return outcome in _FEED_IS_ELSEWHERE


def upkeep_of(source: Source, result: CheckResult, registry: Registry, today: date, *, online: bool) -> SourceUpkeep:
    """What the registry is to say of a source from now on; a choice that a person made is not touched.

    Args:
        online: whether any source answered in the same check, so that one that can't be reached is itself to blame.
    """
    changes: dict[str, Value | None] = {
        "checked_on": today,
        "checked_outcome": str(result.outcome),
        "checked_entries": result.entries,
    }
    if is_dead(result.outcome, comes_back=result.comes_back):
        if not source.enabled:
            return SourceUpkeep(changes)
        if result.outcome is PollOutcome.UNREACHABLE and not online:
            return SourceUpkeep(changes, "can't be reached, and stays on: nothing else was asked that answered")
        reason = f"{_BY_CHECK}{today}: {result.outcome}: {result.problem}".rstrip(": ")
        return _off(changes, reason)
    if result.outcome not in _SEEN:
        return SourceUpkeep(changes)
    words = []
    if result.moved_to:
        other = already_listed(result.moved_to, registry)
        if other is not None and other.id != source.id:
            if not source.enabled:
                return SourceUpkeep(changes)
            return _off(changes, f"{_BY_CHECK}{today}: has moved to the address of {other.id}")
        changes["url"] = result.moved_to
        words.append(f"has moved for good: its address is now {result.moved_to}")
    if not source.enabled and source.disabled_because.startswith(_BY_CHECK):
        changes |= {"enabled": True, "disabled_because": None}
        words.append("answers again: switched on")
    return SourceUpkeep(changes, "; ".join(words))


def _name(title: str, site: str) -> str:
    title, site = (_TAILS.sub("", " ".join(text.split())).strip(" |»–—-:") for text in (title, site))
    if not title or _NO_NAMES.match(title):
        return f"{site}: {title.lower()}" if site and title else site
    return title


def _plain(url: str) -> str:
    return (normalise_url(url) or url).partition("://")[2].rstrip("/")


def _off(changes: dict[str, Value | None], reason: str) -> SourceUpkeep:
    return SourceUpkeep(changes | {"enabled": False, "disabled_because": reason}, f"switched off ({reason})")
