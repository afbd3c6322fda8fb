"""The flow `digest`: one week's edition, composed and, after a person's yes where that is wanted, sent once."""

from typing import Literal

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.exceptions import FlowPauseTimeout
from prefect.flow_runs import apause_flow_run
from prefect.input import RunInput
from prefect.states import Completed, Failed
from pydantic import BaseModel, ConfigDict, Field

from flows import jobs
from flows.artifacts import publish_edition
from flows.mail.weekly import DigestResult
from flows.prefect_steps import Workplace, as_task, run_name, workplace
from models.brief import stories as stories_in_words
from models.composing import compose
from models.edition import EditionContent, content_from_json
from models.settings import Settings
from models.store import editions
from models.store.recipients import check_address
from models.themes import load_themes
from models.weeks import Week

ASK_EVERY_SECONDS = 10  # how soon a yes is noticed

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
    """Which week, and whether it is for real. As it stands: last week's, to those who have not had it."""

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


class Approval(RunInput):
    """The question to a person."""

    send: bool = Field(default=True, title="Send it?", description="Off: this edition is held back")
    answered_by: str = Field(default="", title="Your name", description="Kept in the run's log")


@flow(
    name="digest",
    flow_run_name=run_name("digest"),
    description="""Compose one week's edition and send it to each recipient, exactly once.

A second run for the same week sends only to those who have not had it. Reviews count up to the moment of composing;
an edition that has been sent is never changed. See **edition** and **theme-trends** under Artifacts.

With the setting CULTURE_APPROVAL it pauses for a person's yes: open the run, look at the edition under Artifacts,
then choose Resume in its menu.
""",
)
async def digest(options: DigestOptions = DigestOptions()) -> State[None]:  # noqa: B008
    """Compose one week's edition and send it.

    Args:
        options: Which week, and whether it is for real.
    """
    logger = get_run_logger()
    with workplace() as place:
        week = chosen_week(options, Week.of(place.now))
        test_to = check_address(options.test_copy_to) if options.test_copy_to.strip() else None
        if options.dry_run or test_to:
            result = await _digest(place, week, dry_run=options.dry_run, to=test_to, send=False)
            await publish_edition(_content(place, week), [result.note] if result.note else [])
            return _ended(result)
        composed = await _digest(place, week, send=False)
        content = _content(place, week)
        await publish_edition(content, [])
        if place.settings.approval and content.complete and not _is_begun(place, week):
            held = await _held_back(place.settings, content)
            if held:
                logger.warning("%s: %s", week, held)
                return Completed(message=f"{week}: {held}")
        result = await _digest(place, week, send=True)
        logger.info("%s: %s. %s", result.week, composed.subject, result.note)
    return _ended(result)


def chosen_week(options: DigestOptions, this_week: Week) -> Week:
    """The week that a form asks for.

    Raises:
        ValueError: a named week that is not one.
    """
    if options.week == "named below" or options.named_week:
        return Week.parse(options.named_week)
    return this_week.plus(_WEEKS_BACK[options.week])


async def _digest(
    place: Workplace, week: Week, *, send: bool, dry_run: bool = False, to: str | None = None
) -> DigestResult:
    async def step() -> DigestResult:
        return jobs.digest(
            place.database, place.registry, place.settings, week=week, now=place.now, dry_run=dry_run, to=to, send=send
        )

    return await as_task(f"{'send' if send or to else 'compose'} {week}", step)


def _content(place: Workplace, week: Week) -> EditionContent:
    """The edition as it is kept, or (a dry run of a week without one) as it would be."""
    with place.database.read() as session:
        kept = editions.edition_of(week, session=session)
        if kept is not None:
            return content_from_json(kept.content)
        facts = editions.gather_week(week, session=session)
    return compose(facts, place.registry, load_themes(), place.now)


def _is_begun(place: Workplace, week: Week) -> bool:
    with place.database.read() as session:
        kept = editions.edition_of(week, session=session)
        return kept is not None and kept.sealed


async def _held_back(settings: Settings, content: EditionContent) -> str:
    """Wait for a person; why the edition is not to be sent, or nothing."""
    default = "it is held back" if settings.approval_default == "hold" else "it is sent"
    question = (
        f"**{stories_in_words(len(content.stories))}** are ready for week {content.week}. Look at the artifact "
        f"*edition*, then decide. Without an answer within {settings.approval_hours} hours, {default}."
    )
    try:
        answer = await apause_flow_run(
            wait_for_input=Approval.with_initial_data(description=question),
            timeout=settings.approval_hours * 3600,
            poll_interval=ASK_EVERY_SECONDS,
        )
    except FlowPauseTimeout:
        if settings.approval_default == "send":
            return ""
        return f"nobody answered within {settings.approval_hours} hours, so the edition was held back; run digest again"
    if answer.send:
        return ""
    return f"held back by {answer.answered_by or 'a person'}; run digest again to send it"


def _ended(result: DigestResult) -> State[None]:
    counts = {
        "sent": result.sent,
        "sent by an earlier run": result.already_sent,
        "with nothing for them": result.skipped,
        "refused": result.failed,
        "tried again by the next run": result.waiting,
        "not confirmed": result.unconfirmed,
    }
    words = ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "no email"
    message = f"{result.week}: {stories_in_words(result.stories)}, {words}" + (
        f" ({result.note})" if result.note else ""
    )
    return Failed(message=message) if result.has_failures else Completed(message=message)
