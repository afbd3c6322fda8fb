"""The whole job as it is killed: collect, tag, compose, send, with the clock frozen. Runs in a process of its own."""

import asyncio
import json
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from flows.publishing.weekly import weekly_digest
from flows.running import jobs
from flows.tagging import open_tagger
from models.settings import Settings, load_settings
from models.sources import load_registry
from models.store import recipients
from models.store.database import Database, open_database
from models.weeks import Week
from tests.faults.points import KillPoint, arm, counts

PEOPLE = (
    ("everything@faults.example", ()),
    ("o'hara+news@faults.example", ("speaking-up",)),
    ("workforce@faults.example", ("workforce", "patient-care")),
    ("boards@faults.example", ("boards-and-non-executives",)),
    ("team@faults.example", ("collaboration", "values-and-induction")),
    ("nothing@faults.example", ("appraisal",)),
)
COUNTS = "events.json"  # how often each kind of moment came in an undisturbed run


@dataclass(frozen=True, slots=True)
class Job:
    """What one run needs; plain values, since it travels between processes as JSON."""

    data: str
    database: str
    registry: str
    smtp: str
    now: str  # ISO, aware
    week: str
    point: KillPoint | None = None  # where it kills itself
    kill_after: float | None = None  # seconds, after which it is killed from outside

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> "Job":
        """The job of such a line."""
        row = json.loads(line)
        point = row.pop("point")
        return cls(**row, point=KillPoint(**point) if point else None)

    def settings(self) -> Settings:
        """As a person would have set them."""
        return load_settings(
            data=Path(self.data),
            database_url=self.database,
            sources=Path(self.registry),
            smtp_url=self.smtp,
            mail_from="Monitor <monitor@faults.example>",
            allow_hosts="127.0.0.1",
            host_gap_seconds=0,
            max_age_days=80,
            workers=2,
            encoder="tfidf",
        )


def run(job: Job) -> None:
    """The same steps as the flows and commands; safe to run again and again until it completes."""
    arm(job.point)
    settings, registry = job.settings(), load_registry(Path(job.registry))
    now, week = datetime.fromisoformat(job.now), Week.parse(job.week)
    began = time.monotonic()
    with open_database(settings.database_address) as database:
        open_tagger.open_tagger(database, settings, now=now)
        trained = time.monotonic()
        _add_people(database, now)
        asyncio.run(jobs.monitor(database, registry, settings, now=now))
        result = weekly_digest(database, registry, settings, week=week, now=now, clock=lambda: now)
    if result.has_failures:
        raise RuntimeError(f"not everybody got the edition: {result}")
    told = {"events": counts(), "seconds": [trained - began, time.monotonic() - trained]}
    Path(job.data, COUNTS).write_text(json.dumps(told), encoding="utf-8")


def _add_people(database: Database, now: datetime) -> None:
    with database.write() as session:
        if recipients.everyone(session=session):
            return
        for number, (person, themes) in enumerate(PEOPLE):
            row, _ = recipients.add(person, now, themes=themes, session=session)
            row.token = f"token-{number}"  # the Message-ID hangs on it, and mailboxes are compared by that
            session.add(row)
