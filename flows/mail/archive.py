"""The web edition: one self-contained page a week with everything, and an index, for any static host."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from markupsafe import Markup

from flows.mail import phrases
from flows.mail.compose import environment, gap_rows, trend_rows
from models import brief
from models.edition import EditionContent, StoryItem
from models.layout import Section, lay_out
from models.private_files import write_whole
from models.weeks import Week


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    """One line of the index."""

    week: str
    subject: str
    stories: int
    outlets: int
    articles: int


def render_web(content: EditionContent) -> str:
    """The page of one edition, for everyone; no script, no picture, nothing from elsewhere."""
    layout = lay_out(content)
    return environment().get_template("web.html").render(
        page_title=f"{phrases.title(content)} · {brief.PRODUCT}",
        description=brief.subject(content),
        product=brief.PRODUCT,
        title=phrases.title(content),
        standfirst=phrases.standfirst(content),
        complete=content.complete,
        brief=brief.in_brief(content),
        leads=[_story(content, story, lead=True) for story in layout.leads],
        groups=[
            {"heading": group.heading, "sections": [_section(content, section) for section in group.sections]}
            for group in layout.groups
        ],
        others=[_story(content, story) for story in layout.others],
        trends=trend_rows(content),
        trend_note=phrases.trend_note(content),
        trend_rule=phrases.trend_rule(),
        gaps=gap_rows(content.gaps),
        method=phrases.method(content),
        credits=phrases.licence_lines(content),
    )  # fmt: skip


def render_index(entries: Iterable[ArchiveEntry]) -> str:
    """The list of all editions, newest first, by year."""
    newest_first = sorted(entries, key=lambda entry: entry.week, reverse=True)
    years = [
        (year, [_row(entry) for entry in of_year])
        for year, of_year in groupby(newest_first, key=lambda entry: entry.week[:4])
    ]
    return environment().get_template("index.html").render(product=brief.PRODUCT, years=years)


def write_archive(folder: Path, week: Week, page: str, entries: Sequence[ArchiveEntry]) -> tuple[Path, Path]:
    """Write the page of a week and the index; each file is replaced whole."""
    folder.mkdir(parents=True, exist_ok=True)
    return (
        write_whole(folder / f"{week}.html", page.encode()),
        write_whole(folder / "index.html", render_index(entries).encode()),
    )


def _section(content: EditionContent, section: Section) -> dict[str, Any]:
    return {
        "anchor": section.theme.id,
        "name": section.theme.name,
        "heading": section.theme.heading,
        "flag": brief.verdict_word(section.trend) if section.trend else "",
        "words": phrases.section_words(content, section),
        "empty": phrases.empty_words(content, section),
        "count": section.count,
        "above": section.above,
        "fragments": [_story(content, story) for story in section.stories],
    }


def _story(content: EditionContent, story: StoryItem, *, lead: bool = False) -> Markup:
    return Markup(  # noqa: S704 - the template escapes
        environment().get_template("web_story.html").render(
            story=story,
            lead=lead,
            meta=phrases.story_meta(story),
            quote=phrases.quote(story),
            credit=phrases.story_credit(story),
            kicker=phrases.kicker(content, story),
            labels=phrases.labels(content, story),
        )
    )  # fmt: skip


def _row(entry: ArchiveEntry) -> dict[str, str]:
    week = Week.parse(entry.week)
    return {
        "file": f"{entry.week}.html",
        "title": f"Week {week.number}: {brief.week_dates(week)}",
        "subject": entry.subject,
        "counts": f"{brief.stories(entry.stories)} from {brief.outlets(entry.outlets)}, {entry.articles:,} articles read",
    }
