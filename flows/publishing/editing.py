"""A person edits the edition of a week before it goes: recorded, then composed anew for them to look at. The form and the
command call the same function, which tells the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flows.publishing.edition import HASH_LETTERS, DigestResult, compose_edition, content_of
from flows.publishing.mailer import parse_sender
from models.edition.edits import EditError, Wanted, describe
from models.edition.trend_words import count_stories
from models.settings import Settings
from models.sources import Registry
from models.store import editions, edits, recipients
from models.store.database import Database
from models.store.edits import Listed
from models.store.tables import Edition
from models.themes import Theme, load_themes
from models.weeks import LONDON, Week


@dataclass(frozen=True, slots=True)
class EditResult:
    """What was recorded, and the draft as it is now."""

    draft: DigestResult
    done: tuple[str, ...]  # in words, each with the number of its edit
    edits: tuple[Listed, ...]  # of the week, undone ones too
    sealed: bool  # the edition was sent: nothing can be edited any more
    approval_void: bool  # it had been approved, and awaits approval anew

    @property
    def summary(self) -> str:
        """One line."""
        recorded = f"{len(self.done)} recorded" if self.done else "nothing changed"
        anew = "; it had been approved, and awaits approval anew" if self.approval_void else ""
        state = "sent already" if self.sealed else f"content {self.draft.content_hash[:HASH_LETTERS]}"
        return f"{self.draft.week}: {recorded}{anew}; {count_stories(self.draft.stories)}, {state}"

    @property
    def lines(self) -> list[str]:
        """Every edit of the week, as a person needs it to undo one."""
        names = {theme.id: theme.name for theme in load_themes()}
        return [
            f"{one.edit.id}: {describe(one.edit, names)} ({one.edit.by}, {one.edit.at.astimezone(LONDON):%A %H:%M})"
            + (f", undone by {one.undone_by}" if one.undone_by else "")
            for one in self.edits
        ]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            **self.draft.to_json(),
            "recorded": list(self.done),
            "edits": self.lines,
            "sealed": self.sealed,
            "approval_void": self.approval_void,
        }


def coming_week(database: Database, now: datetime) -> Week:
    """Whose edition is the next to go: the last complete week until it was sent, then this one."""
    last = Week.of(now).plus(-1)
    with database.read() as session:
        edition = editions.edition_of(last, session=session)
    return Week.of(now) if edition is not None and edition.sealed else last


def edit_edition(
    database: Database,
    registry: Registry,
    settings: Settings,
    wanted: Wanted,
    *,
    week: Week | None = None,
    now: datetime,
    themes: Sequence[Theme] | None = None,
) -> EditResult:
    """Record what an editor wants of the edition of a week, by default the coming one, keep it anew and write its files.

    All of it is recorded or nothing. Without anything wanted it is the draft as it would go now.

    Raises:
        EditError: what is wanted can't be done, the week has nothing to edit, or the edition was sent.
    """
    themes = themes or load_themes()
    names = {theme.id: theme.name for theme in themes}
    wanted, week = wanted.checked(names), week or coming_week(database, now)
    content, _ = content_of(database, registry, week, now, themes)
    done: list[str] = []
    with database.read() as session:
        kept = editions.edition_of(week, session=session)
        was_approved = _is_approved(kept, session)
    if kept is None and not content.stories and week < coming_week(database, now):
        raise EditError(f"there is nothing to edit in {week}: no edition of it was made, and no story of it is stored")
    if wanted:
        with database.write() as session:
            # What is sent stays as it was sent: somebody who is erased later must not stand in it.
            words = (wanted.note, wanted.sentence, wanted.headline, wanted.outlet, wanted.add)
            if recipients.are_named(" ".join(words), session=session):
                raise EditError("it holds the address of somebody on the list; nothing was recorded: leave it out")
            done = edits.record(week, wanted, content, now, names, session=session)
    sender = parse_sender(settings.mail_from, settings.base_url)
    draft = compose_edition(database, registry, settings, sender, week, now, themes)
    with database.read() as session:
        edition = editions.edition_of(week, session=session)
        return EditResult(
            draft,
            tuple(done),
            tuple(edits.list_edits(week, session=session)),
            sealed=edition is not None and edition.sealed,
            approval_void=was_approved and not _is_approved(edition, session),
        )


def _is_approved(edition: Edition | None, session: Any) -> bool:
    return edition is not None and editions.is_approved(edition, session=session)
