"""Retention: texts go after the days of their rights class, the log after 90, departed people after 28; the rest stays."""

from datetime import datetime, timedelta

import pytest

from models.rights import load_rights
from models.sources import Registry, Source
from models.store import recipients
from models.store.database import Database
from models.store.tables import Article, FetchEvent
from models.store.upkeep import Upkeep, keep_up


@pytest.fixture
def registry() -> Registry:
    def source(name: str, rights: str) -> Source:
        return Source(id=name, url=f"https://{name}.example/feed", rights=rights)

    return Registry(
        sources=(source("press", "headline"), source("gov", "ogl"), source("bbc", "bbc")), rights=load_rights()
    )


def add_article(database: Database, source: str, age_days: float, now: datetime, *, tagged: bool = True) -> int:
    with database.write() as session:
        seen = now - timedelta(days=age_days)
        article = Article(
            url=f"https://{source}.example/{age_days}-{tagged}", source=source, title="Title", first_seen_at=seen,
            text="The text.", words=2, text_status="full", outcome="new", model_version="m1" if tagged else None,
        )  # fmt: skip
        session.add(article)
        session.flush()
        assert article.id is not None
        return article.id


def texts(database: Database) -> dict[int, str | None]:
    with database.read() as session:
        return {a.id: a.text for n in range(1, 99) if (a := session.get(Article, n)) is not None and a.id is not None}


def test_texts_go_after_the_days_of_their_rights_class(database: Database, registry: Registry, now: datetime) -> None:
    old = add_article(database, "press", 28.1, now)
    young = add_article(database, "press", 27.9, now)
    gov = add_article(database, "gov", 400, now)
    bbc = add_article(database, "bbc", 0.1, now)
    gone = add_article(database, "left-the-registry", 29, now)
    waits = add_article(database, "press", 40, now, tagged=False)
    done = keep_up(database, registry, now=now)
    assert done == Upkeep(texts=3, requests=0, recipients=0)
    found = texts(database)
    assert {n for n, text in found.items() if text is None} == {old, bbc, gone}
    assert found[young] == found[gov] == found[waits] == "The text."
    assert keep_up(database, registry, now=now).texts == 0


def test_only_the_text_goes(sqlite: Database, registry: Registry, now: datetime) -> None:
    old = add_article(sqlite, "press", 30, now)
    keep_up(sqlite, registry, now=now)
    with sqlite.read() as session:
        article = session.get_one(Article, old)
    assert (article.title, article.words, article.text_status) == ("Title", 2, "full")


def test_the_log_of_requests_is_kept_for_90_days(
    database: Database, registry: Registry, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.store.upkeep.BATCH", 2)  # several batches
    with database.write() as session:
        for days in (89.9, 90.1, 91, 100, 120, 400):
            session.add(
                FetchEvent(source="press", kind="source", url="u", started_at=now - timedelta(days=days), outcome="ok")
            )
    assert keep_up(database, registry, now=now).requests == 5
    assert keep_up(database, registry, now=now).requests == 0


def test_those_who_left_are_erased_after_28_days(database: Database, registry: Registry, now: datetime) -> None:
    with database.write() as session:
        recipients.add("gone@example.org", now, session=session)
        recipients.add("here@example.org", now, session=session)
        recipients.remove("gone@example.org", now, session=session)
    assert keep_up(database, registry, now=now + timedelta(days=27.9)).recipients == 0
    assert keep_up(database, registry, now=now + timedelta(days=28)).recipients == 1
    with database.read() as session:
        assert [one.address for one in recipients.everyone(session=session)] == ["here@example.org"]
