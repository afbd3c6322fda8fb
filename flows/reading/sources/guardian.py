"""The Guardian Open Platform: headline, standfirst, byline and date of what was published in a window.

Its terms bar automated reading of the articles, so no body text is asked for. The address of a source is
`https://content.guardianapis.com/search?tag=society/nhs` or the like; the key is added here and never shown.
"""

from typing import TYPE_CHECKING, Any

from flows.fetching.decoding import load_json
from flows.reading.sources.json_feed import items_of, text_of
from flows.reading.sources.listing import (
    ACCEPT_JSON,
    MAX_AUTHOR,
    MAX_SUMMARY,
    MAX_TITLE,
    Listing,
    MissingKey,
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

PAGE_SIZE = 50  # the largest that all of its documentation agrees on


def request_for(source: "Source", window: Window) -> RequestSpec:
    """The first page of the window, the newest first; without the key."""
    url = with_parameters(
        source.url,
        defaults={"page-size": str(PAGE_SIZE), "order-by": "newest"},
        required={
            "from-date": f"{window.since:%Y-%m-%d}",
            "to-date": f"{window.until:%Y-%m-%d}",
            "show-fields": "trailText,byline",
            "format": "json",
        },
    )
    return RequestSpec(url, ACCEPT_JSON)


def with_key(spec: RequestSpec, key: str | None) -> RequestSpec:
    """The request with the key in its place.

    Raises:
        MissingKey: there is no key.
    """
    if not key:
        raise MissingKey("needs a key of the Guardian Open Platform: set CULTURE_GUARDIAN_API_KEY")
    return RequestSpec(
        with_parameters(spec.url, defaults={}, required={"api-key": key}), spec.accept, spec.max_bytes, secret=key
    )


def read(reply: Reply, window: Window) -> Listing:
    """The articles of one page, and the request for the next one, without the key."""
    answer = load_json(reply.body)
    response = answer.get("response") if isinstance(answer, dict) else None
    if not isinstance(response, dict) or not isinstance(response.get("results"), list):
        return Listing(problem="the answer is not one of the Guardian Open Platform")
    entries = [_entry(item) for item in items_of(response, "results")]
    found = tuple(entry for entry in entries if entry is not None)
    url = reply.final_url or reply.url
    page = whole(parameter(url, "page", "1"), 1)
    more: tuple[RequestSpec, ...] = ()
    if entries and page < whole(response.get("pages"), 1):
        following = with_parameters(url, defaults={}, required={"page": str(page + 1), "api-key": ""})
        more = (RequestSpec(following, ACCEPT_JSON),)
    total = whole(response.get("total"), 0) or None
    return Listing(entries=found, invalid=len(entries) - len(found), more=more, total=total)


def _entry(item: dict[str, Any]) -> Entry | None:
    url = normalise_url(text_of(item, "webUrl")) if text_of(item, "webUrl") else None
    title = plain(text_of(item, "webTitle"), MAX_TITLE)
    if url is None or not title:
        return None
    fields = item.get("fields")
    return Entry(
        url=url,
        title=title,
        summary=plain(text_of(fields, "trailText"), MAX_SUMMARY),
        published_at=parse_date(text_of(item, "webPublicationDate")),
        author=plain(text_of(fields, "byline"), MAX_AUTHOR) or None,
        language="en",
    )
