"""The flows `review` and `review-queue`: a person corrects the tagger in the Prefect UI, where it helps most."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import Field

from flows.running.artifacts import form_link, publish_review, publish_review_queue
from flows.running.markdown import escape, table
from flows.running.prefect_steps import form_address, run_context, run_name, told_in_one_sentence
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
from models.store import audit, reviews
from models.store.reviews import Recorded
from models.themes import load_themes

DOUBTS_READ = 2000  # of which the queue shows the most doubtful; bounds the run where a backfill left thousands
SCOPE = {"not said": None, "yes": True, "no": False}


ArticleNamed = Annotated[str, Field(min_length=1, max_length=4000)]
Reviewer = Annotated[str, Field(min_length=1, max_length=MAX_REVIEWER)]
ReviewerOrNone = Annotated[str, Field(max_length=MAX_REVIEWER)]
Note = Annotated[str, Field(max_length=MAX_NOTE)]
Seal = Annotated[str, Field(max_length=20)]
Days = Annotated[int, Field(ge=1, le=366)]
Shown = Annotated[int, Field(ge=1, le=200)]
Said = Literal["not said", "yes", "no"]


@flow(
    name="review",
    flow_run_name=run_name("review"),
    description="""Correct the tagger: say of one article which themes apply or do not, or whether it is in scope.

What you say overrides the tags **at once**, in the next digest and the trends, and the model learns from it at its
next training. Of what you do not name, nothing is said. The latest answer counts, so a mistake is mended by answering again.

Start **review-queue** to see where your time helps most.
""",
)
@told_in_one_sentence
async def review(
    article: ArticleNamed,
    reviewer: Reviewer,
    themes: tuple[ThemeChoice, ...] = (),
    not_themes: tuple[ThemeChoice, ...] = (),
    in_scope: Said = "not said",
    retag: bool = False,
    confirmed: Seal = "",
    note: Note = "",
) -> State[None]:
    """Correct the tagger.

    Args:
        article: Its number, as in review-queue and under each story of the artifact edition, or its web address.
        reviewer: Your name; kept with the decision.
        themes: Themes that apply: of which you say yes. Of those not named nothing is said.
        not_themes: Themes that do not apply: of which you say no.
        in_scope: Whether the story is about what the monitor is about. No: it leaves the digest.
        retag: Decide on all themes: those that apply are those above and no other. Shows first what that would change;
            nothing is recorded until you confirm it.
        confirmed: Filled in by the link that confirms a retagging.
        note: Why, for whoever reads it later.
    """
    decision = _decision(ids(themes), ids(not_themes), SCOPE[in_scope], reviewer, note, retag=retag)
    with run_context() as place, place.database.write() as session:
        found = reviews.find_article(article, session=session)
        if found is None:
            raise ReviewError(
                f"{article!r} is no stored article: give its number from review-queue, or its web address"
            )
        recorded = reviews.preview(found, decision, session=session)
        seal = seal_of(recorded.changes)
        asked_first = retag and confirmed != seal
        if not asked_first:
            reviews.record(found, decision, place.now, session=session)
    changed = sum(before != now for before, now in recorded.changes.values())
    if asked_first:
        again: dict[str, Any] = {"article": article, "reviewer": reviewer, "themes": [theme.value for theme in themes]}
        again |= {"retag": True, "confirmed": seal, "note": note}
        link = form_link(await form_address("review/review"), again)
        await publish_review(review_text(recorded, decision.reviewer, confirm=link))
        return Completed(
            message=f"Nothing is recorded yet for article {recorded.article_id}: {changed} would change, "
            f"see review under Artifacts and confirm it there ({seal})"
        )
    await publish_review(review_text(recorded, decision.reviewer))
    return Completed(message=f"Recorded for article {recorded.article_id}: {changed} changed, by {decision.reviewer}")


def _decision(
    themes: list[str], not_themes: list[str], in_scope: bool | None, reviewer: str, note: str, *, retag: bool
) -> Decision:
    if not retag:
        return check_decision(in_scope=in_scope, themes=themes, not_themes=not_themes, reviewer=reviewer, note=note)
    if in_scope is False:
        raise ReviewError("an article out of scope carries no theme: say so without deciding on all themes")
    return check_retagging(themes=themes, reviewer=reviewer, note=note)


@flow(
    name="review-queue",
    flow_run_name=run_name("review-queue"),
    description="""Show the recent stories of which the tagger is least sure, with links and evidence.

Ten minutes of answers here teach the model more than hours elsewhere. Half of the places are for last week's audit sample,
drawn by chance from all news: only those answers tell how much the monitor misses. Look at **review-list** in the run's tab
Artifacts: its links open the form **review** with an answer filled in.
""",
)
@told_in_one_sentence
async def review_queue(days: Days = QUEUE_DAYS, articles: Shown = 20, reviewer: ReviewerOrNone = "") -> State[None]:
    """Show the recent stories of which the tagger is least sure.

    Args:
        days: Stories first seen in the last so many days.
        articles: Shown at most.
        reviewer: Your name: with it, each link to an answer opens a form that has only to be submitted.
    """
    with run_context() as place, place.database.read() as session:
        since = place.now - timedelta(days=days)
        drawn = audit.questions(since, session=session)
        found = [*reviews.doubts(since, DOUBTS_READ, session=session), *drawn]
        waiting = reviews.count_doubtful(since, session=session)
    items = queue(found, {theme.id: theme.name for theme in load_themes()}, articles)
    await publish_review_queue(items, await form_address("review/review"), reviewer)
    checks = sum(item.score is None for item in items)
    also = f", and {checks} of {len(drawn)} drawn to see what is missed" if drawn else ""
    return Completed(
        message=f"{len(items) - checks} of {waiting} uncertain articles shown{also}, see review-list under Artifacts"
    )


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
