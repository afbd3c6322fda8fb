"""A monitor with one reader and a real mail server: what it tells week by week, by the jobs that people start."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import SecretStr
from sqlmodel import select

from flows.publishing.edition import DigestResult
from flows.running import sending
from models.edition.content import EditionContent, StoryItem, content_from_json
from models.reviews import check_decision
from models.settings import Settings
from models.sources import Registry
from models.store import recipients, reviews
from models.store.database import Database
from models.store.tables import Article, ArticleEdition, Edition
from models.store.tagging import store_taggings
from models.tagging.decisions import State, Tagging, ThemeTag
from models.weeks import Week
from tests.support import fakes_edition as fakes
from tests.support.fakes_mail import Mailboxes, smtp_server

READER = "reader@trust.example.org"


def monday(week: Week) -> datetime:
    """When the edition of a week is made: on the Monday after it."""
    return week.end + timedelta(hours=7)


class Weekly:
    """The monitor, its reader and the mail server."""

    def __init__(self, database: Database, settings: Settings, mailboxes: Mailboxes) -> None:
        self.database, self.settings, self.mailboxes = database, settings, mailboxes

    def digest(
        self, week: Week, registry: Registry = fakes.REGISTRY, *, now: datetime | None = None, **how: object
    ) -> DigestResult:
        """The digest of a week, by default on its Monday."""
        return sending.digest(
            self.database,
            registry,
            self.settings,
            week=week,
            now=now or monday(week),
            **how,  # type: ignore[arg-type]
        )

    def edition(self, week: Week) -> EditionContent:
        """What the edition of a week says, as it is kept."""
        with self.database.read() as session:
            row = session.exec(select(Edition).where(Edition.week == str(week))).one()
            return content_from_json(row.content)

    def told(self, week: Week) -> dict[str, StoryItem]:
        """The stories of the edition of a week by headline, each once."""
        stories = self.edition(week).stories
        assert len({story.title for story in stories}) == len(stories)
        return {story.title: story for story in stories}

    def placed(self) -> dict[str, str]:
        """By headline: the week of the edition that told an article, or the reason why none has."""
        with self.database.read() as session:
            rows = session.exec(
                select(Article.title, ArticleEdition).join(ArticleEdition, ArticleEdition.article_id == Article.id)  # type: ignore[arg-type]
            )
            return {title: row.week or row.reason for title, row in rows}

    def tag(self, article: Article, scope: State, version: str = "v2") -> None:
        """Let a model say whether an article is in scope."""
        with self.database.write() as session:
            tags = (ThemeTag("workforce", 0.8, State.YES, "People leave.", ()),) if scope is State.YES else ()
            tagging = Tagging(0.9 if scope is State.YES else 0.1, scope, tags, version)
            store_taggings([(article.id or 0, tagging)], session=session)

    def review(self, article: Article, *, in_scope: bool, now: datetime) -> None:
        """Let a person say it."""
        decision = check_decision(in_scope=in_scope, reviewer="Jo")
        with self.database.write() as session:
            reviews.record(session.get_one(Article, article.id), decision, now, session=session)


@contextmanager
def weekly_monitor(database: Database, folder: Path) -> Iterator[Weekly]:
    """A monitor on this database, with its files in `folder`."""
    mailboxes = Mailboxes()
    with smtp_server(mailboxes) as port:
        settings = Settings(
            data=folder, mail_from="monitor@example.org", smtp_url=SecretStr(f"smtp://127.0.0.1:{port}")
        )
        with database.write() as session:
            session.add(fakes.model_version())
            recipients.add(READER, fakes.WEEK.plus(-20).start, session=session)
        yield Weekly(database, settings, mailboxes)
