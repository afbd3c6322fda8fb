"""The flow `digest`: one week's edition, composed and, after a person's yes where that is wanted, sent once."""

from datetime import datetime
from typing import Annotated, Literal

from prefect import flow, get_run_logger, task
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from pydantic import Field

from flows.approval import decide
from flows.publishing.edition import DigestResult
from flows.running import sending
from flows.running.artifacts import publish_edition
from flows.running.prefect_steps import KEEP_NOTHING, run_context, run_name, told_in_one_sentence
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


NamedWeek = Annotated[str, Field(pattern=r"^(\d{4}-W\d{2})?$")]


@task(name="send", task_run_name="send {week}", tags=["send"], **KEEP_NOTHING)
async def send_edition(week: str, dry_run: bool = False, to: str | None = None) -> DigestResult:
    """Compose one week's edition, write its files and send it, or what may be sent of it. The mail server's limits are its own."""
    with run_context() as place:
        return sending.digest(
            place.database,
            place.registry,
            place.settings,
            week=Week.parse(week),
            now=utc_now(),
            dry_run=dry_run,
            to=to,
        )


@flow(
    name="digest",
    flow_run_name=run_name("digest"),
    description="""Compose one week's edition and send it to each recipient, exactly once, and in short form to each channel.

A second run for the same week sends only to those who have not had it. Reviews count up to the moment of composing;
an edition that has been sent is never changed. Without a mail server it is a preview. See **edition** and **theme-trends**
in a run's tab Artifacts.

With the setting CULTURE_APPROVAL it awaits a person's approval: look at **edition** in this run's tab Artifacts, open the paused run
**approve …** (under Subflow Runs of this run), choose Resume in its menu and answer. What is approved is what is sent: news
that comes later waits for the next week, and after a review of one of its stories you are asked again.
""",
)
@told_in_one_sentence
async def digest(
    week: WeekChoice = "the last complete week",
    named_week: NamedWeek = "",
    dry_run: bool = False,
    test_copy_to: str = "",
) -> State[None]:
    """Compose one week's edition and send it.

    Args:
        week: A week that is not over is sent to nobody.
        named_week: As 2026-W47; used where week says "named below", or by itself.
        dry_run: Write the files and the preview, send nothing.
        test_copy_to: Send one marked test copy to this address, and nothing else.
    """
    logger = get_run_logger()
    with run_context() as place:
        chosen = chosen_week(week, named_week, place.now)
        test_to = check_address(test_copy_to) if test_copy_to.strip() else None
        result = await send_edition(str(chosen), dry_run, test_to)
        await publish_edition(result.content, result.note)
        why = ""
        while result.awaits_approval:
            decision = await decide(place.settings, result)
            why = decision.why
            if not decision.send:
                if decision.by_person:
                    with place.database.write() as session:
                        editions.hold(chosen, why, session=session)
                logger.warning("%s: %s", chosen, why)
                return Completed(message=f"{chosen}: {why}")
            with place.database.write() as session:
                editions.approve(chosen, result.content_hash, why, session=session)
            # Where a review came meanwhile, or the edition is another by now, this asks anew.
            result = await send_edition(str(chosen))
            await publish_edition(result.content, result.note)
        logger.info("%s: %s. %s", result.week, result.subject, result.note)
    return _ended(result, why)


def chosen_week(week: WeekChoice, named_week: str, now: datetime) -> Week:
    """The week that a form asks for.

    Raises:
        WeekError: a named week that is not one, or has not begun.
    """
    if week == "named below" or named_week:
        return sending.week_of_digest(named_week, now)
    return Week.of(now).plus(_WEEKS_BACK[week])


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
    emails = ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "no email"
    words = "; ".join(part for part in (emails, result.posts.words) if part)
    notes = "; ".join(note for note in (why, result.note) if note)
    message = f"{result.week}: {count_stories(result.stories)}, {words}" + (f" ({notes})" if notes else "")
    return Failed(message=message) if result.has_failures else Completed(message=message)
