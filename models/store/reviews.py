"""Queries of reviews: recording a person's decision, what is worth asking about, and what the next training learns from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, and_, col, or_, select

from models.reviews import IN_SCOPE, Decision, Doubt, verdicts
from models.store.tables import Article, ArticleAlias, Review, Story, Tag
from models.store.tagging import document_of, reviews_by_article
from models.tagging.decisions import State
from models.tagging.training import ReviewedArticle
from models.urls import normalise_url


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a review changed: theme (or `in-scope`) -> what stood before and what stands now."""

    article_id: int
    title: str
    changes: Mapping[str, tuple[bool, bool]]
    articles: int  # of the story, which all take over the scope


def find_article(what: str, *, session: Session) -> Article | None:
    """The article that a person means: its number, or its address (or another one that led to it)."""
    given = what.strip().removeprefix("article").strip().lstrip("#").strip()
    if given.isdecimal() and len(given) < 18:
        return session.get(Article, int(given))
    address = normalise_url(given)
    if not address:
        return None
    found = session.exec(select(Article).where(Article.url == address)).first()
    if found is None and (alias := session.get(ArticleAlias, address)) is not None:
        found = session.get(Article, alias.article_id)
    return found


def record(article: Article, decision: Decision, now: datetime, *, session: Session) -> Recorded:
    """Record a decision on a story. It overrides the tags at once.

    Themes are recorded on the story's lead, which bears its tags; the scope on every article of the story, since a copy
    that stayed in scope would bring the story back.
    """
    lead = _lead_of(article, session=session)
    assert lead.id is not None  # it comes from the database
    before = standing(lead.id, session=session)
    said = verdicts(decision)
    members = _members(lead, session=session)
    for theme, verdict in said.items():
        for article_id in members if theme == IN_SCOPE else (lead.id,):
            session.add(
                Review(
                    article_id=article_id,
                    theme=theme,
                    verdict=verdict,
                    reviewer=decision.reviewer,
                    note=decision.note if article_id == lead.id else "",
                    at=now,
                )
            )
    session.flush()
    changes = {theme: (before.get(theme, False), verdict) for theme, verdict in said.items()}
    return Recorded(lead.id, lead.title, changes, len(members))


def standing(article_id: int, *, session: Session) -> dict[str, bool]:
    """What stands of one article, by theme and for `in-scope`: the tagger's word, overridden by a person's last."""
    article = session.get_one(Article, article_id)
    found = {IN_SCOPE: article.scope_state == State.YES}
    for tag in session.exec(select(Tag).where(Tag.article_id == article_id)):
        found[tag.theme] = tag.state == State.YES
    query = select(Review).where(Review.article_id == article_id).order_by(col(Review.at), col(Review.id))
    found.update({review.theme: review.verdict for review in session.exec(query)})
    return found


def doubts(since: datetime, limit: int, *, session: Session) -> Sequence[Doubt]:
    """What the tagger is not sure of in stories first seen since then, and that nobody has reviewed; newest first."""
    reviewed = select(Review.article_id)
    leads = (
        select(Article)
        .join(Story, col(Story.lead_article_id) == Article.id)
        .where(Article.first_seen_at >= since, col(Article.id).not_in(reviewed))
        .order_by(col(Article.first_seen_at).desc(), col(Article.id).desc())
        .limit(limit)
    )
    unsure = session.exec(leads.where(Article.scope_state == State.UNCERTAIN))
    found = [_doubt(article, IN_SCOPE, article.in_scope or 0.0, "") for article in unsure]
    open_scope = or_(Article.scope_state == State.YES, Article.scope_state == State.UNCERTAIN)
    tags = (
        select(Article, Tag)
        .join(Tag, col(Tag.article_id) == Article.id)
        .where(Article.first_seen_at >= since, open_scope, col(Article.id).not_in(reviewed))
        .where(Tag.state == State.UNCERTAIN)
        .order_by(col(Article.first_seen_at).desc(), col(Tag.id).desc())
        .limit(limit)
    )
    found += [_doubt(article, tag.theme, tag.score, tag.evidence) for article, tag in session.exec(tags)]
    return found


def count_doubtful(since: datetime, *, session: Session) -> int:
    """How many articles the queue would ask about, were it as long as it takes: those of `doubts`, each once."""
    leads = (
        select(func.count())
        .select_from(Article)
        .join(Story, col(Story.lead_article_id) == Article.id)
        .where(Article.first_seen_at >= since, col(Article.id).not_in(select(Review.article_id)))
    )
    tag = select(Tag.id).where(Tag.article_id == Article.id, Tag.state == State.UNCERTAIN).exists()
    unsure = Article.scope_state == State.UNCERTAIN
    return session.exec(leads.where(or_(unsure, and_(Article.scope_state == State.YES, tag)))).one()


def reviewed_articles(*, session: Session) -> list[ReviewedArticle]:
    """What the next training learns from people: one for each reviewed story, its latest verdicts."""
    found = []
    by_article = reviews_by_article(session=session)
    judged = select(Review.article_id)
    query = select(Article).join(Story, col(Story.lead_article_id) == Article.id).where(col(Article.id).in_(judged))
    leads = {article.id: article for article in session.exec(query)}
    for article_id, reviews in sorted(by_article.items()):
        article = leads.get(article_id)
        if article is None:
            continue
        said = {review.theme: review.verdict for review in reviews}
        scope = said.pop(IN_SCOPE, None)
        found.append(ReviewedArticle(document_of(article), scope, said))
    return found


def count_since(moment: datetime | None, *, session: Session) -> int:
    """How many verdicts were recorded after a moment; all without one."""
    query = select(func.count()).select_from(Review)
    return session.exec(query if moment is None else query.where(Review.at > moment)).one()


def _lead_of(article: Article, *, session: Session) -> Article:
    story = session.get(Story, article.story_id) if article.story_id is not None else None
    lead = session.get(Article, story.lead_article_id) if story and story.lead_article_id is not None else None
    return lead or article


def _members(lead: Article, *, session: Session) -> list[int]:
    assert lead.id is not None
    if lead.story_id is None:
        return [lead.id]
    ids = session.exec(select(Article.id).where(Article.story_id == lead.story_id).order_by(col(Article.id)))
    return [article_id for article_id in ids if article_id is not None]


def _doubt(article: Article, theme: str, score: float, evidence: str) -> Doubt:
    assert article.id is not None
    return Doubt(article.id, article.title, article.url, article.outlet or article.source, theme, score, evidence)
