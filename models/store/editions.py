"""Editions in the database: what each week's says, what a person decided about it, and whether it is sealed.

An edition is composed anew until it is approved or sealed. An approval names the hash of its content, and holds as long as
that is what is kept, no review came about one of its stories, and no editor has changed anything. A sealed one never changes.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import exists, func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from models.edition.content import EditionContent, content_from_json
from models.store import deliveries, posts
from models.store.edits import gather_edited, latest_edit
from models.store.locks import lock_writers
from models.store.placing import place_stories
from models.store.tables import Article, Edition, Review
from models.store.week_gathering import gather_week
from models.weeks import Week

__all__ = [
    "Decision",
    "Known",
    "approve",
    "content_hash",
    "edition_of",
    "gather_edited",
    "gather_week",
    "hold",
    "index",
    "is_approved",
    "is_final",
    "is_overtaken",
    "known_now",
    "save_edition",
    "seal",
]


class Decision(StrEnum):
    """What was decided about an edition."""

    NONE = ""
    APPROVED = "approved"  # the content with the hash that is kept beside it, and no other
    HELD = "held"  # by a person: only a person's approval ends it


class Known(NamedTuple):
    """The newest review, and the newest edit of its week, that an edition can know of; 0: none."""

    review: int = 0
    edit: int = 0


def edition_of(week: Week, *, session: Session) -> Edition | None:
    """The edition of a week, if one is kept."""
    return session.exec(select(Edition).where(Edition.week == str(week))).first()


def index(*, session: Session) -> Sequence[tuple[str, str, dict[str, Any]]]:
    """Week, subject and counts of every edition, the oldest first."""
    rows = session.exec(select(Edition.week, Edition.subject, Edition.counts).order_by(col(Edition.week)))
    return [(week, subject, dict(counts)) for week, subject, counts in rows]


def content_hash(content: dict[str, Any]) -> str:
    """SHA-256 of an edition's content, in hex: what an approval names."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def save_edition(
    content: EditionContent,
    *,
    subject: str,
    html: str,
    text: str,
    known: Known = Known(),  # noqa: B008
    session: Session,
) -> Edition:
    """Keep an edition in place of an earlier one of its week; one that was sealed or approved meanwhile stays."""
    lock_writers("edition", session=session)
    edition = edition_of(content.as_week(), session=session)
    if edition is None:
        edition = Edition(week=content.week, composed_at=content.composed_at)
    elif is_final(edition, session=session):
        return edition
    edition.composed_at = content.composed_at
    edition.latest_review, edition.latest_edit = known
    edition.subject, edition.html, edition.text = subject, html, text
    edition.content = content.to_json()
    edition.counts = {
        "stories": len(content.stories),
        "outlets": content.outlets,
        "articles": content.articles,
        "sources": content.sources,
        "gaps": len(content.gaps),
    }
    session.add(edition)
    session.flush()
    return edition


def known_now(week: Week, *, session: Session) -> Known:
    """The newest review and edit: asked for before an edition's stories are gathered."""
    return Known(session.exec(select(func.max(Review.id))).one() or 0, latest_edit(week, session=session))


def is_overtaken(edition: Edition, *, session: Session) -> bool:
    """Whether an editor has changed something since an edition that may still change was composed."""
    return not edition.sealed and edition.latest_edit != latest_edit(Week.parse(edition.week), session=session)


def is_final(edition: Edition, *, session: Session) -> bool:
    """Whether an edition is no longer composed anew: it is sealed, or its approval holds."""
    return edition.sealed or is_approved(edition, session=session)


def is_approved(edition: Edition, *, session: Session) -> bool:
    """Whether an edition was approved as it is kept, and neither an edit nor a review of its stories came since."""
    return (
        edition.decision == Decision.APPROVED
        and edition.decision_hash == content_hash(edition.content)
        and not is_overtaken(edition, session=session)
        and not _is_reviewed(edition, session=session)
    )


def _is_reviewed(edition: Edition, *, session: Session) -> bool:
    """Whether a review has come since about one of its stories, or about a copy of one."""
    shown = {story.id for story in content_from_json(edition.content).stories}
    # What was known already, and has been carried over to a copy that came later, is nothing new.
    known = aliased(Review)
    carried = exists().where(
        col(known.id) <= edition.latest_review,
        col(known.at) == Review.at,
        col(known.theme) == Review.theme,
        col(known.verdict) == Review.verdict,
        col(known.reviewer) == Review.reviewer,
    )
    since = select(Review.article_id).where(col(Review.id) > edition.latest_review, ~carried)
    # By story: what is reviewed may be a copy of what is shown. Few reviews are newer, so the sets are small.
    folded = aliased(Article)
    query = (
        select(Article.id, folded.id)
        .outerjoin(folded, col(folded.story_id) == col(Article.story_id))
        .where(col(Article.id).in_(since))
    )
    return any(article in shown or copy in shown for article, copy in session.exec(query))


def approve(week: Week, approved_hash: str, by: str, *, session: Session) -> bool:
    """Record the approval of the content with this hash; False where another is kept now, which nobody has approved."""
    edition = edition_of(week, session=session)
    if edition is None or edition.sealed or content_hash(edition.content) != approved_hash:
        return False
    _decide(edition, Decision.APPROVED, approved_hash, by, session=session)
    return True


def hold(week: Week, by: str, *, session: Session) -> None:
    """Record that a person held an edition back."""
    edition = edition_of(week, session=session)
    if edition is not None and not edition.sealed:
        _decide(edition, Decision.HELD, content_hash(edition.content), by, session=session)


def _decide(edition: Edition, decision: Decision, decided_hash: str, by: str, *, session: Session) -> None:
    edition.decision, edition.decision_hash, edition.decision_by = decision.value, decided_hash, by
    session.add(edition)
    session.flush()


def seal(
    edition: Edition,
    wanted: Iterable[tuple[int, str, bool]],
    now: datetime,
    *,
    channels: Iterable[tuple[str, bool]] = (),
    session: Session,
) -> None:
    """Fix an edition for ever, open its deliveries and posts: the one place where an edition begins to be sent."""
    deliveries.open_deliveries(edition, wanted, now, session=session)
    posts.open_posts(edition.id or 0, channels, now, session=session)
    edition.sealed, edition.sealed_at, edition.preview = True, now, False
    session.add(edition)
    session.flush()
    place_stories(edition, now, session=session)
