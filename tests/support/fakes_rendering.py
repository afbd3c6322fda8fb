"""One week's edition and its email: what the tests of pages and messages share."""

from dataclasses import replace
from email.message import EmailMessage
from typing import Any

import pytest

from flows.publishing import mailer, rendering
from flows.publishing.layout import view_edition
from flows.publishing.rendering import Rendered
from flows.publishing.view import Links
from models.edition.compose import compose
from models.edition.content import EditionContent
from models.edition.edits import Edit, Kind, edit_stories
from models.store.database import open_database
from models.store.editions import gather_week
from tests.support import fakes_edition as fakes
from tests.support.fakes_composing import name_places

LINKS = Links(
    web="https://monitor.example.org/2026-W47.html",
    archive="https://monitor.example.org/index.html",
    unsubscribe="https://monitor.example.org/unsubscribe/token",
)
SENDER = mailer.parse_sender("NHS Culture Monitor <monitor@example.org>", "https://monitor.example.org")


@pytest.fixture(name="content", scope="module")
def week_content(tmp_path_factory: pytest.TempPathFactory) -> EditionContent:
    """The sample week with ten weeks of history, and whom its headlines name."""
    folder = tmp_path_factory.mktemp("rendering")
    with open_database(f"sqlite:///{folder / 'culture.db'}") as database:
        fakes.fill(database)
        name_places(database)
        with database.read() as session:
            facts = gather_week(fakes.WEEK, session=session)
    return compose(facts, fakes.REGISTRY, fakes.THEMES, fakes.MONDAY_7)


NOTE = """A week in which **boards** were asked twice: read [the Ashcombe review](https://example.org/review) first.

* The *hearing* goes on, <b>Tuesday</b>
* Next week: [no link](javascript:alert(1)), a * star and a_long_name_in_the_middle_of_a_line
"""
_EDITS: tuple[tuple[Kind, dict[str, Any]], ...] = (
    (Kind.ADD, {"url": "https://elsewhere.example/leaders", "title": "What leaders owe the people they lead",
                "outlet": "Elsewhere & Co", "text": "Worth reading beside the “Ashcombe” review <i>.", "theme": "appraisal"}),
    (Kind.NOTE, {"text": NOTE}),
)  # fmt: skip


def edit_content(content: EditionContent) -> EditionContent:
    """The edition with a note, a story left out, another put first with the editor's words, and one added unread."""
    out, *_, lead = content.stories[:8]
    edits = [Edit(n, kind, "Zoë Editor", fakes.MONDAY_7, **values) for n, (kind, values) in enumerate(_EDITS, 1)]
    of_stories: tuple[tuple[Kind, int, str], ...] = (
        (Kind.LEAVE_OUT, out.id, ""), (Kind.LEAD, lead.id, ""), (Kind.ADD, lead.id, "Why this comes first, in my words."),
    )  # fmt: skip
    for kind, number, text in of_stories:
        edits.append(Edit(len(edits) + 1, kind, "Ada", fakes.MONDAY_7, number, text=text))
    told = [(story, frozenset({story.id})) for story in content.stories]
    stories, editing = edit_stories(told, (), edits, [theme.id for theme in content.themes])
    return replace(content, stories=tuple(stories), editing=editing)


def render(content: EditionContent, links: Links = Links()) -> Rendered:  # noqa: B008
    return rendering.render_email(view_edition(content, links))


def render_web(content: EditionContent) -> str:
    return rendering.render_web(view_edition(content))


def render_artifact(content: EditionContent) -> str:
    return rendering.render_artifact(view_edition(content))


def message_of(
    rendered: Rendered, *, to_name: str = "", token: str | None = "secret-token-of-forty-three-letters-and-more"
) -> EmailMessage:
    return mailer.build_message(
        rendered,
        SENDER,
        to_address="reader@example.org",
        to_name=to_name,
        identity=mailer.message_id("2026-W47", token or "", "example.org"),
        token=token,
        now=fakes.MONDAY_7,
    )
