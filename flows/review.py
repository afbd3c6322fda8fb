"""The flows `review` and `review-queue`: a person corrects the tagger in the Prefect UI, where it helps most."""

from datetime import timedelta
from typing import Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import BaseModel, ConfigDict, Field

from flows.artifacts import publish_review, publish_review_queue
from flows.markdown import escaped, table
from flows.prefect_links import form_address
from flows.prefect_steps import run_name, workplace
from flows.theme_choices import ThemeChoice, ids
from models.reviews import IN_SCOPE, MAX_NOTE, MAX_REVIEWER, QUEUE_DAYS, ReviewError, check_decision, queue
from models.store import reviews
from models.store.reviews import Recorded
from models.themes import load_themes

DOUBTS_READ = 2000  # of which the queue shows the most doubtful; bounds the run where a backfill left thousands
OTHERS_DO_NOT = "do not apply"
OTHERS_STAND = "stay as the tagger left them"


class Answer(BaseModel):
    """A person's decision on one article."""

    model_config = ConfigDict(extra="forbid")

    article: str = Field(
        title="Article",
        min_length=1,
        max_length=4000,
        description="Its number, as in review-queue and under each story of the artifact edition, or its web address",
    )
    in_scope: bool = Field(
        default=True,
        title="In scope",
        description="About leadership, management or workplace culture in UK health or social care. "
        "Off: the story leaves the digest",
    )
    themes: list[ThemeChoice] = Field(
        default=[], title="Themes that apply", description="Those of the fifteen that the article shows"
    )
    other_themes: Literal["do not apply", "stay as the tagger left them"] = Field(
        default="do not apply", title="The themes that are not chosen", description="What is said of the others"
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


@flow(
    name="review",
    flow_run_name=run_name("review"),
    description="""Correct the tagger: say of one article whether it is in scope and which themes it shows.

The decision overrides the tags **at once**, in the next digest and the trends, and the model learns from it at its
next training. The last decision on an article counts, so a mistake is mended by reviewing again.

Start **review-queue** to see where your time helps most.
""",
)
async def review(answer: Answer) -> State[None]:
    """Correct the tagger.

    Args:
        answer: Your decision on one article.
    """
    decision = check_decision(
        in_scope=answer.in_scope,
        themes=ids(answer.themes),
        others_stand=answer.other_themes == OTHERS_STAND,
        reviewer=answer.reviewer,
        note=answer.note,
    )
    with workplace() as place, place.database.write() as session:
        article = reviews.find_article(answer.article, session=session)
        if article is None:
            raise ReviewError(
                f"{answer.article!r} is no stored article: give its number from review-queue, or its web address"
            )
        recorded = reviews.record(article, decision, place.now, session=session)
    await publish_review(review_text(recorded, decision.reviewer))
    changed = sum(before != now for before, now in recorded.changes.values())
    return Completed(message=f"Recorded for article {recorded.article_id}: {changed} changed, by {decision.reviewer}")


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
    with workplace() as place, place.database.read() as session:
        since = place.now - timedelta(days=options.days)
        found = reviews.doubts(since, DOUBTS_READ, session=session)
        waiting = reviews.count_doubtful(since, session=session)
    items = queue(found, {theme.id: theme.name for theme in load_themes()}, options.articles)
    await publish_review_queue(items, await form_address("review/review"))
    return Completed(message=f"{len(items)} of {waiting} uncertain articles shown, see review-list under Artifacts")


def review_text(recorded: Recorded, reviewer: str) -> str:
    """What a decision changed, as markdown."""
    names = {theme.id: theme.name for theme in load_themes()} | {IN_SCOPE: "In scope"}
    rows = [
        [escaped(names[theme]), _word(before), _word(now), "**changed**" if before != now else ""]
        for theme, (before, now) in recorded.changes.items()
    ]
    copies = f" The scope holds for all {recorded.articles} articles of its story." if recorded.articles > 1 else ""
    return "\n".join(
        [
            f"## Article {recorded.article_id}: {escaped(recorded.title)}",
            "",
            f"Reviewed by {escaped(reviewer)}. It counts from now on.{copies}",
            "",
            table(("", "before", "now", ""), rows),
        ]
    )


def _word(verdict: bool) -> str:
    return "yes" if verdict else "no"
