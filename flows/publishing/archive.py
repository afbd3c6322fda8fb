"""The archive of editions for any static host: one page a week, an index, and how its files are replaced."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from flows.publishing.rendering import html_templates
from models.edition.news import PRODUCT
from models.edition.trend_words import count_stories, count_things
from models.private_files import write_whole
from models.themes import load_framework
from models.weeks import Week


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    """One line of the index."""

    week: str
    subject: str
    stories: int
    outlets: int
    articles: int


def render_index(entries: Iterable[ArchiveEntry]) -> str:
    """The list of all editions, newest first, by year."""
    template = html_templates().get_template("web/index.html")
    return template.render(product=PRODUCT, framework=load_framework(), years=years_of(entries))


def years_of(entries: Iterable[ArchiveEntry]) -> list[tuple[str, list[dict[str, str]]]]:
    """Each year, the newest first, with the lines of its editions: file, title, subject and counts."""
    newest_first = sorted(entries, key=lambda entry: entry.week, reverse=True)
    return [
        (year, [_row(entry) for entry in of_year])
        for year, of_year in groupby(newest_first, key=lambda entry: entry.week[:4])
    ]


def write_archive(folder: Path, week: Week, page: str, entries: Sequence[ArchiveEntry]) -> tuple[Path, Path]:
    """Write the page of a week and the index; each file is replaced whole."""
    folder.mkdir(parents=True, exist_ok=True)
    return (
        write_whole(folder / f"{week}.html", page.encode()),
        write_whole(folder / "index.html", render_index(entries).encode()),
    )


def _row(entry: ArchiveEntry) -> dict[str, str]:
    week = Week.parse(entry.week)
    return {
        "file": f"{entry.week}.html",
        "title": f"Week {week.number}: {week.dates}",
        "subject": entry.subject,
        "counts": f"{count_stories(entry.stories)} from {count_things(entry.outlets, 'outlet')}, {entry.articles:,} articles read",
    }
