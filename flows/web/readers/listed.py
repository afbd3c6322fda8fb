"""What one listing says of its entries, settled together: dates that are read alike, addresses that tell entries apart."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from models.dates import Reading, settle_dates
from models.entries import Entry
from models.urls import with_fragment

_OLDEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry before its date and address are settled."""

    entry: Entry
    dates: tuple[Reading, ...] = ()  # ways to read its date
    fragment: str = ""  # of its link
    guid: str = ""  # its own identifier in the listing


def settled(listed: Sequence[Listed], now: datetime) -> tuple[Entry, ...]:
    """The entries in their order; `now` is when the listing was fetched."""
    dates = settle_dates([one.dates for one in listed], now)
    dated = [replace(one, entry=replace(one.entry, published_at=date)) for one, date in zip(listed, dates, strict=True)]
    return tuple(_told_apart(dated))


def _told_apart(listed: Sequence[Listed]) -> list[Entry]:
    """Entries of one page that are not one entry: each but the oldest gets a fragment of its own.

    The oldest keeps the page's address, so that an entry which is listed alone by now is known by it, whichever of
    them it was.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(listed):
        places[one.entry.url].append(place)
    entries = [one.entry for one in listed]
    for url, sharing in places.items():
        if len(sharing) == 1:
            continue
        # Newest first is the custom: of entries without a date the last is the oldest.
        oldest_first = sorted(sharing, key=lambda place: (entries[place].published_at or _OLDEST, -place))
        seen: dict[tuple[str, str], str] = {}
        for place in oldest_first:
            one = listed[place]
            address = _known(one, seen)
            if address is None:
                address = url if not seen else with_fragment(url, one.fragment or one.guid or one.entry.title)
                _remember(one, address, seen)
            entries[place] = replace(one.entry, url=address)
    return entries


def _names(one: Listed) -> list[tuple[str, str]]:
    """By what another listing of the same entry is known."""
    names = [("guid", one.guid)] if one.guid else []
    if not one.guid and not one.fragment:
        names.append(("title", one.entry.title))
    elif one.fragment and not one.guid:
        names.append(("fragment", one.fragment))
    return [*names, ("same", f"{one.fragment}\n{one.entry.title}")]


def _known(one: Listed, seen: dict[tuple[str, str], str]) -> str | None:
    return next((seen[name] for name in _names(one) if name in seen), None)


def _remember(one: Listed, address: str, seen: dict[tuple[str, str], str]) -> None:
    for name in _names(one):
        seen.setdefault(name, address)
