"""How the stories of an edition relate to others: one event, one that went before, and the dates that they name."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlalchemy import func, select
from sqlmodel import Session

from models.dates_ahead import DateAhead, dates_ahead
from models.edition.facts import FollowedFact, StoryFact
from models.events import FOLLOWS_WITHIN
from models.store.columns import UtcDateTime, chunks
from models.store.in_scope import article, members, report, stands, story
from models.store.placing import weeks_told
from models.store.tables import Article, EventReport, Story
from models.text import clean_text
from models.weeks import LONDON, Week


def relate(stories: Sequence[StoryFact], week: Week, *, session: Session) -> tuple[StoryFact, ...]:
    """The stories with the number of their event, the story of an earlier week that each continues, and coming dates."""
    events: dict[int, tuple[int, int | None]] = {}
    for part in chunks([one.shown.id for one in stories]):
        query = select(article.id, report.event_id, report.follows_story_id).join(
            EventReport, report.story_id == article.story_id
        )
        for number, event, follows in session.execute(query.where(article.id.in_(part))):
            events[number] = (event, follows)
    followed = _followed({follows for _, follows in events.values() if follows is not None}, week, session=session)
    ahead = dates_named([one.shown.id for one in stories], session=session)
    related = []
    for one in stories:
        event, follows = events.get(one.shown.id, (0, None))
        shown = replace(one.shown, ahead=tuple(ahead.get(one.shown.id, ())))
        related.append(replace(one, shown=shown, event=event, follows=followed.get(follows) if follows else None))
    return tuple(related)


def _followed(story_ids: Collection[int], week: Week, *, session: Session) -> dict[int, FollowedFact]:
    """Those of these stories that are in scope still, under the week of the edition that told them, else their own."""
    found: dict[int, FollowedFact] = {}
    moment = func.coalesce(article.published_at, article.first_seen_at, type_=UtcDateTime())
    for part in chunks(sorted(story_ids)):
        # A story continued has its own time at most so long before one of this week or, being late, of some before.
        inside = members([article.id], week.start - 2 * FOLLOWS_WITHIN, week.end).subquery("inside")
        query = (
            select(story.id, article.id.label("lead"), article.title, article.url, moment.label("moment"))
            .join(Story, story.lead_article_id == article.id)
            .where(story.id.in_(part), article.id.in_(select(inside.c.id)))
        )
        rows = session.execute(query).all()
        told = weeks_told([row.lead for row in rows], session=session)
        for row in rows:
            its_week = Week.parse(told[row.lead]) if row.lead in told else Week.of(row.moment)
            if its_week < week:
                found[row.id] = FollowedFact(row.title, row.url, its_week)
    return found


def continued_by(story_id: int, *, session: Session) -> tuple[list[int], list[int]]:
    """The leads of the stories that one continues, or that other reports of its event do, and of those that continue them.

    Each is in scope; the newest first.
    """
    event = select(report.event_id).where(report.story_id == story_id)
    same = select(report.story_id).where(report.event_id.in_(event))
    follows = select(report.follows_story_id).where(report.story_id.in_(same))
    followed = select(report.story_id).where(report.follows_story_id.in_(same))
    moment = func.coalesce(article.published_at, article.first_seen_at, type_=UtcDateTime())
    found = []
    for stories in (follows, followed):
        query = select(story.lead_article_id).join(Article, article.id == story.lead_article_id)
        query = query.where(story.id.in_(stories), stands()).order_by(moment.desc(), article.id)
        found.append([number for number in session.scalars(query) if number is not None])
    return found[0], found[1]


def dates_named(article_ids: Sequence[int], *, session: Session) -> dict[int, list[DateAhead]]:
    """By article: the dates that its text names as coming, seen from the day of the article."""
    found: dict[int, list[DateAhead]] = {}
    moment = func.coalesce(article.published_at, article.first_seen_at, type_=UtcDateTime())
    for part in chunks(article_ids):
        query = select(article.id, article.text, article.summary, moment).where(article.id.in_(part))
        for number, text, summary, at in session.execute(query):
            if dates := dates_ahead(clean_text(text or summary), at.astimezone(LONDON).date()):
                found[number] = dates
    return found
