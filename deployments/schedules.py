"""What is deployed and when it runs: the one list that `start`, the workers' registration and the tests read. No Prefect here."""

from dataclasses import dataclass

from models.settings import Settings

TIMEZONE = "Europe/London"
SCHEDULE_SLUG = (
    "as-shipped"  # names our schedule among those that a person added, so that only ours follows the settings
)
POOL = "culture"  # the work pool of an installation with workers


@dataclass(frozen=True, slots=True)
class Deployed:
    """One deployment; it bears the name of its flow."""

    name: str
    entrypoint: str  # a module path: a file path would load each class a second time
    cron: str = ""  # London time; empty: only by hand
    tags: tuple[str, ...] = ()
    queue_runs: bool = (
        False  # a second run waits for the first: cancelled, like the others, it would lose what it was given
    )


def catalogue(settings: Settings) -> tuple[Deployed, ...]:
    """Every deployment with its schedule, in the order in which people meet them."""
    return (
        Deployed("monitor", "flows.monitor.monitor", settings.schedule_monitor, ("main job",)),
        Deployed("digest", "flows.digest.digest", settings.schedule_digest, ("mail",)),
        Deployed("daily", "flows.daily.daily", settings.schedule_daily, ("mail",)),
        Deployed("draft-edition", "flows.edit_edition.draft_edition", settings.schedule_draft, ("mail",)),
        Deployed("edit-edition", "flows.edit_edition.edit_edition", tags=("mail",), queue_runs=True),
        Deployed("review", "flows.review.review", tags=("review",), queue_runs=True),
        Deployed("review-queue", "flows.review.review_queue", tags=("review",)),
        Deployed("train", "flows.train.train", settings.schedule_train, ("model",)),
        Deployed("recipients", "flows.recipients.recipients", tags=("mail",), queue_runs=True),
        Deployed("upkeep", "flows.upkeep.upkeep", settings.schedule_upkeep, ("upkeep",)),
        Deployed("collect", "flows.collect.collect", tags=("main job",)),
        Deployed("tag", "flows.tag.tag", tags=("main job",)),
        Deployed("backfill", "flows.backfill.backfill", tags=("past",), queue_runs=True),
        Deployed("digest-check", "flows.alert.digest_check", settings.schedule_check, ("alert",)),
        Deployed("alert", "flows.alert.alert", tags=("alert",), queue_runs=True),
    )
