"""An edition that waits on Monday morning, its mail server, and an editor's edits of it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from flows.publishing.editing import EditResult, edit_edition
from models.edition.content import StoryItem
from models.edition.edits import Wanted
from models.settings import Settings
from models.store.database import Database
from tests.support import fakes_edition as fakes
from tests.support.fakes_delivery import join
from tests.support.fakes_mail import Mailboxes, smtp_server

FIVE = fakes.MONDAY_7 - timedelta(hours=2)
NEXT, NEXT_MONDAY = fakes.WEEK.plus(1), fakes.MONDAY_7 + timedelta(days=7)


@pytest.fixture(name="database")
def week_database(sqlite: Database) -> Database:
    fakes.fill(sqlite, weeks=1)
    join(sqlite, 2)
    return sqlite


@pytest.fixture(name="mailboxes")
def mail_server() -> Mailboxes:
    return Mailboxes()


@pytest.fixture(name="port")
def mail_port(mailboxes: Mailboxes) -> Iterator[int]:
    with smtp_server(mailboxes) as found:
        yield found


def edit(database: Database, settings: Settings, editor: str = "Ada", **wanted: Any) -> EditResult:
    how = {"week": fakes.WEEK, "now": FIVE} | {key: wanted.pop(key) for key in ("week", "now") if key in wanted}
    return edit_edition(
        database, fakes.REGISTRY, settings, Wanted(editor, **wanted), themes=fakes.THEMES, **how  # type: ignore[arg-type]
    )  # fmt: skip


def add_news(database: Database, title: str, **values: Any) -> int:
    given: dict[str, Any] = {"source": fakes.SOURCES[0], "at": fakes.WEEK.end - timedelta(hours=2)}
    given["themes"] = [("workforce", "People leave.", 0.9)]
    with database.write() as session:
        return fakes.add_story(session, title=title, **(given | values)).id or 0


def numbers(stories: tuple[StoryItem, ...]) -> list[int]:
    return [story.id for story in stories]
