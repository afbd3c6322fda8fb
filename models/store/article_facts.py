"""What stands of articles beside their own row: the themes in effect with their sentences, and whom they name."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select
from sqlmodel import Session

from models.edition.facts import MentionFact, TagFact
from models.reviews import IN_SCOPE
from models.store.columns import chunks
from models.store.in_scope import article, latest_reviews, members, tag
from models.store.tables import RecognisedArticle, StoredMention, StoredOrganisation
from models.tagging.decisions import State
from models.text_safety import plain_line

MAX_SUCCESSIONS = 10  # of mergers, one after another

mention = StoredMention.__table__.c  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Heirs:
    """The organisations of the vocabulary, each under the one that it lives on in today."""

    names: Mapping[str, str]  # id -> name
    heirs: Mapping[str, str]  # id -> id; only of those that one other has taken over

    def of(self, organisation_id: str) -> tuple[str, str]:
        """Id and name of an organisation, or of its only successor; the id for a name that is not on record."""
        for _ in range(MAX_SUCCESSIONS):
            organisation_id = self.heirs.get(organisation_id, organisation_id)
        return organisation_id, self.names.get(organisation_id, organisation_id)


def load_heirs(*, session: Session) -> Heirs:
    """All organisations that were ever recorded: as many as the vocabulary has."""
    table = StoredOrganisation.__table__.c  # type: ignore[attr-defined]
    rows = session.execute(select(table.id, table.name, table.successors)).all()
    return Heirs(
        {id_: name for id_, name, _ in rows}, {id_: after[0] for id_, _, after in rows if after and len(after) == 1}
    )


def tags_of(article_ids: Sequence[int], *, session: Session) -> dict[int, list[TagFact]]:
    """The themes in effect for these articles, each sentence compared with what is stored."""
    found: dict[int, list[TagFact]] = defaultdict(list)
    for chunk in chunks(article_ids):
        word = latest_reviews()
        said: dict[tuple[int, str], bool] = {
            (article_id, theme): verdict
            for article_id, theme, verdict in session.execute(
                select(word.c.article_id, word.c.theme, word.c.verdict).where(
                    word.c.article_id.in_(chunk), word.c.theme != IN_SCOPE
                )
            )
        }
        stored = _stored_words(chunk, session=session)
        query = select(tag.article_id, tag.theme, tag.score, tag.state, tag.evidence).where(tag.article_id.in_(chunk))
        for article_id, theme, score, state, evidence in session.execute(query):
            verdict = said.pop((article_id, theme), None)
            if verdict or (verdict is None and state == State.YES):
                words = stored.get(article_id)
                verbatim = words is None or plain_line(evidence) in words
                score = 1.0 if verdict else score
                found[article_id].append(TagFact(theme, score, evidence, by_person=bool(verdict), verbatim=verbatim))
        for (article_id, theme), verdict in said.items():
            if verdict:  # a theme that the tagger had not seen at all: no sentence to show for it
                found[article_id].append(TagFact(theme, 1.0, "", by_person=True))
    return found


def _stored_words(article_ids: Sequence[int], *, session: Session) -> dict[int, str]:
    """Title, summary and text of these articles in one line; none for one whose text was purged."""
    query = select(article.id, article.title, article.summary, article.text, article.words).where(
        article.id.in_(article_ids)
    )
    return {
        number: plain_line(" ".join((title, summary, text or "")))
        for number, title, summary, text, words in session.execute(query)
        if text is not None or not words
    }


def mentions_of(article_ids: Sequence[int], *, session: Session) -> dict[int, list[MentionFact]]:
    """The organisations that these articles name, by article."""
    found: dict[int, list[MentionFact]] = defaultdict(list)
    heirs = load_heirs(session=session)
    for chunk in chunks(article_ids):
        query = (
            select(mention.article_id, mention.organisation_id, mention.place, mention.count)
            .where(mention.article_id.in_(chunk))
            .order_by(mention.article_id, mention.id)
        )
        for article_id, organisation_id, place, count in session.execute(query):
            found[article_id].append(MentionFact(*heirs.of(organisation_id), place, count))
    return found


def organisations_between(start: datetime, end: datetime, *, session: Session) -> frozenset[str] | None:
    """The organisations that the stories of this time name; None where some were not looked at yet."""
    inside = members([article.id, article.story_id], start, end).subquery("inside")
    recognised = RecognisedArticle.__table__.c  # type: ignore[attr-defined]
    waiting = (
        select(inside.c.id)
        .outerjoin(RecognisedArticle, recognised.article_id == inside.c.id)
        .where(and_(inside.c.story_id.is_not(None), recognised.article_id.is_(None)))
    )
    if session.execute(waiting.limit(1)).first() is not None:
        return None
    heirs = load_heirs(session=session)
    named = select(mention.organisation_id).join(inside, inside.c.id == mention.article_id).distinct()
    return frozenset(heirs.of(organisation_id)[0] for (organisation_id,) in session.execute(named))
