"""GDELT DOC 2.0, for discovery alone: titles, outlets and links of the world's news that match a query."""

from typing import TYPE_CHECKING, Any

from flows.fetching.decoding import load_json
from flows.reading.sources.json_feed import items_of, text_of
from flows.reading.sources.listing import (
    ACCEPT_JSON,
    MAX_TITLE,
    Listing,
    RequestSpec,
    Window,
    parameter,
    plain,
    whole,
    with_parameters,
)
from models.dates import parse_date
from models.entries import Entry, Reply
from models.urls import normalise_url

if TYPE_CHECKING:
    from models.sources import Source

MAX_RECORDS = 250  # the most that one call gives
_LANGUAGES = {"english": "en", "welsh": "cy"}


def request_for(source: "Source", window: Window) -> RequestSpec:
    """The window's articles, the newest first, as many as one call may give."""
    url = with_parameters(
        source.url,
        defaults={"maxrecords": str(MAX_RECORDS), "sort": "datedesc"},
        required={
            "mode": "artlist",
            "format": "json",
            "startdatetime": f"{window.since:%Y%m%d%H%M%S}",
            "enddatetime": f"{window.until:%Y%m%d%H%M%S}",
        },
    )
    return RequestSpec(url, ACCEPT_JSON)


def read(reply: Reply, window: Window) -> Listing:
    """The articles. An empty object means that nothing matched; an error comes as plain text."""
    answer = load_json(reply.body)
    if not isinstance(answer, dict):
        return Listing(problem=f"GDELT says: {plain(reply.body[:300].decode('utf-8', 'replace'), 160)}")
    entries = [_entry(item) for item in items_of(answer, "articles")]
    found = tuple(entry for entry in entries if entry is not None)
    invalid = len(entries) - len(found)
    url = reply.final_url or reply.url
    if len(entries) < whole(parameter(url, "maxrecords"), MAX_RECORDS):
        return Listing(entries=found, invalid=invalid)
    # It has no pages: what lies before the oldest of these is asked for by its time.
    oldest = min((entry.published_at for entry in found if entry.published_at is not None), default=None)
    end = f"{oldest:%Y%m%d%H%M%S}" if oldest is not None else ""
    if not parameter(url, "startdatetime") < end < parameter(url, "enddatetime"):
        return Listing(entries=found, invalid=invalid, truncated=True)
    more = RequestSpec(with_parameters(url, defaults={}, required={"enddatetime": end}), ACCEPT_JSON)
    return Listing(entries=found, invalid=invalid, more=(more,))


def _entry(item: dict[str, Any]) -> Entry | None:
    url = normalise_url(text_of(item, "url")) if text_of(item, "url") else None
    # GDELT sets punctuation apart: "Trust boss quits , says report".
    title = plain(text_of(item, "title"), MAX_TITLE).replace(" ,", ",").replace(" :", ":").replace(" .", ".")
    if url is None or not title:
        return None
    return Entry(
        url=url,
        title=title,
        published_at=parse_date(text_of(item, "seendate")),
        outlet=plain(text_of(item, "domain"), 200),
        language=_LANGUAGES.get(text_of(item, "language").lower()),
    )
