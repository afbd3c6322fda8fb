"""The flow `train`: the classifier learns from people's reviews, and is replaced only by one that measures no worse."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from prefect import flow, task
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.running.artifacts import publish_model_card
from flows.running.markdown import escape, table
from flows.running.prefect_steps import KEEP_NOTHING, run_context, run_name, told_in_one_sentence
from models.edition.trend_words import count_things
from models.reviews import IN_SCOPE
from models.themes import load_themes, theme_ids

if TYPE_CHECKING:
    from flows.tagging.training import TrainSummary

FLIPS_SHOWN = 40
LEAST_EXAMPLES = 5  # of a theme: with fewer, one article moves its F1 by a fifth and more


TRAIN_SECONDS = (
    2 * 3600
)  # some fifty times what the default encoder takes; a version is stored whole at the end, or not at all


@task(
    name="train",
    task_run_name="train on seeds and reviews",
    tags=["train"],
    timeout_seconds=TRAIN_SECONDS,
    **KEEP_NOTHING,
)
def train_once(always: bool) -> "TrainSummary":
    """Fit a challenger where there are new reviews, or `always`, and compare it with the champion."""
    # Here, not above: scikit-learn's 80 MB would lie in the process that waits for runs.
    from flows.tagging.training import train as fit_and_compare

    with run_context() as place:
        return fit_and_compare(place.database, place.settings, now=place.now, force=always)


@flow(
    name="train",
    flow_run_name=run_name("train"),
    description="""Learn from people's reviews.

Trains a challenger on the seeds and the reviews, measures it beside the champion on articles that neither has learned
from, and lets it take over only where it is not worse overall and on no theme by more than the stated margin. The
articles of the last four weeks are then tagged again by the next run of `monitor`.

Without new reviews it does nothing. See **model-card** in a run's tab Artifacts; `culture-monitor model rollback` goes back.
""",
)
@told_in_one_sentence
async def train(always: bool = False) -> State[None]:
    """Learn from people's reviews.

    Args:
        always: Also without new reviews.
    """
    training = train_once(always)
    if training.card is not None and training.before is not None:
        await publish_model_card(card_page(training, training.card, training.before))
    return Completed(message=in_one_line(training))


def in_one_line(training: "TrainSummary") -> str:
    """What came of it."""
    if training.promotion is None:
        return f"Nothing was trained: {training.notes[-1].partition(':')[0] if training.notes else 'nothing new'}"
    if training.promotion.accepted:
        verdicts = f"{training.new_reviews} new verdict{'' if training.new_reviews == 1 else 's'}"
        return f"Version {training.challenger} tags from now on, with {verdicts}"
    return (
        f"Version {training.challenger} is rejected, {training.champion} stays: {'; '.join(training.promotion.reasons)}"
    )


def card_page(training: "TrainSummary", card: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    """The model card as markdown: what it learned from, how it measures beside the one before, what it would change."""
    after = card["scores"]
    names = {theme.id: theme.name for theme in load_themes()} | {IN_SCOPE: "In scope"}
    overall = [
        ["Scope: F1", _figure(before, "in_scope", "f1"), _figure(after, "in_scope", "f1")],
        ["Scope: precision", _figure(before, "in_scope", "precision"), _figure(after, "in_scope", "precision")],
        ["Scope: recall", _figure(before, "in_scope", "recall"), _figure(after, "in_scope", "recall")],
        ["Themes: micro F1", _figure(before, "themes", "micro_f1"), _figure(after, "themes", "micro_f1")],
        ["Themes: macro F1", _figure(before, "themes", "macro_f1"), _figure(after, "themes", "macro_f1")],
    ]
    rows = []
    for theme in theme_ids():
        old, new = before["themes"]["per_theme"][theme], after["themes"]["per_theme"][theme]
        threshold = card["thresholds"].get(theme, 0.0)
        rows.append([escape(names[theme]), theme_figure(old), theme_figure(new), f"{threshold:.2f}"])
    flips = [
        [escape(flip["title"], 120), escape(names.get(flip["what"], flip["what"])), flip["was"], flip["now"]]
        for flip in card["flips"][:FLIPS_SHOWN]
    ]
    reviewed = count_things(card["reviews"], "reviewed article")
    # Of a rejected one, the line above holds them.
    reasons = "; ".join(training.promotion.reasons) if training.promotion and training.promotion.accepted else ""
    lines = [
        f"## Model {escape(str(card['version']))}",
        "",
        f"{escape(in_one_line(training))}{f': {escape(reasons)}' if reasons else ''}.",
        "",
        f"Encoder {escape(str(card['encoder']))}; learned from {card['sentences']} sentences, {card['passages']} "
        f"passages and {reviewed}; data {escape(str(card['training_sha256'])[:12])}.",
        "",
        f"## Measured on {after['n']} labelled articles",
        "",
        "Reviewed articles and labelled passages that no version learns from. Of a theme with fewer than "
        f"{LEAST_EXAMPLES} examples stands their number, in brackets.",
        "",
        table(("", "before", "now"), overall),
        "",
        table(("theme", "F1 before", "F1 now", "yes from"), rows),
        "",
        "## What is missed",
        "",
        escape(training.missed),
        "",
        f"## What it says otherwise of the last four weeks: {len(card['flips'])}",
        "",
    ]
    return "\n".join([*lines, table(("article", "what", "before", "now"), flips) if flips else "Nothing."])


def theme_figure(scores: Mapping[str, Any]) -> str:
    """The F1 of one theme, or of how few examples none can be told."""
    support = int(scores["support"])
    return f"{scores['f1']:.2f}" if support >= LEAST_EXAMPLES else f"– ({support})"


def _figure(scores: Mapping[str, Any], part: str, key: str) -> str:
    value = scores[part][key]
    return f"{value:.3f}" if isinstance(value, int | float) else "–"
