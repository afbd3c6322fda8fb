"""The flows `review` and `review-queue`: a person corrects the tagger in the Prefect UI, where it helps most."""

from datetime import timedelta
from typing import Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import BaseModel, ConfigDict, Field

from flows.running.artifacts import form_link, publish_review, publish_review_queue
from flows.running.markdown import escape, table
from flows.running.prefect_links import form_address
from flows.running.prefect_steps import run_context, run_name
from flows.running.theme_choices import ThemeChoice, ids
from models.reviews import (
    IN_SCOPE,
    MAX_NOTE,
    MAX_REVIEWER,
    NOT_IN_SCOPE,
    QUEUE_DAYS,
    Decision,
    ReviewError,
    check_decision,
    check_retagging,
    queue,
    seal_of,
)
from models.store import reviews
from models.store.reviews import Recorded
from models.themes import load_framework, load_themes

DOUBTS_READ = 2000  # of which the queue shows the most doubtful; bounds the run where a backfill left thousands
SCOPE = {"not said": None, "yes": True, "no": False}


class Answer(BaseModel):
    """What a person says of one article."""

    model_config = ConfigDict(extra="forbid")

    article: str = Field(
        title="Article",
        min_length=1,
        max_length=4000,
        description="Its number, as in review-queue and under each story of the artifact edition, or its web address",
    )
    themes: list[ThemeChoice] = Field(
        default=[], title="Themes that apply", description="Of which you say yes; of those not named nothing is said"
    )
    not_themes: list[ThemeChoice] = Field(
        default=[], title="Themes that do not apply", description="Of which you say no"
    )
    in_scope: Literal["not said", "yes", "no"] = Field(
        default="not said",
        title="In scope",
        description=f"{load_framework().question} No: the story leaves the digest",
    )
    retag: bool = Field(
        default=False,
        title="Decide on all themes",
        description="The themes that apply are those above and no other. Shows first what that would change; "
        "nothing is recorded until you confirm it",
    )
    confirmed: str = Field(
        default="", max_length=20, title="Confirmed", description="Filled in by the link that confirms a retagging"
    )
    note: str = Field(default="", max_length=MAX_NOTE, title="Note", description="Why, for whoever reads it later")
    reviewer: str = Field(
        title="Reviewer", min_length=1, max_length=MAX_REVIEWER, description="Your name; kept with the decision"
    )


class QueueOptions(BaseModel):
    """What the queue shows."""

    model_config = ConfigDict(extra="forbid")

    days: int = Field(
        default=QUEUE_DAYS, ge=1, le=366, title="Days", description="Stories first seen in the last so many days"
    )
    articles: int = Field(default=20, ge=1, le=200, title="Articles", description="Shown at most")
    reviewer: str = Field(
        default="",
        max_length=MAX_REVIEWER,
        title="Reviewer",
        description="Your name: with it, each link to an answer opens a form that has only to be submitted",
    )


@flow(
    name="review",
    flow_run_name=run_name("review"),
    description="""Correct the tagger: say of one article which themes apply or do not, or whether it is in scope.

What you say overrides the tags **at once**, in the next digest and the trends, and the model learns from it at its
next training. Of what you do not name, nothing is said. The latest answer counts, so a mistake is mended by answering again.

Start **review-queue** to see where your time helps most.
""",
)
async def review(answer: Answer) -> State[None]:
    """Correct the tagger.

    Args:
        answer: What you say of one article.
    """
    decision = _decision(answer)
    with run_context() as place, place.database.write() as session:
        article = reviews.find_article(answer.article, session=session)
        if article is None:
            raise ReviewError(
                f"{answer.article!r} is no stored article: give its number from review-queue, or its web address"
            )
        recorded = reviews.preview(article, decision, session=session)
        seal = seal_of(recorded.changes)
        asked_first = answer.retag and answer.confirmed != seal
        if not asked_first:
            reviews.record(article, decision, place.now, session=session)
    changed = sum(before != now for before, now in recorded.changes.values())
    if asked_first:
        confirmed = answer.model_copy(update={"confirmed": seal})
        link = form_link(await form_address("review/review"), {"answer": confirmed.model_dump(mode="json")})
        await publish_review(review_text(recorded, decision.reviewer, confirm=link))
        return Completed(
            message=f"Nothing is recorded yet for article {recorded.article_id}: {changed} would change, "
            f"see review under Artifacts and confirm it there ({seal})"
        )
    await publish_review(review_text(recorded, decision.reviewer))
    return Completed(message=f"Recorded for article {recorded.article_id}: {changed} changed, by {decision.reviewer}")


def _decision(answer: Answer) -> Decision:
    themes, not_themes = ids(answer.themes), ids(answer.not_themes)
    if not answer.retag:
        return check_decision(
            in_scope=SCOPE[answer.in_scope],
            themes=themes,
            not_themes=not_themes,
            reviewer=answer.reviewer,
            note=answer.note,
        )
    if answer.in_scope == "no":
        raise ReviewError("an article out of scope carries no theme: say so without deciding on all themes")
    return check_retagging(themes=themes, reviewer=answer.reviewer, note=answer.note)


@flow(
    name="review-queue",
    flow_run_name=run_name("review-queue"),
    description="""Show the recent stories of which the tagger is least sure, with links and evidence.

Ten minutes of answers here teach the model more than hours elsewhere. Look at **review-list** (links to read) or
**review-queue** (the same as a table) under Artifacts, then answer in the form of **review**.
""",
)
async def review_queue(options: QueueOptions = QueueOptions()) -> State[None]:  # noqa: B008
    """Show the recent stories of which the tagger is least sure.

    Args:
        options: How far back, and how many.
    """
    with run_context() as place, place.database.read() as session:
        since = place.now - timedelta(days=options.days)
        found = reviews.doubts(since, DOUBTS_READ, session=session)
        waiting = reviews.count_doubtful(since, session=session)
    items = queue(found, {theme.id: theme.name for theme in load_themes()}, options.articles)
    await publish_review_queue(items, await form_address("review/review"), options.reviewer)
    return Completed(message=f"{len(items)} of {waiting} uncertain articles shown, see review-list under Artifacts")


def review_text(recorded: Recorded, reviewer: str, *, confirm: str | None = None) -> str:
    """What a decision changed, as markdown; with `confirm` (a link, or empty) what it would change once it is confirmed."""
    names = {theme.id: theme.name for theme in load_themes()} | {IN_SCOPE: "In scope"}
    rows = [
        [escape(names[theme]), _word(before), _word(now), "**changed**" if before != now else ""]
        for theme, (before, now) in recorded.changes.items()
    ]
    said = f"Reviewed by {escape(reviewer)}. It counts from now on."
    if confirm is not None:
        said = "**Nothing is recorded yet.** This is what it would change. "
        said += f"[Confirm it]({confirm})." if confirm else "Run the form again with what the run says as Confirmed."
    elif IN_SCOPE in recorded.changes and recorded.articles > 1:
        said += f" The scope holds for all {recorded.articles} articles of its story."
    if not recorded.in_scope:
        said += f" {NOT_IN_SCOPE}"
    return "\n".join(
        [
            f"## Article {recorded.article_id}: {escape(recorded.title)}",
            "",
            said,
            "",
            table(("", "before", "now", ""), rows),
        ]
    )


def _word(verdict: bool) -> str:
    return "yes" if verdict else "no"
