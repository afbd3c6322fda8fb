"""Queries of edits: what editors change of the edition of a week before it goes, recorded and undone.

Edits are kept for good and apply whenever the edition of their week is composed; once that is sealed there are no more.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, true
from sqlmodel import Session, col, select

from models.edition.content import EditionContent, StoryItem
from models.edition.edits import MAX_HEADLINE, Edit, EditError, Kind, Wanted, describe
from models.edition.facts import StoryFact, WeekFacts
from models.reviews import Decision
from models.store import reviews
from models.store.locks import lock_writers
from models.store.placing import articles_of_stories, editions_near, listed_articles, weeks_told
from models.store.tables import LARGEST_ID, Article, Edition, StoredEdit
from models.store.week_gathering import articles_of, gather_week
from models.text_safety import plain_line, web_address
from models.urls import normalise_url, without_user
from models.weeks import Week


@dataclass(frozen=True, slots=True)
class Listed:
    """An edit of a week, for people; undone ones by whom."""

    edit: Edit
    undone_by: str = ""


def latest_edit(week: Week, *, session: Session) -> int:
    """The number of the newest edit of a week, an undoing too; 0 without any."""
    return session.exec(select(func.max(StoredEdit.id)).where(StoredEdit.week == str(week))).one() or 0


def list_edits(week: Week, *, session: Session) -> list[Listed]:
    """All edits of a week, the oldest first, without the undoings themselves."""
    rows = session.exec(select(StoredEdit).where(StoredEdit.week == str(week)).order_by(col(StoredEdit.id))).all()
    undone = {row.undoes or 0: row.editor for row in rows if row.undoes is not None}
    return [Listed(_edit(row), undone.get(row.id or 0, "")) for row in rows if row.kind != Kind.UNDO]


def edits_of(week: Week, *, session: Session) -> tuple[Edit, ...]:
    """The edits of a week that stand; an added address that was collected since names its article."""
    found = []
    for one in list_edits(week, session=session):
        edit = one.edit
        if edit.url and edit.article_id is None and not one.undone_by:
            article = reviews.find_article(edit.url, session=session)
            edit = replace(edit, article_id=article.id if article else None)
        found += [] if one.undone_by else [edit]
    return tuple(found)


def gather_edited(week: Week, *, session: Session) -> WeekFacts:
    """Everything that the edition of `week` is made from, with its edits and what they add from what is stored."""
    facts, edits = gather_week(week, session=session), edits_of(week, session=session)
    if not edits:
        return facts
    near = editions_near(week, session=session)
    elsewhere = {number for name in near.keys() - {str(week)} for number in listed_articles(near[name])}
    return replace(facts, edits=edits, archive=tuple(_added_stories(edits, week, elsewhere, session=session)))


def _added_stories(
    edits: Sequence[Edit], week: Week, elsewhere: Collection[int], *, session: Session
) -> Iterator[StoryFact]:
    """What the edits add from what is stored, as the article that was named; nothing that another edition tells."""
    ids = [edit.article_id for edit in edits if edit.kind is Kind.ADD and edit.article_id is not None]
    for number in ids:
        article = session.get(Article, number)
        if article is None:
            continue
        key = article.story_id if article.story_id is not None else -number
        facts = [fact for _, fact in articles_of({key}, true(), session=session)]
        mates = {fact.id for fact in facts}
        told = set(weeks_told(mates, session=session).values()) - {str(week)}
        if not told and mates.isdisjoint(elsewhere):
            shown = next(fact for fact in facts if fact.id == number)
            yield StoryFact(shown, tuple(fact for fact in facts if fact.id != number))


def record(
    week: Week, wanted: Wanted, content: EditionContent, now: datetime, names: dict[str, str], *, session: Session
) -> list[str]:
    """Record what a person asks for, all or nothing; what was done, in words. `content` is the edition as it would be now.

    Raises:
        EditError: the edition is sealed, a story is not in it, or was told before; nothing was recorded.
    """
    lock_writers("edition", session=session)
    sealed = session.exec(select(Edition.week).where(Edition.week == str(week), Edition.sealed)).first()
    if sealed is not None:
        raise EditError(f"the edition of {week} has been sent: it can't be edited any more")
    draft = _Draft(week, wanted.editor, content, now, session)
    done = [draft.undo(number, names) for number in wanted.undo]
    added = [draft.add(wanted)] if wanted.add else []
    out = {story.id: story for story in map(draft.find, wanted.leave_out)}
    known = {edit.article_id for edit in edits_of(week, session=session) if edit.kind is Kind.LEAVE_OUT}
    if twice := sorted(out.keys() & known):
        raise EditError(f"article {twice[0]} is left out of the edition of {week} already")
    rows = [*added, *(draft.row(Kind.LEAVE_OUT, story) for story in out.values())]
    if wanted.lead and wanted.lead == wanted.add:
        values = added[0].model_dump(include={"article_id", "title", "url"})
        rows.append(draft.row(Kind.LEAD, **values))
    elif wanted.lead:
        rows.append(draft.row(Kind.LEAD, draft.find(wanted.lead)))
    rows += [draft.move(wanted.move, wanted.to)] if wanted.move else []
    rows += [draft.row(Kind.NOTE, text=wanted.note)] if wanted.note else []
    for row in rows:
        session.add(row)
        session.flush()
        done.append(f"{row.id}: {describe(_edit(row), names)}")
    return done


@dataclass(frozen=True, slots=True)
class _Draft:
    """The edition as it would be now, and who edits it."""

    week: Week
    editor: str
    content: EditionContent
    now: datetime
    session: Session

    def row(self, kind: Kind, story: StoryItem | None = None, **values: Any) -> StoredEdit:
        """An edit, of a story or of the whole."""
        number = story.id if story is not None and story.id > 0 else None
        about = {"article_id": number, "title": story.title, "url": "" if number else story.url} if story else {}
        return StoredEdit(week=str(self.week), kind=kind.value, editor=self.editor, at=self.now, **(about | values))

    def find(self, what: str) -> StoryItem:
        """The story of the edition that a person means, by one of its articles."""
        article = reviews.find_article(what, session=self.session)
        if article is None:
            for story in self.content.stories:
                if story.id < 0 and story.url == what.strip():
                    return story
            raise EditError(f"{what!r} is no stored article: give its number from the draft, or its web address")
        mates = articles_of_stories([article.id or 0], session=self.session)
        for story in self.content.stories:
            if not mates.isdisjoint({story.id, *(report.id for report in story.reports)}):
                return story
        title = plain_line(article.title, 60)
        raise EditError(
            f"article {article.id} (“{title}”) is not in the edition of {self.week}; to have it there, add it"
        )

    def move(self, what: str, theme: str) -> StoredEdit:
        """Move a story from the theme under which it stands: a review of both."""
        story = self.find(what)
        if story.primary == theme:
            raise EditError(f"“{story.title}” stands under that theme already")
        if story.id < 0:
            raise EditError(f"“{story.title}” was never collected: undo its edit, and add it under that theme")
        article = self.session.get_one(Article, story.id)
        said = {theme: True} | ({story.primary: False} if story.primary else {})
        decision = Decision(said, self.editor, f"moved in the edition of {self.week}")
        recorded = reviews.record(article, decision, self.now, session=self.session)
        changed = {theme: list(verdicts) for theme, verdicts in recorded.changes.items()}
        return self.row(Kind.MOVE, story, theme=theme, reviewed=changed)

    def add(self, wanted: Wanted) -> StoredEdit:
        """Add a stored article, or an address that was never collected."""
        article = reviews.find_article(wanted.add, session=self.session)
        values: dict[str, Any] = {"theme": wanted.under, "text": wanted.sentence}
        if article is not None:
            mates = articles_of_stories([article.id or 0], session=self.session)
            if told := set(weeks_told(mates, session=self.session).values()) - {str(self.week)}:
                raise EditError(f"“{plain_line(article.title, 60)}” was told by the edition of {min(told)}")
            title = plain_line(article.title, MAX_HEADLINE)
            return self.row(Kind.ADD, article_id=article.id, title=title, url=article.url, **values)
        url = without_user(web_address(wanted.add.strip()))
        if not url or not normalise_url(url):
            raise EditError(f"{wanted.add!r} is neither a stored article nor a web address that begins with https://")
        if not wanted.headline or not wanted.outlet:
            raise EditError(f"{url} was never collected: give its headline and its outlet")
        return self.row(Kind.ADD, title=wanted.headline, outlet=wanted.outlet, url=url, **values)

    def undo(self, number: int, names: dict[str, str]) -> str:
        """Undo an edit; of a move, also what it said of the themes, as far as nobody has spoken since."""
        stored = self.session.get(StoredEdit, number) if number <= LARGEST_ID else None
        if stored is None or stored.week != str(self.week) or stored.kind == Kind.UNDO:
            raise EditError(f"there is no edit {number} of the edition of {self.week}")
        again = select(StoredEdit.id).where(StoredEdit.week == stored.week, StoredEdit.undoes == number)
        if self.session.exec(again).first() is not None:
            raise EditError(f"edit {number} is undone already")
        if stored.reviewed and stored.article_id is not None:
            article = self.session.get_one(Article, stored.article_id)
            before = {theme: verdicts[0] for theme, verdicts in stored.reviewed.items()}
            decision = Decision(before, self.editor, f"moved back in the edition of {self.week}")
            stands = reviews.preview(article, decision, session=self.session).changes
            back = {theme: said for theme, said in before.items() if stands[theme][0] is stored.reviewed[theme][1]}
            if back:
                reviews.record(article, replace(decision, statements=back), self.now, session=self.session)
        self.session.add(self.row(Kind.UNDO, undoes=number))
        self.session.flush()
        return f"undone: {number}, {describe(_edit(stored), names)}"


def _edit(row: StoredEdit) -> Edit:
    return Edit(
        id=row.id or 0,
        kind=Kind(row.kind),
        by=row.editor,
        at=row.at,
        article_id=row.article_id,
        theme=row.theme,
        text=row.text,
        title=row.title,
        outlet=row.outlet,
        url=row.url,
    )
