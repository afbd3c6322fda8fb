"""The flow `digest`: one week's edition, composed and sent once."""

from typing import Any

from prefect import flow, get_run_logger
from pydantic import BaseModel, ConfigDict, Field, field_validator

from flows import jobs
from flows.prefect_steps import as_task, run_name, workplace
from models.weeks import Week


class DigestOptions(BaseModel):
    """What a person may choose of a digest; the defaults send last week's edition to those who have not had it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    week: str | None = Field(
        default=None, title="Week", description="As 2026-W47; none: the last complete week.", examples=["2026-W47"]
    )
    dry_run: bool = Field(default=False, title="Dry run", description="Write the files and send nothing.")
    test_copy_to: str | None = Field(
        default=None, title="Test copy to", description="Send one marked test copy to this address, and nothing else."
    )

    @field_validator("week")
    @classmethod
    def _is_week(cls, value: str | None) -> str | None:
        return str(Week.parse(value)) if value else None


@flow(name="digest", flow_run_name=run_name("digest"), persist_result=False)
async def digest(options: DigestOptions = DigestOptions()) -> None:  # noqa: B008 - a frozen value
    """Compose one week's edition, write it to the outbox and the archive, and send it to each recipient, exactly once.

    A second run for the same week sends only to those who have not had it.

    Args:
        options: Which week, and whether it is for real.
    """
    logger = get_run_logger()
    with workplace() as place:
        week = Week.parse(options.week) if options.week else Week.of(place.now).plus(-1)

        async def step() -> Any:
            return jobs.digest(
                place.database,
                place.registry,
                place.settings,
                week=week,
                now=place.now,
                dry_run=options.dry_run,
                to=options.test_copy_to,
            )

        result = await as_task(f"compose and send {week}", step)
    logger.info("%s: %s", result.week, result.subject)
    logger.info("%d sent, %d failed, %d waiting. %s", result.sent, result.failed, result.waiting, result.note)
    if result.has_failures:
        raise RuntimeError(f"{result.failed} emails were refused and {result.waiting} wait for the next run")
