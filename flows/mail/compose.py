"""The edition as an email in HTML.

MJML (rendered by `mrml`, which needs no Node) makes the frame of nested tables that Outlook, Gmail and phones agree on.
It is rendered once, with the Jinja2 marks still in it, and what comes out is the template that is filled for every
recipient. So headlines and quotations never pass through the MJML parser, autoescape has the last word, and 500
emails cost 500 fillings and not 500 layouts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import mrml
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from flows.mail import phrases
from flows.mail.phrases import Links
from flows.mail.plain import render_text
from models import brief
from models.edition import EditionContent, SourceGap, StoryItem, ThemeNote
from models.layout import Layout, Section, lay_out
from models.themes import load_framework
from models.trends import Trend

# Gmail cuts a message at 102 kB of HTML and hides the rest, the unsubscribe link included.
LARGEST_HTML = 95_000
# Stories shown under one heading: as many as fit. The web edition has them all.
SHOWN_PER_SECTION = (12, 8, 6, 5, 4, 3, 2, 1, 0)
SHOWN_GAPS = 15
SHOWN_COPIES = 8
BAR_HEIGHT = 32  # pixels of the tallest bar

_ARTICLE = re.compile(r' aria-label="[^"]*" aria-roledescription="email"| role="article"')
_MAIN_START, _MAIN_END = Markup('<div role="main">'), Markup("</div>")
# After the preheader, so that an inbox does not show the page's first words behind it.
_FILLER = "\u034f\u200c " * 50


@dataclass(frozen=True, slots=True)
class Rendered:
    """An edition as it is sent to someone."""

    subject: str
    preheader: str
    html: str
    text: str


class EmailRenderer:
    """Renders one edition for many recipients; a story that several of them get is rendered once."""

    def __init__(self) -> None:
        self._fragments: dict[tuple[StoryItem, tuple[ThemeNote, ...], bool], Markup] = {}

    def render(self, content: EditionContent, links: Links = Links()) -> Rendered:  # noqa: B008 - a frozen value
        """The email for `content`, always under `LARGEST_HTML` bytes."""
        layout = lay_out(content)
        html = ""
        for shown in SHOWN_PER_SECTION:
            html = self._html(content, layout, links, shown)
            if len(html.encode()) <= LARGEST_HTML:
                break
        return Rendered(brief.subject(content), brief.preheader(content), html, render_text(content, links))

    def _html(self, content: EditionContent, layout: Layout, links: Links, shown: int) -> str:
        groups = [
            {
                "heading": group.heading,
                "sections": [self._section(content, section, shown) for section in group.sections],
            }
            for group in layout.groups
        ]
        return email_template().render(
            subject=brief.subject(content),
            preheader=brief.preheader(content),
            filler=_FILLER,
            main_start=_MAIN_START,
            main_end=_MAIN_END,
            product=brief.PRODUCT,
            title=phrases.title(content),
            standfirst=phrases.standfirst(content),
            complete=content.complete,
            brief=brief.in_brief(content),
            leads=[self._story(content, story, lead=True) for story in layout.leads],
            groups=groups,
            others={
                "count": len(layout.others),
                "fragments": [self._story(content, story) for story in layout.others[:shown]],
                "more": max(len(layout.others) - shown, 0),
            },
            trends=trend_rows(content),
            trend_note=phrases.trend_note(content),
            trend_rule=phrases.trend_rule(),
            gaps=gap_rows(content.gaps[:SHOWN_GAPS]),
            more_gaps=max(len(content.gaps) - SHOWN_GAPS, 0),
            method=phrases.method(content),
            credits=phrases.licence_lines(content),
            footer=(phrases.why(content), phrases.privacy()),
            web_url=links.web,
            archive_url=links.archive,
            unsubscribe_url=links.unsubscribe,
        )

    def _section(self, content: EditionContent, section: Section, shown: int) -> dict[str, Any]:
        return {
            "anchor": section.theme.id,
            "heading": section.theme.heading,
            "flag": brief.verdict_word(section.trend) if section.trend else "",
            "words": phrases.section_words(content, section),
            "empty": phrases.empty_words(content, section),
            "count": section.count,
            "above": [story.title for story in section.above],
            "fragments": [self._story(content, story) for story in section.stories[:shown]],
            "more": max(len(section.stories) - shown, 0),
        }

    def _story(self, content: EditionContent, story: StoryItem, *, lead: bool = False) -> Markup:
        key = (story, content.themes, lead)  # all that its words depend on: the labels are of the chosen themes
        if key not in self._fragments:
            self._fragments[key] = Markup(  # noqa: S704 - the template escapes
                environment().get_template("story.html").render(
                    story=story,
                    lead=lead,
                    meta=phrases.story_meta(story),
                    quote=phrases.quote(story),
                    credit=phrases.story_credit(story),
                    kicker=phrases.kicker(content, story),
                    labels=phrases.labels(content, story),
                    copies=story.copies[:SHOWN_COPIES],
                    more_copies=max(len(story.copies) - SHOWN_COPIES, 0),
                )
            )  # fmt: skip
        return self._fragments[key]


def render(content: EditionContent, links: Links = Links()) -> Rendered:  # noqa: B008 - a frozen value
    """One email; for many of the same edition, keep an `EmailRenderer`."""
    return EmailRenderer().render(content, links)


def trend_rows(content: EditionContent) -> list[dict[str, Any]]:
    """The trends as the templates draw them."""
    names = {theme.id: theme.name for theme in content.themes}
    return [
        {
            "name": names[trend.theme],
            "flag": brief.verdict_word(trend),
            "words": brief.trend_words(trend),
            "chart_words": brief.chart_words(trend),
            "bars": bars(trend),
            "counts": trend.counts,
        }
        for trend in content.trends
        if trend.theme in names
    ]


def bars(trend: Trend, height: int = BAR_HEIGHT) -> list[int | None]:
    """Heights in pixels, at least 1 so that a week without stories is a line on the ground; None for no data."""
    tallest = max((count for count in trend.counts if count is not None), default=0)
    # One lone story must not look like a peak.
    scale = max(tallest, 4)
    return [None if count is None else max(round(height * count / scale), 1) for count in trend.counts]


def gap_rows(gaps: Sequence[SourceGap]) -> list[dict[str, str]]:
    """The sources that were not seen, in words."""
    return [{"name": gap.name, "words": brief.gap_words(gap.kind, gap.since), "reason": gap.reason} for gap in gaps]


@cache
def environment() -> Environment:
    """Where all templates of the mail come from: everything is escaped, and a missing value is an error."""
    found = Environment(
        loader=PackageLoader("flows.mail", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals["framework"] = load_framework()
    return found


@cache
def email_template() -> Template:
    """The frame, made by MJML."""
    source = files("flows.mail").joinpath("templates", "email.mjml").read_text(encoding="utf-8")
    # Without fonts: for "Roboto", MJML would have every reader's mail program ask Google.
    options = mrml.RenderOptions(fonts={})
    frame = mrml.to_html(source, None, options).content
    # Ours has a `main` and a `contentinfo`; a labelled article around both is one landmark too many.
    return environment().from_string(_ARTICLE.sub("", frame, count=2))
