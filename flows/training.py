"""Learning from people: a challenger is trained with their reviews, and takes over only where it measures no worse.

One review in five is never learned from, by any version: on those, and on the labelled passages of `seeds/held_out.jsonl`,
challenger and champion are measured side by side.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import as_file
from typing import Any

from flows.tagging_opening import encoder_folder, open_tagger
from models.reviews import IN_SCOPE
from models.seeds import seed_file
from models.settings import Settings
from models.store import model_versions, reviews
from models.store.database import Database
from models.store.model_versions import ModelState
from models.store.tagging import document_of, leads_since
from models.tagging.apply import RETAG_DAYS
from models.tagging.classifier import Tagger
from models.tagging.evaluation import Labelled, evaluate, read_labelled
from models.tagging.promotion import Promotion, flips, model_card, promote
from models.tagging.training import ReviewedArticle
from models.tagging.versions import load_tagger, read_facts
from models.themes import THEME_IDS

HELD_OUT_SHARE = 5  # one in so many
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


def train(database: Database, settings: Settings, *, now: datetime, force: bool = False) -> TrainSummary:
    """Train a challenger where there are new reviews (or by `force`), measure it beside the champion, decide."""
    champion, notes = open_tagger(database, settings, now=now)
    with database.read() as session:
        # Since any version, not the champion: after a rollback, the same reviews would only make the same model again.
        trained = [version.trained_at for version in model_versions.all_versions(session=session)]
        new = reviews.count_since(max(trained, default=None), session=session)
        reviewed = reviews.reviewed_articles(session=session)
        recent = [document_of(a) for a in leads_since(now - timedelta(days=RETAG_DAYS), FLIPS_AMONG, session=session)]
    if not new and not force:
        return TrainSummary(0, champion.version, notes=(*notes, "no new reviews: nothing to learn"))
    held_out = [one for one in reviewed if is_held_out(one)]
    learned = [one for one in reviewed if not is_held_out(one)]
    folder = settings.models_folder
    weights = encoder_folder(settings, notes)
    challenger, said = load_tagger(folder, encoder=settings.encoder, weights_folder=weights, reviews=learned)
    notes.append(said)
    if challenger.version == champion.version:
        return TrainSummary(new, champion.version, notes=(*notes, "the same reviews and seeds: the same model"))
    labelled = [*measured_articles(), *as_labelled(held_out)]
    scores, before = evaluate(challenger, labelled), evaluate(champion, labelled)
    promotion = promote(scores, before)
    facts = {**(read_facts(folder / challenger.version) or {}), "reviews": len(learned)}
    titles = [document.title for document in recent]
    changed = flips(titles, champion.tag(recent), challenger.tag(recent))
    card = model_card(facts, scores, thresholds_of(challenger), changed)
    with database.write() as session:
        model_versions.record(
            challenger.version,
            facts=facts,
            scores={**card["scores"], "card": {key: value for key, value in card.items() if key != "scores"}},
            state=ModelState.CHAMPION if promotion.accepted else ModelState.REJECTED,
            now=now,
            session=session,
        )
    winner = challenger if promotion.accepted else champion
    return TrainSummary(new, winner.version, challenger.version, promotion, card, before, tuple(notes))


def is_held_out(review: ReviewedArticle) -> bool:
    """Whether an article is kept for measuring; the same answer for the same article, always."""
    words = f"{review.document.title}\n{review.document.body}"
    return hashlib.sha256(words.encode("utf-8", "replace")).digest()[0] % HELD_OUT_SHARE == 0


def as_labelled(reviewed: Sequence[ReviewedArticle]) -> list[Labelled]:
    """Reviews as labelled articles: those out of scope, and those on which every theme was decided."""
    return [
        Labelled(f"review-{number}", one.document, one.in_scope, tuple(t for t in THEME_IDS if one.themes.get(t)))
        for number, one in enumerate(reviewed)
        if one.in_scope is False or (one.in_scope and all(theme in one.themes for theme in THEME_IDS))
    ]


def measured_articles() -> list[Labelled]:
    """The labelled passages of our own that no version learns from."""
    with as_file(seed_file("held_out.jsonl")) as path:
        return read_labelled(path)


def thresholds_of(tagger: Tagger) -> dict[str, float]:
    """From which probability on it says yes: of scope, and of each theme."""
    return {IN_SCOPE: float(tagger.scope.threshold)} | {
        theme: float(value) for theme, value in zip(THEME_IDS, tagger.themes.thresholds, strict=True)
    }
