"""The digest in short form, posted to each channel once.

A post has the states of an email's delivery (`flows.publishing.delivery`) and is sent under the same lock: `sending` is
committed before the post, `sent` after it. What was not taken is `pending` again, for the next scheduled run, until
CULTURE_DELIVERY_DAYS after the sealing; then it is `expired`. What a killed run left `sending` is posted again: a second copy
is seen, a lost edition is not. The words come from the sealed edition alone, so no post says what was not approved.
"""

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

from flows.publishing.view import Links
from models.channels import Channel
from models.edition.choosing import for_recipient
from models.edition.content import EditionContent
from models.edition.news import say_numbers, write_news, write_subject
from models.edition.short import Kind, write_short_subject
from models.settings import Settings
from models.store import posts
from models.store.database import Database
from models.store.deliveries import SHORT_KEPT
from models.store.locks import Lock, LockLostError
from models.store.tables import ChannelPost

logger = logging.getLogger(__name__)

POST_SECONDS = 30
GONE = "the channel is no longer in CULTURE_CHANNELS"
NOTHING_FOR_IT = "nothing of this edition is for the channel any more"
# Of the environment, what a program needs to start and to trust certificates: no proxy, no password.
_PASSED_ON = ("PATH", "LANG", "SYSTEMROOT", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
# What chat services would read as a mention of everybody, a link or a picture, where a headline or an address holds it.
_MARKS = str.maketrans({"<": "‹", ">": "›", "[": "(", "]": ")", "`": "'", "@": "@\u2060"})
_DOT_IN_DOMAIN = re.compile(
    r"(?<=\w)[.\u3002\uff0e\uff61](?=[^\W\d_])"
)  # not that of a number; three are dots to browsers alone
_ESCAPES = str.maketrans({mark: quote(mark) for mark in "<>()`@|*"})  # not [], which may hold the number of a host


@dataclass(slots=True)
class PostSummary:
    """What became of an edition's posts; channels by their names."""

    sent: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)  # with what was wrong; a scheduled run tries again
    expired: list[str] = field(default_factory=list)  # given up in this run
    withdrawn: list[str] = field(default_factory=list)  # left the list, or want nothing of it any more

    def add(self, other: "PostSummary") -> None:
        """Count another edition's in."""
        for name in self.__slots__:
            getattr(self, name).extend(getattr(other, name))

    @property
    def words(self) -> str:
        """For people; empty where nothing happened."""
        told = {
            "posted to": self.sent,
            "not posted yet, tried again by the next scheduled run:": self.waiting,
            "given up as out of date:": self.expired,
            "no longer wanted by": self.withdrawn,
        }
        said = "; ".join(f"{what} {', '.join(names)}" for what, names in told.items() if names)
        return f"channels: {said}" if said else ""


def short_form(content: EditionContent, links: Links) -> tuple[str, str]:
    """The subject, and the brief's lines with their links, the numbers and the edition's page: nothing an email lacks."""
    parts = _news_lines(content)
    parts.append(plain_words(say_numbers(content, has_end=False)))
    if links.web:
        parts.append(f"The whole edition: {links.web}")
    return plain_words(write_subject(content)), "\n\n".join(parts)


def alert_form(content: EditionContent) -> tuple[str, str]:
    """The alert of one story: its headline, and the line of it with its link."""
    return plain_words(write_short_subject(content, Kind.ALERT)), "\n\n".join(_news_lines(content))


def _news_lines(content: EditionContent) -> list[str]:
    stories = {story.id: story for story in content.stories}
    watched = tuple(story for story in content.stories if content.selection.watches(story))
    first = replace(content, stories=watched, selection=replace(content.selection, watch=()))
    parts = []
    # What is watched first, of which the news of an edition says nothing: emails have it above that.
    for line in (*(write_news(first) if watched else ()), *write_news(content)):
        story = stories[line.story]
        about = "; ".join(part for part in (line.outlets, story.credit) if part)
        who = f"{line.who}: " if line.who else ""
        parts.append(
            plain_words(f"• {who}{line.what} ({about})") + (f"\n{story.url.translate(_ESCAPES)}" if story.url else "")
        )
    return parts


def post_edition(
    database: Database,
    lock: Lock,
    edition_id: int,
    content: EditionContent,
    links: Links,
    channels: Sequence[Channel],
    settings: Settings,
    clock: Callable[[], datetime],
) -> PostSummary:
    """Post what is pending of an edition; whoever calls it holds the lock. What a channel does never raises."""

    def words(_post: ChannelPost, channel: Channel) -> tuple[str, str] | None:
        narrowed = for_recipient(content, channel.selection)
        return short_form(narrowed, links) if narrowed is not None else None

    return post_waiting(database, lock, edition_id, words, channels, settings, clock)


def post_waiting(
    database: Database,
    lock: Lock,
    edition_id: int | None,
    words_for: Callable[[ChannelPost, Channel], tuple[str, str] | None],
    channels: Sequence[Channel],
    settings: Settings,
    clock: Callable[[], datetime],
) -> PostSummary:
    """The same of an edition or (None) of alerts, with the words of each post; None where nothing is left of them."""
    done, known = PostSummary(), {channel.name: channel for channel in channels}
    try:
        with lock.write() as session:
            posts.recover(edition_id, clock(), session=session)
            keep_for = SHORT_KEPT if edition_id is None else timedelta(days=settings.delivery_days)
            done.expired = posts.expire(edition_id, clock(), keep_for, session=session)
        with database.read() as session:
            queue = posts.waiting(edition_id, session=session)
        for one in queue:
            channel = known.get(one.channel)
            words = words_for(one, channel) if channel else None
            if channel is None or words is None:
                with lock.write() as session:
                    posts.withdraw(one, GONE if channel is None else NOTHING_FOR_IT, clock(), session=session)
                done.withdrawn.append(one.channel)
                continue
            with lock.write() as session:
                if not posts.claim(one, clock(), session=session):
                    continue
            problem = send(channel, settings, *words)
            with database.write() as session:
                posts.settle(one, problem, clock(), session=session)
            if problem:
                logger.warning("channel %s: %s", one.channel, problem)
            else:
                done.sent.append(one.channel)
    except LockLostError as error:
        logger.warning("channels: stopped: %s", error)
    with database.read() as session:
        left = posts.waiting(edition_id, session=session)
    done.waiting = [f"{one.channel} ({one.error})" if one.error else one.channel for one in left]
    return done


def send(channel: Channel, settings: Settings, title: str = "", text: str = "") -> str:
    """Post a text to a channel, or without one only check its address; what went wrong, without the address, or nothing."""
    allowed = sorted(settings.allow_hosts)
    proxy = settings.proxy_address
    order = {
        "address": channel.address.get_secret_value(),
        "title": title,
        "text": text,
        "allow_hosts": [*allowed, *([f"{urlsplit(proxy).hostname}:{urlsplit(proxy).port}"] if proxy else [])],
        "proxy": proxy is not None,
    }
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= {"NETRC": os.devnull, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUTF8": "1"}
    if proxy:
        environment |= {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "NO_PROXY": ",".join(allowed)}
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "flows.publishing.apprise_post"],
            input=json.dumps(order),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # apprise's words may hold the address
            encoding="utf-8",
            errors="replace",
            env=environment,
            timeout=POST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no whole answer within {POST_SECONDS} s"
    except OSError as error:
        return f"the program that posts could not be started ({type(error).__name__})"
    return _in_words(ended.returncode, ended.stdout)


def _in_words(code: int, status: str) -> str:
    if code == 10 and status.isdigit():
        return f"answered {status[:3]}"
    words = {
        0: "",
        10: "could not be reached, or did not take it",
        11: "its address is none that apprise takes",
        12: "its address is private; allow its host in CULTURE_ALLOW_HOSTS",
    }
    return words.get(code, f"the program that posts ended with {code}")


def plain_words(text: str) -> str:
    """Foreign words as a chat service shows them and does nothing else: a mark that nobody sees parts what would be a link."""
    # Behind the dot, since some services take any letter for part of a host, but know which names may end one.
    text = _DOT_IN_DOMAIN.sub("\\g<0>\u2060", text.translate(_MARKS))
    return text.replace("://", ":\u2060//").replace("www.", "www\u2060.")
