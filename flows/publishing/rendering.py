"""The forms of an edition: email, web page, plain text and Markdown, each a template (`templates/`) filled from one view; and
the archive of editions for any static host, one page a week and an index.

MJML (rendered by `mrml`, which needs no Node) makes the email's frame of nested tables that Outlook, Gmail and phones agree
on. It is rendered once, with the Jinja2 marks still in it, and what comes out is the template that is filled for every
recipient. So headlines and quotations never pass through the MJML parser, and autoescape has the last word.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from textwrap import wrap
from typing import Any

import mrml
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from flows.publishing.notes import note_as_html, note_as_markdown, note_as_text
from flows.publishing.view import EditionView, shorten
from flows.running.markdown import Markdown, escape, link
from models.edition.news import PRODUCT
from models.edition.trend_words import count_stories, count_things
from models.private_files import write_whole
from models.themes import load_framework
from models.weeks import Week

# Gmail cuts a message at 102 kB of HTML and hides the rest, the unsubscribe link included.
LARGEST_HTML = 95_000
# Stories listed under one heading of the email: as many as fit. The web edition has them all.
EMAIL_STORIES = (40, 25, 16, 12, 8, 6, 5, 4, 3, 2, 1, 0)
MOST_STORIES = 90  # more never fit: a story takes some 1.1 kB
EMAIL_GAPS = 15
EMAIL_COPIES = 8
TEXT_STORIES = 12  # at least
ARTIFACT_STORIES = 8  # it is read on the way to a decision
WIDTH = 72  # of the plain text: leaves room for the "> " of two replies in 80 columns

_TEMPLATES = Path(__file__).parent / "templates"
_ARTICLE = re.compile(r' aria-label="[^"]*" aria-roledescription="email"| role="article"')
# For `email/edition.mjml`: elements around what MJML makes, which it would not keep as they are.
_FRAME = {
    "main_start": Markup('<div role="main">'),
    "main_end": Markup("</div>"),
    # After the preheader, so that an inbox does not show the page's first words behind it.
    "filler": "\u034f\u200c " * 50,
}


@dataclass(frozen=True, slots=True)
class Rendered:
    """An edition as it is sent to someone."""

    subject: str
    html: str
    text: str


def render_email(view: EditionView) -> Rendered:
    """Both parts of the email; the HTML is always under `LARGEST_HTML` bytes."""
    html = ""
    for stories in EMAIL_STORIES:
        shown = shorten(view, stories=stories, copies=EMAIL_COPIES, gaps=EMAIL_GAPS)
        if len(shown.shown) > MOST_STORIES:
            continue
        html = email_template().render(edition=shown, **_FRAME)
        if len(html.encode()) <= LARGEST_HTML:
            break
    return Rendered(view.subject, html, render_text(shorten(view, stories=max(stories, TEXT_STORIES))))


def render_web(view: EditionView) -> str:
    """The page for everyone, self-contained: no script, no picture, nothing from elsewhere."""
    return html_templates().get_template("web/edition.html").render(edition=view)


def render_text(view: EditionView) -> str:
    """Plain text, 72 columns; each address on a line of its own so that it can be clicked."""
    text = text_templates().get_template("text/edition.txt").render(edition=view)
    return "\n".join(line.rstrip() for line in text.split("\n")).strip() + "\n"


def render_artifact(view: EditionView) -> str:
    """Markdown for Prefect's viewer."""
    shown = shorten(view, stories=ARTIFACT_STORIES)
    return markdown_templates().get_template("artifact/edition.md").render(edition=shown)


@cache
def html_templates() -> Environment:
    """For HTML: every value is escaped."""
    return _templates(autoescape=True, filters={"note": note_as_html})


@cache
def text_templates() -> Environment:
    """For plain text: `fold` wraps a value, `heading` underlines it."""
    filters: dict[str, Callable[..., str]] = {
        "fold": fold,
        "heading": underline,
        "note": partial(note_as_text, width=WIDTH),
    }
    return _templates(autoescape=False, filters=filters)


@cache
def markdown_templates() -> Environment:
    """For Markdown: every value is escaped but what `link` made."""
    environment = _templates(autoescape=False, finalize=escape_value, filters={"link": link, "note": note_as_markdown})
    environment.globals["new_line"] = Markdown("  \n  ")  # within an item of a list
    return environment


@cache
def email_template() -> Template:
    """The email's frame, made by MJML."""
    source = (_TEMPLATES / "email" / "edition.mjml").read_text(encoding="utf-8")
    # Without fonts: for "Roboto", MJML would have every reader's mail program ask Google.
    frame = mrml.to_html(source, None, mrml.RenderOptions(fonts={})).content
    # Ours has a `main` and a `contentinfo`; a labelled article around both is one landmark too many.
    return html_templates().from_string(_ARTICLE.sub("", frame, count=2))


def fold(text: str, first: str = "", rest: str = "") -> str:
    """`text` in lines of at most `WIDTH` letters, the first and the rest of them indented."""
    lines = wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
    return "\n".join(lines) or first.rstrip()


def underline(text: str, mark: str = "=") -> str:
    """A heading of plain text."""
    return f"{fold(text)}\n{mark * min(len(text), WIDTH)}"


def escape_value(value: object) -> str:
    """A template's value as Markdown."""
    return value if isinstance(value, Markdown) else escape(str(value))


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


def _templates(*, filters: dict[str, Callable[..., str]] | None = None, **options: Any) -> Environment:
    """The templates; a missing value is an error."""
    environment = Environment(  # noqa: S701 - each caller says how its form escapes
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=not options["autoescape"],  # where lines count
        **options,
    )
    environment.filters |= filters or {}
    return environment


def _row(entry: ArchiveEntry) -> dict[str, str]:
    week = Week.parse(entry.week)
    return {
        "file": f"{entry.week}.html",
        "title": f"Week {week.number}: {week.dates}",
        "subject": entry.subject,
        "counts": f"{count_stories(entry.stories)} from {count_things(entry.outlets, 'outlet')}, {entry.articles:,} articles read",
    }
