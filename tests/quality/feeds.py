"""How feeds are read beside feedparser itself, on its own test feeds: `python -m tests.quality.feeds FOLDER`.

FOLDER is `tests` of its source distribution (`pip download --no-binary :all: --no-deps feedparser`, then unpacked). Of each feed the
pages that feedparser finds, with a title or a summary, are looked for among the entries that `read_feed` lists. Prints what
is missing, file by file, then the counts. No text of them is kept.
"""

import argparse
import io
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path

import feedparser

from flows.reading.sources.feed import read_feed
from models.urls import normalise_url

_BASE = "https://news.example/feed.xml"
_NOW = datetime(2026, 11, 28, tzinfo=UTC)


def pages_of(body: bytes) -> set[str]:
    """The pages of entries as feedparser finds them."""
    headers = {"content-type": "application/xml", "content-location": _BASE}
    found = set()
    for entry in feedparser.parse(io.BytesIO(body), response_headers=headers).entries:
        link = normalise_url(entry.get("link") or "", _BASE) if entry.get("link") else None
        if link and (entry.get("title") or entry.get("summary")):
            found.add(link)
    return found


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    files = sorted(parser.parse_args().folder.rglob("*.xml"))
    if not files:
        sys.exit("no feeds there: give the folder `tests` of feedparser's source distribution")
    warnings.simplefilter("ignore")  # feedparser's own, about names that it maps
    pages = missing = listed = 0
    for file in files:
        body = file.read_bytes()
        expected = pages_of(body)
        ours = read_feed(body, url=_BASE, now=_NOW, content_type="application/xml")
        urls = {one.url for one in ours.entries}
        pages, listed = pages + len(expected), listed + len(urls)
        if expected - urls:
            missing += len(expected - urls)
            sys.stdout.write(
                f"{file.name}: {sorted(expected - urls)} is not listed ({ours.problem or 'no problem told'})\n"
            )
    sys.stdout.write(
        f"{len(files)} feeds: {pages} pages with a text found by feedparser, {missing} of them not listed here; "
    )
    sys.stdout.write(f"{listed} listed\n")


if __name__ == "__main__":
    main()
