"""The audit sample in the database: drawn once a week from what the tagger said, asked in the review queue, never changed.

What a row says is of the moment when it was drawn. Retagging, training and folding of later days, and the purge of a text,
change neither it nor the answers, which are reviews like all others.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import insert, or_
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from models.audit import WEEKS, Answer, Candidate, Recall, Stratum, estimate, stratum_of, tell_operators
from models.audit import draw as draw_sample
from models.reviews import IN_SCOPE, QUEUE_DAYS, UncertainTag
from models.store.columns import chunks
from models.store.in_scope import article, stands, story
from models.store.locks import lock_writers
from models.store.reader_tables import AuditedStory
from models.store.tables import Article, Review, Story
from models.store.tagging import ENGLISH
from models.weeks import Week

_TURN = "audit"


def draw_week(now: datetime, *, session: Session) -> int:
    """Draw the sample of the last whole week, once; how many stories. None while a story of it still waits for its tags.

    Of stories in English, by the day on which they were first seen, since that is when the tagger was asked; without those of
    a backfill.
    """
    week = Week.of(now).plus(-1)
    lock_writers(_TURN, session=session)
    if session.exec(select(AuditedStory.id).where(AuditedStory.week == str(week)).limit(1)).first() is not None:
        return 0
    seen = (article.first_seen_at >= week.start, article.first_seen_at < week.end)
    query = (
        select_columns(
            article.id, article.in_scope, article.scope_state, article.model_version, stands().label("stands")
        )
        .join_from(Article, Story, story.lead_article_id == article.id)
        .where(*seen, article.backfilled.is_(False), or_(article.language.is_(None), article.language == ENGLISH))
    )
    rows = session.execute(query).all()
    if any(row.model_version is None for row in rows):
        return 0
    candidates = [
        Candidate(
            row.id,
            stratum_of(row.scope_state, row.in_scope or 0.0, stands=bool(row.stands)),
            row.in_scope or 0.0,
            row.model_version,
        )
        for row in rows
    ]
    drawn = draw_sample(str(week), candidates)
    if drawn:
        session.execute(
            insert(AuditedStory),
            [
                {
                    "week": str(week),
                    "article_id": one.candidate.article_id,
                    "stratum": str(one.candidate.stratum),
                    "stratum_size": one.stratum_size,
                    "chance": one.chance,
                    "score": one.candidate.score,
                    "model_version": one.candidate.model_version,
                    "drawn_at": now,
                }
                for one in drawn
            ],
        )
    return len(drawn)


def questions(since: datetime, *, session: Session) -> list[UncertainTag]:
    """What was drawn since then and nobody has answered, the newest week first, within it in the order of the draw.

    Whatever a later model says of the story: who left out what has changed since would ask no fair sample.
    """
    rows = session.exec(
        select(AuditedStory, Article)
        .join(Article, col(Article.id) == AuditedStory.article_id)
        .where(AuditedStory.drawn_at >= since)
        .order_by(col(AuditedStory.week).desc(), col(AuditedStory.id))
    ).all()
    spoken = _verdicts([drawn.article_id for drawn, _ in rows], session=session)
    return [
        UncertainTag(
            drawn.article_id, found.title, found.url, found.outlet or found.source, IN_SCOPE, 0.5, "", drawn=True
        )
        for drawn, found in rows
        if drawn.article_id not in spoken
    ]


def recall(last: Week, *, session: Session) -> Recall | None:
    """What the answers to the samples of the half year that ends with a week say; None where they say nothing yet."""
    weeks = (AuditedStory.week > str(last.plus(-WEEKS)), AuditedStory.week <= str(last))
    rows = session.exec(select(AuditedStory).where(*weeks).order_by(col(AuditedStory.id))).all()
    said = _verdicts([row.article_id for row in rows], session=session)
    return estimate(
        [Answer(row.week, Stratum(row.stratum), row.stratum_size, said.get(row.article_id)) for row in rows]
    )


def describe(now: datetime, *, session: Session) -> str:
    """The estimate for operators, and how many questions wait in the queue."""
    waiting = len(questions(now - timedelta(days=QUEUE_DAYS), session=session))
    return tell_operators(recall(Week.of(now), session=session), waiting)


def _verdicts(article_ids: Sequence[int], *, session: Session) -> dict[int, bool]:
    """People's last word on the scope of these articles; of those without one, nothing."""
    said: dict[int, bool] = {}
    for chunk in chunks(article_ids):
        query = select(Review).where(col(Review.article_id).in_(chunk), Review.theme == IN_SCOPE)
        for review in session.exec(query.order_by(col(Review.at), col(Review.id))):
            said[review.article_id] = review.verdict
    return said
