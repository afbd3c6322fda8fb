"""The flow `monitor`: the main job, as people schedule it and start it from the Prefect UI."""

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from pydantic import BaseModel, ConfigDict, Field

from flows import jobs
from flows.artifacts import publish_run_summary, publish_source_health
from flows.prefect_steps import Workplace, as_task, progress, run_name, workplace
from flows.web.collect_summary import CollectSummary
from models.outcomes import Outcome
from models.settings import Settings


class MonitorOptions(BaseModel):
    """What a run asks for. As it stands, it asks every enabled source that is due."""

    model_config = ConfigDict(extra="forbid")

    sources: list[str] = Field(
        default=[], title="Sources", description="Only these sources; with none chosen, all that are enabled"
    )
    all_due: bool = Field(
        default=False,
        title="Also sources that are not due yet",
        description="Asks every source now. Unchanged sources answer in a few bytes, so this is safe",
    )
    max_pages: int = Field(
        default=0,
        ge=0,
        le=20_000,
        title="Pages to read at most",
        description="The rest waits for the next run. 0 uses the setting CULTURE_PAGES_PER_RUN",
    )


@flow(
    name="monitor",
    flow_run_name=run_name("monitor"),
    description="""Collect the news and tag it: the monitor's main job.

Asks each source for its newest entries, reads the pages that may be read, folds copies into one story, tags every
new story with the themes of the 2022 Messenger review, and stores it all. No edition is begun to be sent; emails of an
edition that no mail server took so far are tried again.

Safe to start at any time: what is known is not fetched again. See **run-summary** and **source-health** under Artifacts.
""",
)
async def monitor(options: MonitorOptions = MonitorOptions()) -> State[None]:  # noqa: B008  pydantic's is frozen in use
    """Collect the news and tag it.

    Args:
        options: What to ask for. As it stands, every enabled source that is due.
    """
    with workplace() as place:
        return await run_monitor(place, options)


async def run_monitor(place: Workplace, options: MonitorOptions) -> State[None]:
    """The job and what people see of it."""
    logger = get_run_logger()
    settings = limited(place.settings, options.max_pages)
    chosen = place.registry.choose(options.sources)
    with progress("monitor") as report:
        summary = await jobs.monitor(
            place.database,
            place.registry,
            settings,
            now=place.now,
            sources=chosen,
            all_due=options.all_due or bool(chosen),
            run_step=as_task,
            report=report,
        )
    for note in summary.notes:
        logger.info(note)
    await publish_run_summary(summary.collected, summary.tagged)
    await publish_source_health(place.database, place.registry, now=place.now)
    jobs.note_told(place.database, summary.collected, now=place.now)
    words = f"{summary.tagged.judged} stories tagged, {summary.tagged.in_scope} on leadership and culture"
    left = jobs.send_pending(place.database, place.registry, settings, now=place.now)
    if left is None or not left.words:
        return collected_state(summary.collected, words)
    state = collected_state(summary.collected, f"{words}; {left.words}")
    # Told of once, by the run in which they are given up.
    return Failed(message=state.message) if left.failed or left.expired else state


def collected_state(collected: CollectSummary, and_more: str) -> State[None]:
    """The end of a run in one line; failed only where not one of the sources that were asked could be seen."""
    asked, failed = len(collected.results), len(collected.failures)
    words = f"{collected.outcomes[Outcome.NEW]} new of {collected.entries} entries from {asked} sources"
    if failed:
        words += f", {failed} of which could not be seen"
    words += f"; {and_more}" if and_more else ""
    if asked and failed == asked:
        why = collected.network_trouble or "No source could be reached."
        return Failed(message=f"{why} {words}. See the artifact source-health.")
    return Completed(message=words)


def limited(settings: Settings, max_pages: int) -> Settings:
    """The settings with another limit on pages; 0 leaves them as they are."""
    return settings.model_copy(update={"pages_per_run": max_pages}) if max_pages else settings
