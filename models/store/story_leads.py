"""Keeping stories whole: who leads, how many outlets carry it, when articles have come, gone or been read."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update
from sqlmodel import Session

from models.outcomes import TextStatus
from models.reviews import IN_SCOPE
from models.store.columns import chunks
from models.store.tables import Article, Review, Story, Tag
from models.stories import choose_lead

_TEXTS = frozenset({TextStatus.FULL, TextStatus.TEASER})
_article = Article.__table__  # type: ignore[attr-defined]
_story = Story.__table__  # type: ignore[attr-defined]
_tag = Tag.__table__  # type: ignore[attr-defined]
_review = Review.__table__  # type: ignore[attr-defined]


def move_articles(moves: Mapping[int, int], *, session: Session) -> None:
    """Put articles into other stories ({article id: story id}); `settle_stories` then makes the stories right."""
    if moves:
        statement = update(_article).where(_article.c.id == bindparam("key")).values(story_id=bindparam("story"))
        rows = [{"key": article, "story": story} for article, story in moves.items()]
        session.connection().execute(statement, rows)


def settle_stories(story_ids: Collection[int], *, session: Session) -> None:
    """Bring lead, number of outlets and people's words on these stories up to date; a new lead waits for its tags.

    A story that has been folded into another keeps its row, without lead and outlets.
    """
    for chunk in chunks(sorted(story_ids)):
        _settle(chunk, session)


def _settle(ids: Sequence[int], session: Session) -> None:
    members: dict[int, dict[int, bool]] = defaultdict(dict)
    outlets: dict[int, set[str]] = defaultdict(set)
    c = _article.c
    judged: set[int] = set()
    columns = (c.id, c.story_id, c.outlet, c.text_status, c.in_scope)
    # Of what one run found, by what was published first, not by who answered first: the same news makes the same stories.
    published = func.coalesce(c.published_at, c.first_seen_at)
    order = (c.first_seen_at, published, func.coalesce(c.weight, 1).desc(), c.url)
    for row in session.execute(select(*columns).where(c.story_id.in_(ids)).order_by(*order)):
        members[row.story_id][row.id] = row.text_status in _TEXTS
        outlets[row.story_id].add(row.outlet)
        judged |= {row.id} if row.in_scope is not None else set()
    changed: list[dict[str, Any]] = []
    lead_of: dict[int, int | None] = {}
    old_leads: set[int] = set()
    new_leads: set[int] = set()
    known = select(_story.c.id, _story.c.lead_article_id, _story.c.outlets).where(_story.c.id.in_(ids))
    stories = session.execute(known).all()
    reviewed = _reviewed([number for own in members.values() for number in own], session)
    for story in stories:
        # Until one is judged the first may still take the lead from the one whose page happened to be read first.
        earlier = story.lead_article_id if story.lead_article_id in judged else None
        lead = choose_lead(members[story.id], earlier, reviewed)
        lead_of[story.id] = lead
        if lead != story.lead_article_id:
            old_leads.update(number for number in [story.lead_article_id] if number is not None)
            new_leads.update(number for number in [lead] if number is not None)
        if (lead, len(outlets[story.id])) != (story.lead_article_id, story.outlets):
            changed.append({"key": story.id, "lead": lead, "count": len(outlets[story.id])})
    if changed:
        statement = update(_story).where(_story.c.id == bindparam("key"))
        session.connection().execute(
            statement.values(lead_article_id=bindparam("lead"), outlets=bindparam("count")), changed
        )
    if reviewed:
        _carry_reviews({story.id: (lead_of[story.id], members[story.id]) for story in stories}, session)
    if old_leads:  # what their headlines had earned; what persons said of them stays
        session.execute(delete(_tag).where(_tag.c.article_id.in_(old_leads - reviewed)))
    if new_leads:
        session.execute(update(_article).where(c.id.in_(new_leads)).values(model_version=None))


def _reviewed(article_ids: list[int], session: Session) -> set[int]:
    found: set[int] = set()
    for chunk in chunks(article_ids):
        found.update(session.scalars(select(_review.c.article_id).where(_review.c.article_id.in_(chunk))))
    return found


def _carry_reviews(stories: Mapping[int, tuple[int | None, Collection[int]]], session: Session) -> None:
    """What a person last said of any article of a story holds for the story: {story id: (lead, articles)}.

    The scope is recorded on each article, since one that stayed in scope would bring back a story that a person took out;
    themes on the lead, which bears the story's tags.
    """
    of_article: dict[int, list[Review]] = defaultdict(list)
    ids = [number for _, own in stories.values() for number in own]
    for chunk in chunks(ids):
        for review in session.scalars(select(Review).where(_review.c.article_id.in_(chunk))):
            of_article[review.article_id].append(review)
    for lead, own in stories.values():
        said = _latest([review for number in own for review in of_article.get(number, ())])
        for number in own:
            mine = _latest(of_article.get(number, []))
            for theme, review in said.items():
                concerns = theme == IN_SCOPE or number == lead
                if concerns and (theme not in mine or mine[theme].verdict is not review.verdict):
                    session.add(
                        Review(
                            article_id=number, theme=theme, verdict=review.verdict, reviewer=review.reviewer,
                            note=review.note, at=review.at,
                        )
                    )  # fmt: skip
    session.flush()


def _latest(reviews: Collection[Review]) -> dict[str, Review]:
    """By theme or `in-scope`, what was said last."""
    return {review.theme: review for review in sorted(reviews, key=lambda one: (one.at, one.id or 0))}
