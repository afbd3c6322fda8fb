"""The flow `daily`: on weekdays, what is new since a reader's last email, to those who want it every day."""

from prefect import flow, task
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.publishing.delivery import DeliverySummary
from flows.running import sending
from flows.running.prefect_steps import KEEP_NOTHING, run_context, run_name, told_in_one_sentence
from models.edition.short import Kind


@task(name="send", task_run_name="send daily emails", tags=["send"], **KEEP_NOTHING)
async def send_daily() -> DeliverySummary | None:
    """Open today's daily emails and send them; None where nobody wants one. The mail server's limits are its own."""
    with run_context() as place:
        return sending.send_short(place.database, place.registry, place.settings, kind=Kind.DAILY, now=place.now)


@flow(
    name="daily",
    flow_run_name=run_name("daily"),
    description="""Send the daily email to those readers who chose it: the stories that no email has told them yet.

Each reader gets at most one a day, and none where nothing is new. They get the weekly edition as well, which has every
story of its week. A second run on the same day sends only what the first could not.
""",
)
@told_in_one_sentence
async def daily() -> State[None]:
    """Send the daily email to those readers who chose it."""
    done = await send_daily()
    if done is None:
        return Completed(message="Nobody wants a daily email")
    words = done.say("daily emails") or "Nothing is new: no daily email was due"
    return Failed(message=words) if done.has_failures else Completed(message=words)
