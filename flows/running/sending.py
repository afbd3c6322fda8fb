"""The jobs that send: the digest, what earlier runs could not send, daily emails and alerts. No Prefect here.

What has been sent at which moment is told by the clock, which may be long after the run's `now`.
"""

from datetime import datetime

from flows.publishing import short, weekly
from flows.publishing.delivery import DeliverySummary
from flows.publishing.edition import DigestResult
from models.edition.short import Kind
from models.settings import Settings
from models.sources import Registry
from models.store import deliveries, posts, short_mails
from models.store.database import Database
from models.weeks import Week, WeekError, utc_now


def week_of_digest(named: str, now: datetime) -> Week:
    """The week that a person names for a digest, as 2026-W47.

    Raises:
        WeekError: it is no week, or has not begun.
    """
    week = Week.parse(named)
    if week > Week.of(now):
        raise WeekError(f"{week} has not begun: name a week up to {Week.of(now)}")
    return week


def digest(
    database: Database,
    registry: Registry,
    settings: Settings,
    *,
    week: Week,
    now: datetime,
    dry_run: bool = False,
    send: bool = True,
    to: str | None = None,
) -> DigestResult:
    """Compose one week's edition, write its files and (with `send`) deliver it, once, to each recipient."""
    return weekly.weekly_digest(
        database, registry, settings, week=week, now=now, dry_run=dry_run, send=send, to=to, clock=utc_now
    )


def send_pending(
    database: Database, registry: Registry, settings: Settings, *, now: datetime
) -> DeliverySummary | None:
    """Send what earlier digests could not; None where nothing is left. Every scheduled run calls it."""
    with database.read() as session:
        emails = deliveries.is_anything_left(Week.of(now).plus(-1), session=session)
        if not emails and not posts.under_way(session=session):
            return None
    return weekly.send_pending(database, registry, settings, now=now, clock=utc_now)


def send_short(
    database: Database, registry: Registry, settings: Settings, *, kind: Kind, now: datetime
) -> DeliverySummary | None:
    """Send the alerts that are due now, or the daily emails; None where nobody wants any and none is left."""
    with database.read() as session:
        has_channels = kind is Kind.ALERT and settings.channels is not None
        if not has_channels and not short_mails.is_wanted(kind, session=session):
            return None
    return short.send_short(database, registry, settings, kind=kind, now=now, clock=utc_now)
