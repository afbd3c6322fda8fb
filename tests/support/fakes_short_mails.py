"""A monitor with its mail server and readers, who chose daily emails and alerts."""

from datetime import datetime, timedelta

from pydantic import SecretStr
from sqlmodel import select

from flows.publishing.delivery import DeliverySummary
from flows.publishing.short import send_short
from models.edition.short import Kind
from models.settings import Settings
from models.store import recipients
from models.store.database import Database
from models.store.tables import Article, Delivery
from models.weeks import Week
from tests.support import fakes_edition as fakes
from tests.support.fakes_delivery import edition_settings, send  # noqa: F401 - a fixture
from tests.support.fakes_mail import Mailboxes

WEEK = Week(2026, 48)


WHO = "ann.reader@trust.example.org"


def at(day: int, hour: float) -> datetime:
    """A moment of the week, from Monday (0); beyond 6 of the next."""
    return WEEK.start + timedelta(days=day, hours=hour)


class Desk:
    """The monitor with its mail server and readers."""

    def __init__(self, database: Database, settings: Settings, port: int, mailboxes: Mailboxes) -> None:
        self.database, self.mailboxes = database, mailboxes
        self.settings = settings.model_copy(update={"smtp_url": SecretStr(f"smtp://127.0.0.1:{port}")})

    def join(self, address: str = WHO, **choices: object) -> None:
        with self.database.write() as session:
            recipients.add(address, at(-20, 0), session=session, **choices)  # type: ignore[arg-type]

    def story(self, title: str, when: datetime, theme: str = "speaking-up", score: float = 0.9) -> Article:
        with self.database.write() as session:
            return fakes.add_story(
                session, source=fakes.SOURCES[0], title=title, at=when, themes=[(theme, f"They said {title}.", score)],
                first_seen_at=when,
            )  # fmt: skip

    def sends(self, kind: Kind, now: datetime, **how: object) -> DeliverySummary:
        given = {"themes": fakes.THEMES, "sleep": lambda seconds: None} | how
        return send_short(self.database, fakes.REGISTRY, self.settings, kind=kind, now=now, **given)  # type: ignore[arg-type]

    def alerts(self, now: datetime, **how: object) -> DeliverySummary:
        return self.sends(Kind.ALERT, now, **how)

    def daily(self, now: datetime, **how: object) -> DeliverySummary:
        return self.sends(Kind.DAILY, now, **how)

    def weekly(self, now: datetime) -> None:
        send(self.database, self.settings, week=WEEK, now=now)

    def told(self, address: str = WHO) -> list[str]:
        """What came, by subject, in turn."""
        return [str(message["Subject"]) for message in self.mailboxes.received().get(address, [])]

    def rows(self) -> list[tuple[str, str]]:
        with self.database.read() as session:
            return list(session.exec(select(Delivery.kind, Delivery.state).order_by(Delivery.id)))  # type: ignore[arg-type]
