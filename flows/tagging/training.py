"""Learning from people: a challenger is trained with their reviews, and takes over only where it measures no worse.

One review in five is never learned from, by any version: on those, and on the labelled passages of `seeds/held_out.jsonl`,
challenger and champion are measured side by side.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flows.tagging.open_tagger import MODEL_LOCK, encoder_folder, open_tagger
from models.settings import Settings
from models.store import audit, model_versions, reviews
from models.store.database import Database
from models.store.locks import wait_for_lock
from models.store.model_versions import ModelState
from models.store.tagging import document_of, leads_since
from models.tagging.apply import RETAG_DAYS
from models.tagging.encoders import choose_encoder
from models.tagging.evaluation import evaluate
from models.tagging.held_out import as_labelled, is_held_out, measured_articles
from models.tagging.identity import build_version
from models.tagging.promotion import Promotion, flips, model_card, promote
from models.tagging.versions import load_tagger, read_facts

FLIPS_AMONG = 500  # recent articles, on which the card shows what the challenger says otherwise


@dataclass(frozen=True, slots=True)
class TrainSummary:
    """What a training run did."""

    new_reviews: int
    champion: str  # the version that tags from now on
    challenger: str = ""  # empty where there was nothing to learn
    promotion: Promotion | None = None
    card: dict[str, Any] | None = None  # of the challenger
    before: dict[str, Any] | None = None  # scores of the champion on the same articles
    notes: tuple[str, ...] = ()
    missed: str = ""  # what the audit sample says of how much is missed, for the card


def train(database: Database, settings: Settings, *, now: datetime, force: bool = False) -> TrainSummary:
    """Train a challenger where there are new reviews (or by `force`), measure it beside the champion, decide."""
    champion, notes = open_tagger(database, settings, now=now)
    folder = settings.models_folder
    weights = encoder_folder(settings, notes)
    with database.read() as session:
        row = model_versions.champion(session=session)
        new = reviews.count_since(row.reviews_until if row else None, session=session)
        until = reviews.latest_review(session=session)
        reviewed = reviews.reviewed_articles(session=session)
        encoder = choose_encoder(settings.encoder, weights).name
        tried = (
            model_versions.learned_from_the_same(until, code_version=build_version(), encoder=encoder, session=session)
            if until is not None
            else None
        )
        recent = [document_of(a) for a in leads_since(now - timedelta(days=RETAG_DAYS), FLIPS_AMONG, session=session)]
    if not new and not force:
        return TrainSummary(0, champion.version, notes=(*notes, "no new reviews: nothing to learn"))
    if tried and tried.version != champion.version and not force:
        # A model that measured worse, or that a person went back behind: training it again would only ask again.
        said = f"no reviews since version {tried.version} ({tried.state}) learned from them: nothing to learn"
        return TrainSummary(new, champion.version, notes=(*notes, said))
    held_out = [one for one in reviewed if is_held_out(one)]
    learned = [one for one in reviewed if not is_held_out(one)]
    with wait_for_lock(database, MODEL_LOCK):
        challenger, said = load_tagger(folder, encoder=settings.encoder, weights_folder=weights, reviews=learned)
    notes.append(said)
    if challenger.version == champion.version:  # what is new is held out, or says the same again
        with database.write() as session:
            model_versions.note_reviews(champion.version, until, session=session)
        return TrainSummary(new, champion.version, notes=(*notes, "the same reviews and seeds: the same model"))
    labelled = [*measured_articles(), *as_labelled(held_out)]
    scores, before = evaluate(challenger, labelled), evaluate(champion, labelled)
    promotion = promote(scores, before)
    until_word = until.isoformat() if until else None
    facts = {**(read_facts(folder / challenger.version) or {}), "reviews": len(learned), "reviews_until": until_word}
    titles = [document.title for document in recent]
    changed = flips(titles, champion.tag(recent), challenger.tag(recent))
    card = model_card(facts, scores, challenger.thresholds, changed)
    with database.write() as session:
        missed = audit.describe(now, session=session)
        model_versions.record(
            challenger.version,
            facts=facts,
            scores={**card["scores"], "card": {key: value for key, value in card.items() if key != "scores"}},
            state=ModelState.CHAMPION if promotion.accepted else ModelState.REJECTED,
            now=now,
            reviews_until=until,
            session=session,
        )
        if promotion.accepted:
            model_versions.unpin(session=session)
    winner = challenger if promotion.accepted else champion
    return TrainSummary(new, winner.version, challenger.version, promotion, card, before, tuple(notes), missed)
