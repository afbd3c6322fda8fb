"""Learning from people's reviews: a challenger is trained, measured beside the champion, and takes over only if no worse.

Plain functions, without Prefect. A fifth of the reviewed articles, always the same ones, is never learned from: both are
measured on it, and on the labelled articles of `seeds/held_out.jsonl`, which no version learns from.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import as_file
from typing import Any

from flows.jobs import encoder_folder, open_tagger
from models.seeds import seed_file
from models.settings import Settings
from models.store import model_versions, reviews
from models.store.database import Database
from models.store.model_versions import ModelState
from models.store.reviews import recent_leads
from models.tagging.apply import RETAG_DAYS, document_of
from models.tagging.classifier import Tagger
from models.tagging.evaluation import Labelled, evaluate, read_labelled
from models.tagging.promotion import Flip, Promotion, flips, model_card, promote
from models.tagging.training import ReviewedArticle
from models.tagging.versions import load_tagger, read_facts
from models.themes import THEME_IDS

HELD_OUT_OF = 5  # one reviewed article in so many is kept for measuring
FLIPS_READ = 400  # recent stories on which the two are compared: a few seconds of tagging


@dataclass(frozen=True, slots=True)
class Training:
    """What came of one training."""

    note: str  # in one line
    new_reviews: int
    champion: str  # that tags from now on
    promotion: Promotion | None = None
    before: dict[str, Any] | None = None  # the old champion's scores, and the challenger's, on the same articles
    after: dict[str, Any] | None = None
    card: dict[str, Any] | None = None


def train(database: Database, settings: Settings, *, now: datetime, always: bool = False) -> Training:
    """Train on the seeds and all reviews, where there are new ones (or `always`)."""
    champion, _ = open_tagger(database, settings, now=now)
    with database.read() as session:
        row = model_versions.champion(session=session)
        latest = max((one.trained_at for one in model_versions.all_versions(session=session)), default=None)
        new = reviews.count_since(latest, session=session)
        learned, kept = split(reviews.reviewed_articles(session=session))
    if not new and not always:
        return Training("no new reviews since the last training: nothing was trained", 0, champion.version)
    weights = encoder_folder(settings, [])
    challenger, said = load_tagger(
        settings.models_folder, encoder=settings.encoder, weights_folder=weights, reviews=learned
    )
    if challenger.version == champion.version:
        return Training(f"{said} It is the champion already.", new, champion.version)
    measured = [*held_out_articles(), *labelled_reviews(kept)]
    before, after = evaluate(champion, measured), evaluate(challenger, measured)
    promotion = promote(after, before)
    facts = {**(read_facts(settings.models_folder / challenger.version) or {}), "reviews": len(learned)}
    card = model_card(facts, after, challenger.thresholds, _flips(database, champion, challenger, now))
    with database.write() as session:
        if row is not None and not row.scores:
            row.scores = before
            session.add(row)
        state = ModelState.CHAMPION if promotion.accepted else ModelState.REJECTED
        model_versions.record(
            challenger.version, facts=facts, scores={**after, "card": card}, state=state, now=now, session=session
        )
    verdict = "takes over" if promotion.accepted else f"is rejected: {'; '.join(promotion.reasons)}"
    return Training(
        note=f"challenger {challenger.version}, trained on {len(learned)} reviewed articles, {verdict}",
        new_reviews=new,
        champion=challenger.version if promotion.accepted else champion.version,
        promotion=promotion,
        before=before,
        after=after,
        card=card,
    )


def split(found: Sequence[ReviewedArticle]) -> tuple[list[ReviewedArticle], list[ReviewedArticle]]:
    """Those to learn from, and those to measure on: by the text, so that an article never changes sides."""
    learned, kept = [], []
    for one in found:
        digest = hashlib.sha256(f"{one.document.title}\n{one.document.body}".encode()).digest()
        (kept if digest[0] % HELD_OUT_OF == 0 else learned).append(one)
    return learned, kept


def labelled_reviews(found: Sequence[ReviewedArticle]) -> list[Labelled]:
    """Reviewed articles as measuring wants them: those out of scope, and those on which every theme was decided."""
    return [
        Labelled(
            id=f"review-{place}",
            document=one.document,
            in_scope=one.in_scope,
            themes=tuple(theme for theme in THEME_IDS if one.in_scope and one.themes.get(theme)),
        )
        for place, one in enumerate(found)
        if one.in_scope is False or (one.in_scope and all(theme in one.themes for theme in THEME_IDS))
    ]


def held_out_articles() -> list[Labelled]:
    """The labelled articles of our own that no version learns from."""
    with as_file(seed_file("held_out.jsonl")) as path:
        return read_labelled(path)


def _flips(database: Database, champion: Tagger, challenger: Tagger, now: datetime) -> list[Flip]:
    with database.read() as session:
        articles = recent_leads(now - timedelta(days=RETAG_DAYS), FLIPS_READ, session=session)
    documents = [document_of(article) for article in articles]
    if not documents:
        return []
    return flips([article.title for article in articles], champion.tag(documents), challenger.tag(documents))
