"""JSON Feed, versions 1 and 1.1."""

from datetime import datetime
from typing import Any

from flows.fetching.decoding import load_json
from flows.reading.parsing import language_code
from flows.reading.sources.listing import (
    MAX_AUTHOR,
    MAX_ENTRIES,
    MAX_SUMMARY,
    MAX_TITLE,
    Listed,
    Listing,
    plain,
    settled,
)
from models.dates import parse_date, readings
from models.entries import Entry
from models.urls import fragment_of, normalise_url


def is_json(body: bytes) -> bool:
    """Whether `body` looks like a JSON object."""
    return body[:200].lstrip().startswith(b"{")


def items_of(value: Any, name: str) -> list[dict[str, Any]]:
    """The objects in the list `name` of a JSON object; anything else is left out."""
    found = value.get(name) if isinstance(value, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def text_of(item: Any, name: str) -> str:
    """The text under `name`; "" where there is none."""
    value = item.get(name) if isinstance(item, dict) else None
    return value if isinstance(value, str) else ""


def read_json_feed(body: bytes, *, url: str, now: datetime) -> Listing:
    """The entries of a JSON Feed; `url` is the base of relative links, `now` the time by which dates are judged."""
    feed = load_json(body)
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        return Listing(problem="the answer is JSON, but not a JSON Feed")
    items = feed["items"]
    language = language_code(feed.get("language"))
    author = _author(feed)  # once: it may be of many people, and stands for each entry that names nobody
    entries = [_entry(item, author, url, language) for item in items[:MAX_ENTRIES]]
    found = [entry for entry in entries if entry is not None]
    truncated = len(items) > MAX_ENTRIES
    return Listing(
        entries=settled(found, now),
        title=plain(text_of(feed, "title"), MAX_TITLE),
        truncated=truncated,
        invalid=len(entries) - len(found),
        note=f"lists {len(items):,} entries; the first {MAX_ENTRIES:,} were read" if truncated else "",
    )


def _entry(item: Any, author: str | None, base: str, language: str | None) -> Listed | None:
    places = [text_of(item, name) for name in ("url", "external_url")]
    identity = text_of(item, "id")
    if identity.startswith(("http://", "https://")):
        places.append(identity)
    links = ((found, place) for place in places if place.strip() and (found := normalise_url(place, base)))
    link, place = next(links, (None, ""))
    summary = plain(
        text_of(item, "summary") or text_of(item, "content_text") or text_of(item, "content_html"), MAX_SUMMARY
    )
    title = plain(text_of(item, "title"), MAX_TITLE) or " ".join(summary.split()[:14])
    if link is None or not title:
        return None
    entry = Entry(
        url=link,
        title=title,
        summary="" if summary == title else summary,
        author=_author(item) or author,
        language=language_code(item.get("language")) or language,
        updated_at=parse_date(item.get("date_modified")),
    )
    dates = readings(item.get("date_published")) or readings(item.get("date_modified"))
    return Listed(entry, dates, fragment=fragment_of(place), guid=identity.strip()[:MAX_TITLE])


def _author(item: Any) -> str | None:
    people = items_of(item, "authors")
    if not people and isinstance(item, dict) and isinstance(item.get("author"), dict):
        people = [item["author"]]
    names = [name for person in people if (name := plain(text_of(person, "name"), MAX_AUTHOR))]
    return ", ".join(names)[:MAX_AUTHOR] or None
