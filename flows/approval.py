"""A person's yes before the digest is sent: a run of its own inside the digest's, which pauses until they answer.

Of its own, since Prefect gives the place of a deployment's run to others while that is paused, and ends its process when it
then finds the place gone, some four minutes later. The digest's run stays under way, so no other can start beside it.
"""

import asyncio
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from prefect import flow, get_run_logger
from prefect.client.orchestration import get_client
from prefect.flow_runs import apause_flow_run
from prefect.input import RunInput, keyset_from_paused_state
from prefect.runtime import flow_run
from prefect.states import Running
from pydantic import Field

from flows.publishing.edition import HASH_LETTERS, DigestResult
from models.edition.trend_words import count_stories
from models.reviews import MAX_REVIEWER
from models.settings import Settings
from models.text_safety import plain_line

ASK_EVERY_SECONDS = 5  # how soon an answer is noticed
# By which our own time is up before Prefect's, which would call the run failed, whatever is decided then.
SPARE_SECONDS = 3600
FLOW = "approval"


class Approval(RunInput):
    """The question to a person."""

    send: bool = Field(default=True, title="Send it?", description="Off: this edition is held back")
    answered_by: str = Field(default="", title="Your name", description="Kept with the run's result")


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the edition goes out, and why."""

    send: bool
    why: str
    by_person: bool = True


async def decide(settings: Settings, edition: DigestResult) -> Decision:
    """Ask about an edition, wait, and decide by the answer or, without one, by the setting.

    What a person held back stays so without an answer.
    """
    hours = f"{settings.approval_hours:g} hour{'' if settings.approval_hours == 1 else 's'}"
    default = "hold" if edition.held else settings.approval_default
    earlier = " It was held back before." if edition.held else ""
    question = (
        f"The edition of {edition.week} is ready: **{count_stories(edition.stories)}** "
        f"(content {edition.content_hash[:HASH_LETTERS]}).{earlier} Look at the artifact *edition*, then decide. "
        f"Without an answer within {hours}, it {'is held back' if default == 'hold' else 'is sent'}."
    )
    answer = await approval(edition.week, question, max(round(settings.approval_hours * 3600), 1))
    return decision(answer, hours, default)


def decision(answer: "Approval | Literal['nobody', 'cancelled']", hours: str, default: str) -> Decision:
    """What an answer, or its absence, means."""
    if isinstance(answer, Approval):
        who = plain_line(answer.answered_by, MAX_REVIEWER) or "a person"
        if answer.send:
            return Decision(True, f"approved by {who}")
        return Decision(False, f"held back by {who}; run digest again to send it")
    if answer == "cancelled":
        return Decision(False, "held back, since the question was cancelled; run digest again to send it")
    if default == "send":
        words = f"nobody answered within {hours}, so it was sent, as CULTURE_APPROVAL_DEFAULT says"
        return Decision(True, words, by_person=False)
    words = f"nobody answered within {hours}, so it was held back, as CULTURE_APPROVAL_DEFAULT says; run digest again"
    return Decision(False, words, by_person=False)


@flow(
    name=FLOW,
    flow_run_name="approve {week}",
    description="""Wait for a person's yes before an edition is sent.

Look at the artifact **edition**, then choose **Resume** in this run's menu and answer. Part of a run of **digest**, with the
setting CULTURE_APPROVAL.
""",
    persist_result=False,
)
async def approval(week: str, question: str, seconds: int) -> "Approval | Literal['nobody', 'cancelled']":
    """Pause this run until a person answers.

    Args:
        week: The edition's week.
        question: What they are asked.
        seconds: How long it waits.
    """
    get_run_logger().warning("%s To answer, choose Resume in this run's menu (top right).", question.replace("*", ""))
    asked = Approval.with_initial_data(description=question)
    try:
        async with asyncio.timeout(seconds):
            return await apause_flow_run(
                wait_for_input=asked,
                timeout=seconds + SPARE_SECONDS,
                poll_interval=min(ASK_EVERY_SECONDS, seconds),
            )
    except TimeoutError:
        return await _time_is_up(UUID(flow_run.id))


async def _time_is_up(run: UUID) -> "Approval | Literal['nobody', 'cancelled']":
    """The answer of the last seconds, or none. The run is set under way again: it ends as any other."""
    async with get_client() as client:
        found = await client.read_flow_run(run)
        if found.state is not None and found.state.is_running():
            paused = [state for state in await client.read_flow_run_states(run) if state.is_paused()]
            return await Approval.aload(keyset_from_paused_state(paused[-1]), run) if paused else "nobody"
        if found.state is None or not found.state.is_paused():
            return "cancelled"
        await client.set_flow_run_state(run, Running(message="Nobody answered in time"))
    return "nobody"
