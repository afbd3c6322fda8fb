"""Daily emails and alerts: short forms of the same edition, each sent once by the rules of `flows.publishing.delivery`.

What is new is what no weekly edition and no email of these has told a reader. Each is opened as a delivery, with the stories
that it tells, in one transaction; it is composed when it is sent, so that a story that a person took out meanwhile is not
told, and kept while a server may have it. Without a mail server none is opened. With CULTURE_APPROVAL none is sent: nobody
has approved it.
"""

import logging
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache, partial
from itertools import islice

from sqlmodel import Session

from flows.publishing.channels import PostSummary, alert_form, post_waiting
from flows.publishing.delivery import ANOTHER_RUN, LOCK, NO_SERVER, DeliverySummary, EditionSender
from flows.publishing.layout import view_edition
from flows.publishing.mailer import Sender, message_id, parse_sender
from flows.publishing.messages import SELECTIONS_KEPT, address_to, own_links
from flows.publishing.rendering import Rendered, render_email
from flows.publishing.smtp import SmtpMailer
from flows.publishing.view import EditionView, Links
from flows.publishing.weekly import open_mailer
from models.channels import Channel, load_channels
from models.edition import short
from models.edition.choosing import for_recipient
from models.edition.compose import compose
from models.edition.content import EditionContent, Selection, StoryItem
from models.edition.short import Kind
from models.settings import Settings
from models.sources import Registry
from models.store import deliveries, posts, recipients, short_mails
from models.store.database import Database
from models.store.locks import Lock, LockLostError, try_lock
from models.store.recipients import Receiver
from models.store.short_mails import ShortMail
from models.store.tables import ChannelPost
from models.themes import Theme, load_themes
from models.weeks import LONDON

logger = logging.getLogger(__name__)

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

    def only(self, wanted: Callable[[StoryItem], bool], selection: Selection) -> EditionContent | None:
        """Of the stories that are `wanted`, those of a reader's choice; None where there is none."""
        chosen = tuple(story for story in self.content.stories if wanted(story))
        return for_recipient(replace(self.content, stories=chosen), selection)

    def unknown_to(self, had: Collection[int], selection: Selection) -> EditionContent | None:
        """Of the stories of a reader's choice, those that they have not `had`, by articles; None where there is none."""
        return self.only(partial(self.is_apart_from, had), selection)

    def alerts(
        self, selection: Selection, alerts: Collection[str], had: Collection[int], count: int
    ) -> Iterable[StoryItem]:
        """The stories to tell a reader of at once, who has had so many alerts today; by rank."""
        content = self.unknown_to(had, selection) if alerts else None
        found = short.find_alerts(content, alerts) if content is not None else ()
        return islice(filter(self.is_of_today, found), max(short.ALERTS_A_DAY - count, 0))


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
) -> DeliverySummary:
    """Open the daily emails or the alerts of this moment, and send them and what earlier runs could not, each tried once.

    Raises:
        SettingsError: `CULTURE_MAIL_FROM`, `CULTURE_SMTP_URL` or `CULTURE_CHANNELS` is wrong; nothing was sent.
    """
    sender = parse_sender(settings.mail_from, settings.base_url)
    mailer, clock = mailer or open_mailer(settings, sender), clock or (lambda: now)
    channels = load_channels(settings.channels, registry, settings.own_organisations)
    with database.read() as session:
        waits = short_mails.is_wanted(kind, session=session) or posts.waiting(None, session=session)
        if not waits and not any(channel.alerts for channel in channels):
            return DeliverySummary()
    for pause in (0.0, *(LOCK_PAUSES_SECONDS if kind is Kind.DAILY else ())):
        if pause:
            sleep(pause)
        with try_lock(database, LOCK) as lock:
            if lock is not None:
                with database.read() as session:
                    facts = short_mails.gather_news(now, session=session)
                content = compose(facts, registry, themes or load_themes(), now)
                news = News(content, short_mails.articles_by_story(facts), short_mails.found_by_story(facts), now)
                total = _send(database, lock, settings, sender, mailer, kind, news, clock)
                if kind is Kind.ALERT:
                    total.posts = _post(database, lock, settings, channels, news, clock)
                return total
    return DeliverySummary(problem=ANOTHER_RUN)


def _send(
    database: Database,
    lock: Lock,
    settings: Settings,
    sender: Sender,
    mailer: SmtpMailer | None,
    kind: Kind,
    news: News,
    clock: Callable[[], datetime],
) -> DeliverySummary:
    keep_for = timedelta(days=settings.delivery_days)
    total, now = DeliverySummary(), news.now
    try:
        with lock.write() as session:
            # First, so that what they would have told is new again.
            total.expired = deliveries.expire(None, now, keep_for, session=session)
            if mailer is not None and not settings.approval:
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
    total.add(EditionSender(database, mailer, keep_for, clock, pauses=()).send(lock, None, maker))
    with database.read() as session:
        if not total.problem and short_mails.is_wanted(kind, session=session):
            total.problem = NOT_APPROVED if settings.approval else NO_SERVER if mailer is None else ""
    return total


def _open(news: News, kind: Kind, sender: Sender, *, session: Session) -> None:
    """Open what each reader is to have now: a daily email with all that is new, or an alert for each of a few stories."""
    today = short_mails.opened_since(news.midnight, session=session)
    told = short_mails.told({number for ids in news.articles.values() for number in ids}, session=session)
    for person in recipients.receivers(session=session):
        had, count = told.get(person.id, set[int]()), today[person.id, kind.value]
        mails: list[tuple[StoryItem, ...]] = []
        if kind is Kind.ALERT:
            mails = [(story,) for story in news.alerts(person.selection, person.alerts, had, count)]
        elif person.daily and not count and (content := news.unknown_to(had, person.selection)) is not None:
            mails = [content.stories]
        for stories in mails:
            named = f"{kind.value} {news.now.isoformat()} {stories[0].id} {person.token}"
            identity = message_id(kind.value, named, sender.domain)
            articles = {story.id for story in stories} | {one.id for story in stories for one in story.reports}
            short_mails.open_mail(person.id, kind, identity, articles, news.now, session=session)


def _post(
    database: Database,
    lock: Lock,
    settings: Settings,
    channels: Sequence[Channel],
    news: News,
    clock: Callable[[], datetime],
) -> PostSummary:
    """Post the alerts that are due to channels, by the same rules; with or without a mail server."""
    by_name = {channel.name: channel for channel in channels if channel.alerts and not settings.approval}
    try:
        with lock.write() as session:
            gone = posts.expire(None, news.now, deliveries.SHORT_KEPT, session=session)
            known = posts.alerted({number for ids in news.articles.values() for number in ids}, session=session)
            for channel in by_name.values():
                mine = [post for post in known if post.channel == channel.name]
                had = {post.article_id for post in mine if post.article_id is not None}
                count = sum(post.opened_at is not None and post.opened_at >= news.midnight for post in mine)
                for story in news.alerts(channel.selection, channel.alerts, had, count):
                    posts.open_alert(channel.name, story.id, news.now, session=session)
    except LockLostError as error:
        logger.warning("channels: stopped: %s", error)
        return PostSummary()

    def words(post: ChannelPost, channel: Channel) -> tuple[str, str] | None:
        told = {post.article_id or 0}
        content = news.only(lambda story: not news.is_apart_from(told, story), channel.selection)
        stories = (
            short.find_alerts(content, channel.alerts)[:1] if content is not None and channel.name in by_name else ()
        )
        return alert_form(replace(content, stories=stories)) if content is not None and stories else None

    done = post_waiting(database, lock, None, words, channels, settings, clock)
    done.expired += gone
    return done


class ShortMaker:
    """Builds the messages of the daily emails and alerts that it took; readers of the same get the same words."""

    def __init__(self, news: News, sender: Sender) -> None:
        self._news = news
        self._sender = sender
        self._any_token = secrets.token_urlsafe(32)
        self._taken: dict[str, tuple[ShortMail, frozenset[int], Receiver]] = {}
        self._rendered = lru_cache(maxsize=SELECTIONS_KEPT)(self._render)

    def take(self, mail: ShortMail, person: Receiver) -> bool:
        """Find out what a mail still has to tell its reader; False where that is nothing."""
        content = self._news.only(lambda story: not self._news.is_apart_from(mail.articles, story), person.selection)
        stories = content.stories if content is not None else ()
        if mail.kind is Kind.ALERT and content is not None:
            stories = short.find_alerts(content, person.alerts)[:1]
        elif not person.daily:
            stories = ()
        anybody = replace(person, id=0, address="", name="", token="")
        self._taken[mail.message_id] = (mail, frozenset(story.id for story in stories), anybody)
        return bool(stories)

    def __call__(self, person: Receiver, identity: str) -> bytes:
        """The message as it is handed over; `identity` is its Message-ID."""
        mail, ids, chosen = self._taken[identity]
        words = self._rendered(mail.kind, mail.opened_at, ids, chosen)
        return address_to(person, words, self._any_token, self._sender, identity, mail.opened_at)

    def _render(self, kind: Kind, opened_at: datetime, ids: frozenset[int], person: Receiver) -> Rendered:
        content = self._news.only(lambda story: story.id in ids, person.selection)
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
