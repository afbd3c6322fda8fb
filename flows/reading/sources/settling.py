"""What one listing says of its entries, settled together: dates that are read alike, addresses that tell entries apart."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from models.date_lists import settle_dates
from models.dates import Reading
from models.entries import Entry
from models.page_identity import alike
from models.urls import with_fragment

_COMPARED = 50  # with so many of the same page an entry is compared; it bounds a hostile listing
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
        known: list[tuple[Listed, str]] = []
        addresses: dict[int, str] = {}
        for place in oldest_first:
            one = listed[place]
            address = next((given for other, given in known[-_COMPARED:] if _is_same(one, other)), None)
            if address is None:
                address = with_fragment(url, one.fragment or one.guid or one.entry.title) if known else url
                known.append((one, address))
            addresses[place] = address
        for place, address in addresses.items():
            entries[place] = replace(entries[place], url=address, shares_page=len(known) > 1)
    return entries


def _is_same(one: Listed, other: Listed) -> bool:
    """Whether two listings of one address are of one entry."""
    if one.guid and one.guid == other.guid:
        return True
    return one.fragment == other.fragment and alike(one.entry.title, other.entry.title)
