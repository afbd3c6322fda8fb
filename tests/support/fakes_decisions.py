"""A data folder with a model and stories, as tests of people's decisions need it; without an encoder."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flows.running import jobs
from flows.tagging import open_tagger
from flows.tagging.training import TrainSummary, train
from models.reviews import check_decision
from models.settings import Settings, load_settings
from models.store import model_versions, reviews
from models.store.database import Database, open_database
from models.store.tables import Article, ModelVersion
from models.tagging.apply import TagSummary
from tests.support.fakes_store import add_lead

REGATTA = (
    "The dental nurses of Purbeck hold their regatta with cakes at the surgery by the quay, the council said. Boat {}."
)


class Installation:
    """A data folder, and what a person or a schedule does with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings: Settings = load_settings(data=folder, encoder="tfidf", workers=1)
        self.now = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)  # as the frozen clock of all tests

    def database(self) -> Database:
        """The database, open."""
        return open_database(self.settings.database_address)

    def add_story(self, number: int, **given: Any) -> int:
        """A story that nobody has tagged yet; its number."""
        article = Article(
            url=f"https://example.org/{number}", source="s", title=f"Regatta {number}", text=REGATTA.format(number),
            first_seen_at=self.now, text_status="full", outcome="new", **given,
        )  # fmt: skip
        with self.database() as database, database.write() as session:
            return add_lead(article, session=session)

    def review(self, article_id: int, **said: Any) -> None:
        """What a person says of an article."""
        self.now += timedelta(minutes=1)
        with self.database() as database, database.write() as session:
            decision = check_decision(reviewer="Ada", **said)
            reviews.record(session.get_one(Article, article_id), decision, self.now, session=session)

    def run(self) -> TagSummary:
        """The scheduled tagging."""
        self.now += timedelta(hours=1)
        with self.database() as database:
            return asyncio.run(jobs.tag(database, self.settings, now=self.now))[0]

    def train(self, **given: Any) -> TrainSummary:
        """The scheduled training."""
        self.now += timedelta(days=1)
        with self.database() as database:
            return train(database, self.settings, now=self.now, **given)

    def roll_back(self, version: str) -> None:
        """What a person does who prefers an earlier model."""
        with self.database() as database:
            open_tagger.roll_back(database, self.settings, version)

    def versions(self) -> dict[str, ModelVersion]:
        """All recorded models by name."""
        with self.database() as database, database.read() as session:
            return {row.version: row for row in model_versions.all_versions(session=session)}

    def champion(self) -> ModelVersion:
        """The model that tags."""
        (found,) = [row for row in self.versions().values() if row.state == "champion"]
        return found

    def tagged_by(self, article_id: int) -> str | None:
        """The model that judged an article."""
        with self.database() as database, database.read() as session:
            return session.get_one(Article, article_id).model_version


def fit_installation(folder: Path) -> None:
    """Make a data folder in which one story was tagged by the model of the seeds."""
    place = Installation(folder)
    place.add_story(1)
    place.run()
