"""How well pages are read, on newspaper4k's own test pages: `python -m tests.quality.pages FOLDER`.

FOLDER is `tests/data` of its source distribution (`pip download --no-binary :all: --no-deps newspaper4k`, then unpacked): pages in
`html/`, their texts in `txt/` and what is known of them in `metadata/`. English pages alone. Prints a line per page, then the
mean F1 of the body by words and how many titles, days and authors are right. No text of them is kept.
"""

import argparse
import json
import re
import sys
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import Any

from flows.reading.page import read_page

_WORD = re.compile(r"\w+")
_A_DAY_EITHER_WAY = 1  # the set names some days in the page's zone, some in UTC


def word_f1(one: str, other: str) -> float:
    """F1 of two texts by their words, each as often as it occurs."""
    first, second = (Counter(_WORD.findall(text.lower())) for text in (one, other))
    both = first.total() + second.total()
    return 2 * (first & second).total() / both if both else 1.0


def judge(folder: Path, name: str, known: dict[str, Any]) -> dict[str, float | bool | None]:
    """One page; None of what the set does not know."""
    page = read_page(
        (folder / "html" / f"{name}.html").read_bytes(),
        url=known.get("url") or "https://news.example/2026/a-report.html",
        content_type="text/html",
    )
    text = folder / "txt" / f"{name}.txt"
    body = text.read_text(encoding="utf-8") if text.exists() else known["text"]
    said = known.get("publish_date")
    day = datetime.fromisoformat(said).date() if said else None
    authors = known.get("authors") or []
    return {
        "body": word_f1(page.text, body),
        "title": word_f1(page.title or "", known["title"]) > 0.9 if known.get("title") else None,
        "day": is_near(page.published_at.date() if page.published_at else None, day) if day else None,
        "author": authors[0].lower() in (page.author or "").lower() if authors else None,
    }


def is_near(one: date | None, other: date) -> bool:
    return one is not None and abs((one - other).days) <= _A_DAY_EITHER_WAY


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    read: list[dict[str, float | bool | None]] = []
    for file in sorted((folder / "metadata").glob("*.json")):
        known = json.loads(file.read_text(encoding="utf-8"))
        if known.get("language") not in {"en", "", None}:
            continue
        read.append(judge(folder, file.stem, known))
        sys.stdout.write(f"{file.stem:24} {read[-1]}\n")
    if not read:
        sys.exit(f"{folder} holds no English page: give tests/data of newspaper4k's source distribution")
    body = sum(float(one["body"] or 0) for one in read) / len(read)
    sys.stdout.write(f"{len(read)} pages: body F1 {body:.3f}\n")
    for fact in ("title", "day", "author"):
        told = [one[fact] for one in read if one[fact] is not None]
        sys.stdout.write(f"{fact}: {sum(map(bool, told))} of {len(told)}\n")


if __name__ == "__main__":
    main()
