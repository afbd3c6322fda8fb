"""Queries of reviews: recording a person's decision, what is worth asking about, and what the next training learns from."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func
from sqlalchemy.orm import aliased
from sqlmodel import Session, and_, col, or_, select

from models.audit import Stratum
from models.reviews import IN_SCOPE, MAX_SUGGESTION, SURE_OF_SCOPE, SURE_OF_THEME, Decision, UncertainTag
from models.store.columns import chunks
from models.store.reader_tables import AuditedStory
from models.store.tables import LARGEST_ID, Article, ArticleAlias, Review, Story, Suggestion, Tag
from models.store.tagging import document_of
from models.tagging.decisions import State
from models.tagging.training import ReviewedArticle
from models.text_safety import plain_at, plain_line
from models.themes import load_themes, theme_ids
from models.urls import normalise_url

MOST_SUGGESTIONS = 500  # that wait at one time: more would bury the queue
lead_row = aliased(Article)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a review changed: theme (or `in-scope`) -> what stood before and what stands now."""

    article_id: int
    title: str
    changes: Mapping[str, tuple[bool, bool]]  # of all that was said, also where it changes nothing
    articles: int  # of the story, which all take over the scope
    in_scope: bool  # as it is now: what is not is in no digest, whatever themes it carries


def find_article(what: str, *, session: Session) -> Article | None:
    """The article that a person means: its number, or its address (or another one that led to it)."""
    given = what.strip().removeprefix("article").strip().lstrip("#").strip()
    if given.isdecimal() and len(given) < 18:
        return session.get(Article, int(given)) if int(given) <= LARGEST_ID else None
    address = normalise_url(given)
    if not address:
        return None
    found = session.exec(select(Article).where(Article.url == address)).first()
    if found is None and (alias := session.get(ArticleAlias, address)) is not None:
        found = session.get(Article, alias.article_id)
    return found


def preview(article: Article, decision: Decision, *, session: Session) -> Recorded:
    """What a decision would change; nothing is recorded."""
    lead = _lead_of(article, session=session)
    assert lead.id is not None  # it comes from the database
    before = standing(lead.id, session=session)
    changes = {theme: (before.get(theme, False), verdict) for theme, verdict in decision.statements.items()}
    in_scope = decision.statements.get(IN_SCOPE, before[IN_SCOPE])
    return Recorded(lead.id, lead.title, changes, len(_members(lead, session=session)), in_scope)


def record(article: Article, decision: Decision, now: datetime, *, session: Session) -> Recorded:
    """Record what a person said of a story, and no more. It overrides the tags at once; the latest statement counts.

    Themes are recorded on the story's lead, which bears its tags; the scope on every article of the story, since a copy
    that stayed in scope would bring the story back.
    """
    recorded = preview(article, decision, session=session)
    members = _members(session.get_one(Article, recorded.article_id), session=session)
    for theme, verdict in decision.statements.items():
        for article_id in members if theme == IN_SCOPE else (recorded.article_id,):
            session.add(
                Review(
                    article_id=article_id,
                    theme=theme,
                    verdict=verdict,
                    reviewer=decision.reviewer,
                    note=decision.note if article_id == recorded.article_id else "",
                    at=now,
                )
            )
    session.flush()
    return recorded


def standing(article_id: int, *, session: Session) -> dict[str, bool]:
    """What stands of one article, by theme and for `in-scope`: the tagger's word, overridden by a person's last."""
    article = session.get_one(Article, article_id)
    found = {IN_SCOPE: article.scope_state == State.YES}
    for tag in session.exec(select(Tag).where(Tag.article_id == article_id)):
        found[tag.theme] = tag.state == State.YES
    said = select(Review.theme, Review.verdict).where(Review.article_id == article_id)
    found.update(session.exec(said.order_by(col(Review.at), col(Review.id))).all())
    return found


def doubts(since: datetime, limit: int, *, session: Session) -> Sequence[UncertainTag]:
    """What the tagger is not sure of, shown or not, in stories first seen since then, and on which nobody has spoken; newest first.

    An answer on one theme leaves the questions on the others; one that takes a story out of scope answers them all.
    """
    leads = (
        select(Article)
        .join(Story, col(Story.lead_article_id) == Article.id)
        .where(Article.first_seen_at >= since, ~_said(Review.theme == IN_SCOPE))
        .order_by(col(Article.first_seen_at).desc(), col(Article.id).desc())
        .limit(limit)
    )
    unsure = session.exec(leads.where(_is_unsure(Article.scope_state, Article.in_scope, SURE_OF_SCOPE)))
    found = [_doubt(article, IN_SCOPE, article.in_scope or 0.0, "") for article in unsure]
    tags = (
        select(Article, Tag)
        .join(Tag, col(Tag.article_id) == Article.id)
        .join(Story, col(Story.lead_article_id) == Article.id)
        .where(Article.first_seen_at >= since, _is_unsure(Tag.state, Tag.score, SURE_OF_THEME))
        .where(_may_be_in_scope(), _is_asked())
        .order_by(col(Article.first_seen_at).desc(), col(Tag.id).desc())
        .limit(limit)
    )
    found += [_doubt(article, tag.theme, tag.score, tag.evidence) for article, tag in session.exec(tags)]
    return [*found, *_suggested(since, limit, session=session)]


def suggest(article_id: int, theme: str, verdict: bool, note: str, now: datetime, *, session: Session) -> bool:
    """Keep a reader's word on a theme (or the scope) of an article for the queue; False where too many wait already.

    Email addresses in the note are not kept: a suggestion is about a story and nobody's data.
    """
    waiting = session.exec(select(func.count()).select_from(Suggestion).where(_unanswered())).one()
    if waiting >= MOST_SUGGESTIONS:
        return False
    told = plain_line(
        " ".join("(address)" if "@" in word.strip("@") else word for word in plain_at(note).split()), MAX_SUGGESTION
    )
    session.add(Suggestion(article_id=article_id, theme=theme, verdict=verdict, note=told, at=now))
    session.flush()
    return True


def _suggested(since: datetime, limit: int, *, session: Session) -> list[UncertainTag]:
    """What readers said since then, and no reviewer has answered, the newest first."""
    names = {theme.id: theme.name for theme in load_themes()} | {IN_SCOPE: "in scope"}
    query = (
        select(Suggestion, Article)
        .join(Article, col(Article.id) == Suggestion.article_id)
        .where(Suggestion.at >= since, _unanswered())
        .order_by(col(Suggestion.at).desc(), col(Suggestion.id).desc())
        .limit(limit)
    )
    found = []
    for said, article in session.exec(query):
        words = f"{'' if said.verdict else 'not '}{names.get(said.theme, said.theme)}"
        words += f", “{said.note}”" if said.note else ""
        found.append(replace(_doubt(article, said.theme, 0.5, ""), suggested=words))
    return found


def _unanswered() -> ColumnElement[bool]:
    """Of suggestions: no reviewer has spoken on that theme since, nor taken the story out of scope."""
    on_it = or_(Review.theme == Suggestion.theme, and_(Review.theme == IN_SCOPE, col(Review.verdict).is_(False)))
    spoken = exists().where(col(Review.article_id) == Suggestion.article_id, col(Review.at) >= Suggestion.at, on_it)
    return ~spoken.correlate(Suggestion)


def count_doubtful(since: datetime, *, session: Session) -> int:
    """How many articles the queue would ask about, were it as long as it takes: those of `doubts`, each once."""
    leads = (
        select(func.count())
        .select_from(Article)
        .join(Story, col(Story.lead_article_id) == Article.id)
        .where(Article.first_seen_at >= since)
    )
    unsure = and_(_is_unsure(Article.scope_state, Article.in_scope, SURE_OF_SCOPE), ~_said(Review.theme == IN_SCOPE))
    doubted = _is_unsure(Tag.state, Tag.score, SURE_OF_THEME)
    tag = select(Tag.id).where(Tag.article_id == Article.id, doubted).where(_is_asked())
    return session.exec(leads.where(or_(unsure, and_(_may_be_in_scope(), tag.correlate(Article).exists())))).one()


def _is_unsure(state: Any, score: Any, sure: float) -> ColumnElement[bool]:
    """Of decisions of the tagger: near the threshold, above it or below."""
    return or_(col(state) == State.UNCERTAIN, and_(col(state) == State.YES, col(score) < sure))


def _may_be_in_scope() -> ColumnElement[bool]:
    """Of articles whose themes are worth asking about: no person has taken them out of scope."""
    open_scope = or_(Article.scope_state == State.YES, Article.scope_state == State.UNCERTAIN)
    return and_(open_scope, ~_said(Review.theme == IN_SCOPE, col(Review.verdict).is_(False)))


def _is_asked() -> ColumnElement[bool]:
    """Of tags: nobody has spoken on that theme, which is one of those in use."""
    return and_(col(Tag.theme).in_(theme_ids()), ~_said(Review.theme == Tag.theme))


def _said(*what: Any) -> ColumnElement[bool]:
    return exists().where(col(Review.article_id) == Article.id, *what).correlate(Article, Tag)


def reviewed_articles(*, until: datetime | None = None, session: Session) -> list[ReviewedArticle]:
    """What training learns from people: one for each reviewed story, its latest verdicts; those up to `until`, or all.

    A story keeps its key, by which it is held out or not, whichever of its articles leads later. Of what the audit drew among
    the tagger's `no`, only what was missed is learned: hundreds of answers that agree with it would outweigh all others.
    What somebody had said before it was drawn stays learned.
    """
    query = select(Review).order_by(col(Review.at), col(Review.id))
    reviews = session.exec(query if until is None else query.where(Review.at <= until)).all()
    ids = {review.article_id for review in reviews}
    leads, drawn = _leads_of(ids, session=session), _drawn_among_no(ids, session=session)
    by_lead: dict[int, list[Review]] = {}
    for review in reviews:
        lead = leads.get(review.article_id)
        if lead is not None and lead.id is not None:
            by_lead.setdefault(lead.id, []).append(review)
    found = []
    for lead_id, of_story in sorted(by_lead.items()):
        said = {review.theme: review.verdict for review in of_story}
        scope = said.pop(IN_SCOPE, None)
        asked = min((drawn[review.article_id] for review in of_story if review.article_id in drawn), default=None)
        if scope is False and asked is not None and all(review.at >= asked for review in of_story):
            continue
        first = min(of_story, key=lambda review: review.id or 0)
        found.append(ReviewedArticle(document_of(leads[lead_id]), scope, said, key=str(first.article_id)))
    return found


def latest_review(*, session: Session) -> datetime | None:
    """When the latest verdict was recorded."""
    return session.exec(select(Review.at).order_by(col(Review.at).desc()).limit(1)).first()


def count_since(moment: datetime | None, *, session: Session) -> int:
    """How many verdicts were recorded after a moment; all without one."""
    query = select(func.count()).select_from(Review)
    return session.exec(query if moment is None else query.where(Review.at > moment)).one()


def _leads_of(article_ids: Collection[int], *, session: Session) -> dict[int, Article]:
    """The lead of each of these articles' stories, by the article's id and by its own; an article without a story leads itself."""
    found: dict[int, Article] = {}
    for chunk in chunks(sorted(article_ids)):
        query = (
            select(Article.id, lead_row)
            .outerjoin(Story, col(Story.id) == Article.story_id)
            .join(lead_row, col(lead_row.id) == func.coalesce(Story.lead_article_id, Article.id))
            .where(col(Article.id).in_(chunk))
        )
        for article_id, lead in session.exec(query):
            if article_id is not None and lead.id is not None:
                found[article_id] = found[lead.id] = lead
    return found


def _drawn_among_no(article_ids: Collection[int], *, session: Session) -> dict[int, datetime]:
    """Those of these articles that the audit has drawn from what was neither shown nor in doubt, and when."""
    found: dict[int, datetime] = {}
    no = (Stratum.NEAR, Stratum.FAR)
    for chunk in chunks(sorted(article_ids)):
        among = col(AuditedStory.article_id).in_(chunk)
        query = select(AuditedStory.article_id, AuditedStory.drawn_at).where(among, col(AuditedStory.stratum).in_(no))
        found.update(session.exec(query.order_by(col(AuditedStory.drawn_at).desc())).all())  # the first draw stays
    return found


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


def _doubt(article: Article, theme: str, score: float, evidence: str) -> UncertainTag:
    assert article.id is not None
    return UncertainTag(
        article.id, article.title, article.url, article.outlet or article.source, theme, score, evidence
    )
