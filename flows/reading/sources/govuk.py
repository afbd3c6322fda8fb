"""GOV.UK: the Search API lists what was published in a window, the Content API gives the text; nothing is scraped.

The address of a source is that of the Search API with filters of its own, for example
`https://www.gov.uk/api/search.json?filter_organisations=department-of-health-and-social-care`.
"""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flows.fetching.decoding import load_json
from flows.reading.parsing import language_code, paragraphs_of
from flows.reading.sources.json_feed import is_json, items_of, text_of
from flows.reading.sources.listing import (
    ACCEPT_JSON,
    MAX_AUTHOR,
    MAX_SUMMARY,
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
from models.entries import Entry, Page, Reply
from models.outcomes import TextStatus
from models.urls import normalise_url, origin_of

if TYPE_CHECKING:
    from models.sources import Source

PAGE_SIZE = 100
_CONTENT = "/api/content"


def request_for(source: "Source", window: Window) -> RequestSpec:
    """The first page of what was published in exactly the window, the newest first."""
    window_filter = f"from:{window.since:%Y-%m-%d},to:{window.until:%Y-%m-%d}"
    url = with_parameters(
        source.url,
        defaults={"count": str(PAGE_SIZE), "start": "0"},
        required={
            "order": "-public_timestamp",
            "fields": "title,link,description,public_timestamp,organisations,format",
            "filter_public_timestamp": window_filter,
        },
    )
    return RequestSpec(url, ACCEPT_JSON)


def read(reply: Reply, window: Window) -> Listing:
    """The results of one page of the search, and the request for the next page."""
    url = reply.final_url or reply.url
    answer = load_json(reply.body)
    if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
        return Listing(problem="the answer is not one of the GOV.UK Search API")
    results = items_of(answer, "results")
    entries = [_entry(item, url) for item in results]
    found = tuple(entry for entry in entries if entry is not None)
    following = whole(parameter(url, "start", "0"), 0) + len(results)
    more: tuple[RequestSpec, ...] = ()
    total = whole(answer.get("total"), 0)
    if results and following < total:
        more = (RequestSpec(with_parameters(url, defaults={}, required={"start": str(following)}), ACCEPT_JSON),)
    return Listing(entries=found, invalid=len(entries) - len(found), more=more, total=total)


def page_request(_: "Source", entry_url: str) -> RequestSpec:
    """The Content API's address for a page."""
    return RequestSpec(f"{origin_of(entry_url)}{_CONTENT}{urlsplit(entry_url).path}", ACCEPT_JSON)


def read_entry_page(body: bytes, url: str) -> Page | None:
    """The page in an answer of the Content API; None for what is no such answer."""
    if not is_json(body):
        return None
    item = load_json(body)
    if not isinstance(item, dict):
        return Page(text="", text_status=TextStatus.HEADLINE)
    paragraphs = [text_of(item, "description"), *_body_paragraphs(item.get("details"))]
    text = "\n".join(part for part in (plain(part, 20_000) for part in paragraphs) if part)
    has_body = len(paragraphs) > 1
    path = text_of(item, "base_path")
    return Page(
        text=text,
        text_status=TextStatus.FULL if has_body and text else TextStatus.TEASER if text else TextStatus.HEADLINE,
        title=plain(text_of(item, "title"), MAX_TITLE),
        author=_organisations(item),
        published_at=parse_date(text_of(item, "first_published_at")) or parse_date(text_of(item, "public_updated_at")),
        language=language_code(item.get("locale")) or "en",
        site_name="GOV.UK",
        canonical_url=normalise_url(path, url) if path.startswith("/") else None,
    )


def _entry(item: dict[str, Any], base: str) -> Entry | None:
    url = normalise_url(text_of(item, "link"), base) if text_of(item, "link") else None
    title = plain(text_of(item, "title"), MAX_TITLE)
    if url is None or not title:
        return None
    return Entry(
        url=url,
        title=title,
        summary=plain(text_of(item, "description"), MAX_SUMMARY),
        published_at=parse_date(text_of(item, "public_timestamp")),
        language="en",
    )


def _body_paragraphs(details: Any) -> list[str]:
    """The paragraphs of the body, whichever of its three forms the page has."""
    if not isinstance(details, dict):
        return []
    markup = [text_of(details, "body")]
    markup += [
        text_of(part, "content") for part in items_of(details, "body") if text_of(part, "content_type") == "text/html"
    ]
    for part in items_of(details, "parts"):  # guides come in parts
        markup += [text_of(part, "title"), text_of(part, "body")]
    return [paragraph for html in markup if html for paragraph in paragraphs_of(html)]


def _organisations(item: dict[str, Any]) -> str | None:
    names = [text_of(organisation, "title") for organisation in items_of(item.get("links"), "organisations")]
    return plain(", ".join(name for name in names if name), MAX_AUTHOR) or None
