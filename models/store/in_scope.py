"""Which articles and themes stand, as SQL: the tagger's `yes`, overridden by a person's latest word.

One home for that rule: the digest, the trends and the exports all read it from here. The selects are shaped for the
indexes `ix_article_scope_when` and `ix_article_when`: a week is found among a million articles without reading the rest.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    FromClause,
    Select,
    and_,
    case,
    func,
    or_,
    select,
    union,
    union_all,
)

from models.reviews import IN_SCOPE
from models.store.columns import UtcDateTime
from models.store.tables import Article, EventReport, Review, Story, Tag
from models.tagging.decisions import State
from models.weeks import Week

article = Article.__table__.c  # type: ignore[attr-defined]
tag = Tag.__table__.c  # type: ignore[attr-defined]
review = Review.__table__.c  # type: ignore[attr-defined]
story = Story.__table__.c  # type: ignore[attr-defined]
report = EventReport.__table__.c  # type: ignore[attr-defined]


def published_or_seen() -> ColumnElement[datetime]:
    """The moment that decides an article's week."""
    return func.coalesce(article.published_at, article.first_seen_at, type_=UtcDateTime())


def story_key() -> ColumnElement[int]:
    """Names the story of an article; an article without one is its own, below zero so that no story has its number."""
    return func.coalesce(article.story_id, -article.id)


def event_key() -> ColumnElement[int]:
    """Names the event that an article's story reports: reports of one event are counted once."""
    event = select(report.event_id).where(report.story_id == article.story_id).correlate(Article).scalar_subquery()
    return func.coalesce(event, story_key())


@cache
def latest_reviews() -> CTE:
    """A person's last word on each theme of each article: article_id, theme, verdict. One object, so that queries share it."""
    newest = func.row_number().over(
        partition_by=(review.article_id, review.theme), order_by=(review.at.desc(), review.id.desc())
    )
    ranked = select(review.article_id, review.theme, review.verdict, newest.label("age")).subquery("ranked_review")
    return select(ranked.c.article_id, ranked.c.theme, ranked.c.verdict).where(ranked.c.age == 1).cte("latest_review")


def scope_reviews(*, verdict: bool) -> Select[tuple[int]]:
    """The articles of which a person's last word is that they are in scope (`verdict`), or that they are not."""
    word = latest_reviews()
    return select(word.c.article_id).where(word.c.theme == IN_SCOPE, word.c.verdict.is_(verdict))


def stands() -> ColumnElement[bool]:
    """Of an article: whether it is in scope."""
    by_model = and_(article.scope_state == State.YES.value, article.id.not_in(scope_reviews(verdict=False)))
    return or_(by_model, article.id.in_(scope_reviews(verdict=True)))


def carries(theme: str) -> ColumnElement[bool]:
    """Of an article: whether a theme stands for it. One list of articles, so that PostgreSQL too begins with it."""
    word = latest_reviews()
    denied, given = (
        select(word.c.article_id).where(word.c.theme == theme, word.c.verdict.is_(verdict)) for verdict in (False, True)
    )
    tagged = select(tag.article_id).where(
        tag.theme == theme, tag.state == State.YES.value, tag.article_id.not_in(denied)
    )
    return and_(article.id.in_(union(tagged, given)))


def reviewed_in(columns: Sequence[ColumnElement[Any]], start: datetime, end: datetime) -> Select[Any]:
    """The `columns` of the articles that a person put in scope, with a moment from `start` to before `end`."""
    moment = published_or_seen()
    return select(*columns).where(article.id.in_(scope_reviews(verdict=True)), moment >= start, moment < end)


def members(columns: Sequence[ColumnElement[Any]], start: datetime, end: datetime) -> CompoundSelect[Any]:
    """The `columns` of the articles in scope with a moment from `start` to before `end`."""
    in_time = and_(article.published_at >= start, article.published_at < end)
    in_time_seen = and_(article.published_at.is_(None), article.first_seen_at >= start, article.first_seen_at < end)
    by_model = and_(article.scope_state == State.YES.value, article.id.not_in(scope_reviews(verdict=False)))
    by_person = and_(article.id.in_(scope_reviews(verdict=True)), article.scope_state.is_distinct_from(State.YES.value))
    return union_all(
        select(*columns).where(by_model, in_time),
        select(*columns).where(by_model, in_time_seen),
        select(*columns).where(by_person, or_(in_time, in_time_seen)),
    )


def effective_themes(inside: FromClause) -> CompoundSelect[Any]:
    """The themes that stand for the articles of `inside`: theme, and its columns story, source and week, each row once."""
    word = latest_reviews()
    of_story = (inside.c.story, inside.c.source, inside.c.week)
    denied = select(word.c.article_id).where(
        word.c.article_id == tag.article_id, word.c.theme == tag.theme, word.c.verdict.is_(False)
    )
    tagged = (
        select(tag.theme, *of_story)
        .join_from(inside, Tag, tag.article_id == inside.c.id)
        .where(tag.state == State.YES.value, ~denied.exists())
    )
    given = (
        select(word.c.theme, *of_story)
        .join_from(inside, word, word.c.article_id == inside.c.id)
        .where(word.c.theme != IN_SCOPE, word.c.verdict.is_(True))
    )
    return union(tagged, given)


def week_number(moment: ColumnElement[datetime], weeks: Sequence[Week]) -> ColumnElement[int]:
    """The place of a moment in `weeks` (oldest first, no gaps), 0 and up; times outside fall into the nearest."""
    return case(*((moment < week.end, place) for place, week in enumerate(weeks[:-1])), else_=len(weeks) - 1)


def first_reports(weeks: Sequence[Week]) -> CTE:
    """The articles in scope of these weeks with the week and source of the first on their event: story, id, week, source."""
    inside = members(
        [event_key().label("story"), article.id, article.source, published_or_seen().label("moment")],
        weeks[0].start,
        weeks[-1].end,
    ).subquery("inside")
    order = (inside.c.moment, inside.c.id)
    first = select(
        inside.c.story,
        inside.c.id,
        func.first_value(inside.c.source).over(partition_by=inside.c.story, order_by=order).label("source"),
        func.first_value(inside.c.moment, type_=UtcDateTime())
        .over(partition_by=inside.c.story, order_by=order)
        .label("moment"),
    ).subquery("first")
    week = week_number(first.c.moment, weeks).label("week")
    return select(first.c.story, first.c.id, first.c.source, week).cte("first_report")
