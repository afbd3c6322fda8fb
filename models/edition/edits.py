"""What a person may change of an edition before it goes: which edits there are, their limits, and what they make of it. Pure.

Nothing here judges a story: leaving one out says nothing of its scope. Moving one is a review too, which
`models.store.edits` records; here it only decides where the story stands.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from models.edition.content import MAX_OUTLET, Basis, Editing, StoryItem, StoryTheme, Withheld
from models.errors import UserError
from models.reviews import MAX_REVIEWER
from models.text_safety import plain_at, plain_line, plain_lines, web_address
from models.themes import unknown_theme
from models.weeks import LONDON

MAX_NOTE = 600  # letters of the note at the top, Markdown included
MAX_WORDS = 300  # letters of the editor's sentence about a story
MAX_HEADLINE = 200


class EditError(UserError, ValueError):
    """An edit can't be recorded; the message names what is wrong. Nothing was recorded."""


class Kind(StrEnum):
    """What an edit does; the latest of one kind counts, where two speak of the same."""

    NOTE = "note"
    LEAVE_OUT = "leave-out"
    LEAD = "lead"
    MOVE = "move"
    ADD = "add"
    UNDO = "undo"  # of an earlier one, which is kept


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit as it is kept."""

    id: int
    kind: Kind
    by: str
    at: datetime
    article_id: int | None = None  # None: a note, or of an added address that was never collected
    theme: str = ""  # to which it is moved, or under which it is added
    text: str = ""  # the note, or the editor's sentence
    title: str = ""
    outlet: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asks for at one time; what is empty changes nothing. Articles by number or address, themes by id."""

    editor: str = ""
    note: str = ""
    leave_out: tuple[str, ...] = ()
    lead: str = ""
    move: str = ""
    to: str = ""
    add: str = ""
    sentence: str = ""
    headline: str = ""
    outlet: str = ""
    under: str = ""
    undo: tuple[int, ...] = field(default=())

    def __bool__(self) -> bool:
        return any((self.note, self.leave_out, self.lead, self.move, self.add, self.undo))

    def checked(self, themes: Collection[str]) -> "Wanted":
        """The same as it is kept: on one line or several, without what no reader may meet.

        Raises:
            EditError: no name, a text that is too long, a field without the one that it belongs to, an unknown theme.
        """
        self = replace(  # first: a name of signs that nobody sees is none
            self,
            editor=plain_line(self.editor, MAX_REVIEWER),
            note=plain_lines(self.note),
            sentence=plain_line(self.sentence),
            headline=plain_line(self.headline, MAX_HEADLINE),
            outlet=plain_line(self.outlet, MAX_OUTLET),
            leave_out=tuple(dict.fromkeys(self.leave_out)),
        )
        if self and not self.editor:
            raise EditError("an edit needs the name of its editor, who is named in the edition")
        if "@" in plain_at(self.editor):
            raise EditError("give the editor's name and not an address: it is printed in the edition")
        for name, given, most in (("note", self.note, MAX_NOTE), ("sentence", self.sentence, MAX_WORDS)):
            if len(given) > most:
                raise EditError(f"the {name} has {len(given)} letters; {most} are the most")
        for name, given, needs, needed in (
            ("move", self.move, "to", self.to),
            ("to", self.to, "move", self.move),
            ("add", self.add, "sentence", self.sentence),
            ("sentence", self.sentence, "add", self.add),
            ("headline", self.headline, "add", self.add),
            ("outlet", self.outlet, "add", self.add),
            ("under", self.under, "add", self.add),
        ):
            if given and not needed:
                raise EditError(f"{name!r} is given without {needs!r}")
        for theme in filter(None, (self.to, self.under)):
            if theme not in themes:
                raise EditError(unknown_theme(theme))
        return self


def describe(edit: Edit, themes: Mapping[str, str]) -> str:
    """An edit in a few words, without its number, name and time."""
    about = f"“{plain_line(edit.title, 60)}”"
    theme = themes.get(edit.theme, edit.theme)
    return {
        Kind.NOTE: f"note at the top: {plain_line(edit.text, 60)}",
        Kind.LEAVE_OUT: f"{about} left out",
        Kind.LEAD: f"{about} leads",
        Kind.MOVE: f"{about} moved to {theme}",
        Kind.ADD: f"{about} added" + (f" under {theme}" if theme else ""),
        Kind.UNDO: edit.text,
    }[edit.kind]


def edit_stories(
    told: Iterable[tuple[StoryItem, frozenset[int]]],
    archive: Iterable[StoryItem],
    edits: Sequence[Edit],
    known: Collection[str],
) -> tuple[list[StoryItem], Editing]:
    """The stories as edited, the one that leads first, and what may be said of the editing.

    `told` are the stories that the edition has by itself by rank, each with the articles that it stands for; `archive` are those
    that the editor takes from what is stored. An edit of a story that is not there, or not any more, does nothing.
    """
    items: dict[int, StoryItem] = {}
    of: dict[int, int] = {}
    for item, articles in told:
        items[item.id] = item
        of.update(dict.fromkeys(articles, item.id))
    stored = {item.id: item for item in archive if item.id not in of}
    by: dict[int, str] = {}  # edit -> whose, of those that have an effect
    note, lead, moved = "", 0, set[int]()
    withheld: dict[int, Withheld] = {}
    latest = {edit.kind: edit.id for edit in edits}
    unread: dict[str, int] = {}  # address -> story
    for edit in edits:
        here = unread.get(edit.url, 0) if edit.article_id is None else of.get(edit.article_id, 0)
        if edit.kind in (Kind.NOTE, Kind.LEAD) and latest[edit.kind] != edit.id:
            continue
        if edit.kind is Kind.NOTE:
            note = edit.text
        elif edit.kind is Kind.ADD:
            if not here:
                new = _unread(edit) if edit.article_id is None else stored.get(edit.article_id)
                if new is None:
                    continue
                here = new.id
                items[here], of[here] = replace(new, added=True), here
                unread |= {edit.url: here} if edit.article_id is None else {}
            withheld.pop(here, None)  # who leaves a story out and then adds it has it in again
            words = replace(items[here], words=edit.text, words_by=edit.by)
            items[here] = _under(words, edit.theme) if items[here].added and edit.theme in known else words
        elif not here:
            continue
        elif edit.kind is Kind.LEAVE_OUT:
            item = items[here]
            withheld[here] = Withheld((item.id, *(report.id for report in item.reports)), edit.by)
        elif edit.kind is Kind.LEAD:
            lead = here
        elif edit.kind is Kind.MOVE:
            if all(theme.theme != edit.theme for theme in items[here].themes):
                continue  # a review since has taken that theme away
            items[here] = _under(items[here], edit.theme)
            moved.add(here)
        by[edit.id] = edit.by
    stories = [item for item in items.values() if item.id not in withheld]
    stories.sort(key=lambda item: item.id != lead)
    editing = Editing(
        by=tuple(dict.fromkeys(by.values())),
        note=note,
        lead=lead if lead in items and lead not in withheld else 0,
        moved=len(moved - withheld.keys()),
        withheld=tuple(withheld.values()),
    )
    return stories, editing


def _under(item: StoryItem, theme: str) -> StoryItem:
    """The story with this theme first; given by the editor where it has it not."""
    first = [one for one in item.themes if one.theme == theme] or [StoryTheme(theme, 1.0, "", by_person=True)]
    return replace(item, themes=(*first, *(one for one in item.themes if one.theme != theme)))


def _unread(edit: Edit) -> StoryItem:
    """What an editor adds by an address that was never collected: only what they say of it. Its number is below zero."""
    return StoryItem(
        id=-edit.id,
        title=edit.title,
        url=web_address(edit.url),
        outlet=edit.outlet,
        source="",
        day=edit.at.astimezone(LONDON).date(),
        day_is_published=False,
        nation="uk",
        sector="",
        paywalled=False,
        basis=Basis.UNREAD,
        themes=(),
        copies=(),
        outlets=1,
        rank=0.0,
        credit=edit.outlet,
    )
