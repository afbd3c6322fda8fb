"""The world of a sequence: a data folder, a database, news sites, a mail server, people, and a clock that stands still."""

import asyncio
import os
import signal
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pydantic import SecretStr

from deployments.cli import main
from flows.collecting.summary import CollectSummary
from flows.publishing.delivery import DeliverySummary
from flows.publishing.short import send_short
from flows.publishing.weekly import send_pending, weekly_digest
from flows.running import jobs, sending
from models.edition.short import Kind
from models.settings import Settings, load_settings
from models.sources import Registry, load_registry
from models.store.database import Database, open_database
from models.themes import load_themes
from models.weeks import Week
from tests.sequences.builds import Builds
from tests.sequences.kills import Killed, killed_after
from tests.sequences.newsroom import PAPERS, SEARCH, Newsroom
from tests.support.fakes_mail import Mailboxes, smtp_server

START = datetime(2026, 11, 18, 9, 30, tzinfo=UTC)  # a Wednesday
PAGES_PER_RUN = 2000
THEMES = load_themes()  # read once: it takes a tenth of a second
COMMANDS = ("digest", "recipients", "review", "upkeep")


@dataclass(slots=True)
class Person:
    """A reader as the machine remembers them."""

    address: str
    themes: tuple[str, ...] = ()
    daily: bool = False
    alerts: tuple[str, ...] = ()
    active: bool = True
    erased: bool = False
    left_at: datetime | None = None
    emails_at_leaving: int = 0


@dataclass(slots=True)
class Memory:
    """What was said and seen, which must stay true whatever the monitor does next."""

    listed: set[str] = field(default_factory=set)  # addresses that a completed run was shown
    said: list[tuple[int, str, bool]] = field(default_factory=list)  # article, theme or in-scope, verdict, as said
    people: dict[str, Person] = field(default_factory=dict)  # by address
    edits: dict[str, dict[int, tuple[str, int | str]]] = field(
        default_factory=dict
    )  # by week and number, if not undone
    decisions: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # by week: (approved or held, hash)
    unknown: set[str] = field(default_factory=set)  # Message-IDs that were with the server when the sender was killed
    kept: dict[str, bytes] = field(
        default_factory=dict
    )  # messages, by ID, that a server may have had before it hung up
    composed: dict[str, tuple[str, int]] = field(default_factory=dict)  # by week: hash, and in which step it came to be
    in_scope_since: dict[int, int] = field(default_factory=dict)  # by article: the step
    sealed: dict[str, tuple[str, int]] = field(default_factory=dict)  # by week: hash, and in which step it was sealed
    drawn: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)  # for the audit: as it was
    short: dict[int, set[int]] = field(default_factory=dict)  # by recipient: articles that daily emails and alerts told
    exported: int = 0  # how much of what was said had been when an export was last looked at
    pinned: str = ""  # the model that a person went back to


@dataclass(slots=True)
class Told:
    """What the last step told people, to be compared with what it did."""

    collected: CollectSummary | None = None
    polled: dict[str, set[str]] = field(default_factory=dict)  # by source: what its feed listed at that moment
    tagged: Any = None
    sent: Any = None  # a DigestResult or a DeliverySummary
    kinds: frozenset[str] = frozenset()  # of the emails that a DeliverySummary is about
    second: Any = None  # of a digest that ran beside it
    trained: Any = None
    killed: bool = False


class World:
    """Use `opened`; the steps in `tests.sequences.steps` do things to it."""

    def __init__(self, folder: Path, address: str, newsroom: Newsroom, builds: Builds, mailboxes: Mailboxes) -> None:
        self.folder, self.address = folder, address
        self.newsroom, self.builds, self.mailboxes = newsroom, builds, mailboxes
        self.now, self.step = START, 0
        self.memory, self.told = Memory(), Told()
        self.rows: dict[str, dict[str, Any]] = {}
        self.settings: Settings
        self.server: SecretStr | None = None
        self.database: Database
        self.mailed: dict[str, int] = {}  # what each mailbox held after the last step
        self.states: dict[int | None, str] = {}  # of deliveries, after the last step
        self.champion, self.champions = "", set[str]()
        self.kill_at: int | None = None  # statements of the database, after which the next job is killed

    @property
    def registry_file(self) -> Path:
        """The sources."""
        return self.folder / "sources.toml"

    def registry(self) -> Registry:
        """Written as it is now, and read as a command does."""
        lines = []
        for source, row in self.rows.items():
            lines += ["[[source]]", f'id = "{source}"']
            lines += [
                f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}"
                for key, value in row.items()
            ]
        self.registry_file.write_text("\n".join(lines).replace("'", '"'), encoding="utf-8")
        return load_registry(self.registry_file)

    def own_rows(self) -> None:
        """The registry as it is at first."""
        for number, paper in enumerate(PAPERS):
            self.rows[paper] = {
                "name": f"The {paper.capitalize()}", "url": self.newsroom.feed_url(paper), "rights": ("open", "headline")[number],
                "nation": ("england", "wales")[number], "sector": ("national", "regional")[number],
            }  # fmt: skip
        self.rows[SEARCH] = {
            "name": "Search", "url": self.newsroom.feed_url(SEARCH), "rights": "discovery", "kind": "google-news",
        }  # fmt: skip

    def set(self, **values: Any) -> None:
        """Change settings."""
        self.settings = self.settings.model_copy(update=values)

    def reopen(self) -> None:
        """As another process finds it."""
        self.database.close()
        self.database = open_database(self.address)

    def note_leaving(self, person: Person) -> None:
        """They get nothing from now on."""
        person.active, person.left_at = False, self.now
        person.emails_at_leaving = self.mailboxes.counts().get(person.address, 0)

    def last_week(self) -> Week:
        """The last complete one."""
        return Week.of(self.now).plus(-1)

    def job(self, work: Callable[[], Any]) -> Any:
        """A job of the monitor, killed where the step asked for it; None then."""
        if self.kill_at is None:
            return work()
        at, self.kill_at = self.kill_at, None
        try:
            with killed_after(self.database.engine, at):
                return work()
        except Killed:
            self.told.killed = True
            self.reopen()
            return None

    def sigkilled(self, after: float, work: Callable[[], Any]) -> None:
        """A job in a process of its own, which ends after so many seconds without a chance to tidy up."""
        self.database.close()
        with warnings.catch_warnings():  # the servers' threads stand still meanwhile
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            try:
                self.database = open_database(self.address)
                work()
            finally:
                os._exit(0)
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        self.told.killed = True
        self.database = open_database(self.address)

    def wait_for(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """The same of a coroutine."""

        async def whole() -> Any:
            return await work()

        return self.job(lambda: asyncio.run(whole()))

    def run(self, *, all_due: bool = False, pages_per_run: int = PAGES_PER_RUN) -> None:
        """What every scheduled run does: collect, tag, send what is left."""
        registry = self.registry()
        self.newsroom.publish()
        # What was published before the monitor's window is not stored, by the rule that the README tells.
        since = self.now - timedelta(days=self.settings.max_age_days)
        listed = {
            name: {url for url, (_, at) in feed.items.items() if at is None or at >= since}
            for name, feed in self.newsroom.feeds.items()
        }
        settings = self.settings.model_copy(update={"pages_per_run": pages_per_run})

        async def whole() -> Any:
            collected = await jobs.collect(self.database, registry, settings, now=self.now, all_due=all_due)
            self.told.tagged, _ = await jobs.tag(self.database, settings, now=self.now)
            return collected

        self.told.polled = listed
        self.told.collected = self.wait_for(whole)
        if not self.told.killed:
            self.send_left()

    def send_left(self) -> None:
        """What no server took so far, and the alerts that are due: all that a scheduled run sends."""
        registry = self.registry()
        how: dict[str, Any] = {"now": self.now, "themes": THEMES, "sleep": lambda seconds: None}

        def both() -> DeliverySummary:
            left = send_pending(self.database, registry, self.settings, **how)
            left.add(send_short(self.database, registry, self.settings, kind=Kind.ALERT, **how))
            return left

        self.told.kinds = frozenset(Kind)
        self.told.sent = self.job(both)

    def send_daily(self) -> None:
        """The daily emails."""
        registry = self.registry()
        how: dict[str, Any] = {"now": self.now, "themes": THEMES, "sleep": lambda seconds: None}
        self.told.kinds = frozenset({Kind.DAILY, Kind.ALERT})
        self.told.sent = self.job(lambda: send_short(self.database, registry, self.settings, kind=Kind.DAILY, **how))

    def digest(self, week: Week, **how: Any) -> Any:
        """The digest of a week; what it told."""
        registry = self.registry()
        given: dict[str, Any] = {"themes": THEMES, "sleep": lambda seconds: None, "pauses": (0.0,)} | how
        self.told.sent = self.job(
            lambda: weekly_digest(self.database, registry, self.settings, week=week, now=self.now, **given)
        )
        return self.told.sent

    def command(self, *words: str, ends: int = 0) -> None:
        """The command, as a person types it."""
        with pytest.MonkeyPatch.context() as patch:
            for name in COMMANDS:
                patch.setattr(import_module(f"deployments.commands.{name}"), "utc_now", lambda: self.now, raising=False)
            patch.setattr(sending, "utc_now", lambda: self.now)
            patch.setenv("CULTURE_DATA", str(self.settings.data))
            patch.setenv("CULTURE_DATABASE_URL", self.address)
            patch.setenv("CULTURE_ENCODER", "tfidf")
            with pytest.raises(SystemExit) as ended:
                main([*words])
            assert (ended.value.code or 0) == ends, words


@contextmanager
def opened(folder: Path, address: str, newsroom: Newsroom, builds: Builds, chance: Random) -> Iterator[World]:
    """A new world on an empty database that has the schema."""
    mailboxes = Mailboxes()
    newsroom.start_afresh(chance)
    builds.become(0)
    with smtp_server(mailboxes) as port:
        world = World(folder, address, newsroom, builds, mailboxes)
        world.settings = load_settings(
            data=folder / "data", database_url=address, allow_hosts="127.0.0.1", host_gap_seconds=0, workers=1,
            encoder="tfidf", smtp_url=SecretStr(f"smtp://127.0.0.1:{port}"), mail_from="monitor@example.org",
            base_url="https://monitor.example.org", sources=world.registry_file,
        )  # fmt: skip
        world.server = world.settings.smtp_url
        world.own_rows()
        world.registry()
        world.database = open_database(address)
        try:
            yield world
        finally:
            world.database.close()
