"""Queries of tagging: which articles wait for it, and how a decision is stored."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, update
from sqlmodel import Session, col, or_, select

from models.reviews import IN_SCOPE
from models.store.locks import lock_writers
from models.store.tables import Article, Review, Story, Tag
from models.tagging.decisions import Document, State, Tagging
from models.themes import theme_ids

ENGLISH = "en"


def document_of(article: Article) -> Document:
    """An article as the tagger reads it."""
    return Document(title=article.title, text=article.text or "", summary=article.summary)


def is_readable(article: Article) -> bool:
    """Whether it is in English, as far as anybody knows."""
    return article.language in {None, ENGLISH}


def untagged(limit: int, *, after: tuple[datetime, int] | None = None, session: Session) -> Sequence[Article]:
    """Leads of stories that no model has judged yet, oldest first; those that come `after` a time and an id."""
    query = (
        select(Article)
        .join(Story, col(Story.lead_article_id) == Article.id)
        .where(col(Article.model_version).is_(None))
        .order_by(col(Article.first_seen_at), col(Article.id))
        .limit(limit)
    )
    if after is not None:
        seen, last = col(Article.first_seen_at), col(Article.id)
        query = query.where(seen >= after[0], or_(seen > after[0], last > after[1]))
    return session.exec(query).all()


def tagged_by_other_version(
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


def count_untagged(*, session: Session) -> int:
    """How many leads wait."""
    query = (
        select(func.count())
        .select_from(Article)
        .join(Story, col(Story.lead_article_id) == Article.id)
        .where(col(Article.model_version).is_(None))
    )
    return session.exec(query).one()


def count_waiting(version: str, since: datetime | None, *, session: Session) -> int:
    """How many leads wait for the model `version`: those that none has judged, and those since then that another has."""
    total = count_untagged(session=session)
    if since is None:
        return total
    query = (
        select(func.count())
        .select_from(Article)
        .join(Story, col(Story.lead_article_id) == Article.id)
        .where(Article.first_seen_at >= since)
        .where(col(Article.model_version).is_not(None), Article.model_version != version)
    )
    return total + session.exec(query).one()


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


def store_taggings(taggings: Sequence[tuple[int, Tagging]], *, session: Session) -> None:
    """Replace what was said of the articles with these ids, a batch at a time; their copies share their scope.

    In three statements, past the objects of the session: one by one they took a seventh of the time of tagging.
    """
    if not taggings:
        return
    # Two machines may tag the same stories at once, or one fold what the other tags.
    lock_writers("collect", session=session)
    article, tag = Article.__table__.c, Tag.__table__.c  # type: ignore[attr-defined]
    session.execute(delete(Tag).where(tag.article_id.in_([number for number, _ in taggings])))
    tags = [
        {
            "article_id": number,
            "theme": one.theme,
            "score": one.score,
            "state": str(one.state),
            "evidence": one.evidence,
            "terms": list(one.terms),
            "model_version": tagging.model_version,
        }
        for number, tagging in taggings
        for one in tagging.tags
    ]
    if tags:
        session.execute(insert(Tag), tags)
    story_id = select(article.story_id).where(article.id == bindparam("lead")).scalar_subquery()
    session.connection().execute(
        update(Article.__table__)  # type: ignore[attr-defined]
        .where(or_(article.id == bindparam("lead"), article.story_id == story_id))
        .values(in_scope=bindparam("scope"), scope_state=bindparam("scope_said"), model_version=bindparam("version")),
        [
            {"lead": number, "scope": one.in_scope, "scope_said": str(one.scope_state), "version": one.model_version}
            for number, one in taggings
        ],
    )


def copy_scope_to_duplicates(*, session: Session) -> None:
    """Copies that arrived after their lead was judged take over its scope; for people's words see `story_leads`."""
    lock_writers("collect", session=session)
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


def themes_not_in_use(*, session: Session) -> list[str]:
    """The themes that stored tags or reviews name and the framework does not have, by name."""
    named = {*session.exec(select(Tag.theme).distinct()), *session.exec(select(Review.theme).distinct())}
    return sorted(named - {IN_SCOPE, *theme_ids()})


def not_judged(model_version: str) -> Tagging:
    """What is stored of an article that the tagger can't read (another language): out of scope, no tags."""
    return Tagging(in_scope=0.0, scope_state=State.NO, tags=(), model_version=model_version)
