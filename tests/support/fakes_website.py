"""The web edition of ten invented weeks, asked without a socket."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import update
from sqlmodel import col

from flows.publishing.edition import compose_edition
from flows.publishing.mailer import Sender
from flows.website.app import make_app
from models.settings import Settings
from models.sources import Registry
from models.store.database import Database
from models.store.tables import Article
from tests.support import fakes_edition as fakes

VISITOR = ("127.0.0.1", 50_000)


@dataclass(frozen=True)
class Visitor:
    """Someone who asks the web edition, from an address."""

    app: Any
    client: tuple[str, int] = VISITOR
    headers: Mapping[str, str] = field(default_factory=dict)

    def ask(self, method: str, address: str, **given: Any) -> httpx.Response:
        """One request; redirects are not followed."""

        async def one() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, client=self.client)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return await client.request(method, address, **{"headers": dict(self.headers), **given})

        return asyncio.run(one())

    def get(self, address: str) -> httpx.Response:
        """A page."""
        return self.ask("GET", address)


def filled(database: Database, folder: Path, registry: Registry = fakes.REGISTRY, *, weeks: int = 10) -> Settings:
    """So many weeks of news and the edition of the last; the settings of the installation."""
    settings = Settings(data=folder)
    fakes.fill(database, weeks=weeks)
    with database.write() as session:
        for source in registry.sources:  # as the collector stores it
            session.execute(update(Article).where(col(Article.source) == source.id).values(source.origin))
    compose_edition(database, registry, settings, Sender("Monitor", "monitor@example.org"), fakes.WEEK, fakes.MONDAY_7)
    return settings


def visitor(
    database: Database, settings: Settings, registry: Registry = fakes.REGISTRY, now: datetime = fakes.MONDAY_7
) -> Visitor:
    """Someone who visits the web edition of this database."""
    return Visitor(make_app(database, registry, settings, lambda: now))
