"""Daily emails and alerts: short forms of the same edition, each sent once by the rules of `flows.publishing.delivery`.

What is new is what no weekly edition and no email of these has told a reader. Each is opened as a delivery, with the stories
that it tells, in one transaction; it is composed when it is sent, so that a story that a person took out meanwhile is not
told, and kept while a server may have it. Without a mail server none is opened. With CULTURE_APPROVAL none is sent: nobody
has approved it.
"""

import secrets
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache, partial
from itertools import islice

from sqlmodel import Session

from flows.publishing.delivery import ANOTHER_RUN, LOCK, NO_SERVER, DeliverySummary, EditionSender
from flows.publishing.layout import view_edition
from flows.publishing.mailer import Sender, message_id, parse_sender
from flows.publishing.messages import SELECTIONS_KEPT, address_to, own_links
from flows.publishing.rendering import Rendered, render_email
from flows.publishing.smtp import SmtpMailer
from flows.publishing.view import EditionView, Links
from flows.publishing.weekly import open_mailer
from models.edition import short
from models.edition.choosing import for_recipient
from models.edition.compose import compose
from models.edition.content import EditionContent, StoryItem
from models.edition.short import Kind
from models.settings import Settings
from models.sources import Registry
from models.store import deliveries, recipients, short_mails
from models.store.database import Database
from models.store.locks import Lock, LockLostError, try_lock
from models.store.recipients import Receiver
from models.store.short_mails import ShortMail
from models.themes import Theme, load_themes
from models.weeks import LONDON

NOT_APPROVED = "neither daily emails nor alerts are sent, since a person approves what goes out (CULTURE_APPROVAL)"
# A daily email waits for another run that is sending: nothing makes it good until the next day.
LOCK_PAUSES_SECONDS = (10.0,) * 30


@dataclass(frozen=True, slots=True)
class News:
    """What there is to tell today, for everyone."""

    content: EditionContent
    articles: dict[int, frozenset[int]]  # by story: all articles of its event
    found: dict[int, tuple[datetime, datetime]]  # by story: when the first report of it was seen, and published
    now: datetime

    @property
    def midnight(self) -> datetime:
        """When the day began, in London."""
        return self.now.astimezone(LONDON).replace(hour=0, minute=0, second=0, microsecond=0)

    def is_apart_from(self, articles: Collection[int], story: StoryItem) -> bool:
        """Whether none of these articles reports what a story tells."""
        return self.articles[story.id].isdisjoint(articles)

    def is_of_today(self, story: StoryItem) -> bool:
        """Whether it was first seen today, and published not long before."""
        seen, published = self.found[story.id]
        return seen >= self.midnight and published >= self.now - short.ALERT_WITHIN

    def only(self, wanted: Callable[[StoryItem], bool], person: Receiver) -> EditionContent | None:
        """Of the stories that are `wanted`, those of a reader's choice; None where there is none."""
        chosen = tuple(story for story in self.content.stories if wanted(story))
        return for_recipient(replace(self.content, stories=chosen), person.selection)


def send_short(
    database: Database,
    registry: Registry,
    settings: Settings,
    *,
    kind: Kind,
    now: datetime,
    themes: Sequence[Theme] | None = None,
    mailer: SmtpMailer | None = None,
    clock: Callable[[], datetime] | None = None,
    sleep: Callable[[float], None] = time.sleep,
    pauses: Sequence[float] = (),
) -> DeliverySummary:
    """Open the daily emails or the alerts of this moment, and send them and what earlier runs could not.

    Raises:
        SettingsError: `CULTURE_MAIL_FROM` or `CULTURE_SMTP_URL` is wrong; nothing was sent.
    """
    sender = parse_sender(settings.mail_from, settings.base_url)
    mailer, clock = mailer or open_mailer(settings, sender), clock or (lambda: now)
    with database.read() as session:
        if not short_mails.is_wanted(kind, session=session):
            return DeliverySummary()
    for pause in (0.0, *(LOCK_PAUSES_SECONDS if kind is Kind.DAILY else ())):
        if pause:
            sleep(pause)
        with try_lock(database, LOCK) as lock:
            if lock is not None:
                return _send(
                    database, lock, registry, settings, sender, mailer, kind, now, themes, clock, sleep, pauses
                )
    return DeliverySummary(problem=ANOTHER_RUN)


def _send(
    database: Database,
    lock: Lock,
    registry: Registry,
    settings: Settings,
    sender: Sender,
    mailer: SmtpMailer | None,
    kind: Kind,
    now: datetime,
    themes: Sequence[Theme] | None,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
    pauses: Sequence[float],
) -> DeliverySummary:
    keep_for = timedelta(days=settings.delivery_days)
    total = DeliverySummary()
    try:
        with lock.write() as session:
            # First, so that what they would have told is new again.
            total.expired = deliveries.expire(None, now, keep_for, session=session)
        with database.read() as session:
            facts = short_mails.gather_news(now, session=session)
        content = compose(facts, registry, themes or load_themes(), now)
        news = News(content, short_mails.articles_by_story(facts), short_mails.found_by_story(facts), now)
        if mailer is not None and not settings.approval:
            with lock.write() as session:
                _open(news, kind, sender, session=session)
        maker = ShortMaker(news, sender)
        with lock.write() as session:
            for mail in short_mails.under_way(session=session):
                person = recipients.receiver(mail.recipient_id, session=session)
                if mail.is_kept or person is None:  # to be repeated as it is, or withdrawn by whoever sends
                    continue
                if settings.approval or not maker.take(mail, person):
                    why = NOT_APPROVED if settings.approval else short_mails.NOTHING_LEFT
                    short_mails.withdraw(mail, why, now, session=session)
    except LockLostError as error:
        return DeliverySummary(problem=f"stopped: {error}")
    sending = EditionSender(database, mailer, keep_for, clock, sleep, pauses)
    total.add(sending.send(lock, None, maker))
    total.problem = total.problem or (NOT_APPROVED if settings.approval else NO_SERVER if mailer is None else "")
    return total


def _open(news: News, kind: Kind, sender: Sender, *, session: Session) -> None:
    """Open what each reader is to have now: a daily email with all that is new, or an alert for each of a few stories."""
    today = short_mails.opened_since(news.midnight, session=session)
    told = short_mails.told({number for ids in news.articles.values() for number in ids}, session=session)
    for person in recipients.receivers(session=session):
        content = news.only(partial(news.is_apart_from, told.get(person.id, frozenset())), person)
        if content is None:
            continue
        if kind is Kind.DAILY and person.daily and not today[person.id, kind.value]:
            mails: list[tuple[StoryItem, ...]] = [content.stories]
        elif kind is Kind.ALERT:
            left = max(short.ALERTS_A_DAY - today[person.id, kind.value], 0)
            fresh = filter(news.is_of_today, short.find_alerts(content, person.alerts))
            mails = [(story,) for story in islice(fresh, left)]
        else:
            continue
        for stories in mails:
            named = f"{kind.value} {news.now.isoformat()} {stories[0].id} {person.token}"
            identity = message_id(kind.value, named, sender.domain)
            articles = {story.id for story in stories} | {one.id for story in stories for one in story.reports}
            short_mails.open_mail(person.id, kind, identity, articles, news.now, session=session)


class ShortMaker:
    """Builds the messages of the daily emails and alerts that it took; readers of the same get the same words."""

    def __init__(self, news: News, sender: Sender) -> None:
        self._news = news
        self._sender = sender
        self._any_token = secrets.token_urlsafe(32)
        self._taken: dict[str, tuple[ShortMail, frozenset[int]]] = {}
        self._rendered = lru_cache(maxsize=SELECTIONS_KEPT)(self._render)

    def take(self, mail: ShortMail, person: Receiver) -> bool:
        """Find out what a mail still has to tell its reader; False where that is nothing."""
        content = self._news.only(lambda story: not self._news.is_apart_from(mail.articles, story), person)
        stories = content.stories if content is not None else ()
        if mail.kind is Kind.ALERT and content is not None:
            stories = short.find_alerts(content, person.alerts)[:1]
        elif not person.daily:
            stories = ()
        self._taken[mail.message_id] = (mail, frozenset(story.id for story in stories))
        return bool(stories)

    def __call__(self, person: Receiver, identity: str) -> bytes:
        """The message as it is handed over; `identity` is its Message-ID."""
        mail, ids = self._taken[identity]
        words = self._rendered(mail.kind, mail.opened_at, ids, replace(person, id=0, address="", name="", token=""))
        return address_to(person, words, self._any_token, self._sender, identity, mail.opened_at)

    def _render(self, kind: Kind, opened_at: datetime, ids: frozenset[int], person: Receiver) -> Rendered:
        content = self._news.only(lambda story: story.id in ids, person)
        assert content is not None  # `take` found it
        links = own_links(self._sender, self._any_token)
        return render_email(view_short(content, kind, opened_at, person.alerts, links))


def view_short(content: EditionContent, kind: Kind, at: datetime, alerts: Sequence[str], links: Links) -> EditionView:
    """What a daily email or an alert shows: its stories, how they were found, and why its reader gets it."""
    # Nothing of the week as a whole, which the weekly edition tells.
    content = replace(content, complete=True, trends=(), gaps=(), first_named=(), weeks_named=0)
    view = view_edition(content, links)
    standfirst = short.write_short_standfirst(content, kind, alerts)
    return replace(
        view,
        subject=short.write_short_subject(content, kind),
        title=short.write_short_title(kind, at.astimezone(LONDON).date()),
        standfirst=standfirst,
        preheader=standfirst if len(content.stories) == 1 else view.preheader,
        brief_heading="",
        news=(),
        brief=(),
        unnamed="",
        sections=tuple(replace(one, numbers="", also=(), more_also=0) for one in view.sections),
        elsewhere=(),
        empty="",
        organisations=(),
        newcomers=(),
        more_organisations=0,
        dates=(),
        gaps_note="",
        method=(view.method_in_short,),
        receipt=short.explain_short_receipt(kind),
    )
