"""The flow `tag`: the second half of `monitor` alone."""

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.running import jobs
from flows.running.prefect_steps import progress, run_context, run_name, told_in_one_sentence
from flows.running.run_summary import tagged_in_words
from flows.running.tasks import as_tasks


@flow(
    name="tag",
    flow_run_name=run_name("tag"),
    description="""Tag every stored story that waits for it.

The second half of **monitor**. A new model also looks again at the stories of the last four weeks.
""",
)
@told_in_one_sentence
async def tag() -> State[None]:
    """Tag every stored story that waits for it."""
    with run_context() as place:
        with progress("tag") as report:
            summary, notes = await jobs.tag(
                place.database, place.settings, now=place.now, run_step=as_tasks(place.settings), report=report
            )
        for note in notes:
            get_run_logger().info(note)
    return Completed(message=tagged_in_words(summary))
