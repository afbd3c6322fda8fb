"""The flow `digest`: one week's edition, composed and, after a person's yes where that is wanted, sent once."""

from datetime import datetime
from typing import Literal

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from pydantic import BaseModel, ConfigDict, Field

from flows.approval import decide
from flows.publishing.edition import DigestResult
from flows.running import jobs
from flows.running.artifacts import publish_edition
from flows.running.prefect_steps import RunContext, as_task, run_context, run_name
from models.edition.trend_words import count_stories
from models.store import editions
from models.store.recipients import check_address
from models.weeks import Week, utc_now

WeekChoice = Literal[
    "the last complete week", "this week so far", "two weeks ago", "three weeks ago", "four weeks ago", "named below"
]
_WEEKS_BACK: dict[str, int] = {
    "the last complete week": -1,
    "this week so far": 0,
    "two weeks ago": -2,
    "three weeks ago": -3,
    "four weeks ago": -4,
}


class DigestOptions(BaseModel):
    """Which week, and whether it is for real. By default: last week's, to those who have not had it."""

    model_config = ConfigDict(extra="forbid")

    week: WeekChoice = Field(
        default="the last complete week", title="Week", description="A week that is not over is sent to nobody"
    )
    named_week: str = Field(
        default="",
        pattern=r"^(\d{4}-W\d{2})?$",
        title="Named week",
        description="As 2026-W47; used where Week says “named below”",
    )
    dry_run: bool = Field(default=False, title="Dry run", description="Write the files and the preview, send nothing")
    test_copy_to: str = Field(
        default="", title="Test copy to", description="Send one marked test copy to this address, and nothing else"
    )


@flow(
    name="digest",
    flow_run_name=run_name("digest"),
    description="""Compose one week's edition and send it to each recipient, exactly once.

A second run for the same week sends only to those who have not had it. Reviews count up to the moment of composing;
an edition that has been sent is never changed. Without a mail server it is a preview. See **edition** and **theme-trends**
under Artifacts.

With the setting CULTURE_APPROVAL it awaits a person's approval: look at the edition under Artifacts, open the paused run
**approve …** (under Subflow Runs of this run), choose Resume in its menu and answer. What is approved is what is sent: news
that comes later waits for the next week, and after a review of one of its stories you are asked again.
""",
)
async def digest(options: DigestOptions = DigestOptions()) -> State[None]:  # noqa: B008
    """Compose one week's edition and send it.

    Args:
        options: Which week, and whether it is for real.
    """
    logger = get_run_logger()
    with run_context() as place:
        week = chosen_week(options, place.now)
        test_to = check_address(options.test_copy_to) if options.test_copy_to.strip() else None
        result = await _digest(place, week, dry_run=options.dry_run, to=test_to)
        await publish_edition(result.content, result.note)
        why = ""
        while result.awaits_approval:
            decision = await decide(place.settings, result)
            why = decision.why
            if not decision.send:
                if decision.by_person:
                    with place.database.write() as session:
                        editions.hold(week, why, session=session)
                logger.warning("%s: %s", week, why)
                return Completed(message=f"{week}: {why}")
            with place.database.write() as session:
                editions.approve(week, result.content_hash, why, session=session)
            # Where a review came meanwhile, or the edition is another by now, this asks anew.
            result = await _digest(place, week)
            await publish_edition(result.content, result.note)
        logger.info("%s: %s. %s", result.week, result.subject, result.note)
    return _ended(result, why)


def chosen_week(options: DigestOptions, now: datetime) -> Week:
    """The week that a form asks for.

    Raises:
        ValueError: a named week that is not one, or has not begun.
    """
    if options.week == "named below" or options.named_week:
        return jobs.week_of_digest(options.named_week, now)
    return Week.of(now).plus(_WEEKS_BACK[options.week])


async def _digest(place: RunContext, week: Week, *, dry_run: bool = False, to: str | None = None) -> DigestResult:
    async def step() -> DigestResult:
        return jobs.digest(
            place.database, place.registry, place.settings, week=week, now=utc_now(), dry_run=dry_run, to=to
        )

    return await as_task(f"send {week}", step)


def _ended(result: DigestResult, why: str = "") -> State[None]:
    counts = {
        "sent": result.sent,
        "sent by an earlier run": result.already_sent,
        "with nothing for them": result.skipped,
        "refused": result.failed,
        "out of date": result.expired,
        "tried again by the next scheduled run": result.waiting,
        "not confirmed": result.unconfirmed,
    }
    words = ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "no email"
    notes = "; ".join(note for note in (why, result.note) if note)
    message = f"{result.week}: {count_stories(result.stories)}, {words}" + (f" ({notes})" if notes else "")
    return Failed(message=message) if result.has_failures else Completed(message=message)
