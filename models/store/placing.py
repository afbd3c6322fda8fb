"""Which edition tells a story: a stored fact for each of its articles, kept from the moment an edition is sealed.

A story is told by the edition of the week of its first report; one that comes into scope after that edition was made
(its page was read later, a person put it in scope, another model did) by the next edition that is made, marked as late.
No clock decides that, but what the editions list: an article that is listed by the edition of one week is in no other.

An edition that is only kept (a preview, or one that awaits approval) holds its stories for as long as it lists them:
composed again, it lets them go. Sealing makes them its own for good, and records of all other articles in scope up to
then why no edition has told them. A reason is not a sentence: an edition that tells the story later replaces it.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BindParameter,
    Subquery,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    null,
    select,
    union,
)
from sqlmodel import Session
from sqlmodel import select as select_rows

from models.store.collecting import article_ids_of
from models.store.columns import UtcDateTime, chunks
from models.store.in_scope import article, published_or_seen, scope_reviews, story_key
from models.store.tables import Article, ArticleEdition, Edition
from models.tagging.decisions import State
from models.urls import normalise_url
from models.weeks import Week

# A report that comes into scope longer than this before its edition's week is history, not news. Two weeks: a page that
# could not be read for some days after the edition of its own week still finds the next.
LATE_FOR = timedelta(days=14)
# The review queue asks about stories of four weeks; a person who puts one in scope wants it told.
LATE_FOR_REVIEWED = timedelta(days=35)
# A copy may come long after the first report; one of half a year ago is another story under an old number.
FIRST_REPORT_WITHIN = timedelta(days=90)

_placed = ArticleEdition.__table__.c  # type: ignore[attr-defined]


class Reason(StrEnum):
    """Why no edition has told an article that the model or a person has put in scope."""

    LEFT_OUT = "left-out-by-a-person"  # the model has it in scope, a person's last word has not
    BACKFILLED = "backfilled"  # part of the past that was filled in: it counts in the trends of its week
    BEFORE_FIRST_EDITION = "before-first-edition"  # of a week before the first edition that was sent
    NOT_SENT = "edition-not-sent"  # of a week whose edition was held back, or never sent
    TOO_OLD = "too-old"  # it came into scope too long after its week


LEFT_OUT_BY_EDITOR = "left out by editor "  # and the name: stays, since the edition that could have told it was sent


class PlacingError(ValueError):
    """An edition can't be sealed: it lists a story that another edition has told."""


def is_kept(edition: Edition) -> bool:
    """Whether an edition counts as made: what it does not list is late. One of a week that was not over is a glimpse."""
    return edition.sealed or edition.composed_at >= Week.parse(edition.week).end


def listed_articles(edition: Edition) -> set[int]:
    """The articles that an edition shows, one a story, and those of the other reports of its events."""
    stories = [story for story in edition.content.get("stories", []) if isinstance(story, dict)]
    shown = [one for story in stories for one in (story, *story.get("reports", ()))]
    return {int(one["id"]) for one in shown if one.get("id", 0) > 0}


def withheld_articles(edition: Edition) -> dict[int, str]:
    """The articles that an editor left out of an edition, by whom: no other edition tells them either."""
    withheld = edition.content.get("editing", {}).get("withheld", [])
    return {int(number): str(one["by"]) for one in withheld for number in one["articles"] if number > 0}


def added_articles(edition: Edition, *, session: Session) -> set[int]:
    """The articles that were collected under the addresses that an editor added to an edition unread."""
    stories = [story for story in edition.content.get("stories", []) if story.get("id", 0) < 0]
    addresses = [address for story in stories if (address := normalise_url(story["url"]))]
    return set(article_ids_of(addresses, session=session).values())


def editions_near(week: Week, *, session: Session) -> dict[str, Edition]:
    """The editions, by week, that may list what the edition of `week` could list too; its own among them."""
    weeks = LATE_FOR_REVIEWED.days // 7 + 1
    near = [str(week.plus(step)) for step in range(-weeks, weeks + 1)]
    found = session.exec(select_rows(Edition).where(Edition.week.in_(near)))  # type: ignore[attr-defined]
    return {edition.week: edition for edition in found if edition.week == str(week) or is_kept(edition)}


def left_out_for_good(article_ids: Collection[int], *, session: Session) -> set[int]:
    """Those of these articles that an editor left out of an edition that was sent."""
    found = set[int]()
    for chunk in chunks(sorted(article_ids)):
        query = select(_placed.article_id).where(_placed.article_id.in_(chunk), _placed.week.is_(None))
        found.update(session.scalars(query.where(_placed.reason.startswith(LEFT_OUT_BY_EDITOR))))
    return found


def weeks_told(article_ids: Collection[int], *, session: Session) -> dict[int, str]:
    """The week of the sealed edition that told each of these articles; those that none has told are left out."""
    found: dict[int, str] = {}
    for chunk in chunks(sorted(article_ids)):
        query = select(_placed.article_id, _placed.week).where(_placed.article_id.in_(chunk), _placed.week.is_not(None))
        found.update((article_id, week) for article_id, week in session.execute(query))
    return found


def place_stories(edition: Edition, now: datetime, *, session: Session) -> None:
    """Make the stories that an edition lists its own, with all their articles, and record why others have no edition.

    Call it in the transaction that seals the edition. An article that was told by itself before, and was folded into one
    of these stories only since the edition was composed, stays with the edition that told it.

    Raises:
        PlacingError: another sealed edition has told an article that this one lists; nothing was changed.
    """
    listed = listed_articles(edition)
    ids = articles_of_stories(listed, session=session)
    told = weeks_told(ids, session=session)
    for article_id in sorted(listed & told.keys()):
        if told[article_id] != edition.week:
            raise PlacingError(
                f"the edition of {edition.week} lists article {article_id}, which the edition of {told[article_id]} "
                f"has told; compose it again"
            )
    week = Week.parse(edition.week)
    rows = [{"article_id": one, "week": edition.week, "reason": "", "at": now} for one in sorted(ids - told.keys())]
    for other in editions_near(week, session=session).values():
        # What an editor had told by its address alone was told, whenever it was collected.
        late = (added_articles(other, session=session) if other.sealed else set()) - ids - told.keys()
        late -= weeks_told(late, session=session).keys()
        rows += [{"article_id": one, "week": other.week, "reason": "", "at": now} for one in sorted(late)]
    withheld = withheld_articles(edition)
    withheld = {one: by for one, by in withheld.items() if one not in ids and one not in told}
    rows += [
        {"article_id": one, "week": None, "reason": f"{LEFT_OUT_BY_EDITOR}{by}", "at": now}
        for one, by in withheld.items()
    ]
    _replace(rows, session)
    _place_new_copies(week, now, session=session)
    _record_reasons(week, now, session=session)


def articles_of_stories(leads: Collection[int], *, session: Session) -> set[int]:
    """These articles, and all that share a story with one of them."""
    found, stories = set[int](), set[int]()
    for chunk in chunks(sorted(leads)):
        for article_id, story_id in session.execute(select(article.id, article.story_id).where(article.id.in_(chunk))):
            found.add(article_id)
            stories |= {story_id} if story_id is not None else set()
    for chunk in chunks(sorted(stories)):
        found.update(session.scalars(select(article.id).where(article.story_id.in_(chunk))))
    return found


def _place_new_copies(week: Week, now: datetime, *, session: Session) -> None:
    """Copies that came after their story was told belong to the edition that told it."""
    told = Article.__table__.alias("told")  # type: ignore[attr-defined]
    of_copy = ArticleEdition.__table__.alias("of_copy")  # type: ignore[attr-defined]
    recent = [str(week.plus(-back)) for back in range(FIRST_REPORT_WITHIN.days // 7 + 1)]
    placed = select(of_copy.c.article_id).where(of_copy.c.article_id == article.id, of_copy.c.week.is_not(None))
    query = (
        select(article.id, func.min(_placed.week))
        .join_from(ArticleEdition, told, told.c.id == _placed.article_id)
        .join(Article, article.story_id == told.c.story_id)
        .where(_placed.week.in_(recent), ~placed.exists())
        .group_by(article.id)
    )
    rows = [{"article_id": one, "week": of, "reason": "", "at": now} for one, of in session.execute(query)]
    _replace(rows, session)


def _record_reasons(week: Week, now: datetime, *, session: Session) -> None:
    sealed = set(session.exec(select_rows(Edition.week).where(Edition.sealed)))
    first = Week.parse(min(sealed, key=Week.parse))
    moment = published_or_seen()
    # A copy shares the reason of its story, which belongs to the week of its first report.
    first_report = func.min(moment, type_=UtcDateTime()).over(partition_by=story_key())
    said_no, said_yes = scope_reviews(verdict=False), scope_reviews(verdict=True)
    held = sorted(_held_by_unsent(week, session=session))
    # More than may be parameters of one statement.
    kept_back: BindParameter[list[int]] = bindparam("kept_back", held, expanding=True, literal_execute=True)
    reason = case(
        (article.id.in_(said_no), Reason.LEFT_OUT.value),
        (article.backfilled, Reason.BACKFILLED.value),
        (first_report < first.start, Reason.BEFORE_FIRST_EDITION.value),
        *(
            (and_(first_report >= start, first_report < end), Reason.NOT_SENT.value)
            for start, end in _periods_not_sent(first, week, sealed)
        ),
        (article.id.in_(kept_back), Reason.NOT_SENT.value),
        (first_report < week.start - LATE_FOR, Reason.TOO_OLD.value),
        else_=None,  # it came after its edition was composed: the next one tells it
    )
    # A union and no `or`, so that both halves are found by an index.
    left_out = _left_out_stories()
    concerned = article.id.in_(union(select(article.id).where(article.scope_state == State.YES.value), said_yes))
    why = (
        select(article.id, func.coalesce(left_out.c.reason, reason).label("reason"))
        .outerjoin(left_out, left_out.c.story_id == article.story_id)
        .where(concerned, moment < week.end)
        .subquery("why")
    )
    told = select(_placed.article_id).where(_placed.article_id == why.c.id)
    new = select(why.c.id, null(), why.c.reason, literal(now, UtcDateTime())).where(
        why.c.reason.is_not(None), ~told.exists()
    )
    kept = _placed.reason.startswith(LEFT_OUT_BY_EDITOR)
    session.execute(delete(ArticleEdition).where(_placed.week.is_(None), ~kept))
    session.execute(insert(ArticleEdition).from_select(["article_id", "week", "reason", "at"], new))


def _held_by_unsent(week: Week, *, session: Session) -> set[int]:
    """The articles of stories that a draft of an earlier week holds, left out or not: it was never sent, and still might be."""
    held = set[int]()
    for edition in editions_near(week, session=session).values():
        if Week.parse(edition.week) < week and not edition.sealed:
            held |= listed_articles(edition) | withheld_articles(edition).keys()
            held |= added_articles(edition, session=session)
    return articles_of_stories(held, session=session)


def _left_out_stories() -> Subquery:
    """The stories that editors left out for good, with the reason, which their copies share."""
    return (
        select(article.story_id, func.min(_placed.reason).label("reason"))
        .join_from(ArticleEdition, Article, article.id == _placed.article_id)
        .where(_placed.week.is_(None), _placed.reason.startswith(LEFT_OUT_BY_EDITOR))
        .group_by(article.story_id)
        .subquery("left_out")
    )


def _periods_not_sent(first: Week, last: Week, sealed: Collection[str]) -> list[tuple[datetime, datetime]]:
    """From when to before when no edition was sent, since the first one; weeks in a row are one period."""
    periods: list[tuple[datetime, datetime]] = []
    week = first
    while week <= last:
        if str(week) not in sealed:
            start = periods.pop()[0] if periods and periods[-1][1] == week.start else week.start
            periods.append((start, week.end))
        week = week.plus(1)
    return periods


def _replace(rows: Sequence[dict[str, Any]], session: Session) -> None:
    for chunk in chunks([row["article_id"] for row in rows]):
        session.execute(delete(ArticleEdition).where(_placed.article_id.in_(chunk)))
    if rows:
        session.execute(insert(ArticleEdition), rows)
