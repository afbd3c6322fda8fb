"""Queries of tagging: which articles wait for it, and how a decision is stored."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, update
from sqlmodel import Session, col, or_, select

from models.reviews import IN_SCOPE
from models.store.tables import Article, Review, Story, Tag
from models.tagging.decisions import State, Tagging

ENGLISH = "en"


def untagged(limit: int, *, session: Session) -> Sequence[Article]:
    """Leads of stories that no model has judged yet, oldest first."""
    query = (
        select(Article)
        .join(Story, col(Story.lead_article_id) == Article.id)
        .where(col(Article.model_version).is_(None))
        .order_by(col(Article.first_seen_at), col(Article.id))
        .limit(limit)
    )
    return session.exec(query).all()


def judged_otherwise(
    version: str, since: datetime, after_id: int, limit: int, *, session: Session
) -> Sequence[Article]:
    """Leads since then that another version judged, in the order of their ids from `after_id` on."""
    query = (
        select(Article)
        .join(Story, col(Story.lead_article_id) == Article.id)
        .where(Article.first_seen_at >= since, col(Article.id) > after_id)
        .where(col(Article.model_version).is_not(None), Article.model_version != version)
        .order_by(col(Article.id))
        .limit(limit)
    )
    return session.exec(query).all()


def waits(version: str, since: datetime, *, session: Session) -> bool:
    """Whether anything waits for the model `version`: an article that none has judged, or a recent one that another has."""
    nobody = select(Article.id).where(col(Article.model_version).is_(None)).limit(1)
    return (
        session.exec(nobody).first() is not None
        or len(judged_otherwise(version, since, after_id=0, limit=1, session=session)) > 0
    )


def count_untagged(*, session: Session) -> int:
    """How many leads wait."""
    query = (
        select(func.count())
        .select_from(Article)
        .join(Story, col(Story.lead_article_id) == Article.id)
        .where(col(Article.model_version).is_(None))
    )
    return session.exec(query).one()


def leads_since(since: datetime, limit: int, *, session: Session) -> Sequence[Article]:
    """The newest leads of stories first seen since then, in English."""
    query = (
        select(Article)
        .join(Story, col(Story.lead_article_id) == Article.id)
        .where(Article.first_seen_at >= since, or_(col(Article.language).is_(None), Article.language == ENGLISH))
        .order_by(col(Article.first_seen_at).desc(), col(Article.id).desc())
        .limit(limit)
    )
    return session.exec(query).all()


def store_tagging(article_id: int, tagging: Tagging, *, session: Session) -> None:
    """Replace what was said of an article; its copies share its scope."""
    session.execute(delete(Tag).where(col(Tag.article_id) == article_id))
    session.add_all(
        Tag(
            article_id=article_id,
            theme=tag.theme,
            score=tag.score,
            state=tag.state,
            evidence=tag.evidence,
            terms=list(tag.terms),
            model_version=tagging.model_version,
        )
        for tag in tagging.tags
    )
    values = {
        "in_scope": tagging.in_scope,
        "scope_state": str(tagging.scope_state),
        "model_version": tagging.model_version,
    }
    story_id = select(Article.story_id).where(Article.id == article_id).scalar_subquery()
    same_story = or_(col(Article.id) == article_id, col(Article.story_id) == story_id)
    session.execute(update(Article).where(same_story).values(**values))


def settle_copies(*, session: Session) -> None:
    """Copies that arrived after their lead was judged take over its scope, and what a person said of it."""
    waiting = session.exec(
        select(Article)
        .join(Story, col(Story.id) == Article.story_id)
        .where(col(Article.model_version).is_(None), col(Story.lead_article_id) != Article.id)
    ).all()
    for copy in waiting:
        lead = session.exec(
            select(Article).join(Story, col(Story.lead_article_id) == Article.id).where(Story.id == copy.story_id)
        ).one_or_none()
        if lead is None or lead.model_version is None or copy.id is None:
            continue
        copy.in_scope, copy.scope_state, copy.model_version = lead.in_scope, lead.scope_state, lead.model_version
        session.add(copy)
        verdict = session.exec(
            select(Review)
            .where(Review.article_id == lead.id, Review.theme == IN_SCOPE)
            .order_by(col(Review.at).desc(), col(Review.id).desc())
        ).first()
        if verdict is not None:  # else a copy would bring back a story that a person took out
            session.add(
                Review(
                    article_id=copy.id,
                    theme=IN_SCOPE,
                    verdict=verdict.verdict,
                    reviewer=verdict.reviewer,
                    note=verdict.note,
                    at=verdict.at,
                )
            )


def not_judged(article_id: int, model_version: str, *, session: Session) -> None:
    """An article that the tagger can't read (another language): out of scope, no tags."""
    nothing = Tagging(in_scope=0.0, scope_state=State.NO, tags=(), model_version=model_version)
    store_tagging(article_id, nothing, session=session)


def reviews_by_article(*, session: Session) -> dict[int, list[Review]]:
    """All reviews, oldest first, by article."""
    found: dict[int, list[Review]] = {}
    for review in session.exec(select(Review).order_by(col(Review.at), col(Review.id))):
        found.setdefault(review.article_id, []).append(review)
    return found
